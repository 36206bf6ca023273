/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that knows nothing of capabilities: POSIX alone, on files it is given the paths of.
 *   unaware make PATH SIZE     makes a file of that size, writes, and waits until somebody has written an answer
 *   unaware use PATH           waits for the file, reads it in several ways, and writes the answer
 *   unaware list DIRECTORY     prints its names
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int ok, const char *what)
{
	static int n;

	printf("%s %d - %s%s%s\n", ok ? "ok" : "not ok", ++n, what, ok ? "" : ": ", ok ? "" : strerror(errno));
	fflush(stdout);
}

static int make(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct pollfd p = {fd, POLLIN, 0};
	char answer[6] = "";

	if (fd < 0 || ftruncate(fd, size) || write(fd, "question", 8) != 8)
		return 1;
	/* A regular file is always readable on Linux; here a read takes the news, so that poll waits for more. */
	do {
		if (pread(fd, answer, 6, size - 6) != 6)
			return 2;
	} while (memcmp(answer, "answer", 6) && poll(&p, 1, 10000) == 1);
	pause(); /* the file lasts as long as this */
	return 0;
}

static int use(const char *path)
{
	struct stat st = {0};
	char buffer[64] = "";
	int fd;

	for (int i = 0; i < 1000 && (fd = open(path, O_RDWR)) < 0 && errno == ENOENT; i++)
		usleep(5000);
	need(fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size == 8192, "open and fstat");
	for (int i = 0; i < 1000 && (pread(fd, buffer, 8, 0) != 8 || memcmp(buffer, "question", 8)); i++)
		usleep(5000);
	need(!memcmp(buffer, "question", 8), "pread");
	need(read(fd, buffer, 4) == 4 && !memcmp(buffer, "ques", 4) && lseek(fd, 0, SEEK_CUR) == 4 &&
		     lseek(fd, -2, SEEK_END) == 8190,
	     "read and lseek");
	need(write(fd, "abc", 3) == 2 && write(fd, "c", 1) == -1 && errno == ENOSPC && read(fd, buffer, 1) == 0,
	     "its end: a short write, ENOSPC, 0");
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(map != MAP_FAILED && !memcmp(map, "question", 8) && !memcmp(map + 8190, "ab", 2), "mmap");
	map[100] = 'm';
	need(pread(fd, buffer, 1, 100) == 1 && buffer[0] == 'm', "a store to the mapping is read");
	char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	need(copy != MAP_FAILED && copy[100] == 'm' && (copy[100] = 'p') && map[100] == 'm', "a private mapping is a copy");
	need(ftruncate(fd, 8192) == 0 && ftruncate(fd, 4096) == -1 && errno == EINVAL, "its length stays");
	need(!stat(path, &st) && st.st_size == 8192 && !access(path, R_OK) && unlink(path) == -1, "stat, access; its name stays");
	need(pwrite(fd, "answer", 6, 8186) == 6, "pwrite");
	return 0;
}

static int list(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		printf("%s\n", entry->d_name);
	return !directory;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "make"))
		return make(argv[2], atol(argv[3]));
	if (argc == 3)
		return !strcmp(argv[1], "use") ? use(argv[2]) : list(argv[2]);
	return 2;
}
