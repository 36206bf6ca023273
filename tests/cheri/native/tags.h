/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the machine says of a stored capability, and where in the Intravisor's memory there are any for some bytes: of its data, its heap, the
 * stack that who asks has used, and all tables of the processes of tests/share/native/processes.h.
 */
#ifndef TESTS_TAGS_H
#define TESTS_TAGS_H
#include <stdint.h>
#include <unistd.h>

#include "cap/table.h"
#include "machine/cheri_riscv64/capability.h"
#include "tests/share/native/processes.h"

#define GET(name, instruction)                                                                                              \
	static inline uint64_t name(const struct machine_stored *stored)                                                    \
	{                                                                                                                   \
		uint64_t value;                                                                                             \
		__asm__ volatile(CLOAD("t0", "%1") instruction("%0", "t0") "li t0, 0" : "=r"(value) : "r"(stored) : "t0", "memory"); \
		return value;                                                                                               \
	}
GET(stored_tag, CGETTAG)
GET(stored_base, CGETBASE)
GET(stored_length, CGETLEN)
GET(stored_permissions, CGETPERM)
GET(stored_type, CGETTYPE)

static inline uint64_t stored_address(const struct machine_stored *stored)
{
	return ((const struct capability *)stored)->words[0];
}

/* Of [at, at + length) in [from, to): how many tagged ones are for bytes of it, and not for all memory there is. */
static inline unsigned tags_between(const void *from, const void *to, const void *at, uint64_t length)
{
	unsigned n = 0;

	for (uint64_t a = ((uint64_t)from + 15) & ~15ull; a + 16 <= (uint64_t)to; a += 16) {
		const struct machine_stored *s = (const struct machine_stored *)a;
		n += stored_tag(s) && stored_base(s) < (uint64_t)at + length && stored_base(s) + stored_length(s) > (uint64_t)at &&
		     stored_length(s) < UINT64_MAX;
	}
	return n;
}

static inline unsigned tags_of_tables(const void *at, uint64_t length)
{
	unsigned n = 0;

	for (int p = 0; p < PROCESSES; p++) {
		const struct cap_table *table = callers[p].program->capabilities;
		for (uint32_t i = 0; table && i < table->most; i++)
			if (table->words[i / WORD_ENTRIES].entries)
				n += tags_between(&table->stored[i], &table->stored[i + 1], at, length);
	}
	return n;
}

static inline unsigned tags_everywhere(const void *at, uint64_t length)
{
	extern uint8_t __data_start[];
	const uint8_t *here = __builtin_frame_address(0);

	return tags_between(__data_start, sbrk(0), at, length) + tags_between(here - 8192, here, at, length) +
	       tags_of_tables(at, length);
}
#endif
