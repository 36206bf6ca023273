/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Memory calls. argv[1] is an empty directory; argv[2] says "host" where files of it can be mapped shared. In a cVM nothing
 * ever becomes executable, so that is not asked here (tests/escape does).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int readable(const void *p)
{
	int fds[2], ok;

	if (pipe(fds))
		return -1;
	ok = write(fds[1], p, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

static void anonymous(void)
{
	char *p = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0), *q;

	OK(p != MAP_FAILED && p[0] == 0 && p[8 * PAGE - 1] == 0);
	FAILS((intptr_t)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	FAILS((intptr_t)mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	FAILS((intptr_t)mmap(NULL, (size_t)1 << 62, RW, ANON, -1, 0), ENOMEM);
	FAILS((intptr_t)mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
	memset(p, 7, 8 * PAGE);
	OK(munmap(p + 2 * PAGE, PAGE) == 0 && !readable(p + 2 * PAGE) && readable(p + PAGE) && readable(p + 3 * PAGE));
	OK(mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE && p[2 * PAGE] == 0 && p[3 * PAGE] == 7);
	FAILS(munmap(p + 1, PAGE), EINVAL);
	FAILS(munmap(p, 0), EINVAL);
	OK(mprotect(p, PAGE, PROT_NONE) == 0 && !readable(p));
	OK(mprotect(p, PAGE, PROT_READ) == 0 && readable(p) && p[5] == 7);
	FAILS(read(open("/dev/zero", O_RDONLY), p, 1), EFAULT);
	FAILS(syscall(SYS_mprotect, p + 1, PAGE, RW), EINVAL);
	OK(munmap(p + 4 * PAGE, PAGE) == 0);
	FAILS(mprotect(p, 8 * PAGE, RW), ENOMEM);
	OK(mprotect(p, 4 * PAGE, RW) == 0);
	OK(madvise(p, PAGE, MADV_DONTNEED) == 0 && p[0] == 0 && p[PAGE] == 7);
	FAILS(madvise(p, 8 * PAGE, MADV_DONTNEED), ENOMEM);
	FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	FAILS(madvise(p, PAGE, 9999), EINVAL);
	OK(munmap(p, 8 * PAGE) == 0);
	OK(munmap(p, 8 * PAGE) == 0);           /* nothing there: that is fine */
	/* many pieces with holes, then all again */
	char *all = mmap(NULL, 512 * PAGE, RW, ANON, -1, 0);
	int ok = all != MAP_FAILED;
	for (unsigned i = 0; i < 512; i += 2)
		ok &= munmap(all + i * PAGE, PAGE) == 0;
	for (unsigned i = 0; i < 512; i++)
		ok &= readable(all + i * PAGE) == (int)(i & 1);
	OK(ok);
	OK(munmap(all, 512 * PAGE) == 0);
	q = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	OK(q != MAP_FAILED);
	munmap(q, PAGE);
}

static void moved(void)
{
	char *p = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0), *q;

	p[0] = 1, p[2 * PAGE - 1] = 2;
	q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	OK(q != MAP_FAILED && q[0] == 1 && q[2 * PAGE - 1] == 2 && q[64 * PAGE - 1] == 0);
	q[64 * PAGE - 1] = 3;
	OK(mremap(q, 64 * PAGE, PAGE, 0) == q && q[0] == 1 && !readable(q + PAGE));
	FAILS((intptr_t)mremap(q, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	FAILS((intptr_t)mremap(q + 1, PAGE, PAGE, MREMAP_MAYMOVE), EINVAL);
	FAILS((intptr_t)mremap(q, PAGE, PAGE, 64), EINVAL);
	char *to = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	memset(to, 9, 4 * PAGE);
	OK(mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) == to + PAGE);
	OK(to[0] == 9 && to[PAGE] == 1 && to[2 * PAGE] == 0 && to[3 * PAGE] == 9 && !readable(q));
	FAILS((intptr_t)mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	OK(munmap(to, 4 * PAGE) == 0);
	char *big = malloc(1 << 20);
	int ok = 1;
	for (size_t n = 1 << 20; n <= 64u << 20; n *= 2) {
		big = realloc(big, n);
		ok &= big != NULL;
		big[n - 1] = (char)n, big[0] = 42;
	}
	OK(ok && big[0] == 42);
	free(big);
}

static void program_break(void)
{
	char *start = (char *)syscall(SYS_brk, 0);

	OK((char *)syscall(SYS_brk, start + 100000) == start + 100000);
	memset(start, 1, 100000);
	OK((char *)syscall(SYS_brk, start + 50) == start + 50);
	OK((char *)syscall(SYS_brk, start + 100000) == start + 100000 && start[60000] == 0);
	OK((char *)syscall(SYS_brk, 1) == start + 100000);
	syscall(SYS_brk, start);
}

/* What comes behind in the file comes behind in the mapping, but that a cVM's tmpfs refuses to let a shared one grow. */
static void grown(int f, int r)
{
	struct statfs where;
	char *p, *q, *all = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);

	OK(fstatfs(f, &where) == 0 && ftruncate(f, 5 * PAGE) == 0 && pwrite(f, "second", 6, PAGE) == 6 && pwrite(f, "third", 5, 2 * PAGE) == 5);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, f, 0);
	OK(munmap(p, PAGE) == 0 && all != MAP_FAILED);
	q = mremap(p + PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED && errno == ENOMEM && where.f_type == 0x01021994 /* tmpfs */) {
		OK(munmap(p + PAGE, PAGE) == 0 && munmap(all, 4 * PAGE) == 0);
		return;
	}
	p = q;
	OK(p != MAP_FAILED && !strcmp(p, "second") && !strcmp(p + PAGE, "third") && p[3 * PAGE - 1] == 0);
	OK(pwrite(f, "3", 1, 2 * PAGE) == 1 && p[PAGE] == '3');
	p[2 * PAGE] = '4';
	OK(pread(f, p, 1, 3 * PAGE) == 1 && p[0] == '4');
	q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, r, 2 * PAGE);
	q = mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, all + PAGE);
	OK(q == all + PAGE && !strcmp(q, "3hird") && q[PAGE] == '4' && all[0] == 0 && readable(all + 3 * PAGE));
	munmap(all, 4 * PAGE);
	munmap(p, 3 * PAGE);
}

static void files(int shared)
{
	int f = open("f", O_CREAT | O_RDWR, 0600), r = open("f", O_RDONLY), w = open("f", O_WRONLY);
	char text[8];

	OK(write(f, "mapped file", 11) == 11);
	char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, f, 0);
	OK(p != MAP_FAILED && !memcmp(p, "mapped file", 11) && p[11] == 0);
	p[0] = 'X';
	OK(pread(f, text, 1, 0) == 1 && text[0] == 'm');
	OK(munmap(p, PAGE) == 0);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, r, 0);
	OK(p != MAP_FAILED && p[0] == 'm');
	munmap(p, PAGE);
	FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, w, 0), EACCES);
	FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_SHARED, r, 0), EACCES);
	FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, r, 1), EINVAL);
	if (shared) {
		p = mmap(NULL, PAGE, RW, MAP_SHARED, f, 0);
		char *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r, 0);
		OK(p != MAP_FAILED && q != MAP_FAILED);
		p[0] = 'S';
		OK(q[0] == 'S' && pread(f, text, 1, 0) == 1 && text[0] == 'S');
		OK(msync(p, PAGE, MS_SYNC) == 0);
		FAILS(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
		munmap(p, PAGE);
		munmap(q, PAGE);
		grown(f, r);
	}
	close(f);
	close(r);
	close(w);
	unlink("f");
}

/* A deep stack works, and running past its end hits nothing else: mappings keep away from it. */
static int deep(int n)
{
	volatile char block[1024];

	block[0] = (char)n;
	return n ? deep(n - 1) + block[0] * 0 : 1;
}

static void stack(void)
{
	char here, *nearest = NULL, *maps[64];

	OK(deep(6000) == 1);
	for (int i = 0; i < 64; i++) {
		maps[i] = mmap(NULL, 16 * PAGE, RW, ANON, -1, 0);
		if (maps[i] < &here && maps[i] > nearest)
			nearest = maps[i];
	}
	OK(nearest == NULL || (size_t)(&here - nearest) > (8u << 20) + 64 * PAGE);
	for (int i = 0; i < 64; i++)
		munmap(maps[i], 16 * PAGE);
}

/* More mappings than a fresh process has room to list: fork, and what follows in the parent. */
static void many(void)
{
	enum { MANY = 600 };
	uint8_t *p = mmap(NULL, 2 * MANY * PAGE, PROT_NONE, ANON, -1, 0);
	int status, good = p != MAP_FAILED;

	for (int i = 0; good && i < MANY; i++) {
		good = !mprotect(p + 2 * i * PAGE, PAGE, RW);
		if (good)
			p[2 * i * PAGE] = (uint8_t)i;
	}
	OK(good);
	for (int round = 0; FORKS && round < 3; round++) {
		pid_t child = fork();
		if (!child) {
			for (int i = 0; i < MANY; i++)
				good &= p[2 * i * PAGE] == (uint8_t)i && !munmap(p + 2 * i * PAGE, PAGE);
			_exit(!good);
		}
		OK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	}
	OK(!munmap(p, 2 * MANY * PAGE));
}

/* What was given back is given again, but not where it was asked to be somewhere, nor what is the break's or the stack's gap. */
static void again(void)
{
	char *start = (char *)syscall(SYS_brk, 0), *p, *q, here, *gap = (char *)(((uintptr_t)&here - (8ul << 20) - 64 * PAGE) & -PAGE);

	OK((char *)syscall(SYS_brk, start + 16 * PAGE) == start + 16 * PAGE && (char *)syscall(SYS_brk, start) == start);
	p = mmap(NULL, 16 * PAGE, RW, ANON, -1, 0);
	OK(p != MAP_FAILED && p != start);
	OK((char *)syscall(SYS_brk, start + 16 * PAGE) == start + 16 * PAGE && start[15 * PAGE] == 0);
	syscall(SYS_brk, start);
	OK(!munmap(p, 16 * PAGE));
	q = mmap(p - (1ul << 28), 16 * PAGE, RW, ANON, -1, 0);
	OK(q == p - (1ul << 28));
	OK(!munmap(q, 16 * PAGE));
	OK(mmap(gap, 5 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == gap && !munmap(gap, 5 * PAGE));
	q = mmap(NULL, 5 * PAGE, RW, ANON, -1, 0);
	OK(q != MAP_FAILED && q != gap && !munmap(q, 5 * PAGE));
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		return 2;
	anonymous();
	moved();
	program_break();
	files(argc > 2 && !strcmp(argv[2], "host"));
	stack();
	again();
	many();
	return DONE();
}
