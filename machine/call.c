/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Calls between cVMs: whose guest a host thread (carrier) runs, and how that changes. Here are the threads that serve calls and the
 * home carriers that sleep meanwhile; and kicks and stops, from any host thread (machine.h), up to where they arrive, which is the ISA's;
 * fast_call.c is behind the gates. Trusted. An attacker chooses slots, entries' registers, and when kicks, stops and the ends of services
 * come.
 *
 * All that decides is one word of the callee's thread, `state`, changed by compare-and-swap:
 *
 *   CALL_OFF        it is its program's
 *   CALL_IDLE       it waits in GATE_SERVE for calls of a service, whose id is in the word; its home carrier sleeps
 *   CALL_ACTIVE     the caller's carrier runs it; the caller and a number of its calls are in the word
 *   CALL_COPYING    as CALL_ACTIVE, and it is touching the caller's memory: ending the call waits; bits 3 and 4 say for what
 *   CALL_DETACHING  the call has ended for its caller before its callee returned, and is being taken apart
 *   CALL_DETACHED   it has been: the caller runs on the carrier that was the callee's home, the callee on what was the caller's
 *
 * ACTIVE -> IDLE is the callee's return, ACTIVE -> DETACHING the end by a kick or stop of the caller, by its time limit, or because the
 * callee leaves or loses its frames. Exactly one of them happens, and only who made it happen touches the caller from then on. So a
 * caller never waits for its callee, and a callee is never pulled out of what it does.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/thread.h"

/* The host stack's frames of the wait end here: it is the caller's from now on, whose call gives an error. */
static __attribute__((noreturn)) void adopt(struct carrier *home)
{
	struct machine_thread *caller = home->adopts;

	home->adopts = NULL;
	call_carry(home, caller);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* its tid before its `kicked`, which the gate looks at */
	machine_calls.moved(caller);
	context_adopt(caller->context, home->error);
}

/* The state word, of a call that is being detached when that is done. */
static uint64_t settled(const struct machine_thread *thread)
{
	uint64_t word;

	while (((word = LOAD(&thread->state)) & CALL_TAG) == CALL_DETACHING)
		machine_system(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	return word;
}

int64_t machine_call_serve(struct machine_thread *thread, const uint64_t *service, uint64_t id, uint32_t entry)
{
	struct context *context = thread->context;
	struct carrier *home = context->carrier;
	uint64_t idle = CALL_IDLE_WORD(id), word = settled(thread);

	if (word)       /* a call it has come back from, detached: it is at home here now (GATE_SERVE refuses within a call) */
		machine_calls.moved(thread);
	context_serves(context, entry);
	thread->service = service;
	thread->serves = id;
	__atomic_store_n(&thread->state, idle, __ATOMIC_SEQ_CST);
	for (;;) {
		uint32_t seen = LOAD(&home->word);
		if (LOAD(&home->adopts))
			adopt(home);
		word = LOAD(&thread->state);
		uint64_t kicked = LOAD(&context->kicked);
		int tid = LOAD(&thread->tid);
		if (word == idle && (kicked || LOAD(service) != id)) {
			if (__atomic_compare_exchange_n(&thread->state, &word, CALL_OFF, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				break;
			continue;
		}
		if (word != idle && kicked && tid != home->tid)
			syscall(SYS_tgkill, getpid(), tid, MACHINE_KICK);
		else if (word != idle && kicked && (word & CALL_TAG) < CALL_DETACHING) {
			machine_relax();        /* it is just coming or going */
			continue;
		}
		machine_system(SYS_futex, (long)&home->word, FUTEX_WAIT_PRIVATE, seen, 0, 0, 0);
	}
	call_carry(home, thread);       /* other carriers have been here */
	context_served(context);
	return LOAD(service) == id ? -EINTR : -EBADF;
}

void call_abandon(struct machine_thread *callee)
{
	for (uint64_t word; ((word = settled(callee)) & CALL_TAG) == CALL_ACTIVE;)
		call_detach(callee, word, CALL_LOST);
	__atomic_store_n(&callee->state, CALL_OFF, __ATOMIC_SEQ_CST);
}

int machine_call_expire(struct machine_thread *callee, uint64_t now)
{
	/* In this order: a later call writes its limit before it says so. ACTIVE or COPYING: */
	uint64_t limited = LOAD(&callee->limited), limit = LOAD(&callee->limit), word = LOAD(&callee->state);

	if ((word & 6) != CALL_ACTIVE || ((word ^ limited) & ~CALL_TAG))
		return 0;
	if (limit <= now)
		call_detach(callee, word, CALL_LATE);
	return 1;
}

/* A kick to a thread that has not begun or has ended is nothing: its tid is 0, and a tid is not reused while its host thread
 * runs this. The owner keeps `thread` from being destroyed meanwhile. What it is looked at for in vain here, because it calls, is
 * called or comes back just now, it looks at itself behind that (fast_call.c). Signal-safe. */
void machine_thread_kick(struct machine_thread *thread)
{
	__atomic_store_n(&thread->context->kicked, 1, __ATOMIC_SEQ_CST);
	call_kicked(thread);
	int tid = __atomic_load_n(&thread->tid, __ATOMIC_SEQ_CST);
	if (tid && tid != (int)syscall(SYS_gettid))
		syscall(SYS_tgkill, getpid(), tid, MACHINE_KICK);
}

void machine_thread_stop(struct machine_thread *thread)
{
	__atomic_store_n(&thread->context->leaving, 1, __ATOMIC_SEQ_CST);
	machine_thread_kick(thread);
}

int machine_thread_home(const struct machine_thread *thread)
{
	return LOAD(&thread->home)->tid;
}
