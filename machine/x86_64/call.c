/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads that serve calls, and the home carriers that sleep meanwhile (call.h). On the host's thread pointer. Trusted. An attacker
 * chooses slots, entries' registers, and when kicks, stops and the ends of services come.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/x86_64/call.h"

#define RED_ZONE 128u

/* The host stack's frames of the wait end here: it is the caller's from now on, whose call gives an error. */
static __attribute__((noreturn)) void adopt(struct carrier *home)
{
	struct machine_thread *caller = home->adopts;

	home->adopts = NULL;
	call_carry(home, caller);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* its tid before its `kicked`, which the gate looks at */
	machine_calls.moved(caller);
	context_adopted(caller->context, home->error, gate_address(gate_call_out));
}

/* For a call that is being detached, until that is done. */
static uint64_t settled(const struct machine_thread *thread)
{
	uint64_t word;

	while (((word = __atomic_load_n(&thread->state, __ATOMIC_SEQ_CST)) & CALL_TAG) == CALL_DETACHING)
		machine_system(SYS_sched_yield, 0, 0, 0, 0);
	return word;
}

int64_t machine_call_serve(struct machine_thread *thread, struct machine_service *service, uint64_t id, uint32_t entry)
{
	struct context *context = thread->context;
	struct carrier *home = context->carrier;
	uint64_t idle = CALL_IDLE_WORD(id), word = settled(thread);

	if (word)       /* a call it has come back from, detached: it is at home here now (GATE_SERVE refuses within a call) */
		machine_calls.moved(thread);
	context->floor = (uint64_t)context - context->server[S_RSP / 8] + 8;
	context->entry = context->program_base + entry;
	context->entry_stack = (uint32_t)(context->server[S_R15 / 8] - RED_ZONE) & ~15u;
	thread->service = service;
	thread->serves = id;
	thread->limited = 0;
	__atomic_store_n(&thread->state, idle, __ATOMIC_SEQ_CST);
	call_freed(service);
	for (;;) {
		uint32_t seen = __atomic_load_n(&home->word, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&home->adopts, __ATOMIC_SEQ_CST))
			adopt(home);
		word = __atomic_load_n(&thread->state, __ATOMIC_SEQ_CST);
		int kicked = __atomic_load_n(&context->kicked, __ATOMIC_SEQ_CST) != 0;
		if (word == idle && (kicked || __atomic_load_n(&service->id, __ATOMIC_SEQ_CST) != id)) {
			if (__atomic_compare_exchange_n(&thread->state, &word, CALL_OFF, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				break;
			continue;
		}
		if (word != idle && kicked) {
			int tid = __atomic_load_n(&thread->tid, __ATOMIC_SEQ_CST);
			if (tid == home->tid && (word & CALL_TAG) < CALL_DETACHING) {   /* it is just coming or going */
				machine_relax();
				continue;
			}
			if (tid != home->tid)
				syscall(SYS_tgkill, getpid(), tid, MACHINE_KICK);
		}
		machine_system(SYS_futex, (long)&home->word, FUTEX_WAIT_PRIVATE, seen, 0);
	}
	call_carry(home, thread);       /* other carriers' calls have been here */
	context->floor = CONTEXT_FIRST;
	return __atomic_load_n(&service->id, __ATOMIC_SEQ_CST) == id ? -EINTR : -EBADF;
}

void call_abandon(struct machine_thread *callee)
{
	for (;;) {
		uint64_t word = settled(callee);
		if ((word & CALL_TAG) != CALL_ACTIVE)
			break;
		call_detach(callee, word, CALL_LOST);
	}
	__atomic_store_n(&callee->state, CALL_OFF, __ATOMIC_SEQ_CST);
}

int machine_call_expire(struct machine_thread *callee, uint64_t now)
{
	/* In this order: a later call writes its limit before it says so. */
	uint64_t limited = __atomic_load_n(&callee->limited, __ATOMIC_ACQUIRE), limit = __atomic_load_n(&callee->limit, __ATOMIC_ACQUIRE);
	uint64_t word = __atomic_load_n(&callee->state, __ATOMIC_SEQ_CST);

	if (!limited || ((word ^ limited) & ~CALL_TAG) || ((word & CALL_TAG) != CALL_ACTIVE && (word & CALL_TAG) != CALL_COPYING))
		return 0;
	if (limit <= now)
		call_detach(callee, word, CALL_LATE);
	return 1;
}

void machine_call_look(struct machine_thread *callee)
{
	call_wake(callee);
}

int machine_thread_home(const struct machine_thread *thread)
{
	return __atomic_load_n(&thread->home, __ATOMIC_ACQUIRE)->tid;
}
