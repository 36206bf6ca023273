/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * mixed serve / mixed use [SLOWNESS]: one end of a CP_Stream written by several threads, the other read by several, in pieces around the size from
 * which buffers are posted (8 KiB), and some far from it. The server writes words, each with its writer and its number; every word
 * comes once, and each reader meets the words of a writer in order. And who cannot send keeps only itself waiting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <carrel/cp_stream.h>
#include "opened.h"

#define WRITERS 3
#define READERS 3
#define MOST (300000 & ~3u)             /* bytes of one piece */
#define WORD(writer, number) ((uint32_t)(writer) << 28 | (uint32_t)(number))

enum { EDGE, LARGE, SMALL, ANY };       /* pieces' sizes */
enum { READS, LOOKS, WAITS_ALL, POLLS };        /* how a reader does it */

struct order {                          /* the client's, to the server */
	uint32_t writers, words, sizes, seed;   /* words: of each writer */
	uint32_t pauses;                /* one in so many pieces is late, so that readers sleep; 0: none */
};

static void need(int ok, const char *what)
{
	static int n;

	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++n, what);
	fflush(stdout);
}

static uint32_t any(uint32_t *state)
{
	*state ^= *state << 13, *state ^= *state >> 17, *state ^= *state << 5;
	return *state;
}

static uint32_t size_any(uint32_t *state, uint32_t sizes)
{
	static const uint32_t edge[] = {8184, 8188, 8192, 8196, 8200, 16384}, all[] = {4, 64, 4096, 8188, 8192, 8196, 65536, MOST};

	return sizes == EDGE ? edge[any(state) % 6] : sizes == LARGE ? 65536 : sizes == SMALL ? 4 + any(state) % 4096 / 4 * 4 : all[any(state) % 8];
}

/* ---- the server ---- */
struct writer {
	int fd;
	uint32_t number;
	struct order order;
};

static void *writer(void *argument)
{
	const struct writer *w = argument;
	uint32_t state = w->order.seed * 7919 + w->number + 1, *words = malloc(MOST);

	for (uint32_t next = 0; next < w->order.words;) {
		uint32_t n = size_any(&state, w->order.sizes) / 4, left = w->order.words - next;
		n = n < left ? n : left;
		for (uint32_t i = 0; i < n; i++)
			words[i] = WORD(w->number, next + i);
		if (w->order.pauses && any(&state) % w->order.pauses == 0)
			usleep(any(&state) % 3000);
		if (write(w->fd, words, n * 4) != (ssize_t)n * 4)
			break;
		next += n;
	}
	free(words);
	return NULL;
}

static void *connection(void *argument)
{
	int fd = (int)(long)argument;
	struct writer all[WRITERS];
	struct order order;
	pthread_t threads[WRITERS];

	if (recv(fd, &order, sizeof order, MSG_WAITALL) == sizeof order && order.writers <= WRITERS) {
		for (uint32_t i = 0; i < order.writers; i++) {
			all[i] = (struct writer){fd, i, order};
			pthread_create(&threads[i], NULL, writer, &all[i]);
		}
		for (uint32_t i = 0; i < order.writers; i++)
			pthread_join(threads[i], NULL);
		shutdown(fd, SHUT_WR);
		recv(fd, &order, 1, 0);         /* until the client has read all */
	}
	close(fd);
	return NULL;
}

static void *late_reader(void *argument)
{
	int fd = cp_stream_accept((int)(long)argument);
	static char whole[131068];

	usleep(500000);
	while (recv(fd, whole, sizeof whole, 0) > 0)
		;
	close(fd);
	return NULL;
}

static int serve(void)
{
	int listener = cp_stream_listen("words", CP_STREAM_BYTES, 8), messages = cp_stream_listen("messages", CP_STREAM_MESSAGES, 1), fd;
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	pthread_create(&thread, NULL, late_reader, (void *)(long)messages);
	while ((fd = cp_stream_accept(listener)) >= 0)
		if (!pthread_create(&thread, NULL, connection, (void *)(long)fd))
			pthread_detach(thread);
	return 1;
}

/* ---- the client ---- */
static uint32_t slowness = 1;
static uint32_t *seen;                  /* for each word */
static uint64_t received, twice, strange, backwards;

struct reader {
	int fd, how;
	uint32_t sizes, number, words;
	volatile int done;
	pthread_t thread;
};

static void words_check(const struct reader *r, const uint32_t *words, uint32_t count, int64_t last[WRITERS])
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t from = words[i] >> 28, number = words[i] & 0xfffffff;
		if (from >= WRITERS || number >= r->words) {
			__atomic_add_fetch(&strange, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (__atomic_exchange_n(&seen[from * r->words + number], 1, __ATOMIC_RELAXED))
			__atomic_add_fetch(&twice, 1, __ATOMIC_RELAXED);
		if ((int64_t)number <= last[from])
			__atomic_add_fetch(&backwards, 1, __ATOMIC_RELAXED);
		last[from] = number;
	}
	__atomic_add_fetch(&received, count, __ATOMIC_RELAXED);
}

static void *reader(void *argument)
{
	struct reader *r = argument;
	uint32_t state = r->number + 12345, *words = malloc(MOST), *looked = malloc(MOST);
	int64_t last[WRITERS] = {-1, -1, -1};

	for (;;) {
		uint32_t size = size_any(&state, r->sizes);
		ssize_t look = 0, n;
		if (r->how == LOOKS)            /* alone: what it saw it gets */
			look = recv(r->fd, looked, size, MSG_PEEK);
		if (r->how == POLLS)
			poll(&(struct pollfd){.fd = r->fd, .events = POLLIN}, 1, -1);
		n = recv(r->fd, words, size, r->how == POLLS ? MSG_DONTWAIT : r->how == WAITS_ALL ? MSG_WAITALL : 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		if (n % 4 || (look > 0 && (look > n || memcmp(looked, words, (size_t)look))))
			__atomic_add_fetch(&strange, 1, __ATOMIC_RELAXED);
		words_check(r, words, (uint32_t)n / 4, last);
	}
	free(words);
	free(looked);
	r->done = 1;
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

/* kicks: readers are interrupted again and again, so that posts are taken back. */
static void round_run(const char *what, struct order order, const struct reader *readers, int count, int kicks)
{
	struct reader all[READERS];
	int fd = opened("words", CP_STREAM_BYTES), left = count;

	order.words /= slowness;
	seen = calloc((size_t)WRITERS * order.words, sizeof *seen);
	received = twice = strange = backwards = 0;
	if (write(fd, &order, sizeof order) != sizeof order)
		strange++;
	for (int i = 0; i < count; i++) {
		all[i] = readers[i];
		all[i].fd = fd;
		all[i].number = (uint32_t)i;
		all[i].words = order.words;
		all[i].done = 0;
		pthread_create(&all[i].thread, NULL, reader, &all[i]);
	}
	while (kicks && left) {
		usleep(1000);
		left = 0;
		for (int i = 0; i < count; i++)
			if (!all[i].done) {
				left++;
				pthread_kill(all[i].thread, SIGUSR1);
			}
	}
	for (int i = 0; i < count; i++)
		pthread_join(all[i].thread, NULL);
	close(fd);
	free(seen);
	if (received != (uint64_t)order.words * order.writers || twice || strange || backwards)
		printf("# %llu words of %llu, %llu twice, %llu strange, %llu backwards\n", (unsigned long long)received,
		       (unsigned long long)order.words * order.writers, (unsigned long long)twice, (unsigned long long)strange,
		       (unsigned long long)backwards);
	need(received == (uint64_t)order.words * order.writers && !twice && !strange && !backwards, what);
}

static volatile long ticks;
static void *ticker(void *argument)
{
	for (;; ticks++)
		usleep(5000);
	return argument;
}

static void message_waits(void)
{
	static char whole[131068];
	int fd = opened("messages", CP_STREAM_MESSAGES);
	pthread_t thread;

	pthread_create(&thread, NULL, ticker, NULL);
	while (ticks < 3)
		usleep(5000);
	int ok = send(fd, whole, 5, 0) == 5;
	long before = ticks;
	ok = ok && send(fd, whole, sizeof whole, 0) == sizeof whole;
	need(ok && ticks - before > 3, "a message that has no room yet keeps no other thread from running");
	close(fd);
}

static int use(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	const struct reader two_large[] = {{.sizes = LARGE}, {.sizes = LARGE}};
	const struct reader both[] = {{.sizes = SMALL}, {.sizes = LARGE}};
	const struct reader edges[] = {{.sizes = EDGE}, {.sizes = EDGE}, {.sizes = EDGE}};
	const struct reader mixed[] = {{.sizes = ANY}, {.sizes = SMALL}, {.sizes = LARGE}};
	const struct reader polls[] = {{.sizes = ANY}, {.sizes = ANY, .how = POLLS}};
	const struct reader looks[] = {{.sizes = ANY, .how = LOOKS}}, all[] = {{.sizes = ANY, .how = WAITS_ALL}};

	sigaction(SIGUSR1, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	round_run("one reader looks first", (struct order){1, 1000000, ANY, 1, 20}, looks, 1, 0);
	round_run("one reader waits for all of it, of three writers", (struct order){3, 1000000, ANY, 2, 20}, all, 1, 0);
	round_run("one reader is interrupted again and again", (struct order){2, 1000000, ANY, 3, 5}, mixed, 1, 1);
	round_run("two small readers, large pieces", (struct order){1, 1000000, LARGE, 4, 5}, (const struct reader[]){{.sizes = SMALL}, {.sizes = SMALL}}, 2, 0);
	round_run("a small and a large reader, small pieces", (struct order){1, 100000, SMALL, 5, 20}, both, 2, 0);
	round_run("two large readers, small pieces", (struct order){1, 100000, SMALL, 6, 20}, two_large, 2, 0);
	message_waits();
	round_run("two large readers, large pieces", (struct order){1, 1000000, LARGE, 7, 2}, two_large, 2, 0);
	round_run("a small and a large reader, large pieces", (struct order){1, 1000000, LARGE, 8, 2}, both, 2, 0);
	round_run("three readers and three writers around 8 KiB", (struct order){3, 1000000, EDGE, 9, 10}, edges, 3, 0);
	round_run("three readers and three writers of all sizes", (struct order){3, 1000000, ANY, 10, 10}, mixed, 3, 0);
	round_run("three readers that are interrupted again and again", (struct order){2, 1000000, ANY, 11, 5}, mixed, 3, 1);
	round_run("a reader that waits and one that polls", (struct order){2, 1000000, ANY, 12, 10}, polls, 2, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2)
		slowness = (uint32_t)atoi(argv[2]);
	return argc > 1 && !strcmp(argv[1], "serve") ? serve() : use();
}
