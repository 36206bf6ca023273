/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The position of an open file, which a library OS may keep for itself as long as there is one thread: with all that moves it, duplicates,
 * children and threads, which have it in common. argv[1] is an empty directory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define WORDS 30000u

static int words_file(void)
{
	int f = open("words", O_CREAT | O_RDWR | O_TRUNC, 0600);
	static uint32_t words[WORDS];

	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = i;
	return f >= 0 && write(f, words, sizeof words) == sizeof words && lseek(f, 0, SEEK_SET) == 0 ? f : -1;
}

static uint32_t next(int f)
{
	uint32_t word = UINT32_MAX;

	return read(f, &word, sizeof word) == sizeof word ? word : UINT32_MAX;
}

static void moves(int f)
{
	uint32_t two[2];
	struct iovec v[2] = {{&two[0], 4}, {&two[1], 4}};
	int other = dup(f), again = open("words", O_RDONLY);

	OK(next(f) == 0 && next(f) == 1 && lseek(f, 0, SEEK_CUR) == 8);
	OK(lseek(f, 400, SEEK_SET) == 400 && next(f) == 100 && lseek(f, -8, SEEK_CUR) == 396 && next(f) == 99);
	OK(next(other) == 100 && lseek(other, 40, SEEK_SET) == 40 && next(f) == 10);
	OK(next(again) == 0 && lseek(again, 0, SEEK_CUR) == 4 && lseek(f, 0, SEEK_CUR) == 44);
	OK(lseek(f, -4, SEEK_END) == WORDS * 4 - 4 && next(f) == WORDS - 1 && next(f) == UINT32_MAX);
	OK(lseek(f, -4, SEEK_END) == WORDS * 4 - 4 && read(f, two, 8) == 4 && lseek(f, 0, SEEK_CUR) == WORDS * 4);
	FAILS(lseek(f, -1, SEEK_SET), EINVAL);
	FAILS(lseek(f, -(off_t)WORDS * 4 - 1, SEEK_CUR), EINVAL);
	FAILS(lseek(f, INT64_MAX, SEEK_CUR), EINVAL);
	FAILS(lseek(f, 0, 77), EINVAL);
	OK(lseek(f, 0, SEEK_CUR) == WORDS * 4 && lseek(f, 10, SEEK_DATA) == 10 && lseek(f, 0, SEEK_CUR) == 10);
	OK(lseek(f, 80, SEEK_SET) == 80 && pread(f, two, 4, 0) == 4 && two[0] == 0 && next(f) == 20);
	OK(readv(f, v, 2) == 8 && two[0] == 21 && two[1] == 22 && next(f) == 23);
	OK(lseek(f, 1l << 33, SEEK_SET) == 1l << 33 && next(f) == UINT32_MAX && lseek(f, 0, SEEK_CUR) == 1l << 33);
	close(other);
	close(again);
}

static void writes(void)
{
	char text[16] = "";
	int f = open("text", O_CREAT | O_RDWR | O_TRUNC, 0600), at_end = open("text", O_WRONLY | O_APPEND);

	OK(write(f, "abcdef", 6) == 6 && lseek(f, 2, SEEK_SET) == 2 && write(f, "X", 1) == 1 && read(f, text, 1) == 1 && text[0] == 'd');
	OK(lseek(at_end, 0, SEEK_SET) == 0 && write(at_end, "gh", 2) == 2 && lseek(at_end, 0, SEEK_CUR) == 8);
	OK(lseek(f, 1, SEEK_SET) == 1 && !fcntl(f, F_SETFL, O_APPEND) && write(f, "i", 1) == 1 && lseek(f, 0, SEEK_CUR) == 9);
	OK(!fcntl(f, F_SETFL, 0) && lseek(f, 0, SEEK_SET) == 0 && write(f, "A", 1) == 1 && lseek(f, 0, SEEK_CUR) == 1);
	OK(!ftruncate(f, 5) && lseek(f, 0, SEEK_CUR) == 1 && lseek(f, 0, SEEK_END) == 5 && write(f, "z", 1) == 1);
	OK(pread(f, text, sizeof text, 0) == 6 && !memcmp(text, "AbXdez", 6));
	close(f);
	close(at_end);
}

static void sends(int f)
{
	int to = open("copy", O_CREAT | O_RDWR | O_TRUNC, 0600);
	off_t from = 8;
	uint32_t word[2];

	OK(lseek(f, 12, SEEK_SET) == 12 && lseek(to, 4, SEEK_SET) == 4);
	OK(sendfile(to, f, NULL, 8) == 8 && lseek(f, 0, SEEK_CUR) == 20 && lseek(to, 0, SEEK_CUR) == 12);
	OK(sendfile(to, f, &from, 4) == 4 && from == 12 && lseek(f, 0, SEEK_CUR) == 20 && next(f) == 5);
	OK(pread(to, word, 8, 4) == 8 && word[0] == 3 && word[1] == 4 && pread(to, word, 4, 12) == 4 && word[0] == 2);
	close(to);
}

#if FORKS
static void children(int f)
{
	int status, pipe_[2];
	char go;

	OK(lseek(f, 4000, SEEK_SET) == 4000 && !pipe(pipe_));
	pid_t child = fork();
	if (!child) {
		int good = next(f) == 1000 && lseek(f, 8000, SEEK_SET) == 8000 && write(pipe_[1], "x", 1) == 1;
		_exit(!good);
	}
	OK(read(pipe_[0], &go, 1) == 1 && next(f) == 2000 && waitpid(child, &status, 0) == child && status == 0);
	OK(next(f) == 2001 && lseek(f, 0, SEEK_CUR) == 8008 && next(f) == 2002);
	close(pipe_[0]);
	close(pipe_[1]);
}
#endif

static int shared_file;
static unsigned seen[WORDS];

static void *reader(void *bad)
{
	for (uint32_t word; (word = next(shared_file)) != UINT32_MAX;)
		if (word >= WORDS || __atomic_fetch_add(&seen[word], 1, __ATOMIC_RELAXED))
			++*(int *)bad;
	return NULL;
}

/* Each word is one thread's, and none is left out. */
static void threads(int f)
{
	pthread_t other;
	int bad[2] = {0, 0}, missing = 0;

	shared_file = f;
	OK(lseek(f, 40, SEEK_SET) == 40 && next(f) == 10);
	OK(!pthread_create(&other, NULL, reader, &bad[0]));
	reader(&bad[1]);
	pthread_join(other, NULL);
	for (uint32_t i = 11; i < WORDS; i++)
		missing += !seen[i];
	OK(!bad[0] && !bad[1] && !missing && lseek(f, 0, SEEK_CUR) == WORDS * 4);
	OK(lseek(f, 44, SEEK_SET) == 44 && next(f) == 11);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		return 2;
	int f = words_file();
	OK(f >= 0);
	moves(f);
	writes();
	sends(f);
#if FORKS
	children(f);
#endif
	threads(f);
	unlink("words");
	unlink("text");
	unlink("copy");
	return DONE();
}
