/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a program finds in its registers when it starts, at first and after it, and its library OS, have left all they can there
 * (libos/registers.S starts it again): nothing, but its stack's pointer.
 */
#include "guest.h"
#include "registers.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start
_start:	endbr64
	save_registers
	mov %r14, found + 104(%rip)
	mov %r15, %rbx                  /* an address in its window */
	mov %r15d, %r15d
	stack_rebase
	cmp %rbx, %r15
	jne bad_stack
	cmp $STACK, %r15d
	jne bad_stack
	compare_registers zeros, bad
	cmpq $0, found + 104(%rip)
	jne bad
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	mov $(140 + \n), %ebx
	vmovdqu %ymm\n, found(%rip)
	.irp at, 0, 8, 16, 24
	cmpq $0, found + \at(%rip)
	jne bad
	.endr
	.endr
	compare_floating bad
	addl $1, starts(%rip)

	/* All that can be left behind: for what comes next. */
	spoil_floating
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu pattern + \n(%rip), %ymm\n
	.endr
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	.set letter, 0
	.irp r, SAVED, r14
	mov $FILL(letter + 2), %\r
	.set letter, letter + 1
	.endr
	cmpl $2, starts(%rip)
	je 1f
	system_call CALL_AGAIN
	mov $151, %ebx                  /* it does not come back */
	jmp bad
1:	system_call CALL_KICK
	system_call CALL_MOVE
	mov $152, %ebx
	jmp bad
bad_stack:
	mov $113, %ebx
bad:	mov %ebx, %edi
	system_call CALL_END
	int3

	found_words
	.section .rodata
	.balign 32
pattern:
	.ascii "the quick brown fox jumps over the lazy dog 0123456789"
	.data
starts:	.long 0
