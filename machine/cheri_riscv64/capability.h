/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities that lie in memory, and how the Intravisor makes them of its own DDC and PCC: C code never holds one in a variable. A
 * derivation that must not be gives an untagged capability, so each is asserted where it is made. Trusted.
 */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#define OTYPE_PROGRAM 1         /* sealed pairs of programs' gates */
#define OTYPE_LIBOS   2         /* and of library OSes' */
#define OTYPE_STORED  3         /* what is stored for a sealed capability of cap/ */

/* Permissions (hardware bits 0 to 11). */
#define PERMIT_GLOBAL   0x001
#define PERMIT_EXECUTE  0x002
#define PERMIT_LOAD     0x004
#define PERMIT_STORE    0x008
#define PERMIT_LOAD_CAP 0x010
#define PERMIT_CINVOKE  0x100

/* Causes of a violation. */
#define CHERI_CAUSE(mtval)    ((mtval) & 31)
#define CHERI_REGISTER(mtval) ((mtval) >> 5)

#ifndef __ASSEMBLER__
#include <carrel/encodings.h>
#include <stdint.h>
#include <stdlib.h>

struct capability {             /* the tag is not among its bytes */
	uint64_t words[2];
} __attribute__((aligned(16)));

static inline void capability_copy(struct capability *to, const struct capability *from)
{
	__asm__ volatile(CLOAD("t0", "%1") CSTORE("t0", "%0") : : "r"(to), "r"(from) : "t0", "memory");
}

static inline int capability_valid(const struct capability *c)
{
	uint64_t tag;

	__asm__ volatile(CLOAD("t0", "%1") CGETTAG("%0", "t0") : "=r"(tag) : "r"(c) : "t0", "memory");
	return (int)tag;
}

static inline uint64_t capability_base(const struct capability *c)
{
	uint64_t base;

	__asm__ volatile(CLOAD("t0", "%1") CGETBASE("%0", "t0") : "=r"(base) : "r"(c) : "t0", "memory");
	return base;
}

/* With another address; 0 where that cannot be, and *to is not valid then. */
static inline int capability_at(struct capability *to, const struct capability *from, uint64_t address)
{
	__asm__ volatile(CLOAD("t0", "%1") CSETADDR("t0", "t0", "%2") CSTORE("t0", "%0")
			 : : "r"(to), "r"(from), "r"(address) : "t0", "memory");
	return capability_valid(to);
}

/* The Intravisor's own DDC or PCC, its address `address`. */
static inline void capability_own(struct capability *to, int code, uint64_t address)
{
	if (code)
		__asm__ volatile(CGETPCC("t0") CSTORE("t0", "%0") : : "r"(to) : "t0", "memory");
	else
		__asm__ volatile(CGETDDC("t0") CSTORE("t0", "%0") : : "r"(to) : "t0", "memory");
	if (!capability_at(to, to, address))
		abort();
}

/* The same, narrowed to exactly [base, base + length) and to these permissions. */
static inline void capability_make(struct capability *to, int code, uint64_t base, uint64_t length, uint64_t permissions)
{
	capability_own(to, code, base);
	__asm__ volatile(CLOAD("t0", "%0") CSETBOUNDSEXACT("t0", "t0", "%1") CANDPERM("t0", "t0", "%2") CSTORE("t0", "%0")
			 : : "r"(to), "r"(length), "r"(permissions) : "t0", "memory");
	if (!capability_valid(to))
		abort();
}

static inline void capability_seal(struct capability *c, uint64_t type)
{
	__asm__ volatile(CLOAD("t0", "%0") CGETDDC("t1") CSETADDR("t1", "t1", "%1") CSEAL("t0", "t0", "t1") CSTORE("t0", "%0")
			 : : "r"(c), "r"(type) : "t0", "t1", "memory");
	if (!capability_valid(c))
		abort();
}
#endif
#endif
