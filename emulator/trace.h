/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What --trace prints: each instruction before it is executed, to standard error.
 */
#ifndef EMULATOR_TRACE_H
#define EMULATOR_TRACE_H

#include "emulator/cpu.h"

void trace_operation(struct cpu *cpu, struct block *block, const struct operation *op);
void trace_registers(struct cpu *cpu);		/* all of them, integers and capabilities */
int trace_capability(char *text, size_t size, struct capability c);
extern const char *const register_names[33];

#endif
