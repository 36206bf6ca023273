/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Translation of hot blocks to x86-64. The interpreter is the reference; this may refuse any block. A block has two
 * translations: one for while no register holds a capability, whose integer writes need not say so, and one that settles them at
 * every exit.
 */
#ifndef EMULATOR_TRANSLATE_H
#define EMULATOR_TRANSLATE_H

#include "emulator/cpu.h"

bool translate_init(void); /* false: no memory for code; then everything is interpreted */
/* In the child of a fork, before the blocks are flushed: code memory of its own. */
bool translate_forked(void);
/* Sets block->native or block->refused of that variant; false when code memory is full: flush. Under block.c's lock. */
bool translate_block(struct cpu *cpu, struct block *block, enum variant variant);
void translate_flush(void); /* the world is stopped */
void translate_enter(struct cpu *cpu, const void *native);
/* Joins the exit just taken with its target, if that is translated. Before anything that could wait for a flush. */
void translate_link(struct cpu *cpu, enum variant variant);
const void *translate_no_code(void); /* where an indirect jump goes whose target is not translated */
/* In a fault handler: if it interrupted translated code, registers go back into the cpu; the operation at fault, or null. */
const struct operation *translate_fault(struct cpu *cpu, void *context);
size_t translate_total(void);
size_t translate_bytes(void);

#endif
