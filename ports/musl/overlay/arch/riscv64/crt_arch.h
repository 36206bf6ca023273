/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The first instructions of a program in a cVM on CHERI-RISC-V: gp is the gate's (include/isa/cheri_riscv64/carrel/entry.h) and stays.
 */
__asm__(
".text\n"
".global " START "\n"
".type " START ",%function\n"
START ":\n\t"
"mv a0, sp\n"
".weak _DYNAMIC\n"
".hidden _DYNAMIC\n\t"
"lla a1, _DYNAMIC\n\t"
"andi sp, sp, -16\n\t"
"tail " START "_c"
);
