/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Loading a static riscv64 ELF file and building its first stack.
 */
#ifndef EMULATOR_LOAD_H
#define EMULATOR_LOAD_H

#include "emulator/cpu.h"

/* The exit status a shell would give (126, 127) after a line on standard error, or 0: pc and sp are set. */
int load_program(struct cpu *cpu, const char *path, const char *name, int count, char **arguments, char **environment);

#endif
