/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a library OS finds in its registers at each of its entries: its start, a system call (of program/registers.S, which fills all), an
 * interruption, another window, a thread of its own. Before each, and before it starts its program, it fills what it can.
 */
#include "guest.h"
#include "host_calls.h"
#include "registers.h"
	image_policy IMAGE_POLICY_LIBOS
#define M 0x50000000
#define OTHER_STACK 0x60001000

/* At an entry: r14 its window's base, r15 its stack; the others as `expected` says. */
.macro entered expected, stack=LIBOS_STACK_TOP
	save_registers
	mov $114, %ebx
	cmp %r14, base(%rip)
	jne bad
	mov $113, %ebx
	mov $\stack, %eax
	cmp %rax, %r15
	jne bad
	compare_registers \expected, bad
.endm
.macro spoil registers:vararg
	spoil_floating
	.irp r, \registers
	mov $0x5555aaaa55551234, %\r
	.endr
.endm
.macro must
	mov $99, %ebx
	test %rax, %rax
	js bad
.endm

	.globl _start
_start:	endbr64
	save_registers
	mov %r14, base(%rip)
	mov $114, %ebx
	test %r14d, %r14d
	jne bad
	mov $113, %ebx
	cmp $LIBOS_STACK_TOP, %r15
	jne bad
	compare_registers at_start, bad
	compare_floating bad
	lea system_call_entry(%rip), %r10d
	lea (%r14,%r10), %rax
	mov %rax, at_call + 8(%rip)
	xor %edi, %edi
	host_call HOST_entry_set
	must
	mov $2, %edi
	lea interrupted(%rip), %r10d
	host_call HOST_entry_set
	must
	lea registers(%rip), %edi
	host_call HOST_thread_registers
	must
enter_program:
	spoil rbx, rcx, rdx, rbp, r8, r9, r10, r12, r13
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %edi
	mov $STACK, %esi
	host_call HOST_program_enter
	mov $97, %ebx
	jmp bad

system_call_entry:
	endbr64
	cmp $CALL_END, %rax
	je ended
	cmp $CALL_KICK, %rax
	je kick
	cmp $CALL_MOVE, %rax
	je move
	entered at_call
	jmp enter_program               /* the program starts anew */
kick:	xor %edi, %edi
	host_call HOST_thread_kick
	must
	ret
interrupted:
	endbr64
	entered zeros
	lea registers(%rip), %edi
	xor %esi, %esi
	host_call HOST_thread_resume
	mov $96, %ebx
	jmp bad

move:	host_call HOST_window_open
	must
	mov %rax, %rdi
	spoil rbx, rcx, rbp, r8, r9, r10, r12, r13
	lea moved(%rip), %esi
	mov $ARGUMENT, %rdx
	host_call HOST_window_enter
	mov $95, %ebx
	jmp bad
moved:	endbr64
	entered with_argument
	compare_floating bad
	spoil rbx, rcx, rbp, r8, r9, r12, r13
	mov $-1, %rdi
	lea begun(%rip), %esi
	mov $OTHER_STACK, %edx
	mov $ARGUMENT, %r10
	host_call HOST_thread_fresh
	must
1:	lea word(%rip), %edi
	xor %esi, %esi
	xor %edx, %edx
	xor %r10d, %r10d
	host_call HOST_futex
	jmp 1b
begun:	endbr64
	entered with_argument, OTHER_STACK
	compare_floating bad
	libos_say "every register held"
	libos_exit 0

ended:	mov %edi, %ebx
bad:	mov %ebx, %edi
	shl $8, %edi
	host_call HOST_exit
	int3

	found_words
	.data
at_start: .quad 0, 0, 0, 0, 0, 0, WINDOW_ARENA_FIRST, 0, 0, 0, 0, 0, 0
with_argument: .quad 0, 0, 0, 0, 0, 0, ARGUMENT, 0, 0, 0, 0, 0, 0
at_call: .quad CALL_AGAIN, 0, FILL(4), FILL(5), FILL(6), FILL(7), FILL(8), FILL(9), FILL(10), FILL(11), 0, FILL(13), FILL(14)
base:	.quad 0
word:	.long 0
	.balign 64
registers: .skip 1024, 0x5a
