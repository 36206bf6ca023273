/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads that call another cVM, are kicked out of their calls by a signal, and end at once: the host thread that carried the call is then another
 * thread's, and nothing of the caller is there any more.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <carrel/cp_call.h>

static int slot;
static volatile int state;              /* 1: it calls; 2: it is to end */
static volatile long parted;

static void nothing(int signal)
{
	(void)signal;
}

static void *calls(void *argument)
{
	const long words[6] = {1};
	long given;

	for (state = 1; state != 2;) {
		long value = cp_call_once(slot, words, NULL, 0, 0, &given);
		if (!given && value == -EINTR) {
			parted++;
			break;
		}
		if (!given && value != -EAGAIN)
			break;
	}
	return argument;
}

int main(void)
{
	struct sigaction action = {.sa_handler = nothing};
	time_t end = time(NULL) + 3;
	long rounds = 0;

	sigaction(SIGUSR1, &action, NULL);
	while ((slot = cp_call_open("words")) < 0)
		usleep(10000);
	for (; time(NULL) < end; rounds++) {
		pthread_t thread;
		state = 0;
		if (pthread_create(&thread, NULL, calls, NULL))
			return 1;
		while (!state)
			sched_yield();
		for (volatile int k = rand() % 3000; k > 0; k--)
			;
		pthread_kill(thread, SIGUSR1);
		sched_yield();
		state = 2;
		pthread_join(thread, NULL);
	}
	printf("%s: %ld rounds, %ld calls given up\n", rounds > 100 && parted > 0 ? "all ended" : "too few", rounds, parted);
	return 0;
}
