/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Hostile floating-point and vector state: exceptions unmasked and pending, a full x87 stack, at every gate and with a
 * fault. And what must not come back: the Intravisor's own vector registers.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start

_start:
	which_attack
	attack 1, unmasked_sse
	attack 2, pending_x87
	attack 3, full_x87
	attack 4, pending_fault
	attack 5, vectors_kept
	attack 6, pending_spin
	attack 7, flags_kept
	exit_with 99

.macro unmask
	movl $0, %gs:(%r15d)
	ldmxcsr %gs:(%r15d)             /* every SSE exception unmasked */
	movw $0x0300, %gs:(%r15d)
	fldcw %gs:(%r15d)               /* every x87 exception unmasked */
.endm
.macro many_calls
	mov $1, %edi
	lea time(%rip), %esi
	system_call 228
	lea time(%rip), %edi
	mov $8, %esi
	xor %edx, %edx
	system_call 318
	system_call 39
.endm

unmasked_sse:
	stack_down 16
	unmask
	mov $1000, %ebp
1:	many_calls
	sub $1, %ebp
	jne 1b
	say "served"
	exit_with 0
pending_x87:                            /* 1/0 unmasked: the exception waits for the next waiting instruction */
	stack_down 16
	unmask
	fld1
	fldz
	fdivrp
	many_calls
	say "served"
	exit_with 0
full_x87:
	stack_down 16
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	fld1
	mov $1000, %ebp
1:	many_calls
	sub $1, %ebp
	jne 1b
	say "served"
	exit_with 0
pending_fault:
	stack_down 16
	unmask
	fld1
	fldz
	fdivrp
	xor %eax, %eax
	mov %rax, %gs:(%eax)
	jmp reached
pending_spin:
	stack_down 16
	unmask
	mov $1, %edi
	say "spinning"
	unmask
	fld1
	fldz
	fdivrp
1:	jmp 1b

/* x87's and MXCSR's exception flags, and control that is not the ABI's, are after each system call what they were. */
.macro flags_same control, mxcsr
	movw $\control, %gs:(%r15d)
	fldcw %gs:(%r15d)
	movl $\mxcsr, %gs:(%r15d)
	ldmxcsr %gs:(%r15d)
	mov $100, %ebp
1:	many_calls
	fnstsw %ax
	and $0x3f, %eax
	cmp $4, %eax
	jne reached
	fnstcw %gs:(%r15d)
	cmpw $\control, %gs:(%r15d)
	jne reached
	stmxcsr %gs:(%r15d)
	cmpl $\mxcsr, %gs:(%r15d)
	jne reached
	sub $1, %ebp
	jne 1b
.endm
flags_kept:
	stack_down 16
	fld1
	fldz
	fdivrp                          /* masked: it leaves its flag */
	flags_same 0x037f, 0x1f80
	flags_same 0x037f, 0x1fa4
	flags_same 0x0f7f, 0x7fc0
	flags_same 0x037b, 0x1d81
	fnclex
	say "kept"
	exit_with 0

/* Sixteen patterns in ymm0-15; after each system call all of them are there still. */
vectors_kept:
	lea pattern(%rip), %eax
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu %gs:\n(%eax), %ymm\n
	.endr
	mov $1000, %ebp
1:	many_calls
	lea pattern(%rip), %eax
	lea found(%rip), %ecx
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu %ymm\n, %gs:(%ecx)
	.irp w, 0, 8, 16, 24
	mov %gs:\n + \w(%eax), %rdx
	cmp %gs:\w(%ecx), %rdx
	jne reached
	.endr
	.endr
	sub $1, %ebp
	jne 1b
	say "kept"
	exit_with 0

reached:
	say "escape: the attack went through"
	exit_with 66

	.section .rodata
	.balign 32
pattern:
	.ascii "the quick brown fox jumps over the lazy dog 0123456789"
	.bss
	.balign 32
found:	.skip 32
time:	.skip 16
