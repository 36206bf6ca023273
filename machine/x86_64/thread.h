/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A thread that runs guest code, as the machine port sees it. Trusted.
 */
#ifndef THREAD_H
#define THREAD_H
#include "machine/machine.h"
#include "machine/x86_64/context.h"

/* Its memory, with its control region and its carrier's, is never unmapped, but used for later threads: who kicks, calls or ends calls
 * may look at one that has gone meanwhile, and finds by its state word that it means nothing to him. */
struct machine_thread {
	struct context *context;        /* top page of the control region */
	uint8_t *control;               /* the region, CONTROL_REGION long */
	struct carrier *home;           /* at the end of its signal stack; the host thread that runs it, but for calls (call.c) */
	void *owner;
	uint8_t *registers;             /* where an interrupted program's go, in the library OS's window; NULL: nowhere yet */
	int tid;                        /* of the host thread that runs it; 0: none */
	struct machine_fault last;      /* the last fault, for a report */
	uint32_t fixup_start, fixup_end, fixup_target;  /* library-OS text offsets; start == end: none */
	struct machine_thread *next;    /* of those that can be used again */

	/* As a callee. Who moves `state` out of CALL_IDLE owns the rest until he or the detacher (call.h) puts it back. */
	uint64_t state;                 /* atomic: CALL_*, and what is said there */
	const uint64_t *service;        /* what it waits, or waited last, for calls of, and the id there */
	uint64_t serves;
	uint64_t limit, limited;        /* the call whose state word was `limited` is over at tick `limit` */
	struct machine_buffer buffers[MACHINE_BUFFERS];
	unsigned buffer_count;
	/* As a caller. */
	struct machine_thread *callee;  /* whom to look at when it is kicked; NULL: nobody */
	uint64_t calls;                 /* how many it has made */
} __attribute__((aligned(64)));

extern struct machine_upcalls machine_calls;
extern uint8_t *gate_page;              /* where the gates were copied to */
extern uint8_t gate_code_start[], gate_code_end[], gate_syscall[], gate_syscall_raw[], gate_control_mark[],
	gate_control_unwind[], gate_thread_pointer[], gate_host_call[], gate_host_fast[], gate_no_headroom[], gate_bad_unwind[],
	gate_empty_slot[], gate_first_return[], gate_handler_return[], gate_interrupt_return[];
extern uint8_t gate_syscall_last[], gate_syscall_kicked[], gate_syscall_raw_last[], gate_syscall_raw_kicked[],
	gate_control_mark_last[], gate_control_mark_kicked[], gate_thread_pointer_last[], gate_thread_pointer_kicked[],
	gate_control_unwind_last[], gate_control_unwind_kicked[], gate_syscall_go[], gate_syscall_raw_go[], gate_control_mark_go[],
	gate_thread_pointer_go[], gate_control_unwind_go[], gate_leaving[], context_checked[], context_entered[];
extern uint8_t gate_call[], gate_serve[], gate_call_copy[], gate_call_return[], gate_call_out[], gate_call_last[], gate_call_go[],
	gate_call_kicked[], gate_call_copy_last[], gate_call_copy_go[], gate_call_copy_kicked[], gate_call_in_last[], gate_call_in_go[],
	gate_call_in_end[];
extern uint8_t guest_copy_end[], guest_copy_fault[], blocking_start[], blocking_end[], blocking_abort[];

/* ---- calls between cVMs: call.c has the story ---- */
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

uint64_t gate_address(const uint8_t *gate);
extern int (*fast_clock)(long clock, int64_t time[2]);   /* the vDSO's; NULL: it has none */
#define INTERRUPT_FATAL MACHINE_FATAL
int guest_copy(void *to, const void *from, size_t length);
int64_t context_enter(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_program(struct context *context, uint64_t entry, uint64_t stack);
__attribute__((noreturn)) void context_again(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_leave(struct context *context, int64_t value);
__attribute__((noreturn)) void context_resume(struct context *context, void *uc);
__attribute__((noreturn)) void context_adopted(struct context *context, int64_t error, uint64_t gate);
int64_t context_blocking(const uint64_t *kicked, const long call[7]);
void signal_entry(int signal);
static inline uint8_t *carrier_stack(struct carrier *carrier)
{
	return (uint8_t *)(carrier + 1) - SIGNAL_REGION;
}
#define CARRIER_STACK_SIZE (SIGNAL_REGION - CARRIER_SIZE)
int fault_init(void);
/* Is there a landing pad at this offset of the arena? If the page is data a jump there faults: it is not executable. */
int thread_landing_pad(uint64_t base, uint32_t offset);
int thread_pointer_allowed(uint64_t offset);    /* GATE_THREAD_POINTER's condition */

#endif
