/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The time as libc tells it, without a system call where it can, beside the time of the system call itself: never back, on whatever
 * thread; never ahead; hardly behind; no sleep shorter than it was to be.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define THREADS 3
#define LOOKS 5000
#define LAG_MOST 5000           /* nanoseconds: a line begins at most 2 us behind the host's clock */
#define AHEAD_MOST 100

static _Atomic int64_t last[2];
static _Atomic long back, looks;
static _Atomic int64_t back_most[2];
static _Atomic int stop;

static int64_t whole(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t told(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return whole(t);
}

static int64_t asked(int clock)
{
	struct timespec t;

	syscall(SYS_clock_gettime, clock, &t);
	return whole(t);
}

static void look(int clock)
{
	int64_t before = last[clock], t = told(clock);

	if (t < before) {
		back++;
		if (before - t > back_most[clock])
			back_most[clock] = before - t;
	}
	while (t > before && !atomic_compare_exchange_weak(&last[clock], &before, t))
		;
	looks++;
}

static void *looking(void *a)
{
	(void)a;
	while (!stop)
		for (int clock = 0; clock < 2; clock++)
			look(clock);
	return NULL;
}

static void interrupted(int signal)
{
	(void)signal;
	look(CLOCK_MONOTONIC);
}

/* The most that libc's time is behind, or ahead of, the system call's, which is asked before and after it. */
static void compared(int clock, int64_t *lag, int64_t *ahead)
{
	*lag = *ahead = 0;
	for (int i = 0; i < LOOKS; i++) {
		int64_t a = asked(clock), t = told(clock), b = asked(clock);
		if (a - t > *lag)
			*lag = a - t;
		if (t - b > *ahead)
			*ahead = t - b;
		for (int64_t until = told(CLOCK_MONOTONIC) + 20000 * (i % 3); told(CLOCK_MONOTONIC) < until;)
			;       /* so that it is at all places of a line */
	}
}

int main(void)
{
	pthread_t thread[THREADS];
	int64_t lag, ahead;
	struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct timespec t;

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, looking, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int64_t until = told(CLOCK_MONOTONIC) + 1000000000; told(CLOCK_MONOTONIC) < until;)
		look(CLOCK_MONOTONIC);
	setitimer(ITIMER_REAL, &never, NULL);
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("# %ld looks, %ld back, %lld and %lld ns at most\n", (long)looks, (long)back, (long long)back_most[0], (long long)back_most[1]);
	ok(looks > 1000 && !back, "no thread, and no signal's handler, sees a time before one that was seen");
	for (int clock = 0; clock < 2; clock++) {
		compared(clock, &lag, &ahead);
		printf("# clock %d: %lld ns behind at most, %lld ahead\n", clock, (long long)lag, (long long)ahead);
		ok(lag <= LAG_MOST && ahead <= AHEAD_MOST, clock ? "the monotonic clock is the host's" : "the real-time clock is the host's");
	}
	int shorter = 0;
	for (int i = 1; i <= 200; i++) {
		struct timespec length = {0, i * 1000};
		int64_t from = told(CLOCK_MONOTONIC);
		nanosleep(&length, NULL);
		shorter += told(CLOCK_MONOTONIC) - from < i * 1000;
	}
	ok(!shorter, "no sleep is shorter than it was to be");
	int64_t mark = told(CLOCK_MONOTONIC);
	int status = -1;
	pid_t child = FORKS ? fork() : 0;
	if (!child && FORKS)
		_exit(told(CLOCK_MONOTONIC) < mark);
	ok(!FORKS || (waitpid(child, &status, 0) == child && !status), "a child's time goes on from its parent's");
	ok(clock_gettime(99, &t) == -1 && clock_gettime(CLOCK_BOOTTIME, &t) == 0 && clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0,
	   "other clocks are asked for");
	return DONE();
}
