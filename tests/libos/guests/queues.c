/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * POSIX message queues, as Linux has them. Natively the process leaves the caller's queues alone: names with its number.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define QUEUE (mqd_t)-1
static char name[64];
static struct mq_attr small = {.mq_maxmsg = 2, .mq_msgsize = 16};
static volatile sig_atomic_t told, code, value, sender, interrupted;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (signal == SIGALRM) {
		interrupted++;
		return;
	}
	told++;
	code = info->si_code;
	value = info->si_value.sival_int;
	sender = info->si_pid;
}

static struct timespec soon(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void names(void)
{
	char longer[300] = "/";
	struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 16}, a;
	struct stat s;

	memset(longer + 1, 'x', 290);
	FAILS(mq_open(name, O_RDONLY), ENOENT);
	FAILS(mq_open("/a/b", O_RDONLY | O_CREAT, 0600, NULL), EACCES);
	FAILS(mq_open(longer, O_RDONLY | O_CREAT, 0600, NULL), ENAMETOOLONG);
	FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &bad), EINVAL);
	mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &small);
	OK(q != QUEUE);
	FAILS(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &small), EEXIST);
	OK(!mq_getattr(q, &a) && a.mq_maxmsg == 2 && a.mq_msgsize == 16 && a.mq_curmsgs == 0 && a.mq_flags == 0);
	OK((fcntl(q, F_GETFD) & FD_CLOEXEC) && !fstat(q, &s) && (s.st_mode & 0777) == 0600);
	a.mq_flags = O_NONBLOCK;
	OK(!mq_setattr(q, &a, NULL) && !mq_getattr(q, &a) && a.mq_flags == O_NONBLOCK && a.mq_maxmsg == 2);
	mqd_t reader = mq_open(name, O_RDONLY);
	FAILS(mq_send(reader, "x", 1, 0), EBADF);
	FAILS(mq_send(1, "x", 1, 0), EBADF);
	OK(!mq_unlink(name) && !mq_send(q, "left", 4, 0));
	FAILS(mq_unlink(name), ENOENT);
	char text[16];
	OK(mq_receive(reader, text, sizeof text, NULL) == 4);
	OK(!mq_close(reader) && !mq_close(q));
	FAILS(mq_close(q), EBADF);
}

static void messages(void)
{
	char text[16];
	unsigned priority;
	struct timespec past = {.tv_sec = 1}, wrong = {.tv_nsec = 1000000000}, t;
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &(struct mq_attr){.mq_maxmsg = 4, .mq_msgsize = 16});

	OK(!mq_send(q, "low", 3, 1) && !mq_send(q, "high", 4, 5) && !mq_send(q, "low2", 4, 1) && !mq_send(q, "", 0, 0));
	OK(mq_receive(q, text, sizeof text, &priority) == 4 && !memcmp(text, "high", 4) && priority == 5);
	OK(mq_receive(q, text, sizeof text, &priority) == 3 && !memcmp(text, "low", 3) && priority == 1);
	OK(mq_receive(q, text, sizeof text, NULL) == 4 && !memcmp(text, "low2", 4));
	OK(mq_receive(q, text, sizeof text, &priority) == 0 && priority == 0);
	FAILS(mq_receive(q, text, 15, NULL), EMSGSIZE);
	FAILS(mq_send(q, "0123456789abcdefg", 17, 0), EMSGSIZE);
	FAILS(mq_send(q, "x", 1, 32768), EINVAL);
	FAILS(mq_timedreceive(q, text, sizeof text, NULL, &past), ETIMEDOUT);
	FAILS(mq_timedreceive(q, text, sizeof text, NULL, &wrong), EINVAL);
	t = soon(30);
	FAILS(mq_timedreceive(q, text, sizeof text, NULL, &t), ETIMEDOUT);
	for (int i = 0; i < 4; i++)
		mq_send(q, "x", 1, 0);
	t = soon(30);
	FAILS(mq_timedsend(q, "x", 1, 0, &t), ETIMEDOUT);
	struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};
	OK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	mq_receive(q, text, sizeof text, NULL);
	OK(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLOUT));
	mq_close(q);
	mq_unlink(name);
}

static void *send_later(void *q)
{
	usleep(20000);
	mq_send(*(mqd_t *)q, "later", 5, 3);
	return NULL;
}

static void waiting(void)
{
	char text[16];
	pthread_t thread;
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &small);
	struct pollfd p = {.fd = q, .events = POLLIN};

	pthread_create(&thread, NULL, send_later, &q);
	OK(mq_receive(q, text, sizeof text, NULL) == 5 && !memcmp(text, "later", 5));
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, send_later, &q);
	OK(poll(&p, 1, 2000) == 1 && p.revents == POLLIN && mq_receive(q, text, sizeof text, NULL) == 5);
	pthread_join(thread, NULL);
	sigaction(SIGALRM, &a, NULL);
	ualarm(20000, 0);
	FAILS(mq_receive(q, text, sizeof text, NULL), EINTR);
	if (FORKS) {
		/* Between processes, in order, through a queue that is full most of the time. */
		pid_t child = fork();
		if (!child) {
			for (int i = 0; i < 200; i++)
				mq_send(q, (char *)&i, sizeof i, 0);
			_exit(0);
		}
		int right = 0, n;
		for (int i = 0; i < 200; i++)
			right += mq_receive(q, text, sizeof text, NULL) == sizeof n && (memcpy(&n, text, sizeof n), n == i);
		OK(right == 200);
		waitpid(child, NULL, 0);
	}
	mq_close(q);
	mq_unlink(name);
}

static void notification(void)
{
	char text[16];
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &small), other = mq_open(name, O_RDWR);

	sigaction(SIGUSR1, &a, NULL);
	OK(!mq_notify(q, &e));
	FAILS(mq_notify(other, &e), EBUSY);
	OK(!mq_send(q, "a", 1, 0) && told == 1 && code == SI_MESGQ && value == 42 && sender == getpid());
	OK(!mq_notify(q, &e) && !mq_send(q, "b", 1, 0) && told == 1);   /* it was not empty */
	mq_receive(q, text, sizeof text, NULL);
	mq_receive(q, text, sizeof text, NULL);
	OK(!mq_notify(q, NULL) && !mq_send(q, "c", 1, 0) && told == 1);
	mq_receive(q, text, sizeof text, NULL);
	/* Whoever closes a descriptor of the queue, whichever, is no longer told. */
	OK(!mq_notify(q, &e) && !mq_close(other) && !mq_notify(q, &e));
	e.sigev_signo = 99;
	FAILS(mq_notify(q, &e), EINVAL);
	if (FORKS) {
		/* A child's registration ends with it. */
		mq_notify(q, NULL);
		pid_t child = fork();
		if (!child)
			_exit(mq_notify(q, &(struct sigevent){.sigev_notify = SIGEV_NONE}) != 0);
		int status;
		OK(waitpid(child, &status, 0) == child && status == 0 && !mq_notify(q, &(struct sigevent){.sigev_notify = SIGEV_NONE}));
	}
	mq_close(q);
	mq_unlink(name);
}

static void limits(void)
{
	struct rlimit l;

	OK(!getrlimit(RLIMIT_MSGQUEUE, &l) && l.rlim_cur > 0);
	l.rlim_cur = 1000;
	OK(!setrlimit(RLIMIT_MSGQUEUE, &l));
	FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &(struct mq_attr){.mq_maxmsg = 8, .mq_msgsize = 1024}), EMFILE);
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &small);
	OK(q != QUEUE && !mq_close(q) && !mq_unlink(name));
}

int main(void)
{
	snprintf(name, sizeof name, "/carrel-queue-%d", getpid());
	names();
	messages();
	waiting();
	notification();
	limits();
	return DONE();
}
