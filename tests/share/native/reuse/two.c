/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The two others, who connect, talk and close as one should, in pairs that were the attackers' a moment ago: they get every word in order, and
 * who sleeps for something is rung.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "tests/share/native/reuse/reuse.h"

#define BELL (REF_PROGRAM | (START + 1024))     /* what rang */
#define PEER (START + 2048)
#define LAST 60000u                     /* connections are numbered, as ports are, from 1 on: not STRANGER */

struct caller *const two[2] = {&callers[EACH], &callers[2 * EACH]};
static pthread_t threads[2];
static int over;                        /* 1: the caller begins nothing more; 2: nor has it */

static int64_t listen_(void)
{
	return by(two[1], host_stream_listen, STREAM_BY_NAME, NAME_TWO, 1, 0, 8);
}

static int64_t connect_(uint64_t number)
{
	return by(two[0], host_stream_connect, STREAM_BY_NAME, NAME_TWO, 1, STREAM_RECEIVES | STREAM_SENDS, number);
}

int64_t two_rung(int side)
{
	return by(two[side], host_rung, BELL, 64);
}

/* While neither thread is there. */
void two_connect(uint64_t handle[2])
{
	int64_t door = listen_(), mine = connect_(1), other = by(two[1], host_stream_accept, (uint64_t)door, 0);

	by(two[1], host_share_close, (uint64_t)door);
	if (door < 0 || mine < 0 || other < 0)
		say("the two cannot connect");
	handle[0] = (uint64_t)mine;
	handle[1] = (uint64_t)other;
}

static int sleep_for_bell(int side, const char *who)
{
	double until = seconds() + 20;

	count(&happened.sleeps);
	while (two_rung(side) <= 0) {
		sched_yield();
		if (wrong || seconds() > until) {
			say(who);
			return 0;
		}
	}
	return 1;
}

/* n bytes, numbered on from *word. */
static int talk(int side, uint64_t handle, uint64_t n, uint64_t *word, int sends, uint64_t flags)
{
	uint64_t *words = (uint64_t *)(two[side]->program->base + WORDS), begun = *word;

	for (uint64_t i = 0; i < n / 8; i++)
		words[i] = sends ? begun + i : 0;
	for (uint64_t at = 0; at < n && !wrong;) {
		int64_t done = sends ? by(two[side], host_stream_send, handle, BUFFER + at, n - at)
				     : by(two[side], host_stream_receive, handle, BUFFER + at, n - at, flags);
		if (done == -EAGAIN) {
			if (!sleep_for_bell(side, sends ? "nobody rang for a sender" : "nobody rang for a receiver"))
				return 0;
		} else if (done <= 0) {
			printf("# %s: %lld\n", sends ? "sending" : "receiving", (long long)done);
			say("an end, or an error, where nobody ended anything");
			return 0;
		} else
			at += (uint64_t)done;
	}
	*word += n / 8;
	for (uint64_t i = 0; i < n / 8 && !sends; i++)
		if (words[i] != begun + i) {
			printf("# %llx where %llx was due\n", (unsigned long long)words[i], (unsigned long long)(begun + i));
			say("words of another connection between the two");
			return 0;
		}
	return !wrong;
}

/* Both say the same by the connection's number. */
static void conversation(int side, uint64_t handle, uint64_t number)
{
	static const uint64_t most[] = {8, 64, 4096, 20000, 200000};
	uint64_t state = number * 2654435761u + 1, word[2] = {15ull << 60 | number << 40, 15ull << 60 | number << 40 | 1u << 30};

	for (uint64_t turns = any(&state) % 12 + 1; turns && !wrong; turns--) {
		uint64_t n = (any(&state) % most[any(&state) % 5] & ~7ull) + 8, from = any(&state) % 2, flags = any(&state) % 2 ? STREAM_POST : 0;
		if (!talk(side, handle, n, &word[from], from == (uint64_t)side, flags))
			return;
	}
	/* Who hears the end of it: */
	int closer = any(&state) % 2, shuts = any(&state) % 2;
	while (closer != side && !wrong) {
		int64_t done = by(two[side], host_stream_receive, handle, BUFFER, 16384, any(&state) % 2 ? STREAM_POST : 0);
		if (!done)
			break;
		if (done != -EAGAIN)
			say("neither an end nor nothing");
		else if (!sleep_for_bell(side, "nobody rang for the end"))
			return;
	}
	if (closer == side && shuts)
		by(two[side], host_stream_shutdown, handle, 1);
	by(two[side], host_share_close, handle);
	share_unpost(two[side]);
	count(&happened.talks);
}

static void *callee(void *unused)
{
	const struct stream_peer *peer = (const struct stream_peer *)(two[1]->program->base + PEER);
	int64_t door = listen_();

	while (!wrong) {
		int64_t handle = by(two[1], host_stream_accept, (uint64_t)door, REF_PROGRAM | PEER);
		if (handle == -EAGAIN) {
			if (__atomic_load_n(&over, __ATOMIC_SEQ_CST) == 2)
				break;
			if (!two_rung(1))
				sched_yield();
		} else if (handle < 0)
			say("no connection to the two");
		else if (peer->port == STRANGER) {
			by(two[1], host_share_close, (uint64_t)handle);
			count(&happened.strangers);
		} else
			conversation(1, (uint64_t)handle, peer->port);
	}
	by(two[1], host_share_close, (uint64_t)door);
	return unused;
}

static void *caller(void *unused)
{
	for (uint64_t number = 1; !wrong && !__atomic_load_n(&over, __ATOMIC_SEQ_CST); number = number % LAST + 1) {
		int64_t handle;
		while (((handle = connect_(number)) == -EAGAIN || handle == -ECONNREFUSED) && !wrong)
			sched_yield();
		if (handle < 0)
			say("the two cannot connect");
		else
			conversation(0, (uint64_t)handle, number);
	}
	__atomic_store_n(&over, 2, __ATOMIC_SEQ_CST);
	return unused;
}

void two_begin(void)
{
	pthread_create(&threads[1], NULL, callee, NULL);
	pthread_create(&threads[0], NULL, caller, NULL);
}

void two_end(void)
{
	__atomic_compare_exchange_n(&over, &(int){0}, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}
