/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Two ends that exchange data, for bench/share: over CP_Streams in two cVMs, or natively over what the host has.
 *   stream listen                  (cVM) serves one connection after another on the stream `bench`
 *   stream open SIZE COUNT         (cVM) prints nanoseconds per message one way, and per round trip of 8 bytes
 *   stream native KIND SIZE COUNT  the same between two processes; KIND pipe, unix, tcp, shm (a ring of 128 KiB and futexes), vm (process_vm_readv,
 *                                  handed over by a pipe), memcpy (no second process)
 * The receiver looks at the first byte of each 4 KiB page, as a program that has got data would at least.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include <carrel/cp_stream.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

struct channel {
	int in, out;
	struct ring *ring;
	pid_t peer;
	char *there;
};

#define RING 131072u
struct ring {
	_Alignas(64) uint32_t put;
	uint32_t sleeps_put;
	_Alignas(64) uint32_t taken;
	uint32_t sleeps_taken;
	_Alignas(64) char data[RING];
};

static void word_wait(uint32_t *word, uint32_t seen, uint32_t *sleeps)
{
	for (int i = 0; i < 2000; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != seen)
			return;
		__builtin_ia32_pause();
	}
	__atomic_add_fetch(sleeps, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, seen, NULL, NULL, 0);
	__atomic_sub_fetch(sleeps, 1, __ATOMIC_SEQ_CST);
}

static void word_set(uint32_t *word, uint32_t value, uint32_t *sleeps)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(sleeps, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static void put(struct channel *c, char *from, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got;
		if (c->there) {
			uint64_t at = (uint64_t)(uintptr_t)from;
			got = write(c->out, &at, sizeof at) == sizeof at ? (ssize_t)n : -1;
			char answer;
			if (read(c->in, &answer, 1) != 1)
				die("handover");
		} else if (c->ring) {
			struct ring *r = c->ring;
			while (r->put - __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) == RING)
				word_wait(&r->taken, r->put - RING, &r->sleeps_taken);
			size_t room = RING - (r->put - r->taken), start = r->put % RING;
			room = room < RING - start ? room : RING - start;
			got = (ssize_t)(room < n - done ? room : n - done);
			memcpy(r->data + start, from + done, (size_t)got);
			word_set(&r->put, r->put + (uint32_t)got, &r->sleeps_put);
		} else
			got = write(c->out, from + done, n - done);
		if (got <= 0)
			die("send");
		done += (size_t)got;
	}
}

static int take(struct channel *c, char *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got;
		if (c->there) {
			uint64_t at;
			if (read(c->in, &at, sizeof at) != sizeof at)
				return 0;
			struct iovec here = {to, n}, there = {(void *)(uintptr_t)at, n};
			got = process_vm_readv(c->peer, &here, 1, &there, 1, 0);
			if (write(c->out, "", 1) != 1)
				die("handover");
		} else if (c->ring) {
			struct ring *r = c->ring;
			while (__atomic_load_n(&r->put, __ATOMIC_ACQUIRE) == r->taken)
				word_wait(&r->put, r->taken, &r->sleeps_put);
			size_t there = r->put - r->taken, start = r->taken % RING;
			there = there < RING - start ? there : RING - start;
			got = (ssize_t)(there < n - done ? there : n - done);
			memcpy(to + done, r->data + start, (size_t)got);
			word_set(&r->taken, r->taken + (uint32_t)got, &r->sleeps_taken);
		} else
			got = read(c->in, to + done, n - done);
		if (got <= 0)
			return 0;
		done += (size_t)got;
	}
	return 1;
}

static volatile char sink;
static void look(const char *at, size_t n)
{
	for (size_t i = 0; i < n; i += 4096)
		sink = at[i];
}

static char *buffer_make(size_t n)
{
	char *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);

	if (!p)
		die("memory");
	memset(p, 1, n);
	return p;
}

/* The order comes first: size and count. It is answered once the buffer is there and touched, as memcpy's are before its time is taken. */
static void receive_all(struct channel *in, struct channel *back)
{
	uint64_t order[2];

	while (take(in, (char *)order, sizeof order)) {
		char *to = buffer_make(order[0]);
		put(back, to, 1);
		for (uint64_t i = 0; i < order[1]; i++) {
			if (!take(in, to, order[0]))
				return;
			look(to, order[0]);
		}
		put(back, to, 1);
		free(to);
		for (uint64_t i = 0; i < order[1] / 8 + 1; i++) {
			char small[8];
			if (!take(in, small, 8))
				return;
			put(back, small, 8);
		}
	}
}

static void send_all(struct channel *out, struct channel *back, uint64_t size, uint64_t count)
{
	char *from = buffer_make(size), one;
	double best[2] = {1e30, 1e30};

	for (int round = 0; round < 5; round++) {
		uint64_t order[2] = {size, count};
		put(out, (char *)order, sizeof order);
		if (!take(back, &one, 1))
			die("answer");
		double start = now();
		for (uint64_t i = 0; i < count; i++)
			put(out, from, size);
		if (!take(back, &one, 1))
			die("answer");
		double each = (now() - start) / (double)count;
		best[0] = each < best[0] ? each : best[0];
		start = now();
		for (uint64_t i = 0; i < count / 8 + 1; i++) {
			char small[8] = "";
			put(out, small, 8);
			if (!take(back, small, 8))
				die("answer");
		}
		each = (now() - start) / (double)(count / 8 + 1);
		best[1] = each < best[1] ? each : best[1];
	}
	printf("%.1f %.1f\n", best[0], best[1]);
}

static void copy_only(uint64_t size, uint64_t count)
{
	char *from = buffer_make(size), *to = buffer_make(size);
	double best = 1e30;

	for (int round = 0; round < 5; round++) {
		double start = now();
		for (uint64_t i = 0; i < count; i++) {
			memcpy(to, from, size);
			look(to, size);
		}
		double each = (now() - start) / (double)count;
		best = each < best ? each : best;
	}
	printf("%.1f 0\n", best);
}

static void *shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? (die("mmap"), NULL) : p;
}

static void native(const char *kind, uint64_t size, uint64_t count)
{
	int a[2] = {-1, -1}, b[2] = {-1, -1}, one = 1;
	struct ring *to = NULL, *back = NULL;
	char *there = NULL;

	if (!strcmp(kind, "memcpy")) {
		copy_only(size, count);
		return;
	}
	if (!strcmp(kind, "shm")) {
		to = shared(sizeof *to);
		back = shared(sizeof *back);
	} else if (!strcmp(kind, "unix")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, a))
			die("socketpair");
		b[0] = a[0];
		b[1] = a[1];
	} else if (!strcmp(kind, "tcp")) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t length = sizeof at;
		int listener = socket(AF_INET, SOCK_STREAM, 0);
		a[1] = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&at, &length) ||
		    connect(a[1], (struct sockaddr *)&at, sizeof at) || (a[0] = accept(listener, NULL, NULL)) < 0)
			die("tcp");
		setsockopt(a[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(a[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		b[0] = a[0];
		b[1] = a[1];
	} else if (pipe(a) || pipe(b))
		die("pipe");
	if (!strcmp(kind, "vm"))
		there = (char *)1;
	int pipes = b[0] != a[0];
	pid_t parent = getpid(), child = fork();
	if (!child) {
		struct channel in = {.in = a[0], .out = pipes ? b[1] : a[0], .ring = to, .peer = parent, .there = there};
		struct channel answer = {.out = pipes ? b[1] : a[0], .ring = back};
		receive_all(&in, &answer);
		_exit(0);
	}
	struct channel out = {.out = a[1], .in = pipes ? b[0] : a[1], .ring = to, .peer = child, .there = there};
	struct channel answer = {.in = pipes ? b[0] : a[1], .ring = back};
	send_all(&out, &answer, size, count);
	kill(child, 9);
	wait(NULL);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "listen")) {
		int listener = cp_stream_listen("bench", CP_STREAM_BYTES, 4), fd;
		while ((fd = cp_stream_accept(listener)) >= 0) {
			struct channel c = {.in = fd, .out = fd};
			receive_all(&c, &c);
			close(fd);
		}
		die("listen");
	}
	if (argc == 4 && !strcmp(argv[1], "open")) {
		int fd = -1;
		for (int i = 0; i < 500 && (fd = cp_stream_open("bench", CP_STREAM_BYTES)) < 0; i++)
			usleep(10000);
		struct channel c = {.in = fd, .out = fd};
		if (fd < 0)
			die("open");
		send_all(&c, &c, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		return 0;
	}
	if (argc != 5)
		return 2;
	native(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	return 0;
}
