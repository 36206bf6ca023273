/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * r15, the one address a program has, at the edges of the window: as far out as the verifier lets it be taken, and the farthest access from
 * there. Whatever lies in the windows above and below must not be met.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start
_start:
	which_attack
	attack 1, above
	attack 2, below
	attack 3, before
	attack 4, own_table
	attack 5, climb
	attack 6, sink
	attack 7, far_set
	attack 8, call_climbs
	attack 9, store_wide
	attack 10, gate_at_edge
	exit_with 99

/* As far as it can be: a rebase is as good as a touch. */
.macro outermost
	mov $0xfffffff8, %r15d
	stack_rebase
	lea STACK_REACH(%r15), %r15
.endm
above:	outermost
	mov %rax, STACK_DISTANCE(%r15)
	jmp reached
below:	xor %r15d, %r15d
	stack_rebase
	lea -STACK_REACH(%r15), %r15
	mov %rax, -STACK_DISTANCE(%r15)
	jmp reached
before: xor %r15d, %r15d
	stack_rebase
	mov %rax, -16(%r15)
	jmp reached
own_table:
	mov $GATE_SLOT(GATE_SYSCALL), %r15d
	stack_rebase
	mov (%r15), %rax                /* may be read, not written */
	mov %rax, (%r15)
	jmp reached
climb:  call 1f                         /* step by step: the first page that is not mapped ends it */
	jmp reached
1:	lea end(%rip), %r15d
	stack_rebase
2:	mov -8(%r15), %rax
	lea STACK_REACH-8(%r15), %r15
	jmp 2b
sink:	mov (%r15), %rax
	lea -STACK_REACH(%r15), %r15
	jmp sink
far_set:                                /* however far: it stays in the window */
	lea end(%rip), %r15d
	stack_rebase
1:	lea 0x7fffffff(%r15), %r15d
	stack_rebase
	lea 0x7fff8001(%r15), %r15d
	stack_rebase
	mov %r15, %rbx
	shr $32, %rbx
	mov %r15, %rcx
	sub $1, %r15d
	stack_rebase
	sub %r15, %rcx
	cmp $1, %rcx
	jne reached
	subl $1, count(%rip)
	jne 1b
	mov %r15, %rcx
	shr $32, %rcx
	cmp %rbx, %rcx
	jne reached
	lea end(%rip), %r15d
	stack_rebase
	say "in the window"
	exit_with 0
call_climbs:                            /* a callee comes back as far out as it can, and its caller goes on from there */
	call 1f
	mov %rax, STACK_DISTANCE(%r15)
	jmp reached
1:	outermost
	ret
store_wide:
	outermost
	movups %xmm0, STACK_DISTANCE(%r15)
	jmp reached
gate_at_edge:                           /* gates keep it, wherever it is */
	outermost
	mov %r15, %rbx
	system_call 39
	cmp %rbx, %r15
	jne reached
	lea end(%rip), %r15d
	stack_rebase
	say "kept"
	exit_with 0
reached:
	lea end(%rip), %r15d
	stack_rebase
	say "escape"
	exit_with 66

	.data
	.balign 16
count:	.long 1000000
	.bss
	.skip 4096
end:	.skip 64
