/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A part of what was granted, as fast_range.c hands it to part_copy.S. Trusted.
 */
#ifndef PART_COPY_H
#define PART_COPY_H

#define PART_BY     0
#define PART_AT     8
#define PART_LENGTH 16
#define PART_OFFSET 24

#ifndef __ASSEMBLER__
#include "machine/stored.h"

struct part {
	const struct machine_stored *by;
	uint64_t at, length, offset;    /* bounds, and where in them the access begins */
};
int part_copy(const struct part *to, const struct part *from, uint64_t n);
extern uint8_t part_copy_start[], part_copy_end[], part_copy_fault[];
#endif
#endif
