/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies between ranges of bytes that were granted (machine.h), each load and store through a capability for exactly such bytes. Trusted.
 *
 * Bounds of any length are not exact at any address; those of fewer than 4,096 bytes are (CHERI Concentrate, 14 bits of mantissa). So a
 * range is taken as a row of parts of STEP bytes from its own start, the last one as long as is left; a part's bounds come from the
 * range alone. Offset and length of an access only choose the part and the place in it: one that is wrong by a byte leaves the
 * bounds and is a fault, never an access to a neighbour.
 */
#include <errno.h>

#include "machine/cheri_riscv64/thread.h"

#define STEP 2048u

struct part {
	uint64_t at, length, offset;    /* bounds, and where in them the access begins */
};

static struct part part_of(const struct machine_range *range, uint64_t offset)
{
	uint64_t start = offset - offset % STEP;

	start = start < range->length ? start : range->length;          /* behind the end: no bytes at all */
	uint64_t left = range->length - start;
	return (struct part){(uint64_t)range->at + start, left < STEP ? left : STEP, offset - start};
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int machine_copy_ranges(const struct machine_range *to, uint64_t to_offset, const struct machine_range *from, uint64_t from_offset,
			uint64_t length)
{
	for (uint64_t done = 0, n; done < length; done += n) {
		struct part t = part_of(to, to_offset + done), f = part_of(from, from_offset + done);

		/* Up to where a part of full length ends, not to where the range does. */
		n = least(length - done, least(STEP - (to_offset + done) % STEP, STEP - (from_offset + done) % STEP));
		if (part_copy(t.at, t.length, t.offset, f.at, f.length, f.offset, n))
			return -EFAULT;
	}
	return 0;
}
