/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the parts of this machine's port know of each other. Trusted.
 */
#ifndef X86_64_THREAD_H
#define X86_64_THREAD_H
#include <carrel/window.h>
#include "machine/thread.h"

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

uint64_t gate_address(const uint8_t *gate);
extern int (*fast_clock)(long clock, int64_t time[2]);   /* the vDSO's; NULL: it has none */
int clock_is_tsc(void);                                 /* doctor.c: does the kernel take the time from it? */
#define INTERRUPT_FATAL MACHINE_FATAL
int guest_copy(void *to, const void *from, size_t length);
int64_t context_enter(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_program(struct context *context, uint64_t entry, uint64_t stack);
__attribute__((noreturn)) void context_again(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_leave(struct context *context, int64_t value);
__attribute__((noreturn)) void context_resume(struct context *context, void *uc);
__attribute__((noreturn)) void context_adopted(struct context *context, int64_t error, uint64_t gate);
int64_t context_blocking(const uint64_t *kicked, const long call[7]);
int fault_init(void);
/* Is there a landing pad at this offset of the arena? If the page is data a jump there faults: it is not executable. */
int thread_landing_pad(uint64_t base, uint32_t offset);
/* The r15 of a program's stack at an offset that others chose: in the window's memory, whatever it is (verify_stack.c). */
static inline uint64_t stack_place(const struct context *context, uint64_t r15)
{
	uint64_t offset = (uint32_t)r15;

	return context->program_base + (offset < WINDOW_LOW_GUARD ? WINDOW_LOW_GUARD : offset > WINDOW_MEMORY_END ? WINDOW_MEMORY_END : offset);
}

#endif
