/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Work whose result depends on registers, flags, vector state, checked branches of several registers and every gate. It is done
 * once alone and once between two int3, where native/step.c interrupts it; both results must be one.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM

.macro unit kind, t32, t64, s32, otherwise
	mov %eax, %\t32
	mov %gs:(%\t32), %\s32
	add $-LANDING_PAD, %\s32
	jne \otherwise
	or %gs:-GATE_BASE_SLOT, %\t64
	\kind *%\t64
.endm

first_unit:                             /* the first bytes of the text */
	unit jmp, r11d, r11, r10d, wrong
	.globl _start
_start:	endbr64
	mov $13, %eax
	lea handler(%rip), %edi
	gate GATE_SYSCALL
	call work
	mov %rbx, result(%rip)
	int3
	call work
	int3
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
1:	mov %r12, %rsi
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
	mix rbp
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
	gate GATE_SYSCALL_RAW
	mix rdi
	lea thread_block(%rip), %edi
	gate GATE_THREAD_POINTER
	mix rax
	mov %fs:0, %rax
	mix rax
	call unwind
	mix rax
	sub $1, %r13d
	jne 1b
	ret

unwind:	call mark                       /* setjmp in a leaf, longjmp in a deeper one */
	mov %eax, %edi
	call deeper
	jmp wrong
mark:	gate GATE_CONTROL_MARK
	ret
deeper:	lea landed(%rip), %esi
	mov $41, %edx
	gate GATE_CONTROL_UNWIND
	jmp wrong
landed:	endbr64
	ret

handler:
	endbr64                         /* leaves nothing as it was */
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
thread_block: .quad 0x1122334455
