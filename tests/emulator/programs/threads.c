/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Threads: mutexes, conditions, atomics, thread-local storage, cancellation, signals to a thread, exit with threads running.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 20000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter, turn;
static _Atomic long atomic_counter;
static _Atomic unsigned char bytes;
static __thread int local = 5;
static sem_t semaphore;
static _Atomic int caught;

static void *work(void *argument)
{
	long id = (long)argument;
	for (int n = 0; n < ROUNDS; n++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		atomic_counter += 3;
		bytes++;
		local++;
		double x = (double)n / 3;
		if (x * 3 != n && x * 3 - n > 1)
			abort();
	}
	for (int round = 0; round < 50; round++) { /* each in its turn */
		pthread_mutex_lock(&mutex);
		while (turn % THREADS != id)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return (void *)(long)local;
}

static void *wait_for_ever(void *argument)
{
	(void)argument;
	sem_post(&semaphore);
	for (;;)
		pause();
	return NULL;
}

static void on_signal(int signal)
{
	(void)signal;
	caught++;
}

static void *spin(void *argument)
{
	(void)argument;
	sem_post(&semaphore);
	while (!caught)
		; /* only an interrupted loop ends */
	return NULL;
}

static void *compute(void *argument)
{
	(void)argument;
	for (volatile int n = 0;; n = n + 1)
		;
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS], other;
	void *result;
	for (long n = 0; n < THREADS; n++)
		if (pthread_create(&thread[n], NULL, work, (void *)n))
			return 1;
	for (int n = 0; n < THREADS; n++) {
		pthread_join(thread[n], &result);
		printf("%ld\n", (long)result);
	}
	printf("%ld %ld %d %ld %d\n", counter, atomic_counter, bytes, turn, local);
	sem_init(&semaphore, 0, 0);
	pthread_create(&other, NULL, wait_for_ever, NULL);
	sem_wait(&semaphore);
	pthread_cancel(other);
	pthread_join(other, &result);
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	signal(SIGUSR1, on_signal);
	pthread_create(&other, NULL, spin, NULL);
	sem_wait(&semaphore);
	pthread_kill(other, SIGUSR1);
	pthread_join(other, NULL);
	printf("caught %d\n", caught);
	for (int n = 0; n < 50; n++) {
		pthread_create(&other, NULL, work, (void *)-1);
		pthread_detach(other);
		pthread_cancel(other);
	}
	for (int n = 0; n < 3; n++)
		pthread_create(&other, NULL, compute, NULL);
	puts("done");
	exit(4);
}
