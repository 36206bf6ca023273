/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * tcp serve PORT: echoes what each connection sends, with one thread and epoll. tcp ask HOST PORT [SLOWNESS]: connects and checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

static void need(int ok, const char *what)
{
	if (!ok) {
		printf("not ok - %s (%s)\n", what, strerror(errno));
		exit(1);
	}
}

static int serve(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0), one = 1;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
	static char buffer[300000];

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	need(!bind(listener, (struct sockaddr *)&at, sizeof at), "bind");
	need(!listen(listener, 128), "listen");
	epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(set, events, 64, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				while ((fd = accept4(listener, NULL, NULL, 0)) >= 0) {
					event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
					epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
				}
				continue;
			}
			ssize_t got = read(fd, buffer, sizeof buffer);
			if (got > 0 && !memcmp(buffer, "QUIT", 4))
				abort();
			if (got <= 0 || write(fd, buffer, (size_t)got) != got)
				close(fd);
		}
	}
}

static int reach(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	need(!getaddrinfo(host, port, &hints, &found), "the name resolves");
	for (int i = 0; i < 200; i++) {
		int fd = socket(found->ai_family, SOCK_STREAM, 0);
		if (!connect(fd, found->ai_addr, found->ai_addrlen))
			return fd;
		close(fd);
		usleep(10000);
	}
	need(0, "connect");
	return -1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void all(int fd, char *at, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, at + done, n - done);
		need(got > 0, "read");
		done += (size_t)got;
	}
}

int main(int argc, char **argv)
{
	char answer[64] = "", *large = malloc(4000000), *back = malloc(4000000);

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	need(argc == 4 || argc == 5, "usage");
	int trips = 100000 / (argc == 5 ? atoi(argv[4]) : 1);
	int fd = reach(argv[2], argv[3]), other = reach(argv[2], argv[3]);
	need(write(fd, "hello", 5) == 5 && read(fd, answer, 64) == 5 && !memcmp(answer, "hello", 5), "an echo");
	struct pollfd p = {.fd = other, .events = POLLIN | POLLOUT};
	need(poll(&p, 1, 0) == 1 && p.revents == POLLOUT, "nothing to read on the second");
	need(recv(other, answer, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "EAGAIN");
	for (int i = 0; i < 4000000; i++)
		large[i] = (char)(i * 7 + i / 1000);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	size_t out = 0, in = 0;
	while (in < 4000000) {
		struct pollfd q = {.fd = fd, .events = (short)(POLLIN | (out < 4000000 ? POLLOUT : 0))};
		need(poll(&q, 1, 5000) == 1, "progress");
		if (q.revents & POLLOUT) {
			ssize_t n = write(fd, large + out, 4000000 - out);
			out += n > 0 ? (size_t)n : 0;
		}
		if (q.revents & POLLIN) {
			ssize_t n = read(fd, back + in, 4000000 - in);
			need(n > 0, "read back");
			in += (size_t)n;
		}
	}
	need(!memcmp(large, back, 4000000), "4 MB come back as they went");
	fcntl(fd, F_SETFL, 0);
	double start = now();
	for (int i = 0; i < trips; i++)
		need(write(fd, "x", 1) == 1 && read(fd, answer, 1) == 1, "ping");
	printf("# round trip %.2f us\n", (now() - start) * 1e6 / trips);
	struct sockaddr_in a;
	socklen_t length = sizeof a;
	need(!getpeername(fd, (struct sockaddr *)&a, &length) && a.sin_port == htons((uint16_t)atoi(argv[3])), "getpeername");
	shutdown(fd, SHUT_WR);
	need(read(fd, answer, 1) == 0, "the other side closes after the half-close");
	close(fd);
	write(other, "QUIT", 4);
	all(other, answer, 0);
	p.events = POLLIN;
	need(poll(&p, 1, 5000) == 1, "the crash of the other side is seen");
	need(read(other, answer, 1) <= 0, "and is an end");
	need(write(other, "x", 1) == -1 && (errno == EPIPE || errno == ECONNRESET), "writing fails");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(0x0a000001);
	a.sin_port = htons(9);
	need(connect(fd, (struct sockaddr *)&a, sizeof a) == -1 && errno == ECONNREFUSED, "nobody listens: ECONNREFUSED");
	printf("ok\n");
	return 0;
}
