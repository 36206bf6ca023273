# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The unwinder's two gates: GATE_CONTROL_MARK, slot at base - 32, and GATE_CONTROL_UNWIND, slot at base - 40 (carrel/gate.h). As in
# longjmp, %rsp is 8 below where the data stack stands.
	.text
	.globl	__carrel_mark, __carrel_land
	.hidden	__carrel_mark, __carrel_land
	.type	__carrel_mark, @function
	.type	__carrel_land, @function
__carrel_mark:
	endbr64
	call	*%gs:0x10018
	ret

# The gate keeps rax for the landing pad, and what is kept over calls; rdx and the landing pad
# itself wait below its stack's place.
__carrel_land:
	endbr64
	mov	(%rdi), %rbx
	mov	8(%rdi), %rbp
	mov	16(%rdi), %r12
	mov	24(%rdi), %r13
	mov	32(%rdi), %r14
	mov	40(%rdi), %rax
	mov	48(%rdi), %rcx
	mov	56(%rdi), %rdx
	mov	64(%rdi), %r8
	mov	72(%rdi), %rdi
	mov	%rcx, -16(%rax)
	mov	%r8, -8(%rax)
	lea	-24(%rax), %rsp
	lea	landed(%rip), %rsi
	call	*%gs:0x10020
	hlt
landed:
	endbr64
	mov	8(%rsp), %rcx
	mov	16(%rsp), %rdx
	lea	16(%rsp), %rsp
	jmp	*%rcx
	.section .note.GNU-stack, "", @progbits
