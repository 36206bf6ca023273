/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Interruptions: how a program that runs, or is about to, is taken to its library OS with every register kept, and back.
 * Trusted. Runs on the signal stack, async-signal-safe.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H
#include <ucontext.h>

#include "machine/x86_64/thread.h"

extern const int interrupt_order[16];   /* index in ucontext_t's gregs of general register i */
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
