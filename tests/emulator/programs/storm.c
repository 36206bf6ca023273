/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Threads that come and go while one forks and an interval timer interrupts all of them; the first thread leaves before the last. What is
 * lost here (a thread's end that nobody is told of, a lock held in the child) stops it for ever.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int caught, wrong;

static void on_alarm(int signal)
{
	(void)signal;
	caught++;
}

static void *allocate(void *argument)
{
	for (int n = 0; n < 1000; n++) {
		char *p = malloc((size_t)n % 700 + 1);
		memset(p, n, (size_t)n % 700 + 1);
		wrong += p[0] != (char)n;
		free(p);
	}
	return argument;
}

static void *fork_often(void *argument)
{
	for (int n = 0; n < 10; n++) {
		int status = 0;
		pid_t child = fork();
		if (!child) {
			free(malloc(100));
			_exit(3);
		}
		while (waitpid(child, &status, 0) < 0)
			;
		wrong += WEXITSTATUS(status) != 3;
	}
	return argument;
}

static void *last(void *argument)
{
	(void)argument;
	usleep(50000);
	exit(6);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 700 }, { 0, 700 } };
	pthread_t thread[8], forker;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int round = 0; round < 8; round++) {
		pthread_create(&forker, NULL, fork_often, NULL);
		for (int n = 0; n < 8; n++)
			pthread_create(&thread[n], NULL, allocate, NULL);
		for (int n = 0; n < 8; n++)
			pthread_join(thread[n], NULL);
		pthread_join(forker, NULL);
	}
	often = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &often, NULL);
	printf("wrong %d, %s\n", wrong, caught > 3 ? "interrupted" : "not interrupted");
	fflush(stdout);
	pthread_create(&thread[0], NULL, last, NULL);
	pthread_exit(NULL);
}
