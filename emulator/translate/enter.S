# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The ways into and out of translated code. Inside it rbp is the cpu plus 128, rsp is 16-byte aligned, and rbx rsi rdi r8 to r15
# hold sp s0 s1 a0 to a7 (emit.c). x register r is at 8 * r - 128(%rbp). A fault unwinds past all of this by longjmp.
	.text
	.globl translate_enter_code, translate_leave_code, translate_slow_code
	.type translate_enter_code, @function
# void translate_enter_code(char *cpu_plus_128, const void *native)
translate_enter_code:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	mov %rdi, %rbp
	mov %rsi, %rax
	call load_registers
	jmp *%rax
# Out: cpu->pc and the exit's number are stored.
translate_leave_code:
	call store_registers
	add $8, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
# rax: the operation, rcx: its block; done in C, then on with the next one.
translate_slow_code:
	call store_registers
	lea -128(%rbp), %rdi
	mov %rax, %rsi
	mov %rcx, %rdx
	sub $8, %rsp
	call translate_step@PLT
	add $8, %rsp
load_registers:
	mov -112(%rbp), %rbx
	mov -64(%rbp), %rsi
	mov -56(%rbp), %rdi
	mov -48(%rbp), %r8
	mov -40(%rbp), %r9
	mov -32(%rbp), %r10
	mov -24(%rbp), %r11
	mov -16(%rbp), %r12
	mov -8(%rbp), %r13
	mov (%rbp), %r14
	mov 8(%rbp), %r15
	ret
store_registers:
	mov %rbx, -112(%rbp)
	mov %rsi, -64(%rbp)
	mov %rdi, -56(%rbp)
	mov %r8, -48(%rbp)
	mov %r9, -40(%rbp)
	mov %r10, -32(%rbp)
	mov %r11, -24(%rbp)
	mov %r12, -16(%rbp)
	mov %r13, -8(%rbp)
	mov %r14, (%rbp)
	mov %r15, 8(%rbp)
	ret
	.size translate_enter_code, . - translate_enter_code
	.section .note.GNU-stack,"",@progbits
