/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The Intravisor's copies while its thread is kicked as fast as can be, and what the copies go by is taken away and granted anew: kicked
 * [SECONDS]. DDC is a part of what was granted in the middle of a copy, so every interruption comes with that; it must be again what it was,
 * and no copy touches what it is not for, nor goes on by what has been cleared.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"
#include "machine/thread.h"
#include "tests/share/native/guest_carrier.h"
#include "tests/cheri/native/tags.h"

#define ROOM 65536u
static uint8_t *ours, *theirs;
static struct machine_stored by_ours, by_theirs, by_grant __attribute__((aligned(64)));
static struct guest_carrier mine;
static int over, tid;
static long kicks;

static void *kicker(void *unused)
{
	while (!LOAD(&over)) {
		syscall(SYS_tgkill, getpid(), tid, MACHINE_KICK);
		kicks++;
		for (volatile int i = 0; i < 200; i++)
			;
	}
	return unused;
}

#define BEGIN 777u
#define LENGTH 20001u
static void *granter(void *unused)
{
	for (uint64_t n = 0; !LOAD(&over); n++) {
		machine_stored_derive(&by_grant, &by_theirs, BEGIN, LENGTH, CAP_LOAD | CAP_STORE, 0);
		nanosleep(&(struct timespec){0, 100000 * (long)(n % 3)}, NULL);
		machine_stored_clear(&by_grant);
		nanosleep(&(struct timespec){0, 30000 * (long)(n % 3)}, NULL);
	}
	return unused;
}

static void report(int number, int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", number, what);
}

int main(int argc, char **argv)
{
	struct cvm_error error;
	pthread_t threads[2];
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	uint64_t state = 88172645463325252ull, copies = 0, refused = 0, missing = 0, strange = 0, wrong = 0;

	alarm(120);
	if (intravisor_init(&error))
		return 2;
	carrier_make(&mine);
	ours = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	theirs = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	machine_stored_make(&by_ours, ours, ROOM);
	machine_stored_make(&by_theirs, theirs, ROOM);
	munmap(ours + ROOM - 4096, 4096);
	for (unsigned i = 0; i < ROOM - 4096; i++)
		ours[i] = (uint8_t)(i * 7 + (i >> 8));
	const struct machine_range own = {ours, ROOM, &by_ours}, grant = {theirs + BEGIN, LENGTH, &by_grant};
	tid = (int)syscall(SYS_gettid);
	pthread_create(&threads[0], NULL, kicker, NULL);
	pthread_create(&threads[1], NULL, granter, NULL);
	sigset_t kick;
	sigemptyset(&kick);
	sigaddset(&kick, MACHINE_KICK);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);      /* threads that run guests take it, no others */
	while (time(NULL) < end) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		uint64_t n = state % 4000, to = (state >> 16) % (LENGTH - 4000), from = (state >> 40) % (ROOM - 8192);
		if (state >> 60 == 0)
			from = ROOM - 4096 - n / 2;
		int result = machine_copy_ranges(&grant, to, &own, from, n);
		copies += !result, refused += result == -EBADF, missing += result == -EFAULT;
		strange += result && result != -EBADF && (result != -EFAULT || from + n <= ROOM - 4096);
		wrong += !result && memcmp(theirs + BEGIN + to, ours + from, n);
	}
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < ROOM; i++)
		wrong += (i < BEGIN || i >= BEGIN + LENGTH) && theirs[i];
	strange += machine_copy_ranges(&grant, 0, &own, 0, 100) != -EBADF;
	printf("# %lu copies, %lu refused, %lu with memory missing; %ld kicks\n", copies, refused, missing, kicks);
	report(1, !wrong, "what was copied is right, and nothing else was touched");
	report(2, !strange, "no other errors than of what is cleared, or not there");
	report(3, copies > 1000 && refused > 100 && missing > 10 && kicks > 1000 && mine.context.kicked, "all of it happened");
	printf("1..3\n");
	return wrong || strange;
}
