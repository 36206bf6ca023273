/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Decoding, and the cache of decoded blocks. A block's key is its address and the context (PCC's bounds) under which it was
 * checked.
 */
#ifndef EMULATOR_BLOCK_H
#define EMULATOR_BLOCK_H

#include "emulator/cpu.h"

enum { BLOCK_MOST = 64 }; /* instructions */

uint32_t decode_expand(uint16_t compressed); /* decode_compressed.c: 0 when it is no instruction */
bool decode(uint32_t word, struct operation *operation); /* decode.c: false when it is no instruction */
enum result { RESULT_N, RESULT_X, RESULT_F, RESULT_C };
enum kind { KIND_INTEGER, KIND_ATOMIC, KIND_FLOAT, KIND_CONTROL, KIND_CAPABILITY };
enum result decode_result(enum code code);
enum kind decode_kind(enum code code);
bool decode_ends_block(enum code code);
const char *decode_name(enum code code);

struct block *block_find(struct cpu *cpu); /* for cpu->pc; never null: what cannot run is a block that faults */
void block_flush(struct cpu *cpu); /* all of them: code may have changed. Stops the world */
/* In host code, translating it first when it is hot; false: the interpreter's. Afterwards the block may be gone. */
bool block_run(struct cpu *cpu, struct block *block);
uint64_t block_context(struct cpu *cpu);
size_t block_total(void);

#endif
