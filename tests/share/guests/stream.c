/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * stream serve / stream use: CP_Streams by name (`bytes`, `messages`, `in`, `out`; `secret` is granted to the server alone), and AF_UNIX at a node
 * of a volume that both have at /shared.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <carrel/cp_stream.h>
#include "opened.h"
#include "../../libos/guests/has_fork.h"

#define LARGE 3000000

static void need(int ok, const char *what)
{
	static int n;

	printf("%s %d - %s%s%s\n", ok ? "ok" : "not ok", ++n, what, ok ? "" : ": ", ok ? "" : strerror(errno));
	fflush(stdout);
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 11));
}

static void *echo(void *argument)
{
	int listener = (int)(long)argument, fd;
	char *buffer = malloc(LARGE);

	while ((fd = cp_stream_accept(listener)) >= 0) {
		ssize_t n;
		while ((n = read(fd, buffer, LARGE)) > 0) {
			if (n == 4 && !memcmp(buffer, "die!", 4))
				kill(getpid(), SIGKILL);
			if (n == 4 && !memcmp(buffer, "gone", 4))
				break;
			for (ssize_t at = 0, out; at < n && (out = write(fd, buffer + at, (size_t)(n - at))) > 0;)
				at += out;
		}
		close(fd);
	}
	return NULL;
}

static int serve(void)
{
	pthread_t threads[8];
	int n = 0, in = cp_stream_listen("in", CP_STREAM_BYTES, 4), unix_one = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/shared/socket"};

	signal(SIGPIPE, SIG_IGN);
	pthread_create(&threads[n++], NULL, echo, (void *)(long)cp_stream_listen("bytes", CP_STREAM_BYTES, 10));
	pthread_create(&threads[n++], NULL, echo, (void *)(long)cp_stream_listen("bytes2", CP_STREAM_BYTES, 10));
	pthread_create(&threads[n++], NULL, echo, (void *)(long)cp_stream_listen("messages", CP_STREAM_MESSAGES, 10));
	if (cp_stream_listen("bytes", CP_STREAM_BYTES, 1) >= 0 || errno != EADDRINUSE)
		printf("not ok - a name twice\n");
	if (cp_stream_listen("secret", CP_STREAM_BYTES, 1) < 0 || cp_stream_listen("nobody", CP_STREAM_BYTES, 1) >= 0 || errno != EACCES)
		printf("not ok - only granted names\n");
	if (bind(unix_one, (struct sockaddr *)&at, sizeof at) || listen(unix_one, 5))
		printf("not ok - a node: %s\n", strerror(errno));
	pthread_create(&threads[n++], NULL, echo, (void *)(long)unix_one);
	/* One way only: what comes goes to the trace of `use` by its count. */
	int fd = cp_stream_accept(in);
	char buffer[4096];
	size_t total = 0;
	for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
		total += (size_t)got;
	char text[32];
	int length = snprintf(text, sizeof text, "%zu", total);
	if (write(fd, text, (size_t)length) != length)
		printf("not ok - answer\n");
	close(fd);
	pause();
	return 0;
}

static void *sender(void *argument)
{
	unsigned char *out = malloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		out[i] = pattern(i);
	for (size_t at = 0; at < LARGE;) {
		ssize_t n = write((int)(long)argument, out + at, at % 3 ? 200000 < LARGE - at ? 200000 : LARGE - at : 1 + at % 5);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	free(out);
	return NULL;
}

static void both_ways(int fd, const char *what, int flags)
{
	unsigned char *in = malloc(LARGE);
	pthread_t thread;
	size_t at = 0, bad = 0;

	pthread_create(&thread, NULL, sender, (void *)(long)fd);
	while (at < LARGE) {
		ssize_t n = recv(fd, in + at, LARGE - at, flags);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	pthread_join(thread, NULL);
	for (size_t i = 0; i < at; i++)
		bad += in[i] != pattern(i);
	need(at == LARGE && !bad, what);
	free(in);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/* The far end fills a posted buffer, on its own or together with its poster; one that turns out not to be writable costs nobody a byte. */
static void *late_sender(void *argument)
{
	static unsigned char out[60000];
	int fd = ((int *)argument)[0];

	usleep((useconds_t)((int *)argument)[1]);
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = pattern(i);
	if (write(fd, out, sizeof out) != sizeof out)
		printf("not ok - a late sender\n");
	return NULL;
}

static int bad_posts(int fd)
{
	unsigned char *none = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), in[60000];
	int good = 0;

	for (int i = 0; i < 20; i++) {
		int how[2] = {fd, i % 2 ? 20000 : 0};           /* it sleeps by then, or just looks */
		size_t at = 0, right = 0;
		pthread_t thread;
		pthread_create(&thread, NULL, late_sender, how);
		int refused = read(fd, none, 65536) == -1 && errno == EFAULT;
		for (ssize_t n; at < sizeof in && (n = read(fd, in + at, sizeof in - at)) > 0;)
			at += (size_t)n;
		pthread_join(thread, NULL);
		while (right < at && in[right] == pattern(right))
			right++;
		good += refused && right == sizeof in;
	}
	munmap(none, 65536);
	return good == 20;
}

static int use(void)
{
	char text[65536] = "";
	int fd = opened("bytes", CP_STREAM_BYTES), n;

	signal(SIGPIPE, SIG_IGN);
	need(fd >= 0, "a name opens");
	need(write(fd, "abc", 3) == 3 && read(fd, text, 64) == 3 && !memcmp(text, "abc", 3), "bytes go and come");
	both_ways(fd, "3 MB each way, pieces of all sizes", 0);
	both_ways(fd, "the same, waiting for all of it", MSG_WAITALL);
	write(fd, "0123456789", 10);
	need(recv(fd, text, 4, MSG_PEEK | MSG_WAITALL) == 4 && recv(fd, text, 10, MSG_WAITALL) == 10 && !memcmp(text, "0123456789", 10), "a look, then all");
	struct iovec parts[3] = {{(void *)"one ", 4}, {(void *)"", 0}, {(void *)"two", 3}};
	need(writev(fd, parts, 3) == 7 && recv(fd, text, 7, MSG_WAITALL) == 7 && !memcmp(text, "one two", 7), "a vector");
	write(fd, "xyz", 3);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	need(poll(&p, 1, 2000) == 1 && !ioctl(fd, FIONREAD, &n) && n == 3, "FIONREAD");
	read(fd, text, 64);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	need(read(fd, text, 1) == -1 && errno == EAGAIN, "nothing there: EAGAIN");
	fcntl(fd, F_SETFL, 0);
	struct sigaction action = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	need(read(fd, text, sizeof text) == -1 && errno == EINTR && alarms == 1, "a signal ends a wait whose buffer was posted");
	memset(text, 'q', sizeof text);
	write(fd, "later", 5);
	usleep(50000);
	need(text[0] == 'q' && text[4] == 'q', "and nothing comes into it afterwards");
	need(read(fd, text, 64) == 5, "but to who asks");
	need(read(fd, (void *)16, 4) == -1 || errno == EFAULT, "a bad buffer");
	need(write(fd, (void *)16, 4) == -1 && errno == EFAULT, "bad data: EFAULT");
	need(bad_posts(fd), "a posted buffer that cannot be written: EFAULT, and nothing is lost");
	if (FORKS) {
		n = fork();
		if (!n)
			_exit(write(fd, "kid", 3) == 3 && read(fd, text, 8) == 3 ? 7 : 1);
		waitpid(n, &n, 0);
		need(WEXITSTATUS(n) == 7, "a child uses it");
	}

	int m = opened("messages", CP_STREAM_MESSAGES);
	need(m >= 0 && send(m, "first", 5, 0) == 5 && send(m, "second", 6, 0) == 6, "messages go");
	need(recv(m, text, 64, 0) == 5 && recv(m, text, 64, 0) == 6 && !memcmp(text, "second", 6), "and come one by one");
	struct iovec halves[2] = {{(void *)"ab", 2}, {(void *)"cd", 2}};
	struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
	char left[3] = "", right[3] = "";
	struct iovec into[2] = {{left, 2}, {right, 1}};
	need(sendmsg(m, &message, 0) == 4, "one of two pieces");
	message.msg_iov = into;
	need(recvmsg(m, &message, 0) == 3 && !strcmp(left, "ab") && right[0] == 'c' && (message.msg_flags & MSG_TRUNC), "is cut to fit, and says so");
	char *most = calloc(1, 131069);
	need(send(m, most, 131069, 0) == -1 && errno == EMSGSIZE, "longer than can be: EMSGSIZE");
	need(send(m, most, 131068, 0) == 131068 && recv(m, most, 131069, 0) == 131068, "as long as can be");
	need(opened("messages", CP_STREAM_BYTES) == -1 && errno == EPROTOTYPE, "of the other kind: EPROTOTYPE");

	need(cp_stream_open("secret", CP_STREAM_BYTES) == -1 && errno == EACCES, "not granted: EACCES");
	need(cp_stream_open("none-such", CP_STREAM_BYTES) == -1 && errno == EACCES, "unknown: EACCES too");
	need(cp_stream_listen("bytes", CP_STREAM_BYTES, 1) == -1 && errno == EACCES, "to open is not to create");
	int in = opened("in", CP_STREAM_BYTES);
	need(in >= 0 && write(in, text, 1000) == 1000, "one way: sends");
	need(read(in, text, 1) == -1 && errno == EACCES, "and may not receive");
	shutdown(in, SHUT_WR);

	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/shared/socket"};
	int u = socket(AF_UNIX, SOCK_STREAM, 0);
	need(!connect(u, (struct sockaddr *)&at, sizeof at) && write(u, "node", 4) == 4 && read(u, text, 64) == 4, "AF_UNIX by a node that both have");
	struct ucred who;
	socklen_t length = sizeof who;
	need(!getsockopt(u, SOL_SOCKET, SO_PEERCRED, &who, &length) && who.uid == (uid_t)-1, "its peer is nobody");
	write(u, "gone", 4);
	need(read(u, text, 1) == 0 && write(u, "x", 1) == -1 && errno == EPIPE, "the other side closes");
	int spare = opened("bytes2", CP_STREAM_BYTES);
	write(spare, "die!", 4);
	need(read(fd, text, 1) <= 0 && read(m, text, 64) <= 0, "it is killed: who waits hears of it");
	need(write(fd, "x", 1) == -1, "and cannot send");
	need(cp_stream_open("bytes", CP_STREAM_BYTES) == -1 && errno == ECONNREFUSED, "nor connect");
	return 0;
}

int main(int argc, char **argv)
{
	return argc == 2 && !strcmp(argv[1], "serve") ? serve() : use();
}
