/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What gates.S and enter.S share: assembly macros. Trusted.
 */
#ifndef GATES_H
#define GATES_H
#include <carrel/gate.h>
#include "machine/x86_64/context.h"

/* Of the context, where r11 is its address plus CONTEXT_BIAS. */
#define F(field) ((field) - CONTEXT_BIAS)(%r11)

	.macro zero registers:vararg
	.irp	r, \registers
	xor	%\r, %\r
	.endr
	.endm
	.macro pushes registers:vararg
	.irp	r, \registers
	push	%\r
	.endr
	.endm
	.macro pops registers:vararg
	.irp	r, \registers
	pop	%\r
	.endr
	.endm

	/* Nothing of one side's vector and x87 state is left to the other: contents, exceptions that wait, where its last x87 instruction
	 * and that one's operand were (fnstenv tells). The control words are those at the two operands from then on. rax is lost.
	 * There the gate's own take their place, on an empty stack and exact, so no exception can come of them whatever is unmasked;
	 * `fninit` would take four times as long as all the rest. (Of a processor that keeps an operand's place for exceptions alone, the last
	 * one's stays.) Outside of the gate page it must be `fninit`: where the Intravisor's text lies is not told. */
	.macro clear_vectors control_word, mxcsr, outside=0
	fnstsw	%ax
	test	%ax, %ax
	jz	8f
	fninit
8:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	pxor	%mm\n, %mm\n
	.endr
	emms
	.if	\outside
	fninit
	fldcw	\control_word
	.else
	fldcw	\control_word
	flds	nothing(%rip)
	fstp	%st(0)
	.endif
	ldmxcsr	\mxcsr
	cmpl	$0, F(C_AVX)
	je	8f
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vpxor	%xmm\n, %xmm\n, %xmm\n
	.endr
	jmp	9f
8:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	pxor	%xmm\n, %xmm\n
	.endr
9:
	.endm

	/* The program of the context at `from` - `bias` is the one that runs. rax is lost. */
	.macro take_program from=%r11, bias=CONTEXT_BIAS
	mov	C_PROGRAM_BASE - \bias(\from), %rax
	wrgsbase %rax
	mov	C_PROGRAM_TP - \bias(\from), %rax
	mov	%rax, %fs:THREAD_POINTER_AT
	.endm

	/* The ABI's, and what makes an x87 instruction of no consequence: each file has its own, at a distance that its code knows. */
	.macro defaults
default_mxcsr:
	.long	0x1f80
nothing:
	.long	0
default_control_word:
	.word	0x037f
	.endm
#endif
