/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * epoll, timerfd, signalfd, fifos, and what they say of each other, as Linux has them.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "tap.h"

static int add(int e, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(e, EPOLL_CTL_ADD, fd, &event);
}

static long long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void *write_later(void *a)
{
	usleep(50000);
	return (void *)write((int)(long)a, "x", 1);
}

static void sets(const char *folder)
{
	int e = epoll_create1(EPOLL_CLOEXEC), p[2], s[2];
	struct epoll_event got[8];
	char text[64], name[300];

	ok(e >= 0 && fcntl(e, F_GETFD) == FD_CLOEXEC && !pipe(p), "epoll_create1");
	ok(!add(e, p[0], EPOLLIN, 7), "a pipe's end");
	ok(add(e, p[0], EPOLLIN, 7) == -1 && errno == EEXIST, "EEXIST");
	ok(add(e, e, EPOLLIN, 7) == -1 && errno == EINVAL && add(e, 99, EPOLLIN, 7) == -1 && errno == EBADF, "EINVAL, EBADF");
	snprintf(name, sizeof name, "%s/plain", folder);
	int f = open(name, O_CREAT | O_RDWR, 0600);
	ok(add(e, f, EPOLLIN, 7) == -1 && errno == EPERM, "not a plain file: EPERM");
	close(f), unlink(name);
	ok(epoll_wait(e, got, 8, 0) == 0, "nothing yet");
	write(p[1], "ab", 2);
	ok(epoll_wait(e, got, 8, -1) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == 7, "then something");
	ok(epoll_wait(e, got, 8, 0) == 1 && read(p[0], text, 1) == 1 && epoll_wait(e, got, 8, 0) == 1, "level-triggered: as long as there is");
	ok(read(p[0], text, 1) == 1 && epoll_wait(e, got, 8, 0) == 0, "and no longer");
	struct epoll_event edge = {.events = EPOLLIN | EPOLLET, .data.u64 = 8};
	ok(!epoll_ctl(e, EPOLL_CTL_MOD, p[0], &edge), "EPOLL_CTL_MOD");
	write(p[1], "ab", 2);
	ok(epoll_wait(e, got, 8, 0) == 1 && got[0].data.u64 == 8 && epoll_wait(e, got, 8, 0) == 0, "edge-triggered: once");
	ok(read(p[0], text, 1) == 1 && epoll_wait(e, got, 8, 0) == 0, "reading is no edge");
	write(p[1], "c", 1);
	ok(epoll_wait(e, got, 8, 0) == 1, "more data is");
	struct epoll_event once = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 9};
	epoll_ctl(e, EPOLL_CTL_MOD, p[0], &once);
	ok(epoll_wait(e, got, 8, 0) == 1 && epoll_wait(e, got, 8, 0) == 0, "EPOLLONESHOT");
	write(p[1], "d", 1);
	ok(epoll_wait(e, got, 8, 0) == 0 && !epoll_ctl(e, EPOLL_CTL_MOD, p[0], &once) && epoll_wait(e, got, 8, 0) == 1, "until it is armed again");
	ok(!epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL) && epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL) == -1 && errno == ENOENT, "EPOLL_CTL_DEL, ENOENT");
	read(p[0], text, 64);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	ok(!add(e, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1) && epoll_wait(e, got, 8, 0) == 1 && got[0].events == EPOLLOUT, "a socket may be written to");
	ok(epoll_wait(e, got, 8, 0) == 0 && write(s[1], "x", 1) == 1 && epoll_wait(e, got, 8, 0) == 1 && (got[0].events & EPOLLIN), "and has data");
	close(s[1]);
	ok(epoll_wait(e, got, 8, 0) == 1 && (got[0].events & (EPOLLRDHUP | EPOLLHUP)) == (EPOLLRDHUP | EPOLLHUP), "and loses its other side");
	close(s[0]);
	ok(epoll_wait(e, got, 8, 0) == 0, "a closed one is forgotten");
	/* A thread wakes it. */
	pthread_t t;
	add(e, p[0], EPOLLIN, 3);
	pthread_create(&t, NULL, write_later, (void *)(long)p[1]);
	long long from = ms();
	ok(epoll_wait(e, got, 8, 5000) == 1 && ms() - from < 3000, "another thread wakes it");
	pthread_join(t, NULL);
	read(p[0], text, 64);
	from = ms();
	ok(epoll_wait(e, got, 8, 60) == 0 && ms() - from >= 59, "or its time is over");
	/* Together with a file of the host: standard input, where that can be watched. */
	int standard = add(e, 0, 0, 5);
	pthread_create(&t, NULL, write_later, (void *)(long)p[1]);
	from = ms();
	ok((!standard || errno == EPERM) && epoll_wait(e, got, 8, 5000) >= 1 && ms() - from < 3000, "also with a host file in the set");
	pthread_join(t, NULL);
	epoll_ctl(e, EPOLL_CTL_DEL, 0, NULL);
	/* A set in a set, and poll and select on it. */
	int outer = epoll_create1(0);
	ok(!add(outer, e, EPOLLIN, 4) && epoll_wait(outer, got, 8, 0) == 1 && got[0].data.u64 == 4, "a set in a set");
	ok(add(e, outer, EPOLLIN, 4) == -1 && errno == ELOOP, "but not in a circle");
	struct pollfd pf = {e, POLLIN, 0};
	fd_set r;
	FD_ZERO(&r);
	FD_SET(e, &r);
	struct timeval now = {0, 0};
	ok(poll(&pf, 1, 0) == 1 && select(e + 1, &r, NULL, NULL, &now) == 1, "poll and select see it");
	read(p[0], text, 64);
	ok(epoll_wait(outer, got, 8, 0) == 0 && poll(&pf, 1, 0) == 0, "and that it is over");
	int copy = dup(p[0]);
	close(p[0]);
	write(p[1], "x", 1);
	ok(epoll_wait(e, got, 8, 0) == 1, "a closed descriptor stays while its file is open");
	close(copy);
	ok(epoll_wait(e, got, 8, 0) == 0, "and goes with it");
	close(outer), close(e), close(p[1]);
}

static void timers(void)
{
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), e = epoll_create1(0), r = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec s = {.it_value = {0, 30000000}}, got;
	uint64_t n = 0;
	struct epoll_event event;

	ok(t >= 0 && read(t, &n, 8) == -1 && errno == EAGAIN, "a timerfd that is not armed");
	ok(!add(e, t, EPOLLIN, 1) && !timerfd_settime(t, 0, &s, NULL), "armed");
	ok(!timerfd_gettime(t, &got) && got.it_value.tv_sec == 0 && got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 30000000, "what is left");
	long long from = ms();
	ok(epoll_wait(e, &event, 1, 5000) == 1 && ms() - from >= 25 && ms() - from < 3000, "epoll waits for it");
	ok(read(t, &n, 8) == 8 && n == 1 && read(t, &n, 8) == -1, "it expired once");
	s.it_interval.tv_nsec = s.it_value.tv_nsec = 5000000;
	timerfd_settime(t, 0, &s, NULL);
	usleep(32000);
	ok(read(t, &n, 8) == 8 && n >= 5, "again and again");
	s = (struct itimerspec){0};
	ok(!timerfd_settime(t, 0, &s, &got) && got.it_interval.tv_nsec == 5000000 && epoll_wait(e, &event, 1, 20) == 0, "disarmed");
	clock_gettime(CLOCK_REALTIME, &s.it_value);
	s.it_value.tv_sec -= 1;
	ok(!timerfd_settime(r, TFD_TIMER_ABSTIME, &s, NULL) && read(r, &n, 8) == 8 && n == 1, "a time that has passed");
	clock_gettime(CLOCK_REALTIME, &s.it_value);
	s.it_value.tv_nsec += 20000000;
	if (s.it_value.tv_nsec >= 1000000000)
		s.it_value.tv_sec++, s.it_value.tv_nsec -= 1000000000;
	ok(!timerfd_settime(r, TFD_TIMER_ABSTIME, &s, NULL) && read(r, &n, 8) == 8 && n == 1, "a blocking read waits");
	ok(timerfd_create(77, 0) == -1 && errno == EINVAL && timerfd_settime(e, 0, &s, NULL) == -1 && errno == EINVAL, "EINVAL");
	close(t), close(r), close(e);
}

static void signals(void)
{
	sigset_t set;
	struct signalfd_siginfo info;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), e = epoll_create1(0);
	struct epoll_event event;
	ok(fd >= 0 && read(fd, &info, sizeof info) == -1 && errno == EAGAIN, "signalfd");
	add(e, fd, EPOLLIN, 1);
	ok(epoll_wait(e, &event, 1, 0) == 0 && !kill(getpid(), SIGUSR1) && epoll_wait(e, &event, 1, 1000) == 1, "epoll sees a signal");
	ok(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1 && info.ssi_pid == (uint32_t)getpid(), "and read takes it");
	if (FORKS) {
		pid_t child = fork();
		if (!child)
			_exit(3);
		ok(epoll_wait(e, &event, 1, 5000) == 1 && read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD && info.ssi_status == 3, "SIGCHLD");
		waitpid(child, NULL, 0);
		ok(epoll_wait(e, &event, 1, 0) == 0, "none is left");
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(fd), close(e);
}

static void fifos(const char *folder)
{
	char name[300], text[16];
	struct stat st;

	snprintf(name, sizeof name, "%s/fifo", folder);
	ok(!mkfifo(name, 0644) && !stat(name, &st) && S_ISFIFO(st.st_mode), "mkfifo");
	ok(open(name, O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO, "no reader: ENXIO");
	int r = open(name, O_RDONLY | O_NONBLOCK);
	ok(r >= 0 && read(r, text, 16) == 0, "a reader need not wait");
	struct pollfd p = {r, POLLIN, 0};
	ok(poll(&p, 1, 0) == 0, "and has not been hung up on yet");
	int w = open(name, O_WRONLY);
	ok(w >= 0 && write(w, "abc", 3) == 3 && read(r, text, 16) == 3, "through it");
	ok(read(r, text, 16) == -1 && errno == EAGAIN, "empty: EAGAIN");
	close(w);
	ok(poll(&p, 1, 0) == 1 && p.revents == POLLHUP && read(r, text, 16) == 0, "the writer is gone: POLLHUP");
	close(r);
	if (FORKS) {
		pid_t child = fork();
		if (!child) {
			w = open(name, O_WRONLY);
			write(w, "child", 5);
			_exit(0);
		}
		r = open(name, O_RDONLY);
		ok(r >= 0 && read(r, text, 16) == 5 && read(r, text, 16) == 0, "two processes meet at it");
		waitpid(child, NULL, 0);
		close(r);
	}
	int both = open(name, O_RDWR);
	ok(both >= 0 && write(both, "x", 1) == 1 && read(both, text, 1) == 1, "O_RDWR");
	close(both);
	ok(!unlink(name), "unlink");
}

static void splices(const char *folder)
{
	int p[2], s[2], f;
	char name[300], text[32] = {0};
	loff_t at = 4;

	snprintf(name, sizeof name, "%s/spliced", folder);
	f = open(name, O_CREAT | O_RDWR, 0600);
	write(f, "0123456789", 10);
	ok(!pipe(p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, s), "a file, a pipe, a socket");
	ok(splice(f, &at, p[1], NULL, 100, 0) == 6 && at == 10, "splice from a file to a pipe");
	ok(splice(p[0], NULL, s[0], NULL, 4, 0) == 4 && read(s[1], text, 32) == 4 && !memcmp(text, "4567", 4), "from the pipe to a socket");
	write(s[1], "socket", 6);
	ok(splice(s[0], NULL, p[1], NULL, 100, 0) == 6 && read(p[0], text, 32) == 8 && !memcmp(text, "89socket", 8), "and from the socket");
	ok(splice(p[0], NULL, s[0], NULL, 4, SPLICE_F_NONBLOCK) == -1 && errno == EAGAIN, "an empty pipe: EAGAIN");
	ok(splice(f, NULL, s[0], NULL, 4, 0) == -1 && errno == EINVAL, "no pipe: EINVAL");
	ok(splice(p[0], &at, s[0], NULL, 4, 0) == -1 && errno == ESPIPE, "a pipe has no offset: ESPIPE");
	close(f), close(p[0]), close(p[1]), close(s[0]), close(s[1]);
	unlink(name);
}

static void many(void)
{
	struct rlimit limit;
	int fds[3000], n = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 3100 ? limit.rlim_max : 3100;
	ok(!setrlimit(RLIMIT_NOFILE, &limit), "more descriptors");
	while (n < 3000 && (fds[n] = eventfd(0, 0)) >= 0)
		n++;
	ok(n == 3000 || (rlim_t)n + 16 >= limit.rlim_cur, "thousands of them");
	int e = epoll_create1(0), added = 0;
	for (int i = 0; i < n; i++)
		added += !add(e, fds[i], EPOLLIN, (uint64_t)i);
	uint64_t one = 1;
	for (int i = 0; i < n; i += 3)
		write(fds[i], &one, 8);
	struct epoll_event got[100];
	int seen = 0, k;
	while (seen < 3000 && (k = epoll_wait(e, got, 100, 0)) > 0)
		for (int i = 0; i < k; i++) {
			seen += got[i].data.u64 % 3 == 0;
			read(fds[got[i].data.u64], &one, 8);
		}
	ok(added == n && seen == (n + 2) / 3, "in one set: each is reported that is ready");
	for (int i = 0; i < n; i++)
		close(fds[i]);
	limit.rlim_cur = 10;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (n = 0; n < 20 && eventfd(0, 0) >= 0; n++)
		;
	ok(n < 10 && errno == EMFILE, "EMFILE at the limit");
}

/* As many events as there are, in one call. */
static void crowd(void)
{
	enum { CROWD = 300 };
	struct epoll_event e = {.events = EPOLLIN}, out[CROWD + 5];
	int fds[CROWD], set = epoll_create1(0), good = set >= 0;

	for (int i = 0; i < CROWD; i++) {
		e.data.u32 = (uint32_t)i;
		good &= (fds[i] = eventfd(1, 0)) >= 0 && !epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &e);
	}
	ok(good && epoll_wait(set, out, CROWD + 5, 0) == CROWD && epoll_wait(set, out, 200, 0) == 200, "hundreds of events at once");
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(set);
}

static void caught(int signal)
{
	(void)signal;
}

/* Waiting for a signal alone is a poll of nothing, which lies nowhere. */
static void nothing(void)
{
	struct sigaction action = {.sa_handler = caught}, before;
	int pair[2];

	OK(poll(NULL, 0, 1) == 0);
	OK(!pipe(pair) && write(pair[1], NULL, 0) == 0);
	sigaction(SIGALRM, &action, &before);
	alarm(1);
	FAILS(pause(), EINTR);
	sigaction(SIGALRM, &before, NULL);
	close(pair[0]);
	close(pair[1]);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/tmp";

	crowd();
	nothing();
	alarm(60);
	sets(folder);
	timers();
	signals();
	fifos(folder);
	splices(folder);
	many();
	return DONE();
}
