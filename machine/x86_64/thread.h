/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the parts of this machine's port know of each other. Trusted.
 */
#ifndef X86_64_THREAD_H
#define X86_64_THREAD_H
#include <ucontext.h>

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
extern uint8_t copy_wide;       /* does machine_copy use ymm0-3: enter.S */
extern uint8_t machine_copy_end[], machine_copy_fault[], blocking_start[], blocking_end[], blocking_abort[];

uint64_t gate_address(const uint8_t *gate);
extern int (*fast_clock)(long clock, int64_t time[2]);   /* the vDSO's; NULL: it has none */
int64_t context_enter(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_again(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument, uint64_t r14);
__attribute__((noreturn)) void context_resume(struct context *context, void *uc);
__attribute__((noreturn)) void context_adopted(struct context *context, int64_t error, uint64_t gate);
int64_t context_blocking(const uint64_t *kicked, const long call[7]);
int fault_init(void);
/* The r15 of a program's stack at an offset that others chose: in the window's memory, whatever it is (verify_stack.c). */
static inline uint64_t stack_place(const struct context *context, uint64_t r15)
{
	uint64_t offset = (uint32_t)r15;

	return context->program_base + (offset < WINDOW_LOW_GUARD ? WINDOW_LOW_GUARD : offset > WINDOW_MEMORY_END ? WINDOW_MEMORY_END : offset);
}

/* Interruptions: how a program that runs, or is about to, is taken to its library OS with every register kept, and back. On the signal
 * stack, async-signal-safe. */
/* Is the thread in its program, or in a gate with nothing left to do but go there? Then *pc and *rsp say where it is. */
int interrupt_point(const struct context *context, const ucontext_t *uc, uint64_t *pc, uint64_t *rsp);
/* Where the gate that stopped at pc for an interruption goes on without it. */
uint64_t interrupt_passed(uint64_t pc);
/* Makes sigreturn continue in the library OS with what, code and address as arguments. 0, or -1 when that cannot be. */
int interrupt_program(struct machine_thread *thread, ucontext_t *uc, uint64_t pc, uint64_t rsp, uint64_t what, uint64_t code,
		      uint64_t address);
/* The same with all frames of the program thrown away: it cannot be resumed. */
int interrupt_fatal(struct machine_thread *thread, ucontext_t *uc, uint64_t what, uint64_t code);

#endif
