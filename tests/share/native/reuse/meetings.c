/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Who is told -EAGAIN is rung for, however close the other was: the two meet again and again, a sender here and a receiver there, at the same time,
 * which is moved until about half of them come too early.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "tests/share/native/reuse/reuse.h"

static uint64_t handles[2];             /* the sender's, the receiver's */
static uint64_t arrived;                /* both count */
static int full;                        /* the sender waits for room, else the receiver for bytes */
static int over;
static int64_t sent;
static int64_t later[2];                /* how much the sender comes later than the receiver: by `full` */

static void meet(uint64_t *mine)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	*mine += 2;
	for (unsigned i = 0; __atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < *mine; i++)
		if (i > 1000)
			sched_yield();
}

static void wait_for(int64_t moments)
{
	for (; moments > 0; moments--)
		__asm__ volatile("");
}

static void *sender(void *unused)
{
	uint64_t mine = 0, state = seed * 3 + 1;

	for (;;) {
		meet(&mine);
		if (over)
			return unused;
		wait_for(later[full] + (int64_t)(any(&state) % 400));
		sent = by(two[0], host_stream_send, handles[0], BUFFER, 8);
		meet(&mine);
	}
}

static int bell_empty(int side)
{
	int rang = 0;

	while (two_rung(side) > 0)
		rang = 1;
	return rang;
}

void meetings(double end)
{
	pthread_t thread;
	uint64_t mine = 0, state = seed * 7 + 1;
	long misses = 0;

	two_connect(handles);
	pthread_create(&thread, NULL, sender, NULL);
	for (;;) {
		full = any(&state) % 4 == 0;
		if (full && by(two[0], host_stream_send, handles[0], BUFFER, STREAM_RING) != STREAM_RING)
			say("the ring was not empty");
		bell_empty(0);
		bell_empty(1);
		over = wrong || seconds() > end;
		meet(&mine);
		if (over)
			break;
		wait_for(200 - later[full]);
		int64_t got = by(two[1], host_stream_receive, handles[1], BUFFER, full ? STREAM_RING / 4 : 8);
		meet(&mine);
		int missed = sent == -EAGAIN || got == -EAGAIN;
		misses += missed;
		int64_t next = later[full] + (missed == full) * 100 - 50, most = full ? 60000 : 2000;
		later[full] = next > most || next < -most ? 0 : next;   /* far off: one of both was put off its processor */
		if (sent == -EAGAIN && !bell_empty(0))
			say("nobody rang for a sender, though there is room");
		if (got == -EAGAIN && !bell_empty(1))
			say("nobody rang for a receiver, though something came");
		/* No call here is told -EAGAIN: that would be a wish to be rung for, which another round takes for its own. */
		uint64_t left = (uint64_t)by(two[1], host_stream_state, handles[1], 0) >> 32;
		if (left && by(two[1], host_stream_receive, handles[1], BUFFER, left) != (int64_t)left)
			say("not all that is there");
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++)
		by(two[i], host_share_close, handles[i]);
	printf("# %llu meetings, %ld of them too early\n", (unsigned long long)mine / 4, misses);
}
