/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sockets within one system, as Linux has them: streams, datagrams, sequenced packets, names, descriptors under way.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "tap.h"

static const char *folder;
static char buffer[1 << 20];

static struct sockaddr_un path_address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", folder, name);
	return a;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int poll_one(int fd, int events, int timeout)
{
	struct pollfd p = {fd, events, 0};

	return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}

static void pairs(void)
{
	int s[2], flags;
	char small[16] = {0};
	struct stat st;

	ok(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), "socketpair");
	ok(fcntl(s[0], F_GETFD) == FD_CLOEXEC && !fstat(s[0], &st) && S_ISSOCK(st.st_mode), "its flag and its kind");
	ok(write(s[0], "hello", 5) == 5 && read(s[1], small, 16) == 5 && !strcmp(small, "hello"), "data goes through");
	ok(send(s[1], "ab", 2, 0) == 2 && recv(s[0], small, 1, MSG_PEEK) == 1 && recv(s[0], small, 16, 0) == 2, "MSG_PEEK leaves it there");
	ok(recv(s[0], small, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "MSG_DONTWAIT");
	ok(poll_one(s[0], POLLIN | POLLOUT, 0) == POLLOUT, "poll: may write only");
	ok(lseek(s[0], 0, SEEK_CUR) == -1 && errno == ESPIPE && pread(s[0], small, 1, 0) == -1 && errno == ESPIPE, "no seeking");
	struct iovec v[3] = {{"one", 3}, {"", 0}, {"two", 3}}, w[2] = {{small, 4}, {small + 8, 4}};
	memset(small, 0, sizeof small);
	ok(writev(s[0], v, 3) == 6 && readv(s[1], w, 2) == 6 && !memcmp(small, "onet", 4) && !memcmp(small + 8, "wo", 2), "vectors");
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	long total = 0, n;
	while ((n = write(s[0], buffer, sizeof buffer)) > 0)
		total += n;
	ok(n == -1 && errno == EAGAIN && total >= 65536, "a full one says EAGAIN");
	ok(!(poll_one(s[0], POLLOUT, 0) & POLLOUT), "and poll that it cannot be written to");
	long got = 0;
	while (got < total && (n = read(s[1], buffer, sizeof buffer)) > 0)
		got += n;
	ok(got == total && poll_one(s[0], POLLOUT, 0) == POLLOUT, "all of it arrives, and there is room again");
	ok(!shutdown(s[0], SHUT_WR) && read(s[1], small, 1) == 0 && write(s[1], "x", 1) == 1 && read(s[0], small, 1) == 1, "half-closed");
	ok(poll_one(s[1], POLLIN | POLLRDHUP, 0) == (POLLIN | POLLRDHUP), "POLLRDHUP");
	signal(SIGPIPE, SIG_IGN);
	ok(write(s[0], "x", 1) == -1 && errno == EPIPE, "EPIPE after SHUT_WR");
	close(s[1]);
	ok(send(s[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && (poll_one(s[0], 0, 0) & POLLHUP), "POLLHUP when the other side is gone");
	close(s[0]);
	ok(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) && send(s[0], "abc", 3, 0) == 3 && send(s[0], "de", 2, 0) == 2 && read(s[1], small, 2) == 2 &&
		   read(s[1], small, 16) == 2 && small[0] == 'd', "sequenced packets keep their borders and lose what does not fit");
	struct msghdr m = {.msg_iov = w, .msg_iovlen = 1};
	send(s[0], "12345678", 8, 0);
	ok(recvmsg(s[1], &m, 0) == 4 && (m.msg_flags & MSG_TRUNC), "MSG_TRUNC says so");
	close(s[0]);
	ok(read(s[1], small, 1) == 0, "and end with the other side");
	close(s[1]);
	ok(!socketpair(AF_UNIX, SOCK_DGRAM, 0, s) && send(s[0], "", 0, 0) == 0 && recv(s[1], small, 4, 0) == 0, "an empty datagram");
	flags = fcntl(s[0], F_GETFL);
	ok((flags & O_ACCMODE) == O_RDWR, "F_GETFL");
	close(s[0]);
	ok(send(s[1], "x", 1, MSG_NOSIGNAL) == -1 && (errno == ECONNREFUSED || errno == ECONNRESET) && send(s[1], "x", 1, MSG_NOSIGNAL) == -1,
	   "a datagram to a pair's other end that is gone");
	close(s[1]);
}

static void *closes(void *a)
{
	usleep(50000);
	return (void *)(long)close((int)(long)a);
}

/* Who waits for a socket that goes away does not wait on. */
static void waiting(void)
{
	struct sockaddr_un a = path_address("waiting");
	pthread_t t;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[3];

	ok(!bind(l, (void *)&a, sizeof a) && !listen(l, 0), "a listener without a backlog");
	for (int i = 0; i < 3; i++)
		c[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(c[0], (void *)&a, sizeof a);
	pthread_create(&t, NULL, closes, (void *)(long)l);
	ok(connect(c[1], (void *)&a, sizeof a) == -1 && errno == ECONNREFUSED, "goes while somebody waits to connect");
	pthread_join(t, NULL);
	unlink(a.sun_path);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	int r = socket(AF_UNIX, SOCK_DGRAM, 0), w = socket(AF_UNIX, SOCK_DGRAM, 0), sent = 0;
	ok(!bind(r, (void *)&a, sizeof a) && !connect(w, (void *)&a, sizeof a), "a receiver that does not receive");
	while (send(w, "x", 1, MSG_DONTWAIT) == 1)
		sent++;
	ok(errno == EAGAIN && sent >= 10, "is full at last");
	pthread_create(&t, NULL, closes, (void *)(long)r);
	ok(send(w, "x", 1, MSG_NOSIGNAL) == -1 && errno == ECONNREFUSED, "and goes while somebody waits to send");
	pthread_join(t, NULL);
	close(w);
	unlink(a.sun_path);
}

static void names(void)
{
	struct sockaddr_un a = path_address("socket"), b = {.sun_family = AF_UNIX}, got;
	socklen_t length = sizeof got;
	struct stat st;
	char text[16] = {0};
	struct ucred peer;

	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == ENOENT, "no such name");
	ok(!bind(l, (void *)&a, sizeof a) && !stat(a.sun_path, &st) && S_ISSOCK(st.st_mode), "bind makes a name");
	ok(open(a.sun_path, O_RDWR) == -1 && errno == ENXIO, "that cannot be opened");
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == ECONNREFUSED, "nobody listens");
	ok(bind(d, (void *)&a, sizeof a) == -1 && errno == EADDRINUSE, "a name is taken once");
	ok(accept(l, NULL, NULL) == -1 && errno == EINVAL, "accept needs listen");
	ok(!listen(l, 1) && poll_one(l, POLLIN, 0) == 0, "listen");
	ok(!connect(c, (void *)&a, sizeof a) && poll_one(l, POLLIN, 0) == POLLIN, "connect");
	ok(!connect(d, (void *)&a, sizeof a), "another waits");
	int e = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ok(connect(e, (void *)&a, sizeof a) == -1 && errno == EAGAIN, "a third finds the backlog full");
	ok(write(c, "early", 5) == 5, "data may go before accept");
	int s = accept4(l, (void *)&got, &length, SOCK_CLOEXEC);
	ok(s >= 0 && length == 2 && read(s, text, 16) == 5, "accept: the peer has no name");
	length = sizeof got;
	ok(!getpeername(c, (void *)&got, &length) && !strcmp(got.sun_path, a.sun_path), "getpeername");
	length = sizeof peer;
	ok(!getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &length) && peer.pid == getpid() && peer.uid == getuid(), "SO_PEERCRED");
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == EISCONN, "EISCONN");
	close(l);
	ok(recv(d, text, 1, 0) == -1 && errno == ECONNRESET, "who was never accepted is reset");
	ok(write(s, "still", 5) == 5 && read(c, text, 5) == 5, "an accepted one outlives its listener");
	ok(!unlink(a.sun_path), "its name is removed as a file's");
	close(c), close(d), close(e), close(s);
	/* Abstract. */
	memcpy(b.sun_path, "\0carrel-test", 12);
	socklen_t n = 2 + 12;
	l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(!bind(l, (void *)&b, n) && !listen(l, 5) && !connect(c, (void *)&b, n), "an abstract name");
	length = sizeof got;
	ok(!getsockname(l, (void *)&got, &length) && length == n, "and its length");
	close(l), close(c);
	l = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	ok(!bind(l, (void *)&b, n) && sendto(c, "x", 1, 0, (void *)&b, n) == 1 && recv(l, text, 2, 0) == 1, "the name is free again when its socket is gone");
	a = path_address("from");
	ok(!bind(c, (void *)&a, sizeof a) && sendto(c, "y", 1, 0, (void *)&b, n) == 1, "a datagram with a sender");
	length = sizeof got;
	ok(recvfrom(l, text, 2, 0, (void *)&got, &length) == 1 && !strcmp(got.sun_path, a.sun_path) && sendto(l, "z", 1, 0, (void *)&got, length) == 1 &&
		   recv(c, text, 2, 0) == 1 && text[0] == 'z', "can be answered");
	ok(!connect(c, (void *)&b, n) && send(c, "w", 1, 0) == 1 && recv(l, text, 1, 0) == 1, "connected datagrams");
	close(l);
	ok(send(c, "w", 1, 0) == -1 && errno == ECONNREFUSED, "to nobody: ECONNREFUSED");
	close(c);
	unlink(a.sun_path);
}

static void under_way(void)
{
	int s[2], p[2], fd = -1;
	char text[8] = {0}, control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec v = {"f", 1}, w = {text, 8};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, s) && !pipe(p), "sockets and a pipe");
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[0], sizeof(int));
	ok(write(s[0], "ab", 2) == 2 && sendmsg(s[0], &m, 0) == 1 && write(s[0], "cd", 2) == 2, "a descriptor goes among the data");
	close(p[0]);
	m.msg_iov = &w, m.msg_controllen = sizeof control;
	ok(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC) == 3 && !memcmp(text, "abf", 3) && (c = CMSG_FIRSTHDR(&m)) && c->cmsg_type == SCM_RIGHTS,
	   "comes with what was before it, and nothing behind");
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	m.msg_controllen = sizeof control;
	ok(recvmsg(s[1], &m, 0) == 2 && !memcmp(text, "cd", 2) && !m.msg_controllen, "the rest has none");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC && write(p[1], "through", 7) == 7 && read(fd, text, 8) == 7, "and works");
	close(fd), close(p[1]);
	int bad = 777, one = 1;
	m.msg_iov = &v, m.msg_controllen = CMSG_SPACE(sizeof(int));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &bad, sizeof bad);
	ok(sendmsg(s[0], &m, 0) == -1 && errno == EBADF, "one that is not there: EBADF");
	setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
	recv(s[1], text, 8, MSG_DONTWAIT);
	write(s[0], "c", 1);
	m.msg_iov = &w, m.msg_controllen = sizeof control;
	ok(recvmsg(s[1], &m, 0) == 1 && (c = CMSG_FIRSTHDR(&m)) && c->cmsg_type == SCM_CREDENTIALS && ((struct ucred *)CMSG_DATA(c))->pid == getpid(),
	   "SO_PASSCRED");
	if (FORKS) {
		pid_t child = fork();
		if (!child) {
			write(s[1], "child", 5);
			_exit(0);
		}
		ok(read(s[0], text, 8) == 5, "a child's end");
		waitpid(child, NULL, 0);
	}
	close(s[0]), close(s[1]);
}

static void *server(void *a)
{
	int l = (int)(long)a, s = accept(l, NULL, NULL);
	long n, total = 0;
	char b[4096];

	while ((n = read(s, b, sizeof b)) > 0)
		total += n;
	close(s);
	return (void *)total;
}

/* A connection that need not wait is still told of later. */
static void connecting(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t length = sizeof a;
	int error = -1, l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ok(!bind(l, (void *)&a, sizeof a) && !listen(l, 1) && !getsockname(l, (void *)&a, &length), "a listener");
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == EINPROGRESS, "connect without waiting: EINPROGRESS");
	length = sizeof error;
	ok(poll_one(c, POLLOUT, 1000) == POLLOUT && !getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &length) && !error, "then it is writable");
	ok(!connect(c, (void *)&a, sizeof a), "connect says so once");
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == EISCONN, "and then EISCONN");
	/* What is sent first to an end that has closed is lost in silence; its answer breaks the connection. */
	int s = accept(l, NULL, NULL);
	char byte;
	close(s);
	ok(poll_one(c, POLLIN, 1000) & POLLIN && read(c, &byte, 1) == 0, "the other end has closed");
	ok(send(c, "x", 1, MSG_NOSIGNAL) == 1, "the first to send to it hears nothing");
	usleep(20000);
	ok(send(c, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "the next hears EPIPE");
	close(c);
	close(l);
}

/* Descriptors in two control messages of one sendmsg arrive together. */
static void rights_apart(void)
{
	union {
		struct cmsghdr h;
		char room[2 * CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int s[2], p[2], got[2] = {-1, -1}, found = 0;

	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, s) && !pipe(p), "a pair and a pipe");
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	for (int i = 0; i < 2; i++) {
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &p[i], sizeof(int));
		h = (struct cmsghdr *)((char *)h + CMSG_SPACE(sizeof(int)));
	}
	ok(sendmsg(s[0], &m, 0) == 1, "two messages with a descriptor each");
	m.msg_controllen = sizeof control;
	ok(recvmsg(s[1], &m, 0) == 1, "come");
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		for (size_t i = 0; h->cmsg_type == SCM_RIGHTS && i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) && found < 2; i++)
			memcpy(&got[found++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	ok(found == 2 && write(got[1], "y", 1) == 1 && read(got[0], &byte, 1) == 1 && byte == 'y', "both, in their order");
	for (int i = 0; i < 2; i++)
		close(s[i]), close(p[i]), close(got[i]);
}

static void internet(void)
{
	struct sockaddr_in a = loopback(0), got;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t length = sizeof a;
	int on = 1, value;
	char text[64];

	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	ok(!setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) && !bind(l, (void *)&a, sizeof a) && !getsockname(l, (void *)&a, &length) &&
		   ntohs(a.sin_port) > 1024, "bind to any port");
	ok(connect(c, (void *)&a, sizeof a) == -1 && errno == ECONNREFUSED, "nobody listens: ECONNREFUSED");
	close(c);
	c = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	ok(!listen(l, 128) && !connect(c, (void *)&a, sizeof a), "connect");
	length = sizeof got;
	int s = accept(l, (void *)&got, &length);
	struct sockaddr_in mine;
	length = sizeof mine;
	ok(s >= 0 && !getsockname(c, (void *)&mine, &length) && mine.sin_port == got.sin_port && got.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
	   "accept gives the peer's address");
	ok(!setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
	length = sizeof value;
	ok(!getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &value, &length) && value, "is remembered");
	ok(!getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) && value == 1 && !getsockopt(c, SOL_SOCKET, SO_TYPE, &value, &length) &&
		   value == SOCK_STREAM, "SO_ACCEPTCONN, SO_TYPE");
	ok(write(s, "abc", 3) == 3 && !ioctl(c, FIONREAD, &value) && value == 3, "FIONREAD");
	ok(recv(c, text, 64, 0) == 3, "data");
	struct timeval limit = {0, 50000};
	struct timespec before, after;
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	clock_gettime(CLOCK_MONOTONIC, &before);
	ok(recv(c, text, 64, 0) == -1 && errno == EAGAIN, "SO_RCVTIMEO");
	clock_gettime(CLOCK_MONOTONIC, &after);
	ok((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 45, "waits so long");
	struct linger reset = {1, 0};
	setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(s);
	ok(recv(c, text, 64, 0) == -1 && errno == ECONNRESET, "SO_LINGER 0: a reset");
	close(c);
	/* Two threads and a lot of data. */
	pthread_t t;
	void *total;
	pthread_create(&t, NULL, server, (void *)(long)l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, (void *)&a, sizeof a);
	long sent = 0;
	for (int i = 0; i < 8; i++)
		sent += write(c, buffer, sizeof buffer);
	close(c);
	pthread_join(t, &total);
	ok(sent == 8 * (long)sizeof buffer && (long)total == sent, "8 MB between two threads");
	int other = socket(AF_INET, SOCK_STREAM, 0);
	ok(bind(other, (void *)&a, sizeof a) == -1 && errno == EADDRINUSE, "EADDRINUSE");
	close(other);
	close(l);
	/* IPv6, both at once. */
	l = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	length = sizeof any;
	ok(!bind(l, (void *)&any, sizeof any) && !listen(l, 5) && !getsockname(l, (void *)&any, &length), "IPv6, any address");
	six.sin6_port = any.sin6_port;
	c = socket(AF_INET6, SOCK_STREAM, 0);
	ok(!connect(c, (void *)&six, sizeof six), "is reached at ::1");
	a = loopback(ntohs(any.sin6_port));
	int four = socket(AF_INET, SOCK_STREAM, 0);
	ok(!connect(four, (void *)&a, sizeof a), "and at 127.0.0.1");
	struct sockaddr_in6 who;
	close(accept(l, NULL, NULL));
	length = sizeof who;
	s = accept(l, (void *)&who, &length);
	ok(length == sizeof who && IN6_IS_ADDR_V4MAPPED(&who.sin6_addr), "whose address is mapped");
	close(s), close(l), close(c), close(four);
	/* Datagrams. */
	l = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
	a = loopback(0);
	length = sizeof a;
	ok(!bind(l, (void *)&a, sizeof a) && !getsockname(l, (void *)&a, &length) && sendto(c, "ping", 4, 0, (void *)&a, sizeof a) == 4, "a datagram");
	length = sizeof got;
	ok(recvfrom(l, text, 64, 0, (void *)&got, &length) == 4 && sendto(l, "pong", 4, 0, (void *)&got, length) == 4 && recv(c, text, 64, 0) == 4 &&
		   !memcmp(text, "pong", 4), "and its answer");
	ok(sendto(c, buffer, 65508, 0, (void *)&a, sizeof a) == -1 && errno == EMSGSIZE, "too large: EMSGSIZE");
	struct mmsghdr mm[3] = {{{0}, 0}};
	struct iovec v[3] = {{"1", 1}, {"22", 2}, {"333", 3}};
	for (int i = 0; i < 3; i++)
		mm[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
	ok(!connect(c, (void *)&a, sizeof a) && sendmmsg(c, mm, 3, 0) == 3, "sendmmsg");
	char in[3][8];
	for (int i = 0; i < 3; i++)
		v[i] = (struct iovec){in[i], 8};
	ok(recvmmsg(l, mm, 3, MSG_WAITFORONE, NULL) == 3 && mm[2].msg_len == 3, "recvmmsg");
	close(l);
	close(c);
	/* sendfile and what cannot be. */
	int f[2], file;
	char name[300];
	snprintf(name, sizeof name, "%s/data", folder);
	file = open(name, O_CREAT | O_RDWR, 0600);
	write(file, "contents of a file", 18);
	socketpair(AF_UNIX, SOCK_STREAM, 0, f);
	off_t at = 9;
	ok(sendfile(f[0], file, &at, 100) == 9 && at == 18 && read(f[1], text, 64) == 9 && !memcmp(text, "of a file", 9), "sendfile to a socket");
	close(file), close(f[0]), close(f[1]);
	unlink(name);
	ok(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) == -1 || getuid() == 0, "no raw sockets");
	ok(socket(12345, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT, "EAFNOSUPPORT");
	ok(listen(0, 1) == -1 && (errno == ENOTSOCK || errno == EBADF) && bind(-1, (void *)&a, sizeof a) == -1 && errno == EBADF, "ENOTSOCK, EBADF");
	l = socket(AF_INET, SOCK_STREAM, 0);
	a = loopback(1234);
	ok(connect(l, (void *)1, sizeof a) == -1 && errno == EFAULT && bind(l, (void *)&a, 3) == -1 && errno == EINVAL, "bad addresses");
	a.sin_addr.s_addr = htonl(0x08080808);
	ok(bind(l, (void *)&a, sizeof a) == -1 && errno == EADDRNOTAVAIL, "EADDRNOTAVAIL");
	ok(send(l, "x", 1, MSG_NOSIGNAL) == -1 && (errno == EPIPE || errno == ENOTCONN) && recv(l, text, 1, 0) == -1 && errno == ENOTCONN, "not connected");
	close(l);
}

/* Bytes out of turn, on TCP. */
static void urgent(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t size = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), mark, n;
	char text[16];

	OK(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0 && getsockname(l, (struct sockaddr *)&a, &size) == 0);
	OK(connect(c, (struct sockaddr *)&a, sizeof a) == 0);
	int s = accept(l, NULL, NULL);
	FAILS(recv(s, text, 1, MSG_OOB), EINVAL);
	OK(send(c, "abc!", 4, MSG_OOB) == 4 && poll_one(s, POLLPRI, 2000) == POLLPRI && poll_one(s, POLLIN, 2000) == POLLIN);
	OK(send(c, "def", 3, 0) == 3 && ioctl(s, SIOCATMARK, &mark) == 0 && !mark);
	OK(ioctl(s, FIONREAD, &n) == 0 && n == 3);
	OK(recv(s, text, 1, MSG_OOB | MSG_PEEK) == 1 && *text == '!' && recv(s, text, 16, MSG_OOB) == 1 && *text == '!');
	OK(poll_one(s, POLLPRI, 0) == 0);
	FAILS(recv(s, text, 1, MSG_OOB), EINVAL);
	OK(recv(s, text, 16, 0) == 3 && !memcmp(text, "abc", 3) && ioctl(s, SIOCATMARK, &mark) == 0 && mark);
	OK(recv(s, text, 16, MSG_PEEK) == 3 && !memcmp(text, "def", 3) && recv(s, text, 16, 0) == 3 && !memcmp(text, "def", 3));
	OK(ioctl(s, SIOCATMARK, &mark) == 0 && !mark);
	/* Alone, it is nothing to be read in turn. */
	OK(send(c, "?", 1, MSG_OOB) == 1 && poll_one(s, POLLIN | POLLPRI, 2000) == POLLPRI && ioctl(s, SIOCATMARK, &mark) == 0 && mark);
	FAILS(recv(s, text, 16, MSG_DONTWAIT), EAGAIN);
	/* Nobody reads it: it goes by with what is behind it. A second one takes the first one's place. */
	OK(send(c, "x", 1, 0) == 1 && poll_one(s, POLLIN, 2000) == POLLIN && recv(s, text, 16, 0) == 1 && *text == 'x');
	FAILS(recv(s, text, 1, MSG_OOB), EINVAL);
	OK(send(c, "1", 1, MSG_OOB) == 1 && send(c, "2", 1, MSG_OOB) == 1 && send(c, "3", 1, 0) == 1);
	usleep(20000);
	OK(recv(s, text, 1, MSG_OOB) == 1 && *text == '2');
	OK(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == 0);
	OK(send(c, "in!", 3, MSG_OOB) == 3 && send(c, "line", 4, 0) == 4);
	usleep(20000);
	FAILS(recv(s, text, 1, MSG_OOB), EINVAL);
	size_t done = 0;
	for (ssize_t got; done < 16 && (got = recv(s, text + done, 16 - done, MSG_DONTWAIT)) > 0;)
		done += (size_t)got;
	OK(done >= 8 && !memcmp(text + done - 7, "in!line", 7));
	close(c), close(s), close(l);
}

int main(int argc, char **argv)
{
	folder = argc > 1 ? argv[1] : "/tmp";
	alarm(60);
	pairs();
	names();
	waiting();
	under_way();
	internet();
	urgent();
	connecting();
	rights_apart();
	return DONE();
}
