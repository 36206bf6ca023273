/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Unmapped ranges kept for the next mapping of their size; of the caller's program.
 */
#ifndef LIBOS_PARKED_H
#define LIBOS_PARKED_H
#include "libos/libos.h"

#define PARKED_MOST       32u
#define PARKED_SIZE_MOST  0x40000u      /* bytes of one */
#define PARKED_BYTES_MOST 0x400000u     /* of all */

struct parked {
	uint64_t start, length;
};
struct park {
	struct parked list[PARKED_MOST];
	unsigned count;
	uint64_t bytes;
};

/* 1: it is inaccessible, and the park's now. */
int park_put(struct park *park, uint64_t start, uint64_t length);
/* One of this length, accessible and all zero; 0: there is none. */
uint64_t park_take(struct park *park, uint64_t length);
/* Nothing of [start, start + length) is the park's any more. */
void park_clear(struct park *park, uint64_t start, uint64_t length);
void park_drop(struct park *park, unsigned i);
#endif
