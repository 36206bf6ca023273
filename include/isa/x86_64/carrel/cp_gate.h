/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * For programs: how x86-64 calls the gates of CP_Call (carrel/gate.h). carrel/cp_call.h has what is to be used.
 */
#ifndef CARREL_CP_GATE_H
#define CARREL_CP_GATE_H
#include <stddef.h>

#include <carrel/gate.h>

#define CP_GATE_TEXT(slot) CP_GATE_TEXT_(slot)
#define CP_GATE_TEXT_(slot) "call *%%gs:(0x10008 + 8 * " #slot ")"
#define CP_VECTORS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
	"xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", \
	"st(6)", "st(7)"

static inline long cp_gate_serve(long slot)
{
	long result;

	__asm__ volatile(CP_GATE_TEXT(GATE_SERVE) : "=a"(result), "+D"(slot) : : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc",
			 "memory", CP_VECTORS);
	return result;
}

static inline long cp_gate_call(long result, const long words[6], const void *buffers, long *begun)
{
	long a = words[0], b = words[1], c = words[2], d = words[3];
	register long e __asm__("r8") = words[4];
	register long f __asm__("r9") = words[5];
	register const void *list __asm__("r10") = buffers;

	__asm__ volatile(CP_GATE_TEXT(GATE_CALL) : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+c"(d), "+r"(e), "+r"(f), "+r"(list) : : "r11",
			 "cc", "memory", CP_VECTORS);
	*begun = c;
	return result;
}

static inline long cp_gate_copy(unsigned long what, size_t offset, void *own, size_t length)
{
	long result;
	register size_t n __asm__("r10") = length;

	__asm__ volatile(CP_GATE_TEXT(GATE_CALL_COPY) : "=a"(result), "+D"(what), "+S"(offset), "+d"(own), "+r"(n) : : "rcx", "r8", "r9", "r11",
			 "cc", "memory");
	return result;
}
#endif
