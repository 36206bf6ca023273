/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CHERI-RISC-V's instructions (Xcheri, ISAv9) for an assembler that does not know them: all encodings are here. In assembly, macros
 * whose operands are integer register names, xN meaning cN. In C, functions on capabilities that lie in memory: C code here
 * never holds one. Derivations clear the tag where they must not be (they do not trap), so each is asserted when it is made.
 */
#ifndef ENCODINGS_H
#define ENCODINGS_H

#define OTYPE_PROGRAM 1         /* sealed pairs of programs' gates */
#define OTYPE_LIBOS   2         /* and of library OSes' */

/* Permissions (hardware bits 0 to 11). */
#define PERMIT_GLOBAL   0x001
#define PERMIT_EXECUTE  0x002
#define PERMIT_LOAD     0x004
#define PERMIT_STORE    0x008
#define PERMIT_LOAD_CAP 0x010
#define PERMIT_STORE_CAP 0x020
#define PERMIT_STORE_LOCAL 0x040
#define PERMIT_CINVOKE  0x100

/* Causes of a violation. */
#define CHERI_CAUSE(mtval)    ((mtval) & 31)
#define CHERI_REGISTER(mtval) ((mtval) >> 5)

#ifdef __ASSEMBLER__
	.macro cspecialr cd, scr
	.insn r 0x5b, 0, 0x01, \cd, x0, x\scr
	.endm
	.macro cspecialw scr, cs
	.insn r 0x5b, 0, 0x01, x0, \cs, x\scr
	.endm
#define PCC 0
#define DDC 1
	.macro csetaddr cd, cs, rs
	.insn r 0x5b, 0, 0x10, \cd, \cs, \rs
	.endm
	.macro cincoffset cd, cs, rs
	.insn r 0x5b, 0, 0x11, \cd, \cs, \rs
	.endm
	.macro cmove cd, cs
	.insn r 0x5b, 0, 0x7f, \cd, \cs, x10
	.endm
	.macro cinvoke code, data
	.insn r 0x5b, 0, 0x7e, x1, \code, \data
	.endm
	.macro cjalr cd, cs
	.insn r 0x5b, 0, 0x7f, \cd, \cs, x12
	.endm
	.macro lc cd, offset, rs                /* through DDC */
	.insn i 0x0f, 2, \cd, \offset(\rs)
	.endm
	.macro sc cs, offset, rs
	.insn s 0x23, 4, \cs, \offset(\rs)
	.endm
	.macro lccap cd, cs                     /* through a capability register, no offset */
	.insn r 0x5b, 0, 0x7d, \cd, \cs, x31
	.endm
	.macro ldcap rd, cs
	.insn r 0x5b, 0, 0x7d, \rd, \cs, x11
	.endm
	.macro lbucap rd, cs
	.insn r 0x5b, 0, 0x7d, \rd, \cs, x12
	.endm
	.macro sdcap rs, cs
	.insn r 0x5b, 0, 0x7c, x11, \cs, \rs
	.endm
	.macro sbcap rs, cs
	.insn r 0x5b, 0, 0x7c, x8, \cs, \rs
	.endm
	.macro lrwcap rd, cs
	.insn r 0x5b, 0, 0x7d, \rd, \cs, x26
	.endm
	.macro scwcap rs, cs                    /* rs: 0 stored, 1 not */
	.insn r 0x5b, 0, 0x7c, x26, \cs, \rs
	.endm
#else
#include <stdint.h>
#include <stdlib.h>

struct capability {             /* in memory; the tag is not among its bytes */
	uint64_t words[2];
} __attribute__((aligned(16)));

static inline void capability_copy(struct capability *to, const struct capability *from)
{
	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn s 0x23, 4, t0, 0(%0)" : : "r"(to), "r"(from) : "t0", "memory");
}

static inline int capability_valid(const struct capability *c)
{
	uint64_t tag;

	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn r 0x5b, 0, 0x7f, %0, t0, x4" : "=r"(tag) : "r"(c) : "t0", "memory");
	return (int)tag;
}

/* The Intravisor's own DDC or PCC, narrowed to [base, base + length) exactly and to these permissions, its address `address`. */
static inline void capability_make(struct capability *to, int code, uint64_t base, uint64_t length, uint64_t permissions,
				   uint64_t address)
{
	if (code)
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x0\n\t.insn s 0x23, 4, t0, 0(%0)" : : "r"(to) : "t0", "memory");
	else
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x1\n\t.insn s 0x23, 4, t0, 0(%0)" : : "r"(to) : "t0", "memory");
	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%0)\n\t.insn r 0x5b, 0, 0x10, t0, t0, %1\n\t.insn r 0x5b, 0, 0x09, t0, t0, %2\n\t"
			 ".insn r 0x5b, 0, 0x0d, t0, t0, %3\n\t.insn r 0x5b, 0, 0x10, t0, t0, %4\n\t.insn s 0x23, 4, t0, 0(%0)"
			 : : "r"(to), "r"(base), "r"(length), "r"(permissions), "r"(address) : "t0", "memory");
	if (!capability_valid(to))
		abort();
}

/* The Intravisor's own DDC or PCC, its address `address`. */
static inline void capability_own(struct capability *to, int code, uint64_t address)
{
	if (code)
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x0\n\t.insn r 0x5b, 0, 0x10, t0, t0, %1\n\t.insn s 0x23, 4, t0, 0(%0)"
				 : : "r"(to), "r"(address) : "t0", "memory");
	else
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x1\n\t.insn r 0x5b, 0, 0x10, t0, t0, %1\n\t.insn s 0x23, 4, t0, 0(%0)"
				 : : "r"(to), "r"(address) : "t0", "memory");
	if (!capability_valid(to))
		abort();
}

static inline void capability_seal(struct capability *c, uint64_t type)
{
	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%0)\n\t.insn r 0x5b, 0, 0x01, t1, x0, x1\n\t.insn r 0x5b, 0, 0x10, t1, t1, %1\n\t"
			 ".insn r 0x5b, 0, 0x0b, t0, t0, t1\n\t.insn s 0x23, 4, t0, 0(%0)"
			 : : "r"(c), "r"(type) : "t0", "t1", "memory");
	if (!capability_valid(c))
		abort();
}

/* With another address; 0 where that cannot be, and *to is not valid then. */
static inline int capability_at(struct capability *to, const struct capability *from, uint64_t address)
{
	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn r 0x5b, 0, 0x10, t0, t0, %2\n\t.insn s 0x23, 4, t0, 0(%0)"
			 : : "r"(to), "r"(from), "r"(address) : "t0", "memory");
	return capability_valid(to);
}
#endif
#endif
