/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A thread that runs guest code, as the machine port sees it. Trusted.
 */
#ifndef THREAD_H
#define THREAD_H
#include "machine/machine.h"
#include "machine/x86_64/context.h"

struct machine_thread {
	struct context *context;        /* top page of the control region */
	uint8_t *control;               /* the region, CONTROL_REGION long */
	uint8_t *signal_stack;          /* SIGNAL_REGION long */
	void *owner;
	uint8_t *registers;             /* where an interrupted program's go, in the library OS's window; NULL: nowhere yet */
	int tid;                        /* of the host thread that runs it; 0: none */
	uint64_t signal_mask;           /* of that host thread */
	struct machine_fault last;      /* the last fault, for a report */
	uint32_t fixup_start, fixup_end, fixup_target;  /* library-OS text offsets; start == end: none */
};

extern struct machine_upcalls machine_calls;
extern uint8_t *gate_page;              /* where the gates were copied to */
extern uint8_t gate_code_start[], gate_code_end[], gate_syscall[], gate_syscall_raw[], gate_control_mark[],
	gate_control_unwind[], gate_thread_pointer[], gate_host_call[], gate_host_fast[], gate_no_headroom[], gate_bad_unwind[],
	gate_empty_slot[], gate_first_return[], gate_handler_return[], gate_interrupt_return[];
extern uint8_t gate_syscall_last[], gate_syscall_kicked[], gate_syscall_raw_last[], gate_syscall_raw_kicked[],
	gate_control_mark_last[], gate_control_mark_kicked[], gate_thread_pointer_last[], gate_thread_pointer_kicked[],
	gate_control_unwind_last[], gate_control_unwind_kicked[], gate_syscall_go[], gate_syscall_raw_go[], gate_control_mark_go[],
	gate_thread_pointer_go[], gate_control_unwind_go[], gate_leaving[], context_checked[], context_entered[];
extern uint8_t guest_copy_end[], guest_copy_fault[], blocking_start[], blocking_end[], blocking_abort[];

uint64_t gate_address(const uint8_t *gate);
extern int (*fast_clock)(long clock, int64_t time[2]);   /* the vDSO's; NULL: it has none */
#define INTERRUPT_FATAL MACHINE_FATAL
int guest_copy(void *to, const void *from, size_t length);
int64_t context_enter(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_program(struct context *context, uint64_t entry, uint64_t stack);
__attribute__((noreturn)) void context_again(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_leave(struct context *context, int64_t value);
__attribute__((noreturn)) void context_resume(struct context *context, void *uc);
int64_t context_blocking(const uint64_t *kicked, const long call[7]);
void signal_entry(int signal);
int fault_init(void);
/* Is there a landing pad at this offset of the arena? If the page is data a jump there faults: it is not executable. */
int thread_landing_pad(uint64_t base, uint32_t offset);
int thread_pointer_allowed(uint64_t offset);    /* GATE_THREAD_POINTER's condition */

#endif
