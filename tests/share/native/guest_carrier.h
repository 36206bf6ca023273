/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host threads for tests of what runs on threads of guests.
 */
#ifndef GUEST_CARRIER_H
#define GUEST_CARRIER_H
#include <signal.h>

#include "machine/thread.h"

/* Faults find their carrier at the end of the alternate stack, as on a thread that runs guests: one whose windows are nowhere. */
struct guest_carrier {
	_Alignas(SIGNAL_REGION) uint8_t region[SIGNAL_REGION];
	struct machine_thread thread;
	struct context context;
};
static void carrier_make(struct guest_carrier *mine)
{
	struct carrier *carrier = (struct carrier *)(mine->region + SIGNAL_REGION) - 1;
	stack_t stack = {.ss_sp = carrier_stack(carrier), .ss_size = CARRIER_STACK_SIZE};

	mine->context.thread = (uint64_t)&mine->thread;
	mine->context.program_base = mine->context.libos_base = 1ull << 60;
	mine->thread.context = &mine->context;
	*carrier = (struct carrier){.host_tp = (uint64_t)__builtin_thread_pointer(), .resident = &mine->thread, .now = &mine->context};
	sigaltstack(&stack, NULL);
}
#endif
