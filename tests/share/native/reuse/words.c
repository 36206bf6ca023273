/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What attackers send and receive. Each word says whose call sent it and which of that call's words it is, so who receives it can tell whether
 * it may have come by the handle that it came by.
 */
#include <stdio.h>

#include "tests/share/native/reuse/reuse.h"

static uint64_t size_any(uint64_t *state)
{
	static const uint64_t most[] = {8, 64, 64, 512, 512, 8192, 8192, PIECE / 2};

	return least((any(state) % most[any(state) % 8] & ~7ull) + 8, PIECE / 2);
}

/* Of a call that is over, or a later one would be in its place. */
static void sent_check(const struct sent *s)
{
	if (s->got > (s->result < 0 ? 0 : (uint64_t)s->result / 8))
		say("more words came of a call than it sent");
}

void send_any(struct attacker *a, uint64_t handle)
{
	uint64_t n = size_any(&a->state), *words = (uint64_t *)(a->caller.program->base + at_of(a));
	struct sent *s = &a->sent[++a->calls % CALLS];

	__atomic_store_n(&s->number, 0, __ATOMIC_SEQ_CST);
	sent_check(s);
	s->use.end = UINT64_MAX;
	s->use.handle = handle;
	s->got = 0;
	s->words = n / 8;
	s->result = (int64_t)n;
	for (uint64_t i = 0; i < n / 8; i++)
		words[i] = (uint64_t)a->number << 60 | (a->calls & 0xffffffffff) << 20 | i;
	s->use.begin = tick();
	__atomic_store_n(&s->number, a->calls, __ATOMIC_SEQ_CST);
	int64_t result = by(&a->caller, host_stream_send, handle, REF_PROGRAM | at_of(a), n);
	__atomic_store_n(&s->use.end, tick(), __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->result, result, __ATOMIC_SEQ_CST);
	result_check(result);
	if (result > (int64_t)n || (result > 0 && result % 8))
		say("a strange result of sending");
}

static void words_check(const struct use *received, const uint64_t *words, uint64_t n)
{
	for (uint64_t i = 0, k; i < n && !wrong; i = k) {
		uint64_t from = words[i] >> 60, number = words[i] >> 20 & 0xffffffffff, first = words[i] & 0xfffff;
		for (k = i + 1; k < n && words[k] == words[i] + (k - i); k++)
			;
		if (from >= ATTACKERS) {
			say("words of nobody");
			return;
		}
		if (i && first)
			say("words left out");
		struct sent *s = &attackers[from].sent[number % CALLS], call = *s;
		if (__atomic_load_n(&s->number, __ATOMIC_SEQ_CST) != number) {
			if (number > __atomic_load_n(&attackers[from].calls, __ATOMIC_SEQ_CST))
				say("words of a call that never was");
			count(&happened.forgotten);
			continue;
		}
		if (first + (k - i) > s->words)
			say("words that were not sent");
		uint64_t got = __atomic_add_fetch(&s->got, k - i, __ATOMIC_SEQ_CST);
		if (got > s->words)
			say("words came twice");
		if (!connected(&call.use, received)) {
			opens_await();
			if (!connected(&call.use, received) && !wrong) {
				printf("# sent by %llu [%llu, %llu], received by %llu [%llu, %llu]\n", (unsigned long long)call.use.handle,
				       (unsigned long long)call.use.begin, (unsigned long long)call.use.end, (unsigned long long)received->handle,
				       (unsigned long long)received->begin, (unsigned long long)received->end);
				say("words of another connection, or without a right");
			}
		}
		count(&happened.received);
	}
}

void receive_any(struct attacker *a, uint64_t handle)
{
	uint64_t n = size_any(&a->state), at = at_of(a) + PIECE / 2;
	struct use use = {handle, tick(), 0};
	int64_t result = by(&a->caller, host_stream_receive, handle, REF_PROGRAM | at, n, any(&a->state) % 2 ? STREAM_POST : 0);

	use.end = tick();
	result_check(result);
	/* A post may have been longer, and lies there too. */
	if (result > (int64_t)PIECE / 2 || (result > 0 && result % 8))
		say("a strange result of receiving");
	else if (result > 0)
		words_check(&use, (const uint64_t *)(a->caller.program->base + at), (uint64_t)result / 8);
}

void words_end(void)
{
	for (unsigned i = 0; i < ATTACKERS; i++)
		for (unsigned k = 0; k < CALLS; k++)
			sent_check(&attackers[i].sent[k]);
}
