/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Take over the flow of control: forge return addresses, underflow and exhaust the control stack, branch past the
 * landing-pad check, run data.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start
_start:
	which_attack
	attack 1, return_at_start
	attack 2, return_twice
	attack 3, recursion
	attack 4, recursion_gate
	attack 5, forged_slot
	attack 6, middle
	attack 7, data_marker
	attack 8, marker_unmapped
	attack 9, marker_split
	attack 10, branch_to_table
	attack 11, branch_rodata
	attack 12, branch_neighbour
	attack 13, fall_off
	attack 14, trap
	attack 15, undefined
	attack 16, divide
	attack 17, call_data
	attack 18, no_data_stack
	attack 19, wild_data_stack
	attack 20, deep_gate
	attack 21, deep_gate
	exit_with 99

return_at_start:                        /* nobody called _start: what lies above the first slot? */
	ret
return_twice:
	call 1f
	ret
1:	call 2f
	say "returned"                  /* the one frame that is there */
	ret
2:	ret
recursion:
	call recursion
	ret
recursion_gate:                         /* a gate at every depth, down to the last slot */
	system_call 39
	call recursion_gate
	ret

/* The return address gcc would find on the data stack is data here: overwriting it changes nothing. */
forged_slot:
	call 1f
	say "returned to the caller"
	exit_with 0
1:	lea reached(%rip), %eax
	mov %rax, %gs:-8(%r15d)
	mov %rax, %gs:(%r15d)
	mov %rax, %gs:8(%r15d)
	ret

middle:                                 /* into the immediate of an instruction: no marker there */
	lea disguised(%rip), %eax
	add $2, %eax
	checked_branch jmp, eax, refused
disguised:
	mov $0x9090cc9090cc9090, %rax
	int3
data_marker:                            /* marker and code in writable data: passes the check, must not run */
	lea pad(%rip), %eax
	marker ecx
	mov %ecx, %gs:(%eax)
	movl $0xccccc3c3, %gs:4(%eax)
	checked_branch jmp, eax, refused
call_data:
	lea pad(%rip), %eax
	marker ecx
	mov %ecx, %gs:(%eax)
	movl $0xccccc3c3, %gs:4(%eax)
	checked_branch call, eax, refused
	jmp reached
marker_unmapped:
	mov $0x3000, %eax
	checked_branch jmp, eax, refused
marker_split:                           /* the check reads over the end of the 4 GiB */
	mov $-2, %eax
	checked_branch jmp, eax, refused
branch_to_table:                        /* to the words of the gate table: no marker is there */
	mov $GATE_SLOT(GATE_SYSCALL), %eax
	checked_branch jmp, eax, refused
branch_rodata:                          /* a marker in constants: readable, not executable */
	lea constant(%rip), %eax
	checked_branch jmp, eax, refused
branch_neighbour:                       /* upper half set: the check cuts it off, so does the branch */
	mov $0x7f0000000000, %rax
	lea good(%rip), %ecx
	or %rcx, %rax
	checked_branch jmp, eax, refused
good:	endbr64
	say "landed inside the window"
	exit_with 0
fall_off:
	jmp last
trap:
	int3
undefined:
	ud2
divide:
	xor %edx, %edx
	xor %ecx, %ecx
	div %ecx
	jmp reached
no_data_stack:                          /* a gate does not use the program's data stack */
	xor %r15d, %r15d
	stack_rebase
	system_call 39
	say "gate returned"
	mov %rax, %gs:-8(%r15d)
	jmp reached
wild_data_stack:
	mov $0xfffffff8, %r15d
	stack_rebase
	mov %r15, %rbx
	system_call 39
	cmp %rbx, %r15
	jne reached
	say "gate returned"
	exit_with 0

/* Recursion to a depth given by the second argument, then a gate: meets every amount of room left. */
deep_gate:
	mov %gs:24(%r15d), %esi
	xor %ebp, %ebp
1:	movzbl %gs:(%esi), %eax
	sub $'0', %eax
	cmp $9, %eax
	ja 2f
	imul $10, %ebp, %ebp
	add %eax, %ebp
	add $1, %esi
	jmp 1b
2:	call 3f
	exit_with 0
3:	sub $1, %ebp
	je 4f
	call 3b
	ret
4:	cmp $21, %ebx
	je 5f
	system_call 39
	ret
5:	mov $CONTROL_HERE, %edi         /* this gate needs no more than its return address */
	gate GATE_CONTROL_MARK
	test %rdx, %rdx
	je reached
	xor %edi, %edi
	gate GATE_CONTROL_MARK
	cmp $8, %rax
	jne reached
	test %rdx, %rdx
	jne reached
	ret

refused:
	say "the check refused"
	exit_with 0
reached:
	say "escape: the attack went through"
	exit_with 66

	.section .rodata
	.balign 16
constant:
	.long LANDING_PAD
	.byte 0xcc, 0xcc
	.data
	.balign 16
pad:	.quad 0, 0

	.section .text.last,"ax"
last:	nop
