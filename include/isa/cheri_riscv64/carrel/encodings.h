/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CHERI-RISC-V's instructions (Xcheri, ISAv9) for an assembler that does not know them: all encodings are here. In assembly they are
 * macros whose operands are integer register names, xN meaning cN; in C, pieces of asm text. Derivations clear the tag where they
 * must not be (they do not trap). Freestanding.
 */
#ifndef CARREL_ENCODINGS_H
#define CARREL_ENCODINGS_H

#ifdef __ASSEMBLER__
#define SCR_PCC x0
#define SCR_DDC x1

	.macro cspecialr cd, scr
	.insn r 0x5b, 0, 0x01, \cd, x0, \scr
	.endm
	.macro cspecialw scr, cs
	.insn r 0x5b, 0, 0x01, x0, \cs, \scr
	.endm
	.macro csetboundsexact cd, cs, rs
	.insn r 0x5b, 0, 0x09, \cd, \cs, \rs
	.endm
	.macro candperm cd, cs, rs
	.insn r 0x5b, 0, 0x0d, \cd, \cs, \rs
	.endm
	.macro csetaddr cd, cs, rs
	.insn r 0x5b, 0, 0x10, \cd, \cs, \rs
	.endm
	.macro cincoffset cd, cs, rs
	.insn r 0x5b, 0, 0x11, \cd, \cs, \rs
	.endm
	.macro cincoffsetimm cd, cs, n
	.insn i 0x5b, 1, \cd, \cs, \n
	.endm
	.macro cgettag rd, cs
	.insn r 0x5b, 0, 0x7f, \rd, \cs, x4
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
#define CGETPCC(cd)           ".insn r 0x5b, 0, 0x01, " cd ", x0, x0\n\t"
#define CGETDDC(cd)           ".insn r 0x5b, 0, 0x01, " cd ", x0, x1\n\t"
#define CSETBOUNDS(cd, cs, rs) ".insn r 0x5b, 0, 0x08, " cd ", " cs ", " rs "\n\t"
#define CSETBOUNDSEXACT(cd, cs, rs) ".insn r 0x5b, 0, 0x09, " cd ", " cs ", " rs "\n\t"
#define CSEAL(cd, cs, ct)     ".insn r 0x5b, 0, 0x0b, " cd ", " cs ", " ct "\n\t"
#define CUNSEAL(cd, cs, ct)   ".insn r 0x5b, 0, 0x0c, " cd ", " cs ", " ct "\n\t"
#define CANDPERM(cd, cs, rs)  ".insn r 0x5b, 0, 0x0d, " cd ", " cs ", " rs "\n\t"
#define CSETADDR(cd, cs, rs)  ".insn r 0x5b, 0, 0x10, " cd ", " cs ", " rs "\n\t"
#define CINCOFFSET(cd, cs, rs) ".insn r 0x5b, 0, 0x11, " cd ", " cs ", " rs "\n\t"
#define CLOADBYTE(rd, cs)     ".insn r 0x5b, 0, 0x7d, " rd ", " cs ", x12\n\t"
#define CGETPERM(rd, cs)      ".insn r 0x5b, 0, 0x7f, " rd ", " cs ", x0\n\t"
#define CGETTYPE(rd, cs)      ".insn r 0x5b, 0, 0x7f, " rd ", " cs ", x1\n\t"
#define CGETBASE(rd, cs)      ".insn r 0x5b, 0, 0x7f, " rd ", " cs ", x2\n\t"
#define CGETLEN(rd, cs)       ".insn r 0x5b, 0, 0x7f, " rd ", " cs ", x3\n\t"
#define CGETTAG(rd, cs)       ".insn r 0x5b, 0, 0x7f, " rd ", " cs ", x4\n\t"
#define CLOAD(cd, rs)         ".insn i 0x0f, 2, " cd ", 0(" rs ")\n\t"
#define CSTORE(cs, rs)        ".insn s 0x23, 4, " cs ", 0(" rs ")\n\t"
#endif
#endif
