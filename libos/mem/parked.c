/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Ranges that a program unmapped and may soon want again: made inaccessible, but left with their pages, so that a mapping of the
 * same size costs neither the host's two calls nor a fault for each page. They are zeroed when they are given again. Few and small:
 * what is parked is memory that nobody uses.
 */
#include "libos/mem/parked.h"

void park_drop(struct park *park, unsigned i)
{
	HOST(memory_unmap, park->list[i].start | REF_PROGRAM, park->list[i].length);
	park->bytes -= park->list[i].length;
	park->list[i] = park->list[--park->count];
}

int park_put(struct park *park, uint64_t start, uint64_t length)
{
	if (length > PARKED_SIZE_MOST || HOST(memory_protect, start | REF_PROGRAM, length, 0))
		return 0;
	while (park->count && (park->count == PARKED_MOST || park->bytes + length > PARKED_BYTES_MOST))
		park_drop(park, 0);
	park->list[park->count++] = (struct parked){start, length};
	park->bytes += length;
	return 1;
}

uint64_t park_take(struct park *park, uint64_t length)
{
	for (unsigned i = park->count; i-- > 0;) {
		uint64_t start = park->list[i].start;
		if (park->list[i].length != length)
			continue;
		park->bytes -= length;
		park->list[i] = park->list[--park->count];
		if (!HOST(memory_protect, start | REF_PROGRAM, length, 3) && !user_fill((uint32_t)start, length))
			return start;
		HOST(memory_unmap, start | REF_PROGRAM, length);
		return 0;
	}
	return 0;
}

void park_clear(struct park *park, uint64_t start, uint64_t length)
{
	for (unsigned i = park->count; i-- > 0;)
		if (park->list[i].start < start + length && start < park->list[i].start + park->list[i].length)
			park_drop(park, i);
}
