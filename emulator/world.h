/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * All emulated threads, and stopping them: between exclusive_begin and exclusive_end no other one is in emulated code.
 */
#ifndef EMULATOR_WORLD_H
#define EMULATOR_WORLD_H

#include "emulator/cpu.h"

void world_add(struct cpu *cpu);
void world_remove(struct cpu *cpu);
struct cpu *world_first(void);	/* the list, by cpu->next, while the caller holds world_lock */
unsigned world_count(void);
struct cpu *world_find(int thread_id);	/* valid while the caller holds world_lock */
void world_lock(void);
void world_unlock(void);
void world_enter(struct cpu *cpu);	/* into emulated code: waits while the world is stopped */
void world_leave(struct cpu *cpu);
void exclusive_begin(struct cpu *cpu);	/* also within an instruction: its block is there afterwards */
void exclusive_begin_apart(struct cpu *cpu);	/* for who takes blocks away: no thread is within an instruction, nor needs this one's block */
void exclusive_end(struct cpu *cpu);
void exclusive_abandon(struct cpu *cpu);	/* in a fault handler: whatever is held goes */
void world_forked(struct cpu *cpu);	/* in the child of a fork: this thread alone is left */

#endif
