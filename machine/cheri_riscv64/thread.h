/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the parts of this machine's port know of each other, and the frame in which a signal leaves a guest's registers. Trusted.
 */
#ifndef CHERI_RISCV64_THREAD_H
#define CHERI_RISCV64_THREAD_H
#include <signal.h>

#include "machine/thread.h"

/* riscv64 Linux's rt_sigframe, and behind it the capabilities (docs/emulator.md). */
struct signal_frame {
	siginfo_t information;
	uint64_t flags, link, stack_base;
	uint32_t stack_flags, stack_padding;
	uint64_t stack_size, mask, mask_unused[15], padding;
	uint64_t x[32];                 /* x[0]: pc */
	uint64_t f[32];
	uint32_t status, status_padding;
	uint64_t float_unused[33];
	struct capability c[33];        /* c[0]: DDC, c[32]: PCC */
};
_Static_assert(sizeof(struct signal_frame) == 1088 + 33 * 16, "as the machine lays it out");

extern uint8_t gate_start[], gate_end[], gate_syscall[], gate_leave[], gate_leave_checked[], gate_leave_end[], gate_kicked[],
	gate_call[], gate_serve[], gate_call_copy[], gate_call_return[], gate_no_call[], gate_host_call[], gate_host_fast[], gate_leaving[], context_checked[], context_entered[];
extern uint8_t entry_program_start[], entry_program_end[], entry_libos_start[], entry_libos_end[];
extern uint8_t machine_copy_end[], machine_copy_fault[], blocking_start[], blocking_end[], blocking_abort[];

/* To be entered: absolute pc in the library OS (program 0) or the program (1). */
int64_t context_enter(struct context *context, uint64_t pc, uint64_t stack, uint64_t argument, int program);
__attribute__((noreturn)) void context_again(struct context *context, uint64_t pc, uint64_t stack, uint64_t argument, int program);
__attribute__((noreturn)) void context_resume(struct signal_frame *frame);
int64_t context_blocking(const uint64_t *kicked, const long call[7]);
void signal_entry(int signal);
int fault_init(void);
/* The frame continues in the library OS or the program with its capabilities and no register but those given later. */
void frame_enter(const struct context *context, struct signal_frame *frame, int program, uint64_t pc);
/* Makes the return from the signal continue in the library OS with what, code and address as arguments. 0, or -1. */
int interrupt_program(struct machine_thread *thread, struct signal_frame *frame, int in_gate, uint64_t what, uint64_t code,
		      uint64_t address);
int interrupt_fatal(struct machine_thread *thread, struct signal_frame *frame, uint64_t what, uint64_t code);

#endif
