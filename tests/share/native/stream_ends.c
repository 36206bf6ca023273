/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How CP_Streams end: stream_ends [TURNS [SEED]]. What an end says when the other has gone or is shut down; and while threads sleep now and then
 * in the middle of it (between.c): what was sent before comes before the end does, who has heard of an end sends no more, and who waits for
 * room where nobody will take anything hears of that.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/share/stream.h"
#include "tests/share/native/between.h"
#include "tests/share/native/guest_carrier.h"
#include "tests/share/native/processes.h"

#define ROOM (1u << 20)                 /* bytes of each process, behind START */
#define NAME (REF_PROGRAM | START)
#define DATA (NAME + 4096)
#define RUNG (NAME + 1024)
#define SENDER   0
#define RECEIVER EACH                   /* of another cVM */

static struct guest_carrier carrier;    /* the other thread's */
static uint64_t seed;
static int turns = 200;

static uint64_t any(uint64_t *state)
{
	*state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static int64_t connected(int64_t listener, uint64_t *a)
{
	const uint64_t connect[6] = {STREAM_BY_NAME, NAME, 1, STREAM_SENDS | STREAM_RECEIVES, 0, 0};

	*a = (uint64_t)host_stream_connect(&callers[SENDER], connect);
	return listener < 0 ? -1 : call(RECEIVER, host_stream_accept, (uint64_t)listener, 0, 0, 0);
}

/* One thread: what an end says when the other has gone, or is shut down. */
static int ends_say(int64_t *listener)
{
	const uint64_t listen[6] = {STREAM_BY_NAME, NAME, 1, 0, 4, 0};
	uint64_t a, b = (uint64_t)connected(*listener, &a);
	int ok = 1;
#define SAYS(p, host, handle, n, flags, result) (ok = ok && call(p, host, handle, DATA, n, flags) == (result))
#define STATE(p, handle) (uint64_t)call(p, host_stream_state, handle, 0, 0, 0)

	/* Nothing is asked for, nothing is waited for; what is shut down for reading has ended, and refuses. */
	SAYS(SENDER, host_stream_receive, a, 0, 0, 0);
	SAYS(SENDER, host_stream_receive, a, 4, 0, -EAGAIN);
	while (call(RECEIVER, host_rung, RUNG, 64, 0, 0) > 0)
		;
	SAYS(RECEIVER, host_stream_receive, b, 4, 0, -EAGAIN);
	ok = ok && !call(SENDER, host_stream_shutdown, a, 1, 0, 0) && call(RECEIVER, host_rung, 0, 0, 0, 0) == 1;
	SAYS(RECEIVER, host_stream_receive, b, 4, 0, 0);
	SAYS(SENDER, host_stream_send, a, 4, 0, -EPIPE);
	ok = ok && !call(SENDER, host_stream_shutdown, a, 0, 0, 0) && (STATE(SENDER, a) & STREAM_READABLE) && (STATE(RECEIVER, b) & STREAM_REFUSED);
	SAYS(SENDER, host_stream_receive, a, 4, 0, 0);
	SAYS(RECEIVER, host_stream_send, b, 4, 0, -EPIPE);
	call(SENDER, host_share_close, a, 0, 0, 0);
	call(RECEIVER, host_share_close, b, 0, 0, 0);
	/* Who leaves something unread, in the ring or in a post, resets. */
	for (int post = 0; post < 2; post++) {
		b = (uint64_t)connected(*listener, &a);
		if (post)
			SAYS(RECEIVER, host_stream_receive, b, 16384, STREAM_POST, -EAGAIN);
		SAYS(SENDER, host_stream_send, a, 16384, 0, 16384);
		call(RECEIVER, host_share_close, b, 0, 0, 0);
		ok = ok && (STATE(SENDER, a) & (STREAM_RESET | STREAM_FINISHED | STREAM_REFUSED)) == (STREAM_RESET | STREAM_FINISHED | STREAM_REFUSED);
		SAYS(SENDER, host_stream_receive, a, 4, 0, -ECONNRESET);
		SAYS(SENDER, host_stream_send, a, 4, 0, -EPIPE);
		share_unpost(&callers[RECEIVER]);
		call(SENDER, host_share_close, a, 0, 0, 0);
	}
	/* So does a listener that goes, and nobody has accepted. */
	connected(-1, &a);
	call(RECEIVER, host_share_close, (uint64_t)*listener, 0, 0, 0);
	SAYS(SENDER, host_stream_receive, a, 4, 0, -ECONNRESET);
	call(SENDER, host_share_close, a, 0, 0, 0);
	*listener = host_stream_listen(&callers[RECEIVER], listen);
	return ok;
}

/* However slowly an end is closed: what was sent before comes before its end does, and who has heard of that, or of a reset, sends no more. */
static void *close_slowly(void *handle)
{
	carrier_make(&carrier);
	lingers = (uint64_t)(long)handle * 2654435761u + seed + 1;
	call(SENDER, host_stream_send, (uint64_t)(long)handle, DATA, 4, 0);
	call(SENDER, host_share_close, (uint64_t)(long)handle, 0, 0, 0);
	return NULL;
}

static int heard_and_sends(int64_t listener, uint64_t *state)
{
	int ok = 1;

	for (int i = 0; i < turns && ok; i++) {
		uint64_t a;
		int64_t b = connected(listener, &a), heard;
		pthread_t thread;
		int unread = i % 2;
		seed = any(state);
		if (unread)
			call(RECEIVER, host_stream_send, (uint64_t)b, DATA, 4, 0);
		if (pthread_create(&thread, NULL, close_slowly, (void *)(long)a))
			return 0;
		lingers = seed | 1;
		for (int words = 0; (heard = call(RECEIVER, host_stream_receive, (uint64_t)b, DATA, 4, 0)) == -EAGAIN || heard == 4 || !words;
		     words |= heard == 4) {
			sched_yield();
			uint64_t state_now = (uint64_t)call(RECEIVER, host_stream_state, (uint64_t)b, 0, 0, 0);
			if ((heard <= 0 && heard != -EAGAIN) || (!words && heard != 4 && (state_now & STREAM_FINISHED) && !(state_now >> 32))) {
				printf("# an end before the last word\n");
				ok = 0;
				break;
			}
		}
		lingers = 0;
		int64_t sent = call(RECEIVER, host_stream_send, (uint64_t)b, DATA, 4, 0);
		ok = ok && heard == (unread ? -ECONNRESET : 0) && sent == -EPIPE;
		if (!ok)
			printf("# round %d: heard %lld, sent %lld\n", i, (long long)heard, (long long)sent);
		pthread_join(thread, NULL);
		call(RECEIVER, host_share_close, (uint64_t)b, 0, 0, 0);
	}
	return ok;
}

/* Who waits for room, and is refused just then, hears of it. */
static void *send_slowly(void *handle)
{
	carrier_make(&carrier);
	lingers = (uint64_t)(long)handle * 2654435761u + seed + 1;
	return (void *)(long)call(SENDER, host_stream_send, (uint64_t)(long)handle, DATA, 4, 0);
}

static int refused_and_rung(int64_t listener, uint64_t *state)
{
	int ok = 1;

	for (int i = 0; i < turns && ok; i++) {
		uint64_t a, b = (uint64_t)connected(listener, &a);
		pthread_t thread;
		void *sent;
		ok = call(SENDER, host_stream_send, a, DATA, STREAM_RING, 0) == STREAM_RING;
		while (call(SENDER, host_rung, RUNG, 64, 0, 0) > 0)
			;
		seed = any(state);
		if (pthread_create(&thread, NULL, send_slowly, (void *)(long)a))
			return 0;
		nanosleep(&(struct timespec){0, (long)(any(state) % 200000)}, NULL);
		call(RECEIVER, host_stream_shutdown, b, 0, 0, 0);
		pthread_join(thread, &sent);
		ok = ok && ((long)sent == -EPIPE || ((long)sent == -EAGAIN && call(SENDER, host_rung, 0, 0, 0, 0) == 1));
		call(SENDER, host_share_close, a, 0, 0, 0);
		call(RECEIVER, host_share_close, b, 0, 0, 0);
	}
	return ok;
}

int main(int argc, char **argv)
{
	const uint64_t listen[6] = {STREAM_BY_NAME, NAME, 1, 0, 4, 0};
	uint64_t given = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL), state = given * 2654435761u + 1;

	alarm(120);
	lingers_seldom = 24;
	turns = argc > 1 ? atoi(argv[1]) : turns;
	printf("# seed %llu\n", (unsigned long long)given);
	if (processes_make())
		return 1;
	for (int p = 0; p < PROCESSES; p++) {
		if (call(p, host_memory_map, REF_PROGRAM | (START + SPAN), ROOM - SPAN, PROT_READ | PROT_WRITE, 0))
			return 1;
		*memory_of(p) = 's';
	}
	int64_t listener = host_stream_listen(&callers[RECEIVER], listen);
	int says = ends_say(&listener), heard = heard_and_sends(listener, &state), rung = refused_and_rung(listener, &state);
	call(RECEIVER, host_share_close, (uint64_t)listener, 0, 0, 0);
	processes_end();
	printf("%sok 1 - an end says what it should when the other has gone\n", says ? "" : "not ");
	printf("%sok 2 - what was sent comes before the end does, and who has heard of that sends no more\n", heard ? "" : "not ");
	printf("%sok 3 - who waits for room hears that there will be none\n1..3\n", rung ? "" : "not ");
	return !(says && heard && rung);
}
