/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * One operation in C, for translated code that meets what it has no code for.
 */
#ifndef EMULATOR_TRANSLATE_STEP_H
#define EMULATOR_TRANSLATE_STEP_H

#include "emulator/cpu.h"

bool step_possible(const struct operation *op);	/* false: system calls, capabilities, faults are the interpreter's */
void translate_step(struct cpu *cpu, const struct operation *op, struct block *block);	/* from enter.S; registers are in the cpu */

#endif
