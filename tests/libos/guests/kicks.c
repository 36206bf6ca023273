/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Signals that come just as their thread begins to wait, while others are busy in system calls: none is slept through, and none cuts the
 * transfer of a regular file short. kicks DIRECTORY
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static volatile long handled;
static volatile int over, short_reads;
static int ends[2], file, set;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void *busy(void *argument)
{
	while (!over)
		close(dup(0));
	return argument;
}

static void wait_sleeping(void)
{
	nanosleep(&(struct timespec){100, 0}, NULL);
}

static void wait_reading(void)
{
	char c;
	if (read(ends[0], &c, 1) == 1)
		short_reads++;
}

static void wait_polling(void)
{
	poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 100000);
}

static void wait_epoll(void)
{
	struct epoll_event event;
	epoll_wait(set, &event, 1, 100000);
}

static void read_file(void)
{
	char data[512];
	if (pread(file, data, sizeof data, 0) != sizeof data)
		short_reads++;
}

static void poll_at_once(void)
{
	if (poll(&(struct pollfd){.fd = file, .events = POLLIN}, 1, 0) != 1)
		short_reads++;
}

static void *waiter(void *argument)
{
	void (*wait_here)(void) = *(void (**)(void))argument;

	while (!over)
		wait_here();
	return NULL;
}

/* Did each signal's handler run within two seconds? */
static int all_come(void (*wait_here)(void), int rounds)
{
	pthread_t one, others[2];
	unsigned random = 1;
	int good = 1;

	over = 0;
	pthread_create(&one, NULL, waiter, &wait_here);
	for (int i = 0; i < 2; i++)
		pthread_create(&others[i], NULL, busy, NULL);
	for (int round = 0; good && round < rounds; round++) {
		struct timespec start, now;
		long before = handled;
		pthread_kill(one, SIGUSR1);
		clock_gettime(CLOCK_MONOTONIC, &start);
		do
			clock_gettime(CLOCK_MONOTONIC, &now);
		while (handled == before && now.tv_sec - start.tv_sec < 3);
		if (handled == before) {
			printf("# round %d\n", round);
			good = 0;
		}
		random = random * 1103515245 + 12345;
		for (volatile unsigned i = random >> 16 & 0x3ff; i; i--)
			;
	}
	over = 1;
	while (pthread_tryjoin_np(one, NULL)) {
		pthread_kill(one, SIGUSR1);
		usleep(1000);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(others[i], NULL);
	return good;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	char name[256], data[512] = "";

	snprintf(name, sizeof name, "%s/kicks", argc > 1 ? argv[1] : "/tmp");
	file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	set = epoll_create1(0);
	if (file < 0 || write(file, data, sizeof data) != sizeof data || pipe(ends) || set < 0 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){.events = EPOLLIN}) || sigaction(SIGUSR1, &action, NULL))
		return 1;
	unlink(name);
	ok(all_come(wait_sleeping, 2000), "a sleep");
	ok(all_come(wait_reading, 300), "an empty pipe");
	ok(all_come(wait_polling, 300), "poll");
	ok(all_come(wait_epoll, 300), "epoll");
	ok(!short_reads, "nothing was read");
	ok(all_come(read_file, 300), "a regular file's reads");
	ok(!short_reads, "all of them whole");
	ok(all_come(poll_at_once, 300), "polls that do not wait");
	ok(!short_reads, "and are not interrupted");
	return DONE();
}
