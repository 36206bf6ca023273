/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * For programs: how CHERI-RISC-V calls the gates of CP_Call (carrel/entry.h). carrel/cp_call.h has what is to be used.
 */
#ifndef CARREL_CP_GATE_H
#define CARREL_CP_GATE_H
#include <stddef.h>

#include <carrel/gate.h>

/* The window's entry page: the upper half of any address is the window's base. 32 bytes an entry. */
#define CP_ENTRY_CALL  "2"
#define CP_ENTRY_SERVE "3"
#define CP_ENTRY_COPY  "4"
#define CP_GATE_TEXT(entry) "auipc t6, 0\n\tsrli t6, t6, 32\n\tslli t6, t6, 32\n\tlui t5, 0xe\n\tadd t6, t6, t5\n\tjalr t0, (32 * " entry ")(t6)"
#define CP_SCRATCH "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory"
#define CP_FLOATS "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2", "fa3", "fa4", \
	"fa5", "fa6", "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11"

static inline long cp_gate_serve(long slot)
{
	register long a0 __asm__("a0") = slot;

	__asm__ volatile(CP_GATE_TEXT(CP_ENTRY_SERVE) : "+r"(a0) : : "a1", "a2", "a3", "a4", "a5", "a6", "a7", CP_SCRATCH, CP_FLOATS);
	return a0;
}

static inline long cp_gate_call(long what, const long words[6], const void *buffers, long *begun)
{
	register long a0 __asm__("a0") = words[0];
	register long a1 __asm__("a1") = words[1];
	register long a2 __asm__("a2") = words[2];
	register long a3 __asm__("a3") = words[3];
	register long a4 __asm__("a4") = words[4];
	register long a5 __asm__("a5") = words[5];
	register const void *a6 __asm__("a6") = buffers;
	register long a7 __asm__("a7") = what;

	__asm__ volatile(CP_GATE_TEXT(CP_ENTRY_CALL) : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7) : :
			 CP_SCRATCH, CP_FLOATS);
	*begun = a1;
	return a0;
}

static inline long cp_gate_copy(unsigned long what, size_t offset, void *own, size_t length)
{
	register unsigned long a0 __asm__("a0") = what;
	register size_t a1 __asm__("a1") = offset;
	register void *a2 __asm__("a2") = own;
	register size_t a3 __asm__("a3") = length;

	__asm__ volatile(CP_GATE_TEXT(CP_ENTRY_COPY) : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3) : : "a4", "a5", "a6", "a7", CP_SCRATCH);
	return (long)a0;
}
#endif
