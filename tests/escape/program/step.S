/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Work whose result depends on registers, flags, vector state, the stack, checked branches of several registers and every gate. It is done
 * once alone and once between two int3, where native/step.c interrupts it; both results must be one.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM

.macro unit kind, t32, t64, s32, otherwise
	mov %eax, %\t32
	mov %gs:(%\t32), %\s32
	add $-LANDING_PAD, %\s32
	jne \otherwise
	or %gs:GATE_BASE_SLOT, %\t64
	\kind *%\t64
.endm

/* T is whatever: its low bits choose. */
.macro table_unit mask, t32, t64, s64, table
	and $\mask, %\t32
	lea \table(%rip), %\s64
	add (%\s64,%\t64,8), %\s64
	jmp *%\s64
.endm

.macro byte_unit byte, t32, t64, s64, table
	movzbl %\byte, %\t32
	lea \table(%rip), %\s64
	add (%\s64,%\t64,8), %\s64
	jmp *%\s64
.endm

first_unit:                             /* the first bytes of the text */
	unit jmp, r11d, r11, r10d, wrong
	.globl _start
_start:	endbr64
	mov $13, %eax
	lea handler(%rip), %edi
	gate GATE_SYSCALL
	lea stack_end(%rip), %r15d
	stack_rebase
1:	call work                       /* from one place, which marks tell */
	cmpl $0, twice(%rip)
	jne 2f
	movl $1, twice(%rip)
	mov %rbx, result(%rip)
	int3
	jmp 1b
2:	int3
	cmp %rbx, result(%rip)
	jne wrong
	say "the same"
	exit_with 0
wrong:	say "not the same"
	exit_with 66

.macro mix register
	rol $7, %rbx
	add %\register, %rbx
.endm
one:	endbr64
	add $3, %ebp
	ret
two:	endbr64
	lea 5(%rbp,%rbp), %ebp
	ret
three:	endbr64
	xor $0x55, %ebp
	ret

work:	xor %ebx, %ebx
	mov $1, %ebp
	mov $0x123456789abcdef, %r12
	movq %r12, %xmm3
	movq %xmm3, %xmm5
	mov $32, %r13d
work_loop:
	mov %r12, %rsi
	imul $1103515245, %rsi, %rsi
	add $12345, %rsi
	mov %rsi, %r12
	setc %cl                        /* carry over instructions */
	movzbl %cl, %ecx
	cmp $7, %ecx
	adc %rcx, %rbx
	lea one(%rip), %eax
	call first_unit
	lea two(%rip), %eax
	unit call, r9d, r9, r8d, wrong
	lea three(%rip), %eax
	unit call, edx, rdx, r10d, wrong
	lea one(%rip), %eax
	unit call, r11d, r11, ecx, wrong
	mov %r12, %r8
	table_unit 1, r8d, r8, r9, places
places:	.quad place_one - places, place_two - places
place_one:
	add $3, %rbx
place_two:
	rol $3, %rbx
	mov %r12, %r10
	shr $9, %r10
	table_unit 128, r10d, r10, r11, many
many:	.rept 128
	.quad place_four - many
	.endr
	.quad place_three - many
place_three:
	xor %r12, %rbx
place_four:
	mov %r12, %rax
	shr $30, %rax
	table_unit 128, eax, rax, r8, many_again
many_again:
	.rept 128
	.quad place_five - many_again
	.endr
	.quad place_six - many_again
place_five:
	rol $5, %rbx
place_six:
	mov %r12, %r11
	shr $21, %r11
	byte_unit r11b, r9d, r9, rdx, by_byte
by_byte:
	.rept 128
	.quad place_seven - by_byte, place_eight - by_byte
	.endr
place_seven:
	rol $9, %rbx
place_eight:
	mov %r12, %rdx
	shr $33, %rdx
	byte_unit dl, edx, rdx, rax, by_itself
by_itself:
	.rept 128
	.quad place_nine - by_itself, place_ten - by_itself
	.endr
place_nine:
	add $9, %rbx
place_ten:
	mov %r12, %rdx
	shr $15, %rdx
	and $1, %edx                    /* the table lies elsewhere */
	lea far(%rip), %r10
	add (%r10,%rdx,8), %r10
	jmp *%r10
back_one:
	add $5, %rbx
back_two:
	mix rbp
	mov %rbx, -16(%r15)
	lea -32(%r15), %r15
	mov %rbp, 8(%r15)
	mov %ebx, %eax
	and $0x3f0, %eax
	mov %r15d, %edi
	sub %eax, %r15d
	stack_rebase
	mov %rbx, (%r15)
	and $-64, %r15d
	stack_rebase
	mov (%r15), %rax
	lea 8(%r15), %r15
	lea (%rdi), %r15d
	stack_rebase
	lea 32(%r15), %r15
	mov -24(%r15), %rax
	mix rax
	mov %r15d, %eax
	mix rax
	movq %r12, %xmm4
	paddq %xmm4, %xmm3
	pxor %xmm3, %xmm5
	movq %xmm5, %rdi
	mix rdi
	mov $39, %eax
	gate GATE_SYSCALL
	mix rax
	mov $39, %eax
	mov $77, %edi
	mov $99, %r10d
	gate GATE_SYSCALL_RAW
	mix rdi
	mov %r10d, %edi                 /* the low half: the library OS leaves that alone */
	mix rdi
	lea thread_block(%rip), %edi
	gate GATE_THREAD_POINTER
	mix rax
	mov %fs:THREAD_POINTER_AT, %rax
	mix rax
	call unwind
	mix rax
	mov $CONTROL_HERE, %edi         /* marks of this frame, of the one before, of none */
1:	call mark_of
	mix rax
	mix rdx
	lea -8(%rax), %rdi
	test %rdx, %rdx
	jne 1b
	mov %r12, %rdi
	call mark_of
	mix rax
	mix rdx
	sub $1, %r13d
	jne work_loop
	ret

	table_unit 1, ecx, rcx, rax, far
far:	.quad back_one - far, back_two - far

unwind:	call mark                       /* setjmp in a leaf, longjmp in a deeper one */
	mov %eax, %edi
	call deeper
	jmp wrong
mark:	mov $CONTROL_HERE, %edi
mark_of:
	gate GATE_CONTROL_MARK
	ret
deeper:	lea landed(%rip), %esi
	mov $41, %edx
	gate GATE_CONTROL_UNWIND
	jmp wrong
landed:	endbr64
	ret

handler:
	endbr64                         /* it returns to a gate; leaves nothing as it was */
	mov $CONTROL_HERE, %edi
	gate GATE_CONTROL_MARK
	test %rdx, %rdx
	jne wrong
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14
	mov $-1, %\r
	.endr
	pcmpeqd %xmm3, %xmm3
	pcmpeqd %xmm4, %xmm4
	pcmpeqd %xmm5, %xmm5
	add %rax, %rax
	ret

	.data
	.balign 8
result:	.quad 0
twice:	.quad 0
	.skip 2048
stack_end:
	.skip 64
thread_block: .quad 0x1122334455
