/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * One operation in C, for translated code that meets what it has no code for.
 */
#ifndef EMULATOR_TRANSLATE_STEP_H
#define EMULATOR_TRANSLATE_STEP_H

#include "emulator/cpu.h"

/* False for what is the interpreter's: system calls, faults, changes of PCC and DDC; capabilities in the variant without them. */
bool step_possible(const struct operation *op, enum variant variant);
void translate_step(struct cpu *cpu, const struct operation *op, struct block *block);	/* from enter.S; registers are in the cpu */

#endif
