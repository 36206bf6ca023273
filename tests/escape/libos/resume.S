/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * thread_resume with what no interruption had: first every pc that is neither the interrupted one nor a landing pad of the program, in
 * both ways; then stack pointers in guards, beyond the window, of other windows, unaligned, once into a handler and once where the program
 * was. It is program/resume.S that says which it finds.
 */
#include "guest.h"
#include "host_calls.h"
#include "resume.h"
	image_policy IMAGE_POLICY_LIBOS
#define M 0x50000000
#define REF_PROGRAM 0x100000000
#define AT_STACK (15 * 8)               /* carrel/registers.h */
#define AT_PC (16 * 8)
#define RESUME_NUMBER 15

.macro must
	test %rax, %rax
	js bad
.endm
/* What it must not go on with, in rax. */
.macro refused
	call refused_pc
.endm
.macro refused_constants values:vararg
	.irp value, \values
	mov $\value, %rax
	refused
	.endr
.endm

	.globl _start
_start:	endbr64
	xor %edi, %edi
	lea system_call_entry(%rip), %r10d
	host_call HOST_entry_set
	must
	mov $2, %edi
	lea interrupted(%rip), %r10d
	host_call HOST_entry_set
	must
	lea registers(%rip), %edi
	host_call HOST_thread_registers
	must
	host_call HOST_window_copy      /* another program, with the same landing pads */
	must
	mov $REF_PROGRAM + M, %rdi
	mov $0x1000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	must
	mov $M, %eax
	marker ecx
	mov %ecx, %gs:(%eax)
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %edi
	mov %rdi, entry(%rip)
	mov $M, %esi
	host_call HOST_program_enter
	jmp bad

system_call_entry:
	endbr64
	cmp $CALL_STEP, %rax
	je step
	cmp $CALL_SEEN, %rax
	je seen
	cmp $RESUME_NUMBER, %rax
	je handled
	mov %edi, %ebx
	libos_say "the program found another window"
	jmp failed
step:	mov %rdi, handler(%rip)
	xor %edi, %edi
	host_call HOST_thread_kick
	must
	ret

interrupted:
	endbr64
	test %edi, %edi                 /* a fault */
	jne bad
	cmpl $0, done(%rip)
	jne 1f
	mov registers + AT_PC(%rip), %rax
	mov %rax, pc(%rip)
	call every_pc
	movl $1, done(%rip)
1:	call next_stack
	mov handler(%rip), %rax
	mov %rax, registers + AT_PC(%rip)
	mov $1, %esi
	jmp resume
handled:
	call is_expected
	mov pc(%rip), %rax
	mov %rax, registers + AT_PC(%rip)
	xor %esi, %esi
resume:	lea registers(%rip), %edi
	host_call HOST_thread_resume
	jmp bad
seen:	call is_expected
	addl $16, at(%rip)
	mov at(%rip), %eax
	cmp $(stacks_end - stacks), %eax
	jb 2f
	libos_say "each was refused, and each put in the window"
	libos_exit 0
2:	xor %eax, %eax
	ret

/* The next stack pointer into the registers: of a table, the last ones with our own window's base. */
next_stack:
	lea stacks(%rip), %r11d
	add at(%rip), %r11d
	mov (%r14,%r11), %rax
	mov at(%rip), %ecx
	cmp $(stacks_own - stacks), %ecx
	jb 1f
	add %r14, %rax
1:	mov %rax, registers + AT_STACK(%rip)
	ret
is_expected:
	lea stacks(%rip), %r11d
	add at(%rip), %r11d
	cmp %rdi, 8(%r14,%r11)
	jne bad_stack
	ret

refused_pc:
	mov %rax, registers + AT_PC(%rip)
	lea registers(%rip), %edi
	mov $1, %esi
	host_call HOST_thread_resume
	cmp $-EINVAL, %rax
	jne bad_pc
	mov registers + AT_PC(%rip), %rax
	cmp pc(%rip), %rax              /* where it was is right, if not as a handler */
	je 1f
	lea registers(%rip), %edi
	xor %esi, %esi
	host_call HOST_thread_resume
	cmp $-EINVAL, %rax
	jne bad_pc
1:	addl $1, refusals(%rip)
	ret
/* In rbp what is there in a window, or an address: it, and what lies windows away, is nowhere to go on. */
around:	mov $-16, %r12
1:	mov %r12, %r13
	shl $32, %r13
	lea (%r13,%rbp), %rax
	cmp %rax, handler(%rip)
	je 2f
	cmp %rax, entry(%rip)
	je 2f
	refused
2:	add $1, %r12
	cmp $16, %r12
	jne 1b
	ret

every_pc:
	mov pc(%rip), %rax
	refused
	mov pc(%rip), %rax
	sub $1, %rax
	refused
	mov pc(%rip), %rax
	add $1, %rax
	refused
	mov handler(%rip), %rax
	add $1, %rax
	refused
	mov handler(%rip), %rax
	add $4, %rax
	refused
	lea far_pad(%rip), %eax         /* a landing pad here; there is none in the program */
	refused
	refused_constants 0, 1, -1, 0x10000, 0x3ffffffc, 0xfffc0000, 0xfffffffe, 0xffffffff, 0x8000000000000000
	refused_constants 0x50000000, 0x50000004        /* M: a marker, in data */
	mov handler(%rip), %rbp         /* other windows' landing pads: far from ours, and where they may lie */
	call around
	mov handler(%rip), %rbp
	add %r14, %rbp
	call around
	lea far_pad(%rip), %ebp
	add %r14, %rbp
	call around
	mov $GATE_SLOT(GATE_HOST_CALL), %r11d
	mov (%r14,%r11), %rbp           /* gates: where they are, and how far from where a window may be */
	call around
	mov %ebp, %eax
	refused
	sub %r14, %rbp
	call around
	mov $2, %esi                    /* there is no third way */
	call no_such_way
	mov $0x100000000, %rsi
	call no_such_way
	mov $-1, %rsi
no_such_way:
	mov pc(%rip), %rax
	mov %rax, registers + AT_PC(%rip)
	lea registers(%rip), %edi
	host_call HOST_thread_resume
	cmp $-EINVAL, %rax
	jne bad
	ret

bad_pc:	libos_say "a pc was taken"
	jmp failed
bad_stack:
	libos_say "another stack pointer"
	jmp failed
bad:	libos_say "another answer"
failed:	libos_exit 66
	.skip 0x800, 0xcc
far_pad:
	endbr64
	int3

	.data
	.balign 64
registers: .skip 1024
pc:	.quad 0
entry:	.quad 0
handler: .quad 0
done:	.long 0
at:	.long 0
refusals: .long 0
	.balign 16
stacks:	/* what it says, and where that is to be */
	.quad 0, WINDOW_LOW_GUARD, WINDOW_LOW_GUARD - 1, WINDOW_LOW_GUARD, WINDOW_LOW_GUARD + 1, WINDOW_LOW_GUARD + 1
	.quad M + 7, M + 7, M - 4096, M - 4096, WINDOW_MEMORY_END - 1, WINDOW_MEMORY_END - 1, WINDOW_MEMORY_END, WINDOW_MEMORY_END
	.quad WINDOW_MEMORY_END + 1, WINDOW_MEMORY_END, 0xfffffff0, WINDOW_MEMORY_END, -1, WINDOW_MEMORY_END
	.quad 0x100000000, WINDOW_LOW_GUARD, 0x7fff12345678, 0x12345678, 0x800000000000 + M, M, 0x8000000000000000, WINDOW_LOW_GUARD
stacks_own:
	.quad M, M, 0x100000000 + M, M, -0x100000000 + M, M, -8, WINDOW_MEMORY_END
stacks_end:
