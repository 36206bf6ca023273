/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The library OS's machine code by hand: start, system-call entry, host calls, and copies to and from the program. Written
 * with ordinary operands; the rewriter gives them the library OS's forms. `%gs:` is the program's window.
 */
#include <carrel/gate.h>

	.text
	.globl	_start
	.type	_start, @function
_start:
	endbr64
	.carrel_delta 0
	lea	_DYNAMIC(%rip), %esi
	call	libos_start

	/* From the gate: rax number, rdi rsi rdx r10 r8 r9 the program's arguments. */
	.globl	system_call_entry
	.type	system_call_entry, @function
system_call_entry:
	endbr64
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	%rdi
	mov	%rax, %rdi
	mov	%rsp, %rsi
	sub	$8, %rsp
	call	system_call
	add	$56, %rsp
	ret

	/* int64_t host_call(number, a, b, c, d, e, f) */
	.globl	host_call
	.type	host_call, @function
host_call:
	endbr64
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	call	*0x10008(%r14)
	ret

	/* A fault between here and user_copy_end on the program's memory resumes at user_copy_fault. All are leaves: the return
	 * address is on top of the control stack and r15 is as at entry. */
	.globl	user_copy_start, user_copy_end, user_copy_fault
user_copy_start:
	.globl	user_copy_from
	.type	user_copy_from, @function
user_copy_from:			/* int user_copy_from(void *to, uint32_t from, size_t n) */
	endbr64
	mov	%rdx, %rcx
	shr	$5, %rcx
	jz	2f
1:	mov	%gs:(%rsi), %rax
	mov	%gs:8(%rsi), %r8
	mov	%gs:16(%rsi), %r9
	mov	%gs:24(%rsi), %r10
	mov	%rax, (%rdi)
	mov	%r8, 8(%rdi)
	mov	%r9, 16(%rdi)
	mov	%r10, 24(%rdi)
	add	$32, %rsi
	add	$32, %rdi
	sub	$1, %rcx
	jnz	1b
2:	and	$31, %edx
	jz	4f
3:	mov	%gs:(%rsi), %al
	mov	%al, (%rdi)
	add	$1, %rsi
	add	$1, %rdi
	sub	$1, %edx
	jnz	3b
4:	xor	%eax, %eax
	ret

	.globl	user_copy_to
	.type	user_copy_to, @function
user_copy_to:			/* int user_copy_to(uint32_t to, const void *from, size_t n) */
	endbr64
	mov	%rdx, %rcx
	shr	$5, %rcx
	jz	2f
1:	mov	(%rsi), %rax
	mov	8(%rsi), %r8
	mov	16(%rsi), %r9
	mov	24(%rsi), %r10
	mov	%rax, %gs:(%rdi)
	mov	%r8, %gs:8(%rdi)
	mov	%r9, %gs:16(%rdi)
	mov	%r10, %gs:24(%rdi)
	add	$32, %rsi
	add	$32, %rdi
	sub	$1, %rcx
	jnz	1b
2:	and	$31, %edx
	jz	4f
3:	mov	(%rsi), %al
	mov	%al, %gs:(%rdi)
	add	$1, %rsi
	add	$1, %rdi
	sub	$1, %edx
	jnz	3b
4:	xor	%eax, %eax
	ret

	.globl	user_fill
	.type	user_fill, @function
user_fill:			/* int user_fill(uint32_t to, size_t n): zeroes */
	endbr64
	xor	%eax, %eax
	mov	%rsi, %rcx
	shr	$6, %rcx
	jz	2f
1:	mov	%rax, %gs:(%rdi)
	mov	%rax, %gs:8(%rdi)
	mov	%rax, %gs:16(%rdi)
	mov	%rax, %gs:24(%rdi)
	mov	%rax, %gs:32(%rdi)
	mov	%rax, %gs:40(%rdi)
	mov	%rax, %gs:48(%rdi)
	mov	%rax, %gs:56(%rdi)
	add	$64, %rdi
	sub	$1, %rcx
	jnz	1b
2:	and	$63, %esi
	jz	4f
3:	mov	%al, %gs:(%rdi)
	add	$1, %rdi
	sub	$1, %esi
	jnz	3b
4:	ret

	.globl	user_string_from
	.type	user_string_from, @function
user_string_from:		/* int64_t user_string_from(char *to, uint32_t from, size_t room): length, or room if there is no NUL */
	endbr64
	xor	%eax, %eax
1:	cmp	%rdx, %rax
	je	2f
	mov	%gs:(%rsi,%rax), %cl
	mov	%cl, (%rdi,%rax)
	test	%cl, %cl
	jz	2f
	add	$1, %rax
	jmp	1b
2:	ret

	.globl	user_exchange_word
	.type	user_exchange_word, @function
user_exchange_word:		/* int64_t user_exchange_word(uint32_t at, uint32_t old, uint32_t new): what was there */
	endbr64
	mov	%esi, %eax
	lock cmpxchg	%edx, %gs:(%rdi)
	mov	%eax, %eax
	ret
user_copy_end:
	.type	user_copy_fault, @function
user_copy_fault:
	endbr64
	mov	$-14, %rax
	ret
	.section .note.GNU-stack, "", @progbits
