/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a called function finds in its registers, and what a caller finds in its own afterwards (call_callee.h, call_caller.h), on x86-64.
 */
#ifndef CALL_REGISTERS_H
#define CALL_REGISTERS_H
#include <stdint.h>

struct found {
	uint64_t general[16];   /* a b c d bp si di 8-14 sp, mxcsr | control word << 32 | status word << 48 */
	uint64_t vector[16][4];
	uint64_t mm[8];
	uint32_t environment[8];        /* fnstenv's */
};
extern struct found found;
/* How much of its control stack a program is told by marks (GATE_CONTROL_MARK), from here to the end: returns into its own code, and 100 for
 * each frame that returns to a gate. -1: it does not end with one; -2: there is more behind the end. */
struct mark {
	long depth, back;
} mark_of(long depth);
__asm__(".type mark_of,@function\nmark_of: endbr64\n call *%gs:0x10018\n ret\n");
__attribute__((noipa, unused)) static long frames(void)
{
	struct mark m = mark_of(0xffffffff), next = mark_of(m.depth - 8);
	long depth = m.depth, count = 0;

	for (;; m = next, next = mark_of(depth - 8)) {
		count += m.back ? 1 : 100;
		if (next.depth == depth)
			break;
		depth -= 8;
	}
	for (long i = 0; i < 4000; i++)
		if ((next = mark_of(depth - i * 3)).depth != depth || next.back)
			return -2;
	return m.back ? -1 : count;
}
#define FRAMES_OF_CALLEE 102    /* frames' and the function's; the call's gate */
#define AT(offset) ((void *)(offset))   /* a pointer to an offset of the own window */
#define SPOIL_RESULT 77

#define DUMP_GENERAL(at)                                                                                                   \
	"mov %rax, found+" at "(%rip)\n mov %rbx, found+8(%rip)\n mov %rcx, found+16(%rip)\n mov %rdx, found+24(%rip)\n"          \
	"mov %rbp, found+32(%rip)\n mov %rsi, found+40(%rip)\n mov %rdi, found+48(%rip)\n mov %r8, found+56(%rip)\n"              \
	"mov %r9, found+64(%rip)\n mov %r10, found+72(%rip)\n mov %r12, found+88(%rip)\n"                                         \
	"mov %r13, found+96(%rip)\n mov %r14, found+104(%rip)\n lea 8(%rsp), %rax\n mov %rax, found+112(%rip)\n"                  \
	"stmxcsr found+120(%rip)\n fnstcw found+124(%rip)\n fnstsw %ax\n mov %ax, found+126(%rip)\n"
#define V(n, at) "vmovups %ymm" #n ", found+128+" #at "(%rip)\n"
#define DUMP_VECTORS                                                                                                       \
	V(0, 0) V(1, 32) V(2, 64) V(3, 96) V(4, 128) V(5, 160) V(6, 192) V(7, 224) V(8, 256) V(9, 288) V(10, 320) V(11, 352) V(12, 384)\
	V(13, 416) V(14, 448) V(15, 480)
#define M(n, at) "movq %mm" #n ", found+640+" #at "(%rip)\n"
#define DUMP_MM M(0, 0) M(1, 8) M(2, 16) M(3, 24) M(4, 32) M(5, 40) M(6, 48) M(7, 56) "emms\n"
#define DUMP_ENVIRONMENT "fnstenv found+704(%rip)\n"
#define ENVIRONMENT_CODE 3      /* where the last x87 instruction was, and its operand */
#define ENVIRONMENT_DATA 5
#endif
