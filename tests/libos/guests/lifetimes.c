/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What others wait for goes away under them: a socket that somebody wants to send to, and the process whose signals an epoll set
 * watches. Found by tests/fuzz. Also built for the host, where it must pass as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = "\0carrel-lifetimes"};

static void *sender(void *argument)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)argument;
	if (connect(s, (void *)&place, sizeof place))
		return (void *)1;
	while (send(s, "to whom it may concern", 22, MSG_NOSIGNAL) > 0)
		;
	int error = errno;
	close(s);
	return (void *)(long)error;
}

/* The end that stays, though the other is gone and its memory something else's. */
static int pairs(void)
{
	int good = 1;

	for (int round = 0; round < 200; round++) {
		int pair[2], more[8];
		char text[8];
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) || send(pair[0], "x", 1, 0) != 1)
			return 0;
		if (round & 1) {        /* the one end has left the other before */
			struct sockaddr none = {.sa_family = AF_UNSPEC};
			connect(pair[0], &none, sizeof none);
		}
		close(pair[0]);
		for (int i = 0; i < 8; i += 2)
			socketpair(AF_UNIX, SOCK_STREAM, 0, more + i);
		send(pair[1], "y", 1, MSG_NOSIGNAL);
		recv(pair[1], text, 8, 0);
		recv(pair[1], text, 8, 0);
		send(pair[1], "y", 1, MSG_NOSIGNAL);
		for (int i = 0; i < 8; i++)
			good &= recv(more[i], text, 8, MSG_DONTWAIT) == -1 && errno == EAGAIN;
		for (int i = 0; i < 8; i++)
			close(more[i]);
		close(pair[1]);
	}
	return good;
}

/* Rounds, so that what was freed is used again for something else. */
static int senders(void)
{
	int good = 1;

	for (int round = 0; round < 50; round++) {
		pthread_t threads[4];
		void *result;
		int l = socket(AF_UNIX, SOCK_DGRAM, 0);
		if (l < 0 || bind(l, (void *)&place, sizeof place))
			return 0;
		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, sender, NULL);
		usleep(2000);           /* most are asleep at a full queue */
		close(l);
		int others[2];
		socketpair(AF_UNIX, SOCK_DGRAM, 0, others);
		for (int i = 0; i < 4; i++) {
			pthread_join(threads[i], &result);
			good &= (long)result == ECONNREFUSED || (long)result == ENOTCONN || (long)result == 1;
		}
		good &= send(others[0], "x", 1, 0) == 1 && recv(others[1], &result, 1, 0) == 1;
		close(others[0]);
		close(others[1]);
	}
	return good;
}

static int watchers(void)
{
	int good = 1, set = epoll_create1(0);

	for (int round = 0; round < 50; round++) {
		pid_t child = fork();
		if (!child) {           /* its watch is on its own signals, in a set that its parent has, too */
			sigset_t signals;
			sigemptyset(&signals);
			sigaddset(&signals, SIGUSR1);
			sigprocmask(SIG_BLOCK, &signals, NULL);
			int fd = signalfd(-1, &signals, 0);
			struct epoll_event event = {.events = EPOLLIN};
			_exit(fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
		}
		int status;
		good &= waitpid(child, &status, 0) == child && !status;
		struct epoll_event event;
		good &= epoll_wait(set, &event, 1, 0) >= 0;
		if (round % 10 == 9) {
			close(set);
			set = epoll_create1(0);
		}
	}
	close(set);
	return good;
}

int main(void)
{
	ok(senders(), "senders to a socket that is closed hear of it");
	ok(!FORKS || watchers(), "epoll sets outlive the process whose signals they watch");
	ok(pairs(), "one end of a pair outlives the other");
	return DONE();
}
