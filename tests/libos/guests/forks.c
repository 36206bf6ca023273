/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * fork of a program with much memory: the child sees what was there when it forked, whatever either of them does to it next, by
 * whatever way it is reached first: loads, stores, system calls that read or write it, calls on the mapping, threads, more forks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGE  4096u
#define PAGES 6144u             /* 24 MiB */
static unsigned char *memory;

/* Every page differs, in its first word, its last and one amid. */
static uint64_t value(size_t page, uint64_t round)
{
	return (page * 0x9e3779b97f4a7c15u ^ round * 0xc2b2ae3d27d4eb4fu) | 1;
}

static uint64_t *word(size_t page, int which)
{
	return (uint64_t *)(memory + page * PAGE + (which == 0 ? 0 : which == 1 ? 1024 + page % 256 * 8 : PAGE - 8));
}

static void put(size_t page, uint64_t round)
{
	for (int k = 0; k < 3; k++)
		*word(page, k) = value(page, round);
}

static int is(size_t page, uint64_t round)
{
	return *word(page, 0) == value(page, round) && *word(page, 1) == value(page, round) && *word(page, 2) == value(page, round);
}

static void put_all(uint64_t round)
{
	for (size_t page = 0; page < PAGES; page++)
		put(page, round);
}

static int all_are(uint64_t round)
{
	size_t page;

	for (page = 0; page < PAGES && is(page, round); page++)
		;
	return page == PAGES;
}

/* In an order that jumps about. */
static int all_are_scattered(uint64_t round)
{
	for (size_t i = 0; i < PAGES; i++)
		if (!is(i * 2741 % PAGES, round))
			return 0;
	return 1;
}

/* A child that answers with `what`; the parent does `meanwhile` at once. */
static int child(int (*what)(void), void (*meanwhile)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(what());
	if (meanwhile)
		meanwhile();
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void parent_changes(void)
{
	put_all(2);
}

static void parent_unmaps(void)
{
	munmap(memory, (size_t)PAGES * PAGE);
}

static int reads(void)
{
	return !all_are(1);
}

static int reads_scattered(void)
{
	return !all_are_scattered(1);
}

static int writes_some(void)
{
	for (size_t page = 0; page < PAGES; page += 3)
		put(page, 7);
	for (size_t page = 0; page < PAGES; page++)
		if (!is(page, page % 3 ? 1 : 7))
			return 1;
	return 0;
}

/* What the kernel touches first. */
static int through_calls(void)
{
	int p[2], zero = open("/dev/zero", O_RDONLY);
	static unsigned char copy[3 * PAGE];

	if (pipe(p) || zero < 0)
		return 1;
	fcntl(p[1], F_SETPIPE_SZ, 65536);
	/* write(2) of what nobody touched, over page borders. */
	if (write(p[1], memory + 100 * PAGE + 5, 2 * PAGE) != 2 * PAGE || read(p[0], copy, 2 * PAGE) != 2 * PAGE ||
	    memcmp(copy, memory + 100 * PAGE + 5, 2 * PAGE) || !is(101, 1))
		return 2;
	/* read(2) into the middle of a page: the rest of it stays. */
	if (read(zero, memory + 300 * PAGE + 2000, 8) != 8 || *word(300, 0) != value(300, 1) || *word(300, 2) != value(300, 1))
		return 3;
	/* Vectors, some pages apart. */
	struct iovec list[3];
	for (int i = 0; i < 3; i++)
		list[i] = (struct iovec){memory + (size_t)(1000 + 64 * i) * PAGE, PAGE};
	if (writev(p[1], list, 3) != 3 * PAGE || read(p[0], copy, 3 * PAGE) != 3 * PAGE)
		return 4;
	for (int i = 0; i < 3; i++)
		if (memcmp(copy + (size_t)i * PAGE, memory + (size_t)(1000 + 64 * i) * PAGE, PAGE))
			return 5;
	/* A file name that lies there, and a structure the library OS fills. */
	memcpy(memory + 2000 * PAGE + PAGE - 5, "/dev/null", 10);
	int null = open((char *)memory + 2000 * PAGE + PAGE - 5, O_RDWR);
	if (null < 0 || fcntl(null, F_GETFL) < 0 || clock_gettime(CLOCK_MONOTONIC, (struct timespec *)(memory + 2100 * PAGE + 64)) ||
	    *word(2100, 0) != value(2100, 1))
		return 6;
	return 0;
}

static int through_mappings(void)
{
	/* A hole amid, one mapped over, one discarded, one protected, one moved; what is beside each stays. */
	unsigned char *at = memory + 500 * PAGE;
	if (munmap(at, 16 * PAGE) || !is(499, 1) || !is(516, 1))
		return 1;
	at = memory + 700 * PAGE;
	if (mmap(at, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at || at[0] || at[2 * PAGE - 1] ||
	    !is(699, 1) || !is(702, 1))
		return 2;
	at = memory + 900 * PAGE;
	if (madvise(at, PAGE, MADV_DONTNEED) || at[0] || at[PAGE - 1] || !is(899, 1) || !is(901, 1))
		return 3;
	at = memory + 1100 * PAGE;
	if (mprotect(at, PAGE, PROT_NONE) || mprotect(at, PAGE, PROT_READ) || !is(1100, 1) || mprotect(at, PAGE, PROT_READ | PROT_WRITE))
		return 4;
	put(1100, 5);
	at = mremap(memory + 1300 * PAGE, 40 * PAGE, 80 * PAGE, MREMAP_MAYMOVE);
	if (at == MAP_FAILED || memcmp(at, &(uint64_t){value(1300, 1)}, 8) || memcmp(at + 39 * PAGE, &(uint64_t){value(1339, 1)}, 8) ||
	    at[40 * PAGE] || !is(1299, 1) || !is(1340, 1))
		return 5;
	return 0;
}

static void *reader(void *from)
{
	size_t start = (size_t)from;

	for (size_t page = start; page < PAGES; page += 4)
		if (!is(page, 1))
			return "bad";
	return NULL;
}

static int threads(void)
{
	pthread_t id[4];
	int bad = 0;

	for (size_t i = 0; i < 4; i++)
		bad |= pthread_create(&id[i], NULL, reader, (void *)i);
	for (size_t i = 0; i < 4; i++) {
		void *result;
		bad |= pthread_join(id[i], &result) || result;
	}
	return bad;
}

static int grandchildren(void)
{
	if (!is(5000, 1))
		return 1;
	for (size_t page = 0; page < PAGES; page += 2)
		put(page, 3);
	pid_t pid = fork();
	if (!pid) {
		for (size_t page = 0; page < PAGES; page++)
			if (!is(page, page % 2 ? 1 : 3))
				_exit(2);
		_exit(0);
	}
	put_all(4);
	int status;
	return waitpid(pid, &status, 0) != pid || status ? 3 : !all_are(4);
}

static const char *self = "/proc/self/exe";

static int executes(void)
{
	execl(self, "forks", "executed", (char *)NULL);
	return 1;
}

static void protections(void)
{
	unsigned char *map = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;

	memset(map, 0x5a, 64 * PAGE);
	mprotect(map + 16 * PAGE, 16 * PAGE, PROT_READ);
	pid_t pid = fork();
	if (!pid) {
		if (map[0] != 0x5a || map[20 * PAGE] != 0x5a || map[63 * PAGE] != 0x5a)
			_exit(1);
		map[15 * PAGE] = map[32 * PAGE] = 1;
		map[16 * PAGE] = 1;     /* only to be read */
		_exit(2);
	}
	OK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	munmap(map, 64 * PAGE);
}

static volatile pid_t from_handler;
static void forker(int signal)
{
	(void)signal;
	from_handler = fork();
}

static void in_a_handler(void)
{
	int status;

	signal(SIGUSR1, forker);
	raise(SIGUSR1);
	if (!from_handler)
		_exit(!all_are(1));
	put_all(2);
	ok(waitpid(from_handler, &status, 0) == from_handler && status == 0, "fork in a signal handler");
	put_all(1);
}

/* Several children at once, each of another state. */
static void many(void)
{
	pid_t pid[6];
	int status, good = 1;

	for (int i = 0; i < 6; i++) {
		put_all(10 + (uint64_t)i);
		if (!(pid[i] = fork())) {
			usleep(1000);
			_exit(!(i % 2 ? all_are(10 + (uint64_t)i) : all_are_scattered(10 + (uint64_t)i)));
		}
	}
	put_all(1);
	for (int i = 0; i < 6; i++)
		good &= waitpid(pid[i], &status, 0) == pid[i] && status == 0;
	ok(good, "six children at once each see the state they were forked in");
}

static volatile int stop;
static void *writer(void *unused)
{
	(void)unused;
	for (uint64_t round = 1; !stop; round++)
		for (size_t page = 0; page < PAGES && !stop; page++)
			__atomic_store_n(word(page, 0), round, __ATOMIC_RELAXED);
	return NULL;
}

/* While another thread of the parent writes on, the child's view does not change any more. */
static int stands_still(void)
{
	uint64_t sum[2] = {0, 0};

	for (int k = 0; k < 2; k++) {
		for (size_t page = 0; page < PAGES; page++)
			sum[k] += *word(page, 0) * (page + 1);
		usleep(2000);
	}
	return sum[0] != sum[1];
}

static void files(const char *folder)
{
	char name[400];
	int status;

	snprintf(name, sizeof name, "%s/mapped", folder);
	int f = open(name, O_CREAT | O_RDWR, 0600);
	static unsigned char block[64 * PAGE];
	memset(block, 0x11, sizeof block);
	OK(write(f, block, sizeof block) == (ssize_t)sizeof block);
	unsigned char *private = mmap(NULL, sizeof block, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0),
		      *shared = mmap(NULL, sizeof block, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0),
		      *anonymous = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	private[10 * PAGE] = 0x22;
	pid_t pid = fork();
	if (!pid) {
		int good = private[0] == 0x11 && private[10 * PAGE] == 0x22 && private[63 * PAGE] == 0x11 && shared[10 * PAGE] == 0x11;
		private[0] = 0x33;
		shared[5 * PAGE] = 0x44;
		anonymous[7] = 0x55;
		_exit(!good);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	OK(private[0] == 0x11 && shared[5 * PAGE] == 0x44 && anonymous[7] == 0x55);
	munmap(private, sizeof block);
	munmap(shared, sizeof block);
	munmap(anonymous, PAGE);
	close(f);
	unlink(name);
}

/* A thread forks, and in the child it goes before one it has made: that one's end is the child's. (musl 1.2.3 alone waits for ever there.) */
static void *stays(void *nothing)
{
	usleep(50000);
	return nothing;
}

static void *forks_and_goes(void *child)
{
	pthread_t late;

	*(pid_t *)child = fork();
	if (!*(pid_t *)child) {
		alarm(20);
		if (pthread_create(&late, NULL, stays, NULL))
			_exit(1);
		pthread_detach(late);
	}
	return NULL;
}

static void in_a_thread(void)
{
	pthread_t thread;
	pid_t pid;
	int status;

	OK(!pthread_create(&thread, NULL, forks_and_goes, &pid));
	pthread_join(thread, NULL);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a child whose first thread goes before its last one ends with that");
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc == 2 && !strcmp(argv[1], "executed"))
		return 0;
	if (argc < 2)
		return 2;
	memory = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	put_all(1);
	ok(child(reads, parent_changes) == 0, "the child reads what was there while the parent writes");
	ok(all_are(2), "and the parent has what it wrote");
	put_all(1);
	ok(child(reads_scattered, parent_changes) == 0, "in any order");
	put_all(1);
	ok(child(writes_some, NULL) == 0, "the child writes");
	ok(all_are(1), "and the parent does not see it");
	ok(child(through_calls, parent_changes) == 0, "system calls reach it first");
	put_all(1);
	ok(child(through_mappings, parent_changes) == 0, "calls on mappings reach it first");
	put_all(1);
	ok(child(threads, parent_changes) == 0, "the child makes threads");
	put_all(1);
	ok(child(grandchildren, parent_changes) == 0, "the child forks");
	put_all(1);
	if (argc > 3)           /* where a cVM's program finds itself */
		self = argv[3];
	int executed = 0;
	for (int i = 0; argc > 2 && i < 20; i++)
		executed += child(executes, NULL) == 0;
	if (argc > 2)
		ok(executed == 20, "children execute");
	protections();
	in_a_handler();
	in_a_thread();
	many();
	OK(!pthread_create(&other, NULL, writer, NULL));
	for (int i = 0; i < 5; i++)
		ok(child(stands_still, NULL) == 0, "another thread of the parent writes on");
	stop = 1;
	pthread_join(other, NULL);
	put_all(1);
	files(argv[1]);
	ok(child(reads, parent_unmaps) == 0, "the parent unmaps all of it");
	return DONE();
}
