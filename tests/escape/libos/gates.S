/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The library OS's gates with hostile registers: argument 1 names the slot. Slot 0 is called with every host call
 * number that neither ends nor blocks and random or boundary words; after each call what the gate keeps is kept and
 * what it clears is clear.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
#define ROUNDS 30000
	.globl _start
_start:	endbr64
	argument_number
	mov $0x9e3779b97f4a7c15, %rax
	mov %rax, state(%rip)
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	attack \n, slot_\n
	.endr
	libos_exit 99

hostile_word:
	mov state(%rip), %rax
	mov %rax, %rcx
	shl $13, %rcx
	xor %rcx, %rax
	mov %rax, %rcx
	shr $7, %rcx
	xor %rcx, %rax
	mov %rax, %rcx
	shl $17, %rcx
	xor %rcx, %rax
	mov %rax, state(%rip)
	test $3, %al
	je 1f
	mov %eax, %ecx
	shr $8, %ecx
	and $31, %ecx
	lea boundary(%rip), %edx
	lea (%rdx,%rcx,8), %r11d
	mov (%r14,%r11), %rax
1:	ret
fill:	lea words(%rip), %ebp
	mov $16, %ebx
1:	call hostile_word
	mov %ebp, %r11d
	mov %rax, (%r14,%r11)
	add $8, %ebp
	sub $1, %ebx
	jne 1b
	ret
.macro load
	mov words + 8(%rip), %rcx
	mov words + 16(%rip), %rdx
	mov words + 24(%rip), %rbx
	mov words + 32(%rip), %rbp
	mov words + 40(%rip), %rsi
	mov words + 48(%rip), %rdi
	mov words + 56(%rip), %r8
	mov words + 64(%rip), %r9
	mov words + 72(%rip), %r10
	mov words + 80(%rip), %r11d
	mov words + 88(%rip), %r12
	mov words + 96(%rip), %r13
	mov words + 104(%rip), %r15d
.endm
.macro kept register, offset
	cmp %\register, words + \offset(%rip)
	jne reached
.endm

slot_0:	movl $ROUNDS, left(%rip)
	mov %r14, base(%rip)
1:	call fill
	mov words(%rip), %eax           /* one number in four is random, the others from the list */
	test $3, %al
	je 2f
	shr $4, %eax
	and $63, %eax
	lea calls(%rip), %ecx
	lea (%rcx,%rax), %r11d
	movzbl (%r14,%r11), %eax
	jmp 3f
2:	mov words(%rip), %rax
	mov $100, %ecx
	cmp %rcx, %rax
	jae 3f
	add %rcx, %rax
3:	load
	call *GATE_SLOT(GATE_HOST_CALL)(%r14)
	kept rbx, 24
	kept rbp, 32
	kept r12, 88
	kept r13, 96
	cmp %r14, base(%rip)
	jne reached
	mov words + 104(%rip), %eax
	cmp %eax, %r15d
	jne reached
	.irp r, rcx, rdx, rsi, rdi, r8, r9, r10, r11
	test %\r, %\r
	jne reached
	.endr
	subl $1, left(%rip)
	jne 1b
	libos_say "every round held"
	libos_exit 0

.irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
slot_\n:
	call fill
	mov words(%rip), %rax
	load
	call *GATE_SLOT(\n)(%r14)
	jmp reached
.endr
reached:
	libos_say "escape: a register is not what the gate promises"
	libos_exit 66

	.section .rodata
	.balign 8
boundary:
	.quad 0, 1, -1, 2, 8, 0x1000, 0x2000, 0x10000, 0x3fffffff, 0x40000000, 0x50000000, 0x80000000
	.quad 0xfffbffff, 0xfffc0000, 0xfffff000, 0xfffffff0, 0xffffffff, 0x100000000, 0x140000000, 0x1fffff000
	.quad 0x1ffffffff, 0x200000000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x7fffffffffffffff
	.quad 0x8000000000000000, -8, -4096, -0x40000000, 0xffffffff00000000, 0x7fffffffffffffe0
/* all but exit, program_enter, lock, poll, clock_sleep, trace and report; 1 (entry_set) would let us be called */
calls:	.byte 3, 4, 5, 6, 7, 8, 9, 3, 5, 8, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 34
	.byte 36, 37, 38, 39, 48, 50, 51, 52, 53, 3, 4, 5, 6, 7, 8, 9, 3, 5, 8, 16, 17, 18, 19, 20, 21, 25, 28, 29
	.byte 30, 31, 32, 48, 50, 51, 52, 53
	.bss
	.balign 16
state:	.quad 0
base:	.quad 0
left:	.quad 0
words:	.skip 128
