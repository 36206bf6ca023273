/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What was granted, as the machine itself keeps it: on a machine with capabilities a tagged one in memory, beside the numbers that say the
 * same; elsewhere it has no size and everything here is nothing. Whoever owns one lets it lie still (a copy by C has no tag), apart from what
 * changes often (a machine may keep account of the pages that have any), and calls these in no two threads at once but for the
 * clearing. Of the fast kind (machine.h). Trusted.
 *
 *   provenance    one is made of the Intravisor's own authority (make) or of another one (derive, part): by the hardware, in registers
 *   monotonicity  where numbers would give more than the parent has, what comes out is not tagged: nothing can be done with it
 *   bounds        are exact where the hardware can say them, as for fewer than 4,096 bytes; else the smallest it can that hold all of it,
 *                 which lie in the parent's. So every access narrows what it loads from here to at most 2,048 bytes, exactly
 *   revocation    clear takes the tag. An access loads it for each such piece anew, so none begins afterwards; one that has begun is
 *                 waited for by whoever counts (cap/access.c)
 */
#ifndef MACHINE_STORED_H
#define MACHINE_STORED_H
#include <stdint.h>

#include <carrel/isa.h>
#include <carrel/rights.h>

struct machine_stored {
	uint8_t bytes[ISA_STORED];
} __attribute__((aligned(ISA_STORED + !ISA_STORED)));

/* Bytes that somebody was granted, and by what. */
struct machine_range {
	uint8_t *at;
	uint64_t length;
	const struct machine_stored *by;
};

/* Of the Intravisor's own memory, or all of a window: to load and to store. */
void stored_make(struct machine_stored *stored, const void *at, uint64_t length);
#define machine_stored_make(...) (ISA_STORED ? stored_make(__VA_ARGS__) : (void)0)

/* `length` bytes of another one from its byte `offset` on, with those of `rights` (CAP_LOAD, CAP_STORE) that it has. A sealed one gives no
 * access. */
void stored_derive(struct machine_stored *stored, const struct machine_stored *from, uint64_t offset, uint64_t length, uint32_t rights,
		   int sealed);
#define machine_stored_derive(...) (ISA_STORED ? stored_derive(__VA_ARGS__) : (void)0)

/* What a range is by, for just that range. */
void stored_part(struct machine_stored *stored, const struct machine_range *range, uint32_t rights);
#define machine_stored_part(...) (ISA_STORED ? stored_part(__VA_ARGS__) : (void)0)

void stored_clear(struct machine_stored *stored);
#define machine_stored_clear(...) (ISA_STORED ? stored_clear(__VA_ARGS__) : (void)0)
#endif
