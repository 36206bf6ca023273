/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * /proc/PID/maps and smaps of this process, and of others that run under this emulator: what the host's kernel says of the emulated
 * address space, at the program's addresses. What of the reservation nobody may touch is left out; code is shown as it lies here, to be
 * read. The path is the program's to choose: it is taken only if it is exactly such a name.
 */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "emulator/memory.h"
#include "emulator/system_state.h"

static bool runs_here(const char *path, size_t directory)
{
	char link[64], program[PATH_MAX];
	snprintf(link, sizeof link, "%.*s/exe", (int)directory, path);
	ssize_t length = readlink(link, program, sizeof program - 1);
	program[length > 0 ? length : 0] = 0;
	return !strcmp(program, settings.self);
}

bool proc_is_map(const char *path)
{
	size_t at = 6;
	if (strncmp(path, "/proc/", 6))
		return false;
	if (!strncmp(path + 6, "self/", 5))
		at += 4;
	else
		while (at < 20 && isdigit((unsigned char)path[at]))
			at++;
	return (!strcmp(path + at, "/maps") || !strcmp(path + at, "/smaps")) && at > 6 && runs_here(path, at);
}

static void copy(FILE *from, int to)
{
	char line[PATH_MAX + 128];
	bool here = false;
	while (fgets(line, sizeof line, from)) {
		unsigned long long start, end;
		int rest = 0;
		if (sscanf(line, "%llx-%llx%n", &start, &end, &rest) == 2 && line[rest] == ' ') {
			here = start >= MEMORY_BASE && end <= MEMORY_BASE + MEMORY_SIZE &&
			       strncmp(line + rest, " ---p", 5);
			if (here)
				dprintf(to, "%08llx-%08llx%s", start - MEMORY_BASE, end - MEMORY_BASE, line + rest);
		} else if (here)
			dprintf(to, "%s", line);
	}
}

/* As it is now: a file to read, or -1, as open(2). */
int proc_map_open(const char *path, int flags)
{
	char link[64];
	FILE *from = fopen(path, "re");
	int made = from ? memfd_create("carrel-cheri maps", MFD_CLOEXEC) : -1, fd = -1;
	if (made >= 0) {
		copy(from, made);
		snprintf(link, sizeof link, "/proc/self/fd/%d", made);
		fd = open(link, O_RDONLY | (flags & O_CLOEXEC));
	}
	if (made >= 0)
		close(made);
	if (from)
		fclose(from);
	return fd;
}
