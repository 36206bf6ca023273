/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A host thread for tests of what runs on threads of guests.
 */
#ifndef GUEST_CARRIER_H
#define GUEST_CARRIER_H
#include <signal.h>

#include "machine/thread.h"

/* Faults find their carrier at the end of the alternate stack, as on a thread that runs guests: one whose windows are nowhere. */
static void carrier_make(struct context *context)
{
	static _Alignas(SIGNAL_REGION) uint8_t region[SIGNAL_REGION];
	static struct machine_thread thread;
	struct carrier *carrier = (struct carrier *)(region + SIGNAL_REGION) - 1;
	stack_t stack = {.ss_sp = carrier_stack(carrier), .ss_size = CARRIER_STACK_SIZE};

	context->thread = (uint64_t)&thread;
	context->program_base = context->libos_base = 1ull << 60;
	thread.context = context;
	*carrier = (struct carrier){.host_tp = (uint64_t)__builtin_thread_pointer(), .resident = &thread, .now = context};
	sigaltstack(&stack, NULL);
}
#endif
