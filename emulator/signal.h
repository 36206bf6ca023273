/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Signals of the emulated program: which are the host's, when they are delivered, and the frame a handler gets.
 */
#ifndef EMULATOR_SIGNAL_H
#define EMULATOR_SIGNAL_H

#include "emulator/cpu.h"

void signal_init(uint64_t trampoline, struct capability code, struct capability data);
void signal_forked(void);	/* in the child */
void signal_arrived(int signal, siginfo_t *information, void *context); /* the host's handler */
void signal_poll(struct cpu *cpu); /* between blocks: deliver what is pending, wait while the world is stopped */
void signal_fault(struct cpu *cpu); /* cpu->fault: a handler's, or the end */
void signal_interrupted(struct cpu *cpu, bool restarts, uint64_t first_argument); /* a call ended with EINTR */
_Noreturn void signal_die(int signal);
void signal_mask_set(struct cpu *cpu, const sigset_t *mask); /* and the host's */
void signal_mask_until_return(struct cpu *cpu, const sigset_t *mask); /* for one call, as rt_sigsuspend does */
void signal_mask_again(struct cpu *cpu); /* ends that, when no handler is due */

/* signal_frame.c */
struct emulated_action {
	uint64_t handler, flags, mask;
};
bool signal_frame_push(struct cpu *cpu, int signal, const siginfo_t *information, const struct emulated_action *action,
		       uint64_t mask, uint64_t trampoline, bool compartment);
bool signal_frame_pop(struct cpu *cpu, uint64_t *mask);

#endif
