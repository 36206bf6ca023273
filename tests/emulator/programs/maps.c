/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * /proc/self/maps, /proc/PID/smaps: this program's mappings and its child's, at its own addresses; nothing of the emulator's. A mapping
 * with a file's name, one that was touched in part, and none where nothing may be touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long highest;

/* The kB resident around an address by /proc/WHO/FILE; -1: it is in none of its mappings. */
static long resident(const char *who, const void *address)
{
	unsigned long from, to, size;
	char path[64], line[5000];
	long found = -1;
	int here = 0;
	snprintf(path, sizeof path, "/proc/%s/smaps", who);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			here = from <= (unsigned long)address && (unsigned long)address < to;
			found = here ? 0 : found;
			highest = to > highest ? to : highest;
		} else if (here && sscanf(line, "Rss: %lu kB", &size) == 1)
			found = (long)size;
	}
	if (file)
		fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	char *area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[5000],
	     name[32];
	char *closed = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int here[2], there[2], named = 0, mapped = 0;
	unsigned long from, to;
	madvise(area, 1 << 20, MADV_NOHUGEPAGE);
	memset(area + 4096, 1, 3 * 4096);
	printf("touched %ld kB, closed %ld, stack %d\n", resident("self", area + 4096), resident("self", closed),
	       resident("self", line) > 0);
	FILE *file = fopen("/proc/self/maps", "r");
	while (file && fgets(line, sizeof line, file)) {
		named |= strstr(line, argv[0]) != NULL;
		mapped |= sscanf(line, "%lx-%lx r", &from, &to) == 2 && from <= (unsigned long)&main &&
			  (unsigned long)&main < to;
	}
	printf("named %d, code %d, closes on exec %d, written %d\n", named, mapped,
	       fcntl(fileno(file), F_GETFD) & FD_CLOEXEC, (int)write(fileno(file), "x", 1));
	if (pipe(here) || pipe(there))
		return 1;
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		memset(area + 16384, 1, 2 * 4096);
		if (write(here[1], "", 1) != 1 || read(there[0], line, 1) != 1)
			return 2;
		return 0;
	}
	if (read(here[0], line, 1) != 1)
		return 3;
	snprintf(name, sizeof name, "%d", (int)child);
	printf("child %ld kB, this one %ld kB\n", resident(name, area + 16384), resident("self", area + 16384));
	if (write(there[1], "", 1) != 1 || waitpid(child, NULL, 0) != child)
		return 4;
	printf("gone %d %d\n", open("/proc/self/smaps/", O_RDONLY), errno == ENOTDIR);
	printf("below a TiB %d, %d\n", highest <= 1ul << 40, argc);
	return 0;
}
