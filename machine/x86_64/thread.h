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
	uint32_t fixup_start, fixup_end, fixup_target;  /* library-OS text offsets; start == end: none */
};

extern struct machine_upcalls machine_calls;
extern uint8_t *gate_page;              /* where the gates were copied to */
extern uint8_t gate_code_start[], gate_code_end[], gate_syscall[], gate_syscall_raw[], gate_control_mark[],
	gate_control_unwind[], gate_thread_pointer[], gate_host_call[], gate_no_headroom[], gate_bad_unwind[],
	gate_empty_slot[], gate_first_return[];
extern uint8_t guest_copy_end[], guest_copy_fault[];

uint64_t gate_address(const uint8_t *gate);
int guest_copy(void *to, const void *from, size_t length);
int64_t context_enter(struct context *context, uint64_t entry, uint64_t stack, uint64_t argument);
__attribute__((noreturn)) void context_program(struct context *context, uint64_t entry, uint64_t stack);
__attribute__((noreturn)) void context_leave(struct context *context, int64_t value);
void signal_entry(int signal);
int fault_init(void);

#endif
