/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies between ranges of bytes that were granted (machine.h). Trusted. Whoever calls has checked; this is the second line, where CHERI has
 * the access itself.
 */
#include "machine/machine.h"

static int inside(const struct machine_range *range, uint64_t offset, uint64_t length)
{
	return offset <= range->length && length <= range->length - offset;
}

int machine_copy_ranges(const struct machine_range *to, uint64_t to_offset, const struct machine_range *from, uint64_t from_offset,
			uint64_t length)
{
	if (!inside(to, to_offset, length) || !inside(from, from_offset, length))
		__builtin_trap();
	return machine_copy(to->at + to_offset, from->at + from_offset, length);
}
