/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Hostile thread pointers: a number that the program reads back. The library OS and the Intravisor must not care what it is, nor what
 * lies there.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start

_start:
	which_attack
	attack 1, boundaries
	attack 4, forged_block
	attack 5, forged_block_fault
	attack 6, forged_block_spin
	attack 7, unset
	attack 8, forged_block_exhaust
	exit_with 99

/* Any number is taken, and is what is read back. */
boundaries:
	lea values(%rip), %ebp
1:	mov %gs:(%ebp), %rdi
	mov %rdi, %r12
	gate GATE_THREAD_POINTER
	test %rax, %rax
	jne reached
	mov %fs:THREAD_POINTER_AT, %rax
	cmp %rax, %r12
	jne reached
	system_call 39                  /* whatever the library OS does in between */
	mov %fs:THREAD_POINTER_AT, %rax
	cmp %rax, %r12
	jne reached
	add $8, %ebp
	lea values_end(%rip), %eax
	cmp %eax, %ebp
	jb 1b
	say "every value answered"
	exit_with 0

/* A thread control block filled with a bad pattern: stack-guard word, self pointers, malloc's cache. No trusted C may
 * read this. */
.macro forge
	lea block(%rip), %eax
	lea block_end(%rip), %ecx
	mov $0x4141414141414141, %rdx
	9001: mov %rdx, %gs:(%eax)
	add $8, %eax
	cmp %ecx, %eax
	jb 9001b
	lea block + 4096(%rip), %edi
	gate GATE_THREAD_POINTER
	test %rax, %rax
	jne reached
.endm
forged_block:
	forge
	mov $10000, %ebp
1:	system_call 39                  /* getpid: the library OS alone */
	mov $1, %edi                    /* clock_gettime: may come to the host */
	lea time(%rip), %esi
	system_call 228
	lea time(%rip), %edi            /* getrandom */
	mov $8, %esi
	xor %edx, %edx
	system_call 318
	xor %edi, %edi                  /* mmap, munmap: the Intravisor allocates, perhaps */
	mov $4096, %esi
	mov $3, %edx
	mov $0x22, %r10d
	mov $-1, %r8
	xor %r9d, %r9d
	system_call 9
	mov %rax, %rdi
	mov $4096, %esi
	system_call 11
	sub $1, %ebp
	jne 1b
	mov $0x4141414141414141, %rax
	mov %fs:THREAD_POINTER_AT, %rcx
	cmp %gs:0x28(%ecx), %rax
	jne reached
	say "served"
	exit_with 0
forged_block_fault:
	forge
	xor %eax, %eax
	mov %rax, %gs:(%eax)
	jmp reached
forged_block_exhaust:
	forge
1:	call 1b
	jmp reached
forged_block_spin:                      /* for a host signal that arrives here */
	forge
	say "spinning"
1:	jmp 1b
unset:                                  /* before any pointer was set, it is nothing of the host's */
	mov %fs:THREAD_POINTER_AT, %rax
	test %rax, %rax
	jne reached
	mov %gs:0x28(%eax), %rax
	jmp reached

reached:
	say "escape: the attack went through"
	exit_with 66

	.section .rodata
	.balign 8
values:
	.quad 0, 1, 7, 8, 0xfff, 0x1000, 0xffff, 0x10000, 0x1ffff, 0x20000, 0x2ffff, 0x30000, 0x30008
	.quad 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfff00000, 0xfff9fff8, 0xfffa0000, 0xfffa0001
	.quad 0xfffbffff, 0xfffc0000, 0xfffdfff8, 0xfffe0000, 0xfffff000, 0xfffffff8, 0xffffffff
	.quad 0x100000000, 0x100030000, 0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff
	.quad 0x8000000000000000, 0x8000000000040000, -0x20000, -4096, -8, -1
values_end:
	.bss
	.balign 16
time:	.skip 16
	.balign 4096
block:	.skip 8192
block_end:
