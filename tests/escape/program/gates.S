/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Every gate with hostile registers: argument 1 names the slot, and each round puts random or boundary values into
 * all general registers. After each return: what the gate keeps is kept, what it clears is clear, no register holds
 * an address above 4 GiB that was not there before, and the control stack is level.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
#define ROUNDS 20000
.globl _start

_start:
	which_attack
	stack_down 1024
	mov $0x9e3779b97f4a7c15, %rax
	mov %rax, state(%rip)
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	attack \n, slot_\n
	.endr
	exit_with 99

/* rax = one hostile word: a boundary value or 64 random bits (xorshift). Clobbers rcx, rdx. */
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
	mov %gs:(%edx,%ecx,8), %rax
1:	ret

/* Fills words[0..15] and loads them. rax gets a system-call number that neither ends nor blocks. */
fill:
	lea words(%rip), %ebp
	mov $16, %ebx
1:	call hostile_word
	mov %rax, %gs:(%ebp)
	add $8, %ebp
	sub $1, %ebx
	jne 1b
	ret
.macro load
	mov words + 0(%rip), %rax
	mov words + 8(%rip), %rcx
	mov words + 16(%rip), %rdx
	mov words + 24(%rip), %rbx
	mov words + 32(%rip), %rbp
	mov words + 40(%rip), %rsi
	mov words + 48(%rip), %rdi
	mov words + 56(%rip), %r8
	mov words + 64(%rip), %r9
	mov words + 72(%rip), %r10
	mov words + 80(%rip), %r11
	mov words + 88(%rip), %r12
	mov words + 96(%rip), %r13
	mov words + 104(%rip), %r14
	mov words + 112(%rip), %r15d    /* any place of the window: all that r15 can be */
	stack_rebase
	mov %r15, words + 112(%rip)
.endm
.macro kept register, offset
	cmp %\register, words + \offset(%rip)
	jne reached
.endm
.macro kept_callee_saved
	kept rbx, 24
	kept rbp, 32
	kept r12, 88
	kept r13, 96
	kept r14, 104
	kept r15, 112
.endm
.macro cleared registers:vararg
	.irp r, \registers
	test %\r, %\r
	jne reached
	.endr
.endm
/* gs must still name the window this text lies in: one word read both ways is the same. */
.macro same_window
	mov left(%rip), %ecx
	lea left(%rip), %eax
	cmp %gs:(%eax), %ecx
	jne reached
.endm
.macro rounds body
	movl $ROUNDS, left(%rip)
	8000:
	call fill
	\body
	same_window
	subl $1, left(%rip)
	jne 8000b
	jmp done
.endm

/* A number outside every table three times in four; else one that only computes (getpid, getuid, brk...). */
.macro choose_number
	mov words(%rip), %eax
	test $3, %al
	je 8001f
	and $7, %eax
	lea harmless(%rip), %ecx
	mov %gs:(%ecx,%eax,4), %eax
	mov %rax, words(%rip)
	jmp 8002f
	8001: mov words(%rip), %rax
	mov $4096, %ecx
	cmp %rcx, %rax
	jae 8002f
	add %rcx, %rax
	mov %rax, words(%rip)
	8002:
.endm

.macro body_0
	choose_number
	load
	gate GATE_SYSCALL
	kept_callee_saved
	cleared rcx, rdx, rsi, rdi, r8, r9, r10, r11
.endm
.macro body_1
	choose_number
	load
	gate GATE_SYSCALL_RAW
	kept_callee_saved
	kept rdx, 16
	kept rsi, 40
	kept rdi, 48
	kept r8, 56
	kept r9, 64
	kept r10, 72
.endm
.macro body_2
	call marked
.endm
marked:
	load
	gate GATE_CONTROL_MARK
	cmp $0x1000000, %rax
	jae reached
	test $7, %al
	jne reached
	shr $32, %rdx
	jne reached
	kept_callee_saved
	ret
.macro body_4
	load
	gate GATE_THREAD_POINTER
	kept_callee_saved
	test %rax, %rax
	jne reached
.endm

slot_0:	rounds body_0
slot_1:	rounds body_1
slot_2:	rounds body_2
slot_3:                                 /* unwind: every round would end the guest, so one round with a hostile depth */
	call fill
	load
	gate GATE_CONTROL_UNWIND
	jmp reached
.macro body_5                           /* a slot of which nothing is open: -EBADF whatever else there is */
	load
	gate GATE_CALL
	kept_callee_saved
	cmp $-9, %rax
	jne reached
	cleared rcx, rdx, rsi, rdi, r8, r9, r10, r11
.endm
.macro body_6                           /* likewise */
	load
	gate GATE_SERVE
	kept_callee_saved
	cmp $-9, %rax
	jne reached
	cleared rcx, rdx, rsi, rdi, r8, r9, r10, r11
.endm
.macro body_7                           /* not within a call */
	load
	gate GATE_CALL_COPY
	kept_callee_saved
	test %rax, %rax
	jns reached
	cleared rcx, rdx, rsi, rdi, r8, r9, r10, r11
.endm

slot_4:	rounds body_4
slot_5:	rounds body_5
slot_6:	rounds body_6
slot_7:	rounds body_7
.irp n, 8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
slot_\n:
	call fill
	load
	gate \n
	jmp reached
.endr

done:	lea stack_end(%rip), %r15d
	stack_rebase
	say "every round held"
	exit_with 0
reached:
	lea stack_end(%rip), %r15d
	stack_rebase
	say "escape: a register is not what the gate promises"
	exit_with 66

	.section .rodata
	.balign 8
boundary:
	.quad 0, 1, -1, 7, 8, 0xfff, 0x1000, 0xffff, 0x10000, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000
	.quad 0xfffbffff, 0xfffc0000, 0xfffdffff, 0xfffe0000, 0xfffff000, 0xfffffff0, 0xffffffff, 0x100000000
	.quad 0x1ffffffff, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x7fffffffffffffff
	.quad 0x8000000000000000, -8, -4096, 0x10000000000, 0xffffffff00000000, 0x7fffffffffffffe0
harmless:
	.long 39, 102, 104, 107, 108, 110, 186, 12
	.bss
	.balign 16
state:	.quad 0
left:	.quad 0
words:	.skip 128
	.skip 4096
stack_end:
	.skip 64
