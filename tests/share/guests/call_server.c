/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call_server NAME THREADS INNER: exports functions that behave in every way there is (call.c calls them). A child process serves; when
 * it has gone another one takes over, until the cVM ends.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <carrel/cp_call.h>
#include "call_callee.h"

static const char *name, *inner_name;
static jmp_buf outside;
static volatile int spins;
static _Atomic long of_handler, of_late;
static _Atomic long handled, late_copies, late_refused, under_way, most_under_way;
static __thread long of_this_thread;
static int slot, inner = -1;
static volatile char *volatile bad = (volatile char *)8;
static void on_signal(int signal)
{
	(void)signal;
	of_handler = frames();
	handled++;
}

static long hold(long milliseconds)
{
	char byte = 0;

	for (long end = 0, now; ; ) {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * 1000 + t.tv_nsec / 1000000;
		if (!end)
			end = now + milliseconds;
		if (now >= end)
			break;
	}
	of_late = frames();
	if (cp_call_write(0, 0, &byte, 1) < 0 && errno == ENOTCONN)
		late_refused++;
	else
		late_copies++;
	return 1;
}

/* Every copy that must fail, one bit each that does not as it must. */
static long bounds(void)
{
	static char own[256];
	long bad = 0, n = 0;

#define MUST(call, error) (bad |= (long)!(errno = 0, (call) == -1 && errno == (error)) << n++)
	MUST(cp_call_read(0, 0, own, 101), EINVAL);
	MUST(cp_call_read(0, 100, own, 1), EINVAL);
	MUST(cp_call_read(0, 101, own, 0), EINVAL);
	MUST(cp_call_read(0, (size_t)-1, own, 1), EINVAL);
	MUST(cp_call_read(0, (size_t)-50, own, 60), EINVAL);
	MUST(cp_call_read(1, 0, own, 1), EACCES);
	MUST(cp_call_write(0, 0, own, 1), EACCES);
	MUST(cp_call_read(2, 0, own, 1), ENOTCONN);
	MUST(cp_call_read(4, 0, own, 1), ENOTCONN);
	MUST(cp_call_copy(1ul << 40, 0, own, 1), ENOTCONN);
	MUST(cp_call_read(0, 0, AT(8), 8), EFAULT);
	MUST(cp_call_read(0, 0, AT(0xfffbfff8), 16), EFAULT);
	MUST(cp_call_read(0, 0, (void *)0x100000000, 8), EFAULT);
	MUST(cp_call_read(0, 0, own, (size_t)-1), EINVAL);
	MUST(cp_call_read(0, 0, (void *)dump, 8), EFAULT);      /* its own text */
	bad |= (long)(cp_call_read(0, 50, own, 50) != 50) << n++;
	bad |= (long)(cp_call_write(1, 100, own, 0) != 0) << n++;
	for (int i = 0; i < 50; i++)
		bad |= (long)(own[i] != i + 50) << n;
	n++;
	memset(own, 'w', 100);
	bad |= (long)(cp_call_write(1, 1, own, 99) != 99) << n;
	return bad;
}

static void *serves(void *argument)
{
	cp_call_serve((int)(long)argument);
	return argument;
}

__attribute__((optimize("no-jump-tables"))) static long function(long what, long a, long b, long c, long d, long e)
{
	const long words[6] = {a, b, c, d, e, 0};
	sigset_t usr1;
	jmp_buf here;
	long result = 0, now;
	int status;
	pid_t child;

	switch (what) {
	case 0:
		return a + 2 * b + 3 * c + 4 * d + 5 * e;
	case 1:         /* on to another cVM, which may call back */
		if (inner < 0 && (inner = cp_call_open(inner_name)) < 0)
			return -errno;
		return cp_call(inner, words, NULL, 0, 0, &result, NULL) ? -errno : result + 1000;
	case 2:
		exit(3);
	case 3:
		*(volatile char *)bad = 1;
		return 0;
	case 4:
		for (;;)
			spins++;
	case 5:
		usleep((useconds_t)a);
		return a;
	case 6:
		kill(getpid(), SIGKILL);
		return 0;
	case 7:
		execl("/bin/call_server", "call_server", "--sleep", (char *)NULL);
		return -errno;
	case 8:
		return bounds();
	case 9: {
		static __thread char big[4096];
		return cp_call_read(0, 0, big, sizeof big) == sizeof big ? (long)((unsigned char)big[0] + (unsigned char)big[4095]) : -errno;
	}
	case 10:        /* past the frame that the call returns to */
		longjmp(outside, 1);
	case 11:
		pthread_exit(NULL);
	case 12:
		child = fork();
		if (child < 0)
			return -errno;
		if (!child && frames() != FRAMES_OF_CALLEE)
			_exit(1);
		if (!child)
			return 99;      /* not a call of its own */
		waitpid(child, &status, 0);
		return status;
	case 13:
		now = 0;
		if (!setjmp(here))
			longjmp(here, 1);
		else
			now = 5;
		return now;
	case 14:
		return cp_call_serve(slot) == -1 ? errno : 0;
	case 15:
		raise(SIGUSR1);
		return handled;
	case 16:
		return hold(a);
	case 17:
		return late_refused + 1000 * late_copies;
	case 18:
		return cp_call_write(0, 0, &found, sizeof found);
	case 19:        /* how many at once */
		now = ++under_way;
		if (now > most_under_way)
			most_under_way = now;
		usleep(20000);
		under_way--;
		return most_under_way;
	case 20:
		return ++of_this_thread;
	case 21:
		sigemptyset(&usr1);
		return getpid();
	case 22: {      /* what lies beyond the red zone of the thread that serves is not touched: a deep frame */
		char room[100000];
		memset(room, (int)a, sizeof room);
		__asm__ volatile("" : : "r"(room) : "memory");
		return room[99999];
	}
	case 23:        /* as deep as it goes */
		__asm__ volatile("" : : : "memory");
		return function(23, a + 1, b, c, d, e) + 1;
	case 24:
		for (long n = 0; n < a; n++) {  /* fault-tolerant on both sides, and long */
			static char own[1 << 20];
			if (cp_call_read(0, 0, own, (size_t)b) < 0)
				return -errno;
		}
		return b;
	case 25:        /* what it is told of its control stack, which is its own up to the call: in the function, a handler, behind the call's end */
		now = frames();
		return a == 0 ? now : a == 1 ? of_handler : of_late;
	}
	return -ENOSYS;
}

static int serve(int threads)
{
	char with[80];
	pthread_t thread;
	volatile int again = 0;

	signal(SIGUSR1, on_signal);
	if (setjmp(outside) || again++)
		return 9;       /* never: the gate refuses */
	while ((slot = cp_call_export(name, function)) < 0) {
		if (errno != EADDRINUSE) {
			perror("export");
			return 1;
		}
		usleep(1000);   /* the one before has not quite gone */
	}
	snprintf(with, sizeof with, "%s.dump", name);
	long dumps = cp_call_export(with, dump), spoils;
	snprintf(with, sizeof with, "%s.spoil", name);
	spoils = cp_call_export(with, spoil);
	for (int i = 1; i < threads; i++)
		pthread_create(&thread, NULL, serves, (void *)(long)slot);
	if (dumps >= 0)
		pthread_create(&thread, NULL, serves, (void *)dumps);
	if (spoils >= 0)
		pthread_create(&thread, NULL, serves, (void *)spoils);
	cp_call_serve(slot);
	perror("serve");
	return 1;
}

int main(int argc, char **argv)
{
	char *child_argv[] = {"call_server", "--serve", argv[1], argv[2], argv[3], NULL}, *no_environment[] = {NULL};
	pid_t child;

	if (argc == 2)
		return usleep(100000);
	if (argc == 5 && !strcmp(argv[1], "--serve")) {
		name = argv[2];
		inner_name = argv[4];
		_exit(serve(atoi(argv[3])));
	}
	if (argc != 4)
		return 2;
	for (;;) {
		child = fork();
		if (!child) {
			name = argv[1];
			inner_name = argv[3];
			_exit(serve(atoi(argv[2])));
		}
		if (child < 0 && posix_spawn(&child, "/bin/call_server", NULL, NULL, child_argv, no_environment))
			return 3;
		waitpid(child, NULL, 0);
	}
}
