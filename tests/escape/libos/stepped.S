/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The library OS under native/step.c. Each interruption is announced by int3; then, by turns, the program goes on, or its handler
 * (system call 13) runs first. Both ways it puts wild upper halves into r8-r11, which hold targets of the program's checked
 * branches, and into r15: whatever the instruction, that must make no difference.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
#define SIZE 1024

	.globl _start
_start:	endbr64
	xor %edi, %edi
	lea system_call_entry(%rip), %r10d
	host_call HOST_entry_set
	mov $2, %edi
	lea interrupted(%rip), %r10d
	host_call HOST_entry_set
	lea registers(%rip), %edi
	host_call HOST_thread_registers
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %edi
	xor %esi, %esi
	host_call HOST_program_enter
	libos_exit 66

system_call_entry:
	endbr64
	cmp $1, %rax
	je write
	cmp $13, %rax
	je handler_set
	cmp $15, %rax
	je handler_end
	cmp $231, %rax
	je exit
	mov $1, %eax
	ret
write:	mov %esi, %esi
	mov $0x100000000, %rcx
	add %rcx, %rsi
	mov $-1, %r10
	host_call HOST_write
	ret
exit:	and $255, %edi
	shl $8, %edi
	host_call HOST_exit
handler_set:
	mov %edi, handler(%rip)
	xor %eax, %eax
	ret
handler_end:
	movl $0, inside(%rip)
	lea saved(%rip), %edi
	xor %esi, %esi
	host_call HOST_thread_resume
	libos_exit 67

interrupted:
	endbr64
	int3
	test %edi, %edi                 /* no fault is expected */
	jne fault
	lea registers(%rip), %r11d
	.irp n, 8, 9, 10, 11, 15
	movl $0xdead1234, (\n * 8 + 4)(%r14,%r11)
	.endr
	addl $1, count(%rip)
	mov inside(%rip), %eax
	test %eax, %eax
	jne resume
	mov count(%rip), %eax
	and $3, %eax
	jne resume
	mov handler(%rip), %eax
	test %eax, %eax
	je resume
	xor %ecx, %ecx
1:	lea registers(%rip), %r11d
	add %ecx, %r11d
	mov (%r14,%r11), %rax
	lea saved(%rip), %r11d
	add %ecx, %r11d
	mov %rax, (%r14,%r11)
	add $8, %ecx
	cmp $SIZE, %ecx
	jne 1b
	movl $1, inside(%rip)
	mov handler(%rip), %eax
	mov %rax, registers + 128(%rip)
	lea registers(%rip), %edi
	mov $1, %esi
	host_call HOST_thread_resume
	libos_exit 68
resume:	lea registers(%rip), %edi
	xor %esi, %esi
	host_call HOST_thread_resume
	libos_exit 69
fault:	libos_exit 70

	.data
	.balign 64
registers: .skip SIZE
saved:	.skip SIZE
handler: .long 0
inside:	.long 0
count:	.long 0
