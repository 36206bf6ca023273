/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Macros for hostile guests written by hand: assembled with plain gas, linked with ld, never seen by the rewriter, so
 * they hold exactly the bytes an attacker would choose. Nothing here is trusted.
 */
#include <carrel/gate.h>
#include <carrel/image.h>
#include <carrel/window.h>

/* The note that says which policy to judge this text by. */
.macro image_policy policy
	.pushsection .note.carrel,"a",@note
	.balign 4
	.long 7, 8, IMAGE_NOTE_TYPE
	.asciz IMAGE_NOTE_NAME
	.balign 4
	.long IMAGE_ABI, \policy
	.popsection
	.section .note.GNU-stack,"",@progbits
	.text
.endm

/* ---- a program ---- */

.macro gate slot
	call *%gs:GATE_SLOT(\slot)
.endm

/* System call `number`; the arguments are in rdi, rsi, rdx, r10, r8, r9 already. */
.macro system_call number
	mov $\number, %eax
	gate GATE_SYSCALL
.endm

/* r15d has been written by a 32-bit instruction: it is the stack's pointer again. */
.macro stack_rebase
	or %gs:0x10000, %r15
.endm
.macro stack_down bytes
	sub $\bytes, %r15d
	stack_rebase
.endm

.macro exit_with status
	mov $\status, %edi
	system_call 231
	int3
.endm

/* Writes a constant line to standard output: what the attack reached. */
.macro say text
	.pushsection .rodata
	9001: .ascii "\text\n"
	9002: .popsection
	mov $1, %edi
	lea 9001b(%rip), %esi
	mov $(9002b - 9001b), %edx
	system_call 1
.endm

/* At _start: the first argument as a number in ebx (0 when there is none): which attack to try. */
.macro which_attack
	endbr64
	xor %ebx, %ebx
	mov %gs:16(%r15d), %esi
	test %esi, %esi
	je 9002f
9001:	movzbl %gs:(%esi), %eax
	sub $'0', %eax
	cmp $9, %eax
	ja 9002f
	imul $10, %ebx, %ebx
	add %eax, %ebx
	add $1, %esi
	jmp 9001b
9002:
.endm

.macro attack number, label
	cmp $\number, %ebx
	je \label
.endm

/* The landing pad's word in `register`, 32 bits: text may not hold its bytes. */
.macro marker register
	mov $LANDING_PAD - 1, %\register
	add $1, %\register
.endm

/* The checked branch of the program policy: to the offset in `from`, or to `otherwise`. */
.macro checked_branch kind, from, otherwise
	mov %\from, %r11d
	mov %gs:(%r11d), %r10d
	add $-LANDING_PAD, %r10d
	jne \otherwise
	or %gs:GATE_BASE_SLOT, %r11
	\kind *%r11
.endm

/* ---- a library OS ---- */

.macro host_call number
	mov $\number, %eax
	call *GATE_SLOT(GATE_HOST_CALL)(%r14)
.endm

/* Ends the cVM with an exit code. */
.macro libos_exit status
	mov $(\status << 8), %edi
	host_call 0
	int3
.endm

/* One line on the Intravisor's error stream: what the attack reached. */
.macro libos_say text
	.pushsection .rodata
	9001: .ascii "\text"
	9002: .popsection
	lea 9001b(%rip), %edi
	mov $(9002b - 9001b), %esi
	host_call 57
.endm
