/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The caller's side of CP_Call, against call_server.c in other cVMs, which export "one" (three threads) and "two" (one thread, whose
 * inner calls go to "one"); "one"'s go to "two". Also exports "back" itself.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/cp_call.h>
#include "../../libos/guests/tap.h"
#include "call_caller.h"

static int begun, slowness = 1;        /* of the machine: so much less is done */
static volatile long alarms, served_well;

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int opened(const char *name)
{
	int slot;

	for (long end = now() + 10000; (slot = cp_call_open(name)) < 0 && errno == ENOENT && now() < end;)
		usleep(1000);
	return slot;
}

/* The result, or -errno - 1000000. */
#define BAD (-1000000)
static long ask(int slot, unsigned limit, long what, long a, long b)
{
	const long words[6] = {what, a, b, 0, 0, 0};
	long result = 0;

	return cp_call(slot, words, NULL, 0, limit, &result, &begun) ? BAD - errno : result;
}

static long ask_with(int slot, long what, long a, const struct cp_buffer *buffers, unsigned count)
{
	const long words[6] = {what, a, 0, 0, 0, 0};
	long result = 0;

	return cp_call(slot, words, buffers, count, 0, &result, &begun) ? BAD - errno : result;
}

/* A server that has gone is followed by another. */
static int again(const char *name, int slot)
{
	long end = now() + 10000, r;

	do {
		cp_call_close(slot);
		slot = opened(name);
		r = ask(slot, 100, 0, 1, 1);
		if (r != 3)
			usleep(2000);
	} while (r != 3 && now() < end);
	return slot;
}

static void *many(void *argument)
{
	int slot = *(int *)argument;
	long bad = 0;

	for (long i = 0; i < 20000 / slowness; i++)
		bad += ask(slot, i % 3 ? 0 : 10000, 0, i, 7) != i + 14;
	return (void *)bad;
}

static void *waits(void *argument)
{
	return (void *)ask(*(int *)argument, 0, 19, 0, 0);
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/* What the caller finds again after a call, and that it finds no more. */
static void kept(int spoiled)
{
	OK(found_result() == (spoiled ? SPOIL_RESULT : 0) && found_begun());
	OK(kept_saved());
	OK(kept_nothing_else());
	OK(kept_floating_control());
	OK(zero_vectors());
}

static void registers(int one)
{
	int dump = opened("one.dump"), spoil = opened("one.spoil");
	struct cp_buffer whole = {&found, sizeof found, CP_WRITE};

	do      /* until its thread is there */
		keeps(dump);
	while (found_result() == -EAGAIN);
	kept(0);
	OK(ask_with(one, 18, 0, &whole, 1) == sizeof found);
	OK(dumped_words());
	OK(dumped_nothing());
	OK(dumped_stack());
	OK(dumped_floating_control());
	OK(zero_vectors());
	do
		keeps(spoil);
	while (found_result() == -EAGAIN);
	kept(1);
	keeps(dump);
	kept(0);
	OK(ask_with(one, 18, 0, &whole, 1) == sizeof found && dumped_floating_control() && zero_vectors());
}

static long back(long a, long b, long c, long d, long e, long f)
{
	int slot = cp_call_open("two");
	long result = a == 0 ? 7 + b : ask(slot, 0, 1, a - 1, b);

	(void)c, (void)d, (void)e, (void)f;
	cp_call_close(slot);
	return result;
}

static void *serves(void *argument)
{
	long before = frames();

	cp_call_serve(*(int *)argument);
	__atomic_add_fetch(&served_well, frames() == before, __ATOMIC_SEQ_CST);
	return argument;
}

/* Every kind of call without end, until the cVM is ended from outside (native/call_storm.c). */
static void *storms(void *argument)
{
	static char page[4096];
	unsigned n = (unsigned)(long)argument;

	for (;;) {
		int slot = cp_call_open(n % 2 ? "one" : "two");
		for (int i = 0; slot >= 0 && i < 200; i++, n = n * 1664525 + 1013904223) {
			unsigned limit = n >> 28 & 1;
			switch (n >> 24 & 15) {
			case 0: ask(slot, 1, 5, 2000, 0); break;
			case 1: ask(slot, limit, 1, 5, 500); break;
			case 2: ask(slot, limit, n >> 20 & 1 ? 2 : 11, 0, 0); break;
			case 3: ask(slot, limit, 1, 1, 5); break;
			case 4: ask_with(slot, 9, 0, (struct cp_buffer[]){{page, 4096, CP_READ}}, 1); break;
			default: ask(slot, limit, 0, 1, 1);
			}
		}
		cp_call_close(slot);
		usleep(200);
	}
	return argument;
}

static int storm(void)
{
	struct itimerval often = {{0, 700}, {0, 700}};
	pthread_t thread;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 1; i < 3; i++)
		pthread_create(&thread, NULL, storms, (void *)(i * 77777));
	storms((void *)12345);
	return 0;
}

/* A process that is killed within a call, in which the callee does not stop to touch its memory: another thread's slot is none of its own. */
static int held(int slot)
{
	static char page[1];
	int bad = cp_call_close(slot) != -1 || errno != EBADF;  /* slots are not passed on */

	slot = opened("one");
	ask_with(slot, 16, 300, (struct cp_buffer[]){{page, 1, CP_WRITE}}, 1);
	return bad;
}

/* call [SLOWNESS | storm | held SLOT] */
int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "storm"))
		return storm();
	if (argc == 3)
		return held(atoi(argv[2]));
	slowness = argc == 2 ? atoi(argv[1]) : 1;
	int one = opened("one"), two = opened("two"), own, status;
	pthread_t threads[8];
	void *bad, *worst = NULL;
	long start, sum = 0;
	static char in[100], out[200], page[4096];

	setbuf(stdout, NULL);
	OK(one >= 0 && two >= 0 && one != two);
	OK(ask(one, 0, 0, 1, 2) == 5);
	OK(ask(two, 0, 0, 1, 2) == 5);
	OK(ask(one, 1000, 0, 1, 3) == 7);
	FAILS(cp_call_open("secret"), EACCES);
	FAILS(cp_call_open("nobody"), ENOENT);
	FAILS(cp_call_open(""), EINVAL);
	FAILS(cp_call_open("0123456789012345678901234567890123456789012345678901234567890123456789"), ENAMETOOLONG);
	FAILS(cp_call_export("one", back), EACCES);
	FAILS(cp_call_export("back", (void *)((char *)back + 1)), EINVAL);
	FAILS(cp_call_export("back", (void *)0x50000000), EINVAL);
	OK(ask(63, 0, 0, 0, 0) == BAD - EBADF && ask(64, 0, 0, 0, 0) == BAD - EBADF && ask(-1, 0, 0, 0, 0) == BAD - EBADF);
	const long before = frames();
	FAILS(cp_call_serve(one), EBADF);
	FAILS(cp_call_serve(12345), EBADF);
	FAILS(cp_call_close(63), EBADF);
	OK(before > 100 && frames() == before);         /* all of its own again */

	/* nested and recursive, over three cVMs */
	OK(ask(one, 0, 1, 0, 20) == 1020);              /* one -> two */
	OK(ask(two, 0, 1, 1, 0) == 2000);               /* two -> one -> two */
	own = cp_call_export("back", back);
	OK(own >= 0);
	FAILS(cp_call_export("back", back), EADDRINUSE);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, serves, &own);

	/* buffers */
	for (int i = 0; i < 100; i++)
		in[i] = (char)i;
	OK(ask_with(one, 8, 0, (struct cp_buffer[]){{in, 100, CP_READ}, {out, 100, CP_WRITE}}, 2) == 0);
	for (int i = 0; i < 200; i++)
		sum += out[i] != (i >= 1 && i < 100 ? 'w' : 0);
	OK(sum == 0);
	page[0] = 100;
	page[4095] = 101;
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{page, 4096, CP_READ}}, 1) == 201);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{AT(0x50), 4096, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{AT(0xfffc0000), 1, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{page, (size_t)-1, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer *)AT(0x10), 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer *)0x100000000000, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{(void *)0x900000000, 4096, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{AT(0x60000000), 4096, CP_READ}}, 1) == -EFAULT);    /* nothing is mapped there */

	registers(one);
	OK(ask(one, 0, 25, 0, 0) == FRAMES_OF_CALLEE);
	OK(ask(two, 0, 1, 25, 0) == FRAMES_OF_CALLEE + 1000);
	OK(ask(one, 0, 13, 0, 0) == 5);
	OK(ask(one, 0, 14, 0, 0) == EBUSY);
	OK(ask(one, 0, 15, 0, 0) == 1 && ask(one, 0, 15, 0, 0) == 2);
	long handler = ask(one, 0, 25, 1, 0);
	printf("# a handler within a call: %ld\n", handler);
	OK(handler == FRAMES_OF_CALLEE || (handler > FRAMES_OF_CALLEE + 100 && handler < 300));
	OK(ask(one, 0, 22, 5, 0) == 5);

	/* many at once: three threads serve, eight call */
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, many, &one);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		sum += (long)bad;
	}
	OK(sum == 0);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, waits, &one);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		worst = bad > worst ? bad : worst;
	}
	OK((long)worst == 3);

	/* time limits */
	start = now();
	OK(ask(one, 30, 5, 300000, 0) == BAD - ETIMEDOUT && begun == 1);
	OK(now() - start >= 29 && now() - start < 200 + 10 * slowness);
	OK(ask(two, 30, 1, 5, 300000) == BAD - ETIMEDOUT && begun == 1);        /* while it is in the third cVM */
	OK(ask(two, 10, 5, 300000, 0) == BAD - ETIMEDOUT && begun == 1);
	OK(ask(two, 20, 0, 1, 1) == BAD - ETIMEDOUT && begun == 0);             /* both its threads are still there */
	usleep(400000);
	OK(ask(two, 100, 0, 1, 1) == 3);
	OK(ask(one, 100, 0, 1, 1) == 3);

	/* a function that goes on has no buffers any more */
	OK(ask(one, 20, 17, 0, 0) == 0);
	const long words[6] = {16, 100};
	long result;
	OK(cp_call(one, words, (struct cp_buffer[]){{page, 1, CP_WRITE}}, 1, 20, &result, &begun) == -1 && errno == ETIMEDOUT && page[0] == 100);
	usleep(200000);
	OK(ask(one, 0, 17, 0, 0) == 1);
	long late = ask(one, 0, 25, 2, 0);
	printf("# behind the end of a call: %ld\n", late);
	OK(late > 100 && late < 110);

	/* the caller is killed meanwhile */
	start = now();
	char number[8], *held_argv[] = {"call", "held", number, NULL}, *no_environment[] = {NULL};
	pid_t child;
	snprintf(number, sizeof number, "%d", one);
	OK(!posix_spawn(&child, "/bin/call", NULL, NULL, held_argv, no_environment));
	usleep(100000);
	kill(child, SIGKILL);
	OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	OK(now() - start < (slowness > 1 ? 2000 : 300));
	usleep(400000);
	OK(ask(one, 0, 17, 0, 0) == 2);

	/* a signal of the caller's */
	struct itimerval soon = {.it_value = {0, 50000}}, often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	start = now();
	OK(ask(one, 0, 5, 300000, 0) == BAD - EINTR && begun == 1 && alarms == 1);
	OK(now() - start < (slowness > 1 ? 1000 : 250));
	usleep(300000);
	setitimer(ITIMER_REAL, &often, NULL);
	long wrong = 0, interrupted = 0, finished = 0;
	start = now();
	for (long i = 0; now() - start < 1500; i++) {
		long r = i % 50 ? ask(one, i % 2 * 1000, 0, i, 7) : ask(one, 0, 5, 1500, 0);
		if (r == BAD - EINTR)
			interrupted++;
		else if (r == (i % 50 ? i + 14 : 1500))
			finished++;
		else
			wrong++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("# %ld calls, %ld of them interrupted, %ld wrong, %ld alarms\n", finished + interrupted, interrupted, wrong, alarms);
	OK(wrong == 0 && interrupted > 10 && finished > 1000 / slowness && alarms > 100 / slowness);
	OK(ask(one, 0, 0, 1, 1) == 3);

	/* the callee goes, in every way; its successor can be called */
	static const struct {
		long what;
		const char *how;
	} ends[] = {{2, "exit"}, {3, "crash"}, {6, "kill"}, {7, "exec"}, {10, "longjmp past the call"}, {11, "pthread_exit"}, {23, "endless recursion"}};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		start = now();
		long r = ask(one, 0, ends[i].what, 0, 0);
		int right = r == BAD - ECONNRESET && begun == 1 && now() - start < 3000;
		ok(right, ends[i].how);
		if (!right)
			printf("# gave %ld after %ld ms\n", r, now() - start);
		one = again("one", one);
	}
	OK(one >= 0);
	OK(ask(one, 0, 12, 0, 0) == (FORKS ? SIGILL : -ENOSYS));        /* a child that returns from the function */
	OK(ask(one, 0, 0, 1, 1) == 3);
	OK(ask(one, 30, 4, 0, 0) == BAD - ETIMEDOUT);   /* it hangs for ever; the others serve on */
	OK(ask(one, 0, 0, 1, 1) == 3);
	OK(cp_call_close(own) == 0);
	for (start = now(); __atomic_load_n(&served_well, __ATOMIC_SEQ_CST) < 4 && now() - start < 5000;)
		usleep(1000);
	OK(served_well == 4);
	OK(cp_call_close(one) == 0 && ask(one, 0, 0, 0, 0) == BAD - EBADF);
	return DONE();
}
