/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A call's way in and out, and its end by others (call.c). Behind gates, on a guest's vector state (machine.h).
 * Trusted. An attacker chooses when calls, kicks, limits and ends come, on both sides at once.
 *
 * Nothing of a caller is touched behind the compare-and-swap that makes its call ACTIVE, but by whoever ends the call: it may
 * run elsewhere, or be gone. What is only looked at (context->kicked, tid, home) is never unmapped (thread.h).
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "machine/thread.h"

static int swap(struct machine_thread *thread, uint64_t *old, uint64_t new)
{
	return __atomic_compare_exchange_n(&thread->state, old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static struct machine_thread *caller_of(uint64_t word)
{
	return (struct machine_thread *)(word & 0x7fffffffffc0);
}

static void ride(struct carrier *carrier, struct machine_thread *thread)
{
	thread->context->carrier = carrier;
	thread->context->host_sp = carrier->host_sp;
	thread->context->host_tp = carrier->host_tp;
	__atomic_store_n(&thread->tid, carrier->tid, __ATOMIC_RELEASE);
}

void call_carry(struct carrier *carrier, struct machine_thread *thread)
{
	ride(carrier, thread);
	carrier->now = thread->context;
}

static void wake(struct carrier *carrier)
{
	__atomic_add_fetch(&carrier->word, 1, __ATOMIC_SEQ_CST);
	machine_system(SYS_futex, (long)&carrier->word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void machine_call_look(struct machine_thread *callee)
{
	wake(LOAD(&callee->home));
}

/* It is idle again. Its home sleeps through what comes while it is not: a kick, the service's end. */
static void idle_again(struct machine_thread *callee)
{
	if (LOAD(&callee->context->kicked) || LOAD(callee->service) != callee->serves)
		machine_call_look(callee);
}

/* The callee has no more of its caller's memory: by who owns the end of the call, or by the callee's carrier on the way in or out. It does
 * not copy just then, and nobody enters it anew. */
static void buffers_clear(struct machine_thread *callee)
{
	for (unsigned i = 0; ISA_STORED && i < callee->buffer_count; i++)
		machine_stored_clear(&callee->buffers[i].stored);
}

int64_t machine_call_enter(struct machine_thread *caller, struct machine_thread *callee, uint64_t id, uint64_t limit,
			   const struct machine_buffer *buffers, unsigned count)
{
	struct carrier *carrier = caller->context->carrier;
	uint64_t idle = CALL_IDLE_WORD(id), word = (uint64_t)caller | ++caller->calls << 47 | CALL_ACTIVE, old = idle;

	if (LOAD(&callee->state) != idle)
		return -EAGAIN;
	__atomic_store_n(&caller->callee, callee, __ATOMIC_RELEASE);
	if (!swap(callee, &old, word))
		return -EAGAIN;
	/* A kick of the caller from here on finds the call; one before is seen here. */
	old = word;
	if (LOAD(&caller->context->kicked) && swap(callee, &old, idle)) {
		idle_again(callee);
		return -EAGAIN;
	}
	callee->buffer_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct machine_buffer *own = &callee->buffers[i];
		machine_stored_part(&own->stored, &buffers[i].memory, (uint32_t)buffers[i].rights);
		own->memory = (struct machine_range){buffers[i].memory.at, buffers[i].memory.length, &own->stored};
		own->rights = buffers[i].rights;
	}
	/* Has it ended already, perhaps before there was anything to clear? Who ends it from here on finds all of it. */
	if (ISA_STORED && __atomic_fetch_or(&callee->state, 0, __ATOMIC_SEQ_CST) != word)
		buffers_clear(callee);
	if (limit) {
		callee->limit = limit;
		__atomic_store_n(&callee->limited, word, __ATOMIC_SEQ_CST);
	}
	/* A kick of the callee that has not seen this tid goes to its home, which passes it on (call.c). */
	call_carry(carrier, callee);
	return (int64_t)callee->context;
}

struct context *call_end(struct machine_thread *callee)
{
	struct carrier *carrier = callee->context->carrier;
	uint64_t word = LOAD(&callee->state);
	struct machine_thread *caller = caller_of(word);

	if ((word & CALL_TAG) != CALL_ACTIVE)
		return NULL;
	buffers_clear(callee);
	/* A kick that finds the home's tid has set `kicked`, which is looked at behind the swap; any other comes here. */
	__atomic_store_n(&callee->tid, callee->home->tid, __ATOMIC_RELEASE);
	if (!swap(callee, &word, CALL_IDLE_WORD(callee->serves))) {
		__atomic_store_n(&callee->tid, carrier->tid, __ATOMIC_RELEASE);
		return NULL;
	}
	caller->callee = NULL;
	carrier->now = caller->context;
	idle_again(callee);
	return caller->context;
}

/* Under it: homes, residents, and the carriers of callers. Held with kicks blocked, since their handler takes it too. */
static uint32_t detach_lock;

/* On the carrier `stays` runs a chain of calls from its resident's down to the callee and perhaps on. The callee's home is asleep.
 * Now everything from the callee on is at home where it is, and everything up to the caller goes on on what was the callee's home. */
void call_detach(struct machine_thread *callee, uint64_t word, enum call_end why)
{
	static const int64_t errors[] = {[CALL_KICKED] = -EINTR, [CALL_LATE] = -ETIMEDOUT, [CALL_LOST] = -ECONNRESET};
	const uint64_t call = word & ~CALL_TAG, kick = 1ull << (MACHINE_KICK - 1);
	uint64_t mask = 0;
	int copies;

	do {
		copies = (word & CALL_TAG) == CALL_COPYING;
		if ((word & ~CALL_TAG) != call || (!copies && (word & CALL_TAG) != CALL_ACTIVE))
			return;
	} while (!swap(callee, &word, copies ? word | CALL_WHY(why) : call | CALL_DETACHING));
	if (copies)     /* it comes by here itself when it has done with the caller's memory */
		return;
	buffers_clear(callee);
	machine_system(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&kick, (long)&mask, 8, 0, 0);
	while (__atomic_exchange_n(&detach_lock, 1, __ATOMIC_ACQUIRE))
		machine_system(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	struct machine_thread *caller = caller_of(word);
	/* The caller's: a callee that is just being entered does not know its carrier yet, and has an earlier call's. */
	struct carrier *stays = caller->context->carrier, *goes = callee->home;
	goes->resident = stays->resident;
	__atomic_store_n(&goes->resident->home, goes, __ATOMIC_RELEASE);
	stays->resident = callee;
	__atomic_store_n(&callee->home, stays, __ATOMIC_RELEASE);
	caller->callee = NULL;
	/* All that wait above go along, each on the carrier of its chain at any time: the next detach may be of any of them. They lie still,
	 * since what they wait for does, and their links change under this lock alone. */
	for (struct machine_thread *up = caller;; up = caller_of(word)) {
		ride(goes, up);
		word = LOAD(&up->state);
		if ((word & CALL_TAG & 7) < CALL_ACTIVE || (word & CALL_TAG & 7) == CALL_DETACHED)
			break;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* their tids before their `kicked`, which a gate looks at on the way back */
	/* A kick of theirs finds its handler there looking at them, and no more at the callee, which may end from here on. */
	__atomic_store_n(&goes->now, caller->context, __ATOMIC_SEQ_CST);
	goes->error = errors[why];
	__atomic_store_n(&goes->adopts, caller, __ATOMIC_SEQ_CST);
	wake(goes);
	/* The last that is touched of the callee. */
	__atomic_store_n(&callee->state, call | CALL_DETACHED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&detach_lock, 0, __ATOMIC_RELEASE);
	machine_system(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&mask, 0, 8, 0, 0);
}

void call_kicked(struct machine_thread *thread)
{
	struct machine_thread *callee = LOAD(&thread->callee);
	uint64_t word = callee ? LOAD(&callee->state) : 0;

	if ((word & CALL_TAG) >= CALL_ACTIVE && caller_of(word) == thread)
		call_detach(callee, word, CALL_KICKED);
	if (LOAD(&thread->state))
		machine_call_look(thread);
}

const struct machine_buffer *machine_call_hold(struct machine_thread *callee, uint64_t index)
{
	uint64_t word = LOAD(&callee->state);

	return (word & CALL_TAG) == CALL_ACTIVE && index < callee->buffer_count && swap(callee, &word, word + CALL_COPYING - CALL_ACTIVE)
		       ? &callee->buffers[index] : NULL;
}

void machine_call_release(struct machine_thread *callee)
{
	uint64_t word = LOAD(&callee->state) & ~CALL_TAG, old = word | CALL_COPYING;

	if (swap(callee, &old, word | CALL_ACTIVE))
		return;
	/* It is to end, and nobody but this thread changes the word until then. */
	__atomic_store_n(&callee->state, word | CALL_ACTIVE, __ATOMIC_SEQ_CST);
	call_detach(callee, word | CALL_ACTIVE, (enum call_end)(old >> 3 & 3));
}
