/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities that lie in memory for what was granted (machine/stored.h). The address of one is where what was granted begins, while its
 * bounds may begin before that. It loads, stores, or both, and nothing else: it carries no capability, and not being global it is
 * stored only with the permission for such, which no guest's DDC has. Trusted.
 *
 * Why bounds never grow: CSetBounds clears the tag unless [address, address + length) lies in the parent's bounds, and what it rounds to lies in
 * them too: the parent's are multiples of 2^e for an e that is not less than the one the child, being no longer, is rounded by.
 */
#include "machine/cheri_riscv64/capability.h"
#include "machine/machine.h"

#define ALL (CAP_LOAD | CAP_STORE)
_Static_assert(sizeof(struct machine_stored) == sizeof(struct capability), "ISA_STORED");

/* From memory to memory, in registers meanwhile and not left there; from NULL: from the Intravisor's DDC. Sealing is undone for the time being: that a sealed one is not narrowed
 * is cap/'s to say; that none gives access is this. */
static void narrow(struct machine_stored *to, const struct machine_stored *from, uint64_t at, uint64_t length, uint32_t rights, int sealed)
{
	uint64_t permissions = (rights & CAP_LOAD ? PERMIT_LOAD : 0) | (rights & CAP_STORE ? PERMIT_STORE : 0);

	__asm__ volatile(CGETDDC("t0") CSETADDR("t1", "t0", "%6")
			 "beqz %1, 1f\n\t"
			 CLOAD("t0", "%1")
			 CGETTYPE("t2", "t0")
			 "bne t2, %6, 1f\n\t"
			 CUNSEAL("t0", "t0", "t1")
			 "1:\t" CSETADDR("t0", "t0", "%2") CSETBOUNDS("t0", "t0", "%3") CANDPERM("t0", "t0", "%4")
			 "beqz %5, 2f\n\t"
			 CSEAL("t0", "t0", "t1")
			 "2:\t" CSTORE("t0", "%0")
			 "li t0, 0\n\tli t1, 0"
			 : : "r"(to), "r"(from), "r"(at), "r"(length), "r"(permissions), "r"((uint64_t)sealed), "r"((uint64_t)OTYPE_STORED)
			 : "t0", "t1", "t2", "memory");
}

void stored_make(struct machine_stored *stored, const void *at, uint64_t length)
{
	narrow(stored, NULL, (uint64_t)at, length, ALL, 0);
	if (!capability_valid((const struct capability *)stored))
		__builtin_trap();
}

void stored_derive(struct machine_stored *stored, const struct machine_stored *from, uint64_t offset, uint64_t length, uint32_t rights,
		   int sealed)
{
	narrow(stored, from, ((const struct capability *)from)->words[0] + offset, length, rights, sealed);
}

void stored_part(struct machine_stored *stored, const struct machine_range *range, uint32_t rights)
{
	narrow(stored, range->by, (uint64_t)range->at, range->length, rights, 0);
}

/* Any store to it that is not one of a capability takes the tag. The bytes are the same as before, so whoever loads it just now gets either
 * all of it or none. */
void stored_clear(struct machine_stored *stored)
{
	uint64_t *words = ((struct capability *)stored)->words;

	__atomic_store_n(words, words[0], __ATOMIC_SEQ_CST);
}
