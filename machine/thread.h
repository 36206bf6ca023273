/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A thread that runs guest code, as a machine port sees it; the same on each. Its trusted context is the ISA's: <context.h>, of which
 * common code knows the fields kicked, carrier, libos_base, host_sp, host_tp and thread. Trusted.
 */
#ifndef THREAD_H
#define THREAD_H
#include <context.h>

#include "machine/carrier.h"
#include "machine/machine.h"

/* Its memory, with its context's region and its carrier's, is never unmapped, but used for later threads: who kicks, calls or ends calls
 * may look at one that has gone meanwhile, and finds by its state word that it means nothing to him. */
struct machine_thread {
	struct context *context;
	uint8_t *region;                /* the memory it is in */
	struct carrier *home;           /* at the end of its signal stack; the host thread that runs it, but for calls (call.c) */
	const uint64_t *service;        /* what it waits, or waited last, for calls of; the id there: `serves` */
	uint64_t calls;                 /* how many it has made */
	/* So far, and context->thread: at no moment anything else than what it was, since it may be looked at while it begins anew. */
	void *owner;
	uint8_t *registers;             /* where an interrupted program's go, in the library OS's window; NULL: nowhere yet */
	int tid;                        /* of the host thread that runs it; 0: none */
	struct machine_fault last;      /* the last fault, for a report */
	uint32_t fixup_start, fixup_end, fixup_target;  /* library-OS text offsets; start == end: none */
	struct machine_thread *next;    /* of those that can be used again */

	/* As a callee. Who moves `state` out of CALL_IDLE owns the rest until he or the detacher (call.h) puts it back. */
	uint64_t state;                 /* atomic: CALL_*, and what is said there */
	uint64_t serves;
	uint64_t limit, limited;        /* the call whose state word was `limited` is over at time `limit` */
	struct machine_buffer buffers[MACHINE_BUFFERS];
	unsigned buffer_count;
	/* As a caller. */
	struct machine_thread *callee;  /* whom to look at when it is kicked; NULL: nobody */
} __attribute__((aligned(64)));

extern struct machine_upcalls machine_calls;

/* unused.c */
struct machine_thread *thread_used_again(void);         /* NULL: there is none */
void thread_unused(struct machine_thread *thread);
/* It begins anew, and its context with it: zeroes, but for what others may look at. */
void thread_clear(struct machine_thread *thread, void *owner);

/* run.c; both are the ISA's. The library OS is entered at an offset, with an offset as its stack; what it gives when the thread leaves. */
int64_t context_run(struct context *context, uint32_t entry, uint32_t stack, uint64_t argument);
__attribute__((noreturn)) void context_leave(struct context *context, int64_t value);

/* ---- calls between cVMs: call.c has the story; the next three are the ISA's ---- */
void context_serves(struct context *context, uint32_t entry);   /* its program lies in GATE_SERVE: calls are to enter there, at this offset */
void context_served(struct context *context);                   /* no more */
/* A program's call is over with an error, on another host thread than it began. */
__attribute__((noreturn)) void context_adopt(struct context *context, int64_t error);
enum { CALL_OFF, CALL_IDLE, CALL_ACTIVE, CALL_COPYING, CALL_DETACHING, CALL_DETACHED };
#define CALL_TAG           0x3full      /* low bits of a state word: one of these, and why a call that copies is to end */
#define CALL_WHY(why)      ((uint64_t)(why) << 3)
#define CALL_IDLE_WORD(id) ((id) << 6 | CALL_IDLE)
enum call_end { CALL_KICKED = 1, CALL_LATE, CALL_LOST };        /* -EINTR, -ETIMEDOUT, -ECONNRESET for the caller */
#define LOAD(at)           __atomic_load_n(at, __ATOMIC_SEQ_CST)
/* Of the fast kind, and signal-safe. */
struct context *call_end(struct machine_thread *callee);        /* it returns: its caller's context; NULL: that is not here any more */
void call_detach(struct machine_thread *callee, uint64_t word, enum call_end why);      /* unless its call is not that of `word` */
void call_kicked(struct machine_thread *thread);        /* ends its call, wakes its home */
void call_carry(struct carrier *carrier, struct machine_thread *thread);        /* it runs that one */
/* By the thread itself, which leaves or loses its frames: a call it is in ends for the caller. */
void call_abandon(struct machine_thread *callee);
#endif
