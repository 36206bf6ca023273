/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The copy between two parts of what was granted (fast_range.c). An attacker controls lengths and places within what the Intravisor has
 * checked, the bytes, what of that memory is there, and when the capabilities are cleared. Trusted.
 */
#include <asm/errno.h>
#include <carrel/encodings.h>
#include "machine/cheri_riscv64/capability.h"
#include "machine/cheri_riscv64/part_copy.h"

	.option norelax

	/* cd: the capability at the head of part p, loaded here and nowhere kept, with exactly the part's bounds and one permission; rd: where in it
	 * the access begins. */
	.macro narrow cd, rd, p, permission
	ld	t0, PART_BY(\p)
	lc	\cd, 0, x5
	cgettag x5, \cd
	beqz	t0, part_gone
	ld	\rd, PART_AT(\p)
	ld	t0, PART_LENGTH(\p)
	csetaddr \cd, \cd, \rd
	csetboundsexact \cd, \cd, x5
	li	t0, \permission
	candperm \cd, \cd, x5
	ld	t0, PART_OFFSET(\p)
	add	\rd, \rd, t0
	.endm

	/* While more than these bytes are left. */
	.macro move all, n, load, store, registers:vararg
1:	sltiu	t0, a2, \all + 1
	bnez	t0, 2f
	.set	at, 0
	cspecialw SCR_DDC, x28
	.irp	r, \registers
	\load	\r, at(a4)
	.set	at, at + \n
	.endr
	.set	at, 0
	cspecialw SCR_DDC, x6
	.irp	r, \registers
	\store	\r, at(a3)
	.set	at, at + \n
	.endr
	addi	a3, a3, at
	addi	a4, a4, at
	addi	a2, a2, -at
	j	1b
2:
	.endm

/* int part_copy(const struct part *to a0, const struct part *from a1, uint64_t n a2), n > 0.
 * c28 loads from exactly one part, c6 stores to exactly the other; DDC is one or the other while bytes are moved, and neither lets anything
 * else be touched, this thread's stack among it. c31 is the Intravisor's DDC meanwhile. Where numbers and capability do not
 * agree (bounds that are not within what was granted, or that cannot be exact) there is no tag, and the first access is a fault. The last
 * byte goes alone, so that one too many is a fault at its own address. Only integers and floats are moved, so no tag is ever copied.
 * 0; -EBADF: one has been cleared; -EFAULT where memory faults (fault.c); a violation is nobody's but ours, and is let through. */
	.globl	part_copy, part_copy_start, part_copy_end, part_copy_fault
	.type	part_copy, @function
part_copy:
	narrow	x28, a4, a1, PERMIT_LOAD
	narrow	x6, a3, a0, PERMIT_STORE
	cspecialr x31, SCR_DDC
	li	a0, 0
part_copy_start:
	move	128, 8, fld, fsd, ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7
	move	32, 8, ld, sd, t0, t2, t4, t5
	move	8, 8, ld, sd, t0
	move	4, 4, lwu, sw, t0
	move	2, 2, lhu, sh, t0
	move	0, 1, lbu, sb, t0
part_copy_end:
	cspecialw SCR_DDC, x31
part_left:                      /* a0; no capability stays in a register */
	li	t1, 0
	li	t3, 0
	li	t6, 0
	ret
part_copy_fault:
	cspecialw SCR_DDC, x31
	li	a0, -EFAULT
	j	part_left
part_gone:
	li	a0, -EBADF
	j	part_left
	.section .note.GNU-stack, "", @progbits
