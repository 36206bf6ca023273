/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The attackers: threads that open, use and close what is behind handle numbers taken at random, and note what they opened.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/share/native/reuse/reuse.h"

struct attacker attackers[ATTACKERS];
static uint64_t last_connection = 1;
static int over, live;
static int64_t listener = -1;

int attackers_make(void)
{
	for (unsigned i = 0; i < ATTACKERS; i++) {
		struct attacker *a = &attackers[i];
		*a = (struct attacker){.caller = callers[i % EACH], .number = (int)i, .state = seed * 88172645463325252ull + i * 2654435761u + 1,
				       .sent = calloc(CALLS, sizeof *a->sent)};
		if (!a->sent)
			return 1;
	}
	return 0;
}

/* Whoever is opening something has noted it. */
void opens_await(void)
{
	uint64_t opens[ATTACKERS];

	for (unsigned i = 0; i < ATTACKERS; i++)
		opens[i] = __atomic_load_n(&attackers[i].opens, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < ATTACKERS; i++)
		while ((opens[i] & 1) && __atomic_load_n(&attackers[i].opens, __ATOMIC_SEQ_CST) == opens[i])
			sched_yield();
}

/* ---- what opens ---- */
static int opened(int64_t handle, int64_t connection, int side, uint32_t rights, uint64_t begin)
{
	if (handle < 0)
		return 0;
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	note(handle, connection, side, rights, begin);
	return 1;
}

static void connect_any(struct attacker *a)
{
	uint64_t begin = tick(), rights = (any(&a->state) % 3 + 1) * STREAM_RECEIVES;
	uint64_t number = __atomic_add_fetch(&last_connection, 1, __ATOMIC_SEQ_CST);

	if (number % CONNECTIONS == STRANGER)
		number = __atomic_add_fetch(&last_connection, 1, __ATOMIC_SEQ_CST);
	int64_t handle = by(&a->caller, host_stream_connect, STREAM_BY_NAME, NAME_ATTACKERS, 1, rights, number % CONNECTIONS);
	if (handle == -EAGAIN || handle == -ECONNREFUSED)
		count(&happened.refused);
	else if (!opened(handle, (int64_t)number, 0, (rights & STREAM_RECEIVES ? CAP_LOAD : 0) | (rights & STREAM_SENDS ? CAP_STORE : 0), begin))
		result_check(handle);
}

static void listen_again(struct attacker *a)
{
	uint64_t begin = tick();
	int64_t handle = by(&a->caller, host_stream_listen, STREAM_BY_NAME, NAME_ATTACKERS, 1, 0, 3);

	if (opened(handle, OTHER_OBJECT, 0, 0, begin))
		__atomic_store_n(&listener, handle, __ATOMIC_SEQ_CST);
}

static void accept_any(struct attacker *a)
{
	uint64_t begin = tick(), at = at_of(a) - 2048 - (uint64_t)(unsigned)a->number * 64;
	const struct stream_peer *peer = (const struct stream_peer *)(a->caller.program->base + at);
	int64_t handle = by(&a->caller, host_stream_accept, (uint64_t)__atomic_load_n(&listener, __ATOMIC_SEQ_CST), REF_PROGRAM | at);

	if (handle == -EBADF)
		listen_again(a);
	if (handle < 0)
		return;
	uint64_t number = __atomic_load_n(&last_connection, __ATOMIC_SEQ_CST);
	opened(handle, (int64_t)(number - (uint16_t)(number - peer->port)), 1, CAP_LOAD | CAP_STORE, begin);
}

static void stranger(struct attacker *a)
{
	uint64_t begin = tick();

	opened(by(&a->caller, host_stream_connect, STREAM_BY_NAME, NAME_TWO, 1, STREAM_RECEIVES | STREAM_SENDS, STRANGER), OTHER_OBJECT, 0, 0, begin);
}

static void file_any(struct attacker *a)
{
	uint64_t begin = tick();

	opened(any(&a->state) % 2 ? by(&a->caller, host_file_create, NAME_FILE, 1, 0, 0xff)
				  : by(&a->caller, host_file_open, NAME_FILE, 1, GRANT_READ | GRANT_WRITE), OTHER_OBJECT, 0, 0, begin);
}

/* ---- all ---- */
static void close_any(struct attacker *a, uint64_t handle)
{
	if (!by(&a->caller, host_share_close, handle)) {
		count(&happened.closed);
		__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	}
}

static void *attack(void *argument)
{
	struct attacker *a = argument;

	lingers = a->state;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED) && !wrong) {
		uint64_t what = any(&a->state) % 100, handle = any(&a->state) % HANDLES;
		int room_left = __atomic_load_n(&live, __ATOMIC_RELAXED) < LIVE;
		if (what < 30)
			send_any(a, handle);
		else if (what < 58)
			receive_any(a, handle);
		else if (what < 66)
			close_any(a, handle);
		else if (what < 68)
			by(&a->caller, host_stream_shutdown, handle, any(&a->state) % 3);
		else if (what == 68)
			by(&a->caller, host_stream_state, handle, any(&a->state) % 2);
		else if (what == 69)
			by(&a->caller, host_rung, REF_PROGRAM | (at_of(a) - 1024), 16);
		else if (what == 70)
			share_unpost(&a->caller);
		else {
			__atomic_add_fetch(&a->opens, 1, __ATOMIC_SEQ_CST);
			if (what < 80)
				accept_any(a);
			else if (room_left)
				(what < 96 ? connect_any : what < 97 ? file_any : stranger)(a);
			__atomic_add_fetch(&a->opens, 1, __ATOMIC_SEQ_CST);
		}
	}
	lingers = 0;
	share_unpost(&a->caller);
	return NULL;
}

/* The attackers' cVM has come, and ends. */
void attackers_run(double end, uint64_t *state)
{
	over = live = 0;
	if (share_table_create(cvms[0]))
		say("no table");
	listen_again(&attackers[0]);
	for (unsigned i = 0; i < ATTACKERS; i++)
		pthread_create(&attackers[i].thread, NULL, attack, &attackers[i]);
	while (seconds() < end && !wrong) {
		if (SIGNALS)
			halt(attackers[any(state) % ATTACKERS].thread);
		nanosleep(&(struct timespec){0, 10000}, NULL);
	}
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < ATTACKERS; i++)
		pthread_join(attackers[i].thread, NULL);
	share_table_destroy(cvms[0]);
	share_sweep();
}
