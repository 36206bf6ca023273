/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What --stats prints when the program ends.
 */
#ifndef EMULATOR_STATS_H
#define EMULATOR_STATS_H

#include "emulator/cpu.h"

void stats_add(struct cpu *cpu);	/* of a thread that ends */
void stats_report(struct cpu *cpu);

#endif
