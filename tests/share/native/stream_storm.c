/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Streams under fire: stream_storm [SECONDS [SEED]]; as stream_linger its threads sleep now and then in the middle (between.c). In each round
 * one cVM sends words that count up, in pieces of any size, and one or two threads of another receive them, posting or not; now and then by a
 * buffer whose end is not there. In some rounds an end is closed in the middle by a further thread, some of these while a post is being filled.
 * Every word arrives once; what a call receives that began when another had ended is newer than what that one received; who waits is rung; who
 * is left hears of it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/share/stream.h"
#include "tests/share/native/between.h"
#include "tests/share/native/guest_carrier.h"
#include "tests/share/native/processes.h"

#define ROOM  (3u << 20)                /* bytes of each process, behind START */
#define WORDS (24u << 20)               /* a round's most */
#define NAME  (REF_PROGRAM | START)
#define DATA  (NAME + 4096)
#define LAST  (NAME + ROOM)             /* behind it nothing is mapped */
#define SENDER 0
#define RECEIVER EACH                   /* and the one behind it: of one cVM */

static struct round {
	uint64_t seed, bytes;           /* to be sent */
	uint64_t newest;                /* the first word that no finished call has received yet, nor an older one */
	int busy;                       /* receivers never sleep: one is likely to be in a call when its end is closed */
	int faulty;                     /* some buffers' ends are not there */
	int receivers, closes;          /* closes: 0 nobody, 1 the sender's end, 2 the receiver's, in the middle */
	int64_t handle[2];              /* the sender's, the receivers' */
	uint64_t sent, received;
	int closed;                     /* by now */
} round_;
static struct guest_carrier carriers[3];        /* the sender's, the receivers' */
static uint32_t *seen;                  /* a bit for each word */
static const char *wrong;
static long rounds, resets, posts, sleeps, faults;

static void say(const char *text)
{
	const char *none = NULL;

	__atomic_compare_exchange_n(&wrong, &none, text, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void complain(const char *text, uint64_t first, uint64_t newest, int64_t done, uint64_t flags)
{
	if (!wrong)
		printf("# word %llu where %llu was due: %lld bytes, flags %llx, %d receivers, closes %d, closed %d, sent %llu of %llu words\n",
		       (unsigned long long)first, (unsigned long long)newest, (long long)done, (unsigned long long)flags, round_.receivers,
		       round_.closes, round_.closed, (unsigned long long)round_.sent / 4, (unsigned long long)round_.bytes / 4);
	say(text);
}

static uint64_t any(uint64_t *state)
{
	*state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static uint64_t size_any(uint64_t *state)
{
	static const uint64_t most[] = {16, 600, 6000, 40000, 300000, ROOM - 8192}, edge[] = {8184, 8188, 8192, 8196, 16384, 4};

	if (any(state) % 3 == 0)        /* around what is posted */
		return edge[any(state) % 6];
	return (any(state) % most[any(state) % 6] & ~3ull) + 4;
}

/* Where n bytes begin: now and then some of them, but not the first word, are behind LAST. */
static uint64_t place_any(uint64_t *state, uint64_t n, int faulty)
{
	return faulty && n > 4 && any(state) % 6 == 0 ? LAST - (any(state) % (n - 4) & ~3ull) - 4 : DATA;
}

static uint64_t there(uint64_t at, uint64_t n)
{
	return least(n, LAST - at);
}

static uint32_t *words_at(int p, uint64_t at)
{
	return (uint32_t *)(memory_of(p) + (at - NAME));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the bell of p's cVM rings: whatever may have changed before has rung, or will. Who closed an end knows it without a bell. */
static void sleep_for_bell(int p)
{
	double until = seconds() + 10;

	__atomic_add_fetch(&sleeps, 1, __ATOMIC_RELAXED);
	while (call(p, host_rung, DATA - 1024, 64, 0, 0) <= 0 && !wrong && __atomic_load_n(&round_.closed, __ATOMIC_ACQUIRE) != (p == SENDER ? 1 : 2)) {
		sched_yield();
		if (seconds() > until)
			say(p == SENDER ? "nobody rang for the sender" : "nobody rang for the receiver");
	}
}

static void *sender(void *unused)
{
	uint64_t state = round_.seed | 1;

	carrier_make(&carriers[0]);
	lingers = state;
	while (round_.sent < round_.bytes && !wrong) {
		uint64_t n = least(size_any(&state), round_.bytes - round_.sent), from = place_any(&state, n, round_.faulty), good = there(from, n);
		uint32_t *words = words_at(SENDER, from);
		for (uint64_t i = 0; i < good / 4; i++)
			words[i] = (uint32_t)(round_.sent / 4 + i);
		for (uint64_t at = 0; at < good && !wrong;) {
			int64_t done = call(SENDER, host_stream_send, (uint64_t)round_.handle[0], from + at, n - at, 0);
			if (done == -EAGAIN)
				sleep_for_bell(SENDER);
			else if (done == -EFAULT && good < n) {
				__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
				break;
			} else if (done == -EPIPE || done == -ECONNRESET || done == -EBADF) {
				if (!round_.closes)
					say("an end where nobody closed");
				__atomic_add_fetch(&resets, 1, __ATOMIC_RELAXED);
				return unused;
			} else if (done <= 0 || (uint64_t)done > good - at)
				say("a strange result of sending");
			else if (done > (1 << 20) + 8192)
				say("a long call");
			else
				at += (uint64_t)done, round_.sent += (uint64_t)done;
		}
	}
	call(SENDER, host_stream_shutdown, (uint64_t)round_.handle[0], 1, 0, 0);
	return unused;
}

static void *receiver(void *argument)
{
	int number = (int)(long)argument, p = RECEIVER + number;
	uint64_t state = round_.seed * 31 + (uint64_t)number + 1, to = DATA;

	carrier_make(&carriers[1 + number]);
	lingers = state;
	while (!wrong) {
		uint64_t n = size_any(&state), flags = any(&state) % 4 ? STREAM_POST : 0;
		uint64_t newest = __atomic_load_n(&round_.newest, __ATOMIC_ACQUIRE);
		if (!callers[p].posted)         /* else it comes to where that is */
			to = place_any(&state, n, round_.faulty);
		const uint32_t *words = words_at(p, to);
		int64_t done = call(p, host_stream_receive, (uint64_t)round_.handle[1], to, n, flags);
		posts += flags && done == -EAGAIN;
		if (done == -EAGAIN) {
			if (round_.receivers == 1 && !round_.busy)
				sleep_for_bell(p);              /* whose bell this is, if two wait, is not said */
			else if (!round_.busy)
				sched_yield();
			continue;
		}
		if (done == -EFAULT && to != DATA) {
			__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (done <= 0) {
			if (done != 0 && done != -ECONNRESET && done != -EBADF)
				say("a strange result of receiving");
			else if (done && !round_.closes)
				say("reset where nobody closed");
			break;
		}
		if (done % 4)
			say("part of a word");
		if ((uint64_t)done > LAST - to) {
			say("more than is there");
			return NULL;
		}
		uint64_t first = words[0];
		if (first < newest)
			complain("out of order: older than what was received before", first, newest, done, flags);
		if (round_.receivers == 1 && first > newest)
			complain("out of order: words left out", first, newest, done, flags);
		for (uint64_t i = 0; i < (uint64_t)done / 4; i++) {
			if (words[i] != first + i || words[i] >= round_.bytes / 4) {
				say("words that nobody sent");
				return NULL;
			}
			uint32_t bit = 1u << words[i] % 32;
			if (__atomic_fetch_or(&seen[words[i] / 32], bit, __ATOMIC_RELAXED) & bit)
				say("a word came twice");
		}
		for (uint64_t end = first + (uint64_t)done / 4; newest < end;)
			if (__atomic_compare_exchange_n(&round_.newest, &newest, end, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
				break;
		__atomic_add_fetch(&round_.received, (uint64_t)done, __ATOMIC_RELAXED);
	}
	share_unpost(&callers[p]);
	return NULL;
}

/* Until a post to the receivers is being filled, or three milliseconds are over. */
static void fill_await(void)
{
	int64_t error;
	struct end *end = (struct end *)share_get(&callers[RECEIVER], (uint64_t)round_.handle[1], SHARE_STREAM, 0, &error);

	for (double until = seconds() + 0.003; end && seconds() < until;)
		for (unsigned i = 0; i < 100; i++) {
			uint32_t post = __atomic_load_n(&end->in->post, __ATOMIC_ACQUIRE);
			if (post == POST_CLAIMED || post == POST_OPEN) {
				share_put(&end->share);
				return;
			}
		}
	if (end)
		share_put(&end->share);
}

static void one_round(uint64_t *state, int64_t listener)
{
	static const int closes[] = {0, 0, 1, 2, 2, 2};
	pthread_t threads[3];

	round_ = (struct round){.seed = any(state), .bytes = (any(state) % (any(state) % 4 ? 1u << 20 : WORDS / 4)) * 4 + 4,
				.receivers = 1 + any(state) % 3 / 2, .closes = closes[any(state) % 6],
				.busy = any(state) % 2, .faulty = any(state) % 2};
	memset(seen, 0, WORDS / 8);
	const uint64_t connect[6] = {STREAM_BY_NAME, NAME, 1, STREAM_SENDS | STREAM_RECEIVES, 0, 0};
	round_.handle[0] = host_stream_connect(&callers[SENDER], connect);
	round_.handle[1] = call(RECEIVER, host_stream_accept, (uint64_t)listener, 0, 0, 0);
	if (round_.handle[0] < 0 || round_.handle[1] < 0) {
		say("no connection");
		return;
	}
	pthread_create(&threads[0], NULL, sender, NULL);
	for (long i = 0; i < round_.receivers; i++)
		pthread_create(&threads[1 + i], NULL, receiver, (void *)i);
	if (round_.closes) {
		nanosleep(&(struct timespec){0, (long)(any(state) % 3000000)}, NULL);
		if (any(state) % 4)
			fill_await();
		lingers = any(state) | 1;
		if (round_.closes == 2 && any(state) % 2)       /* refuses only: who waits for room is rung for that */
			call(RECEIVER, host_stream_shutdown, (uint64_t)round_.handle[1], 0, 0, 0);
		else
			call(round_.closes == 1 ? SENDER : RECEIVER, host_share_close, (uint64_t)round_.handle[round_.closes - 1], 0, 0, 0);
		lingers = 0;
		__atomic_store_n(&round_.closed, round_.closes, __ATOMIC_RELEASE);
	}
	for (int i = 0; i <= round_.receivers; i++)
		pthread_join(threads[i], NULL);
	if (!round_.closes && round_.received != round_.bytes)
		say("some never came");
	call(SENDER, host_share_close, (uint64_t)round_.handle[0], 0, 0, 0);
	call(RECEIVER, host_share_close, (uint64_t)round_.handle[1], 0, 0, 0);
	rounds++;
}

/* Who is told -EAGAIN because what came is another thread's, in a post, is rung for when that one has taken it, or left, and more lies behind. */
static int rung_behind_post(int64_t listener, int leaves)
{
	const uint64_t connect[6] = {STREAM_BY_NAME, NAME, 1, STREAM_SENDS | STREAM_RECEIVES, 0, 0};
	uint64_t a = (uint64_t)host_stream_connect(&callers[SENDER], connect), b = (uint64_t)call(RECEIVER, host_stream_accept, (uint64_t)listener, 0, 0, 0);
	int ok = call(RECEIVER, host_stream_receive, b, DATA, 16384, STREAM_POST) == -EAGAIN;
	ok = ok && call(SENDER, host_stream_send, a, DATA, 16384, 0) == 16384 && call(SENDER, host_stream_send, a, DATA, 4, 0) == 4;
	while (call(RECEIVER, host_rung, DATA - 1024, 64, 0, 0) > 0)
		;
	ok = ok && (uint64_t)call(RECEIVER + 1, host_stream_state, b, 0, 0, 0) >> 32 == 16384 + 4;
	ok = ok && call(RECEIVER + 1, host_stream_receive, b, DATA, 4096, 0) == -EAGAIN && !call(RECEIVER, host_rung, 0, 0, 0, 0);
	if (leaves)
		share_unpost(&callers[RECEIVER]);
	else
		ok = ok && call(RECEIVER, host_stream_receive, b, DATA, 16384, 0) == 16384;
	ok = ok && call(RECEIVER, host_rung, 0, 0, 0, 0) == 1 && call(RECEIVER + 1, host_stream_receive, b, DATA, 4096, 0) == 4;
	ok = ok && (uint64_t)call(RECEIVER, host_stream_state, b, 0, 0, 0) >> 32 == 0;
	call(SENDER, host_share_close, a, 0, 0, 0);
	call(RECEIVER, host_share_close, b, 0, 0, 0);
	return ok;
}

int main(int argc, char **argv)
{
	double end = seconds() + (argc > 1 ? atof(argv[1]) : 4);
	uint64_t state = (argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL)) * 2654435761u + 1;
	const char name = 's';

	alarm(120);
	lingers_seldom = 24;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed %s%llu\n", argc > 2 ? "" : "of ", argc > 2 ? strtoull(argv[2], NULL, 10) : (unsigned long long)time(NULL));
	if (processes_make() || !(seen = malloc(WORDS / 8)))
		return 1;
	for (int p = 0; p < PROCESSES; p++) {
		if (call(p, host_memory_map, REF_PROGRAM | (START + SPAN), ROOM - SPAN, PROT_READ | PROT_WRITE, 0))
			return 1;
		*memory_of(p) = (uint8_t)name;
	}
	const uint64_t listen[6] = {STREAM_BY_NAME, NAME, 1, 0, 4, 0};
	int64_t listener = host_stream_listen(&callers[RECEIVER], listen);
	int behind = rung_behind_post(listener, 0) & rung_behind_post(listener, 1);
	while (seconds() < end && !wrong)
		one_round(&state, listener);
	call(RECEIVER, host_share_close, (uint64_t)listener, 0, 0, 0);
	processes_end();
	printf("# %ld rounds, %ld posts, %ld sleeps, %ld faults, %ld ended early\n", rounds, posts, sleeps, faults, resets);
	if (wrong)
		printf("# %s\n", wrong);
	printf("%sok 1 - every word comes once and in order, and who waits is rung\n", wrong ? "not " : "");
	printf("%sok 2 - and who waits for what lies behind another's post\n", behind ? "" : "not ");
	printf("%sok 3 - there were rounds of every kind\n1..3\n", rounds > 4 && posts && sleeps && faults && resets ? "" : "not ");
	return wrong != NULL || !behind;
}
