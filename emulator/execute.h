/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The functions of instructions that are not inside interpret.c: declared from the table, so that a missing one does not link.
 */
#ifndef EMULATOR_EXECUTE_H
#define EMULATOR_EXECUTE_H

#include "emulator/cpu.h"

#define EXECUTE(code) void execute_##code(struct cpu *cpu, const struct operation *op)

#define DECLARE_INTEGER(code)
#define DECLARE_ATOMIC(code) EXECUTE(code);
#define DECLARE_FLOAT(code) EXECUTE(code);
#define DECLARE_CONTROL(code) EXECUTE(code);
#define DECLARE_CAPABILITY(code) EXECUTE(code);
#define INSTRUCTION(kind, code, name, match, mask, format, result) DECLARE_##kind(code)
#include "emulator/instructions.def"
#undef INSTRUCTION

#endif
