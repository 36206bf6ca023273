/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies between ranges of bytes that were granted (machine.h), each load and store through a capability for exactly such bytes, derived
 * from the one that was stored when they were granted (machine/stored.h). Trusted.
 *
 * Bounds of any length are not exact at any address; those of fewer than 4,096 bytes are (CHERI Concentrate, 14 bits of mantissa). So a
 * range is taken as a row of parts of STEP bytes from its own start, the last one as long as is left; a part's bounds come from the
 * range alone. Offset and length of an access only choose the part and the place in it: one that is wrong by a byte leaves the
 * bounds and is a fault, never an access to a neighbour. And a range that is wrong itself gives bounds that the stored capability does
 * not have, so no tag, and a fault too; within its bounds alone, where those could not be exact, are the range's numbers all there is.
 */
#include <errno.h>

#include "machine/cheri_riscv64/part_copy.h"
#include "machine/machine.h"

#define STEP 2048u

static struct part part_of(const struct machine_range *range, uint64_t offset)
{
	uint64_t start = offset - offset % STEP;

	start = start < range->length ? start : range->length;          /* behind the end: no bytes at all */
	uint64_t left = range->length - start;
	return (struct part){range->by, (uint64_t)range->at + start, left < STEP ? left : STEP, offset - start};
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int machine_copy_ranges(const struct machine_range *to, uint64_t to_offset, const struct machine_range *from, uint64_t from_offset,
			uint64_t length)
{
	int error = 0;

	for (uint64_t done = 0, n; done < length && !error; done += n) {
		const struct part t = part_of(to, to_offset + done), f = part_of(from, from_offset + done);

		/* Up to where a part of full length ends, not to where the range does. */
		n = least(length - done, least(STEP - (to_offset + done) % STEP, STEP - (from_offset + done) % STEP));
		error = part_copy(&t, &f, n);
	}
	return error;
}
