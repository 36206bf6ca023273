/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call_server.c's part on CHERI-RISC-V: a function that keeps what it finds, and one that leaves as much as it can.
 */
#include "call_registers.h"

struct found found;

/* Counting tags overwrites every register: a called function need keep none but sp, tp and where it returns to. */
__asm__(".globl dump\n.type dump,@function\ndump:\n" DUMP_INTEGER DUMP_FLOATING DUMP_TAGS "ld ra, 8(t1)\n li a0, 0\n ret\n");
long dump(long, long, long, long, long, long);

/* Returns with every register full of what is not the caller's to see, and its own DDC where a result and saved registers are. */
__asm__(".globl spoil\n.type spoil,@function\nspoil:\n li t0, 0x5ec7e7\n fmv.d.x f0, t0\n .irp n, " ALL_FLOATS "\n fmv.d.x f\\n, t0\n .endr\n"
	".irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n mv x\\n, t0\n .endr\n"
	"fsrmi x0, 2\n " CGETDDC("x11") CGETDDC("x8") CGETDDC("x27") CGETDDC("x28") CGETDDC("x10") "li t0, 77\n" CSETADDR("x10", "x10", "t0") "ret\n");
long spoil(long, long, long, long, long, long);
