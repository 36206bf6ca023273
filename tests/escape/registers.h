/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * For program/registers.S and libos/registers.S: what is found in registers at an entry, against what docs/architecture.md says. At the
 * end ebx says what was wrong: 100 + a register's place in the list, 120 + a word of fnstenv's, 130 MXCSR, 140 + a vector register.
 */
#define SAVED rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13
#define STACK    0x50000800             /* the program's, at its starts */
#define ARGUMENT 0x4172677541726775     /* of the library OS's, where it has one */

/* Registers and system calls of the program's: what it fills, and what the library OS is to find. */
#define FILL(letter) (0x1000100010001 * (letter) + (letter))
#define CALL_AGAIN 1000
#define CALL_KICK  1001
#define CALL_MOVE  1002
#define CALL_END   231

.macro save_registers
	.set at, 0
	.irp r, SAVED
	mov %\r, found + at(%rip)
	.set at, at + 8
	.endr
.endm

/* What was saved is zero but for what `expected` says, 13 words. Clobbers rax, ebx. */
.macro compare_registers expected, bad
	mov $100, %ebx
	.set at, 0
	.irp r, SAVED
	mov found + at(%rip), %rax
	cmp %rax, \expected + at(%rip)
	jne \bad
	add $1, %ebx
	.set at, at + 8
	.endr
.endm

/* Control words are the ABI's, no exception waits, the x87 stack is empty, and nothing tells of an instruction before. */
.macro compare_floating bad
	fnstenv found(%rip)
	stmxcsr found + 32(%rip)
	mov $120, %ebx
	.set at, 0
	.irp word, 0x037f, 0, 0xffff, 0, 0, 0, 0
	mov found + at(%rip), %eax
	.if at < 12 || at == 24
	and $0xffff, %eax               /* the others' upper halves are not defined */
	.endif
	cmp $\word, %eax
	jne \bad
	add $1, %ebx
	.set at, at + 4
	.endr
	mov $130, %ebx
	mov found + 32(%rip), %eax
	cmp $0x1f80, %eax
	jne \bad
.endm

/* Other control words, and traces of instructions. */
.macro spoil_floating
	movl $0x7f80, found(%rip)
	ldmxcsr found(%rip)
	movw $0x0c7f, found(%rip)
	fldcw found(%rip)
	flds found(%rip)
	fstps found(%rip)
.endm

.macro found_words
	.data
	.balign 16
found:	.skip 13 * 8 + 32
zeros:	.skip 13 * 8
	.text
.endm
