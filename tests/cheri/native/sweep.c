/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Revocation takes what is stored: when it has returned there is no capability for the bytes in the Intravisor's memory, wherever one had
 * been derived to, and while other cVMs derive and use more of them: sweep [SECONDS]. Likewise when a post is withdrawn, a call ends, a
 * window goes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "intravisor/cvm/window.h"
#include "intravisor/share/stream.h"
#include "machine/thread.h"
#include "tests/cheri/native/tags.h"

#define FROM 8192u
#define SIZE 12288u
#define NAME (REF_PROGRAM | START)
#define OTHER EACH                      /* a process of another cVM */

static int bad, checks, over;
static long derived, refused, copied, gone, lively;

static void check(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++checks, what);
	bad |= !good;
}

/* For [START + FROM, + SIZE) of process 0; one of them is its window's, one its table's entry 0. */
static unsigned left(void)
{
	return tags_everywhere(memory_of(0) + FROM, SIZE);
}

static int64_t bounds(int p, int64_t of, uint64_t from, uint64_t length)
{
	return call(p, host_capability_derive, (uint64_t)of, CAPABILITY_BOUNDS, from, length);
}

static void granted(void)
{
	memory_of(0)[0] = memory_of(OTHER)[0] = 'a';
	int64_t whole = bounds(0, 0, START, SPAN), part = bounds(0, whole, FROM, SIZE), beside = bounds(0, whole, FROM + SIZE, 4096);
	unsigned before = left();
	int64_t file = call(0, host_file_create, NAME, 1, (uint64_t)part, 0xff), handle = call(OTHER, host_file_open, NAME, 1, GRANT_READ, 0);
	int64_t theirs = call(OTHER, host_file_capability, (uint64_t)handle, 0, 0, 0), less = bounds(OTHER, theirs, 1, 100);
	int64_t type = call(OTHER, host_capability_derive, 0, CAPABILITY_TYPE, 0, 0);
	int64_t sealed = call(OTHER, host_capability_derive, (uint64_t)less, CAPABILITY_SEAL, (uint64_t)type, 0);
	check(before == 4 && beside > 0 && file >= 0 && less > 0 && sealed > 0 && left() == before + 4,
	      "a file, what its opener got, a part of that, sealed: four more");
	check(!call(0, host_capability_revoke, (uint64_t)part, 0, 0, 0) && left() == before - 1, "revoking takes all that was derived, in other tables too");
	check(call5(0, host_capability_access, (uint64_t)beside, 0, NAME + 64, 64, 0) == 64 &&
	      call5(OTHER, host_capability_access, (uint64_t)less, 0, NAME + 64, 64, 0) == -EBADF, "and nothing else");
	part = bounds(0, whole, FROM, SIZE);
	call(0, host_share_close, (uint64_t)file, 0, 0, 0);
	file = call(0, host_file_create, NAME, 1, (uint64_t)part, 0xff);
	call(0, host_share_close, (uint64_t)file, 0, 0, 0);
	check(file >= 0 && left() == before, "a file's end takes the file's");
	const uint8_t *zone = memory_of(0) + FROM;
	struct window window;
	process_renew(0);
	int opened = !window_open(&window, MACHINE_PROGRAM, WINDOW_ANYWHERE), had = opened && stored_tag(&window.memory) && stored_length(&window.memory) == WINDOW_SIZE;
	window_close(&window);
	check(had && !stored_tag(&window.memory) && (memory_of(0) + FROM == zone || !tags_everywhere(zone, SIZE)), "a window's end takes its own");
}

static void posted(void)
{
	memory_of(0)[0] = memory_of(OTHER)[0] = 's';
	int64_t listener = call5(0, host_stream_listen, STREAM_BY_NAME, NAME, 1, 0, 4);
	int64_t theirs = call5(OTHER, host_stream_connect, STREAM_BY_NAME, NAME, 1, STREAM_RECEIVES | STREAM_SENDS, 0);
	int64_t ours = call(0, host_stream_accept, (uint64_t)listener, 0, 0, 0);
	int64_t none = call(0, host_stream_receive, (uint64_t)ours, NAME + FROM + 3, 9000, STREAM_POST);
	const struct end *end = callers[0].posted;
	const struct half *h = end ? end->in : NULL;
	check(none == -EAGAIN && h && stored_tag(h->stored + 1) && stored_permissions(h->stored + 1) == PERMIT_STORE &&
	      stored_base(h->stored + 1) <= (uint64_t)memory_of(0) + FROM + 3 && stored_length(h->stored + 1) < 9064, "a post is a capability to store");
	if (!h)
		return;
	memset(memory_of(OTHER), 0x5a, 8000);
	int64_t sent = call(OTHER, host_stream_send, (uint64_t)theirs, NAME, 8000, 0);
	check(sent == 8000 && call(0, host_stream_receive, (uint64_t)ours, NAME + FROM + 3, 8000, 0) == 8000 && memory_of(0)[FROM + 2] == 0 &&
	      memory_of(0)[FROM + 3] == 0x5a && memory_of(0)[FROM + 8002] == 0x5a && memory_of(0)[FROM + 8003] == 0, "which is filled");
	check(!stored_tag(h->stored + 1) && stored_tag(h->stored), "and gone when it is taken back; the ring's stays");
	call(0, host_stream_receive, (uint64_t)ours, NAME + FROM, 9000, STREAM_POST);
	share_unpost(&callers[0]);
	check(!stored_tag(h->stored + 1), "also when the thread leaves");
}

/* Calls between threads that are nowhere: what is stored of the buffers, and when. */
static struct machine_thread caller, callee;
static int64_t enter(void)
{
	static struct context contexts[2];
	static struct carrier carriers[2];
	const struct machine_buffer buffers[2] = {
		{.memory = {memory_of(0) + FROM + 1, 1000, &callers[0].program->memory}, .rights = CAP_LOAD},
		{.memory = {memory_of(0) + FROM + 2000, 77, &callers[0].program->memory}, .rights = CAP_STORE},
	};

	static uint64_t service = 5;
	caller.context = &contexts[0], callee.context = &contexts[1];
	carriers[0] = (struct carrier){.resident = &caller, .now = &contexts[0]}, carriers[1] = (struct carrier){.resident = &callee};
	contexts[0].carrier = caller.home = &carriers[0], callee.home = &carriers[1];
	callee.state = CALL_IDLE_WORD(5), callee.service = &service, callee.serves = 5;
	return machine_call_enter(&caller, &callee, 5, 0, buffers, 2);
}

/* Gives calls up as soon as they have begun, which is before they have all that comes along. */
static int calls_over;
static void *detacher(void *unused)
{
	while (!LOAD(&calls_over)) {
		uint64_t word = LOAD(&callee.state);
		if ((word & CALL_TAG) == CALL_ACTIVE)
			call_detach(&callee, word, CALL_LATE);
	}
	return unused;
}

static void called(void)
{
	const struct machine_range own = cvm_range(&callers[OTHER], NAME, 100);

	check(enter() > 0 && stored_tag(&callee.buffers[0].stored) && stored_base(&callee.buffers[0].stored) == (uint64_t)memory_of(0) + FROM + 1 &&
	      stored_length(&callee.buffers[0].stored) == 1000 && stored_permissions(&callee.buffers[0].stored) == PERMIT_LOAD &&
	      stored_permissions(&callee.buffers[1].stored) == PERMIT_STORE, "a call's buffers are capabilities, exact");
	const struct machine_buffer *buffer = machine_call_hold(&callee, 1);
	check(buffer && !machine_copy_ranges(&buffer->memory, 0, &own, 0, 77), "which it copies by");
	machine_call_release(&callee);
	const struct machine_range kept = callee.buffers[1].memory;
	check(call_end(&callee) && !stored_tag(&callee.buffers[0].stored) && machine_copy_ranges(&kept, 0, &own, 0, 1) == -EBADF,
	      "until it returns");
	check(enter() > 0 && stored_tag(&callee.buffers[0].stored), "another call has them again");
	call_detach(&callee, callee.state, CALL_LATE);
	check(!stored_tag(&callee.buffers[0].stored) && !stored_tag(&callee.buffers[1].stored), "until its caller gives it up");
	pthread_t thread;
	int kept_on = 0;
	pthread_create(&thread, NULL, detacher, NULL);
	for (int i = 0; i < 3000; i++) {
		enter();
		while ((LOAD(&callee.state) & CALL_TAG) != CALL_DETACHED)
			;
		kept_on += stored_tag(&callee.buffers[0].stored) || stored_tag(&callee.buffers[1].stored);
	}
	__atomic_store_n(&calls_over, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	check(!kept_on, "also while it begins");
}

/* ---- while others derive: two threads of another cVM ---- */
static void *hammer(void *argument)
{
	int p = OTHER + (int)(long)argument;
	uint64_t n = 0;

	memory_of(p)[0] = 'a';
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		int64_t handle = call(p, host_file_open, NAME, 1, GRANT_READ, 0), mine = -1;
		if (handle >= 0)
			mine = call(p, host_file_capability, (uint64_t)handle, 0, 0, 0);
		for (int i = 0; i < 20 && mine > 0; i++) {
			int64_t part = bounds(p, mine, n++ % 1000, 5000);
			__atomic_add_fetch(part > 0 ? &derived : &refused, 1, __ATOMIC_RELAXED);
			int64_t result = call5(p, host_capability_access, (uint64_t)(part > 0 ? part : mine), 7, NAME + 4096, 3000, 0);
			__atomic_add_fetch(result == 3000 ? &copied : &gone, 1, __ATOMIC_RELAXED);
			if (result != 3000 && result != -EBADF)
				check(0, "an access gives its bytes, or that it is gone");
		}
		call(p, host_share_close, (uint64_t)handle, 0, 0, 0);
		if (mine > 0)
			call(p, host_capability_revoke, (uint64_t)mine, 0, 0, 0);
	}
	return NULL;
}

static void raced(time_t seconds)
{
	pthread_t threads[2];
	time_t end = time(NULL) + seconds;
	long rounds = 0;
	unsigned most = 0;

	for (long i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	memory_of(0)[0] = 'a';
	for (; time(NULL) < end; rounds++) {
		int64_t part = bounds(0, 0, START + FROM, SIZE), file = call(0, host_file_create, NAME, 1, (uint64_t)part, 0xff);
		nanosleep(&(struct timespec){0, 2000000 * (rounds % 4)}, NULL);
		lively += tags_of_tables(memory_of(0) + FROM, SIZE) > 2;
		call(0, host_capability_revoke, (uint64_t)part, 0, 0, 0);
		unsigned n = tags_of_tables(memory_of(0) + FROM, SIZE);
		most = n > most ? n : most;
		call(0, host_share_close, (uint64_t)file, 0, 0, 0);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("# %ld rounds, %ld with others' at their end; %ld derived, %ld refused; %ld copied, %ld gone\n", rounds, lively, derived, refused, copied,
	       gone);
	check(most == 1, "no capability is left while others derive: but of entry 0");
	check(rounds > 20 && lively > 5 && derived > 100 && copied > 100 && refused && gone, "all of it happened");
}

int main(int argc, char **argv)
{
	alarm(180);
	if (processes_make())
		return 2;
	granted();
	posted();
	called();
	raced(argc > 1 ? atoi(argv[1]) : 10);
	printf("1..%d\n", checks);
	fflush(stdout);
	_exit(bad);
}
