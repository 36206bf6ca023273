/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Forged unwinds: GATE_CONTROL_UNWIND with depths and targets that no GATE_CONTROL_MARK gave, and marks taken where
 * there is no caller to mark.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start

/* A mark taken in a function, as setjmp does: the depth in rbp, the return offset in r12. */
.macro take_mark
	call mark
	mov %rax, %rbp
	mov %rdx, %r12
.endm

.macro unwind
	lea landed(%rip), %esi
	mov $7, %edx
	gate GATE_CONTROL_UNWIND
	jmp came_back
.endm

_start:
	which_attack
	attack 1, honest
	attack 2, deeper
	attack 3, misaligned
	attack 4, negative
	attack 5, past_the_bottom
	attack 6, huge
	attack 7, target_middle
	attack 8, target_data
	attack 9, target_unmapped
	attack 10, target_high_half
	attack 11, mark_at_start
	attack 12, unwind_mark_at_start
	attack 13, zero
	attack 14, stale
	attack 15, target_end_of_window
	attack 16, mark_value
	attack 17, every_depth
	attack 18, walk
	attack 19, model
	exit_with 99

mark:
	mov $CONTROL_HERE, %edi
	gate GATE_CONTROL_MARK
	ret

honest:                                 /* the same steps with nothing forged: the tests below fail for their forgery */
	take_mark
	call 1f
	jmp reached
1:	call 2f
	jmp reached
2:	mov %rbp, %rdi
	unwind
deeper:                                 /* forward, into frames that were left: a stale return address */
	take_mark
	call 1f
	lea -16(%rbp), %rdi
	call 2f
	lea 16(%rbp), %rdi
	add $16, %rdi
	unwind
1:	call 2f
	ret
2:	ret
misaligned:
	take_mark
	call 1f
1:	lea -4(%rbp), %rdi
	lea 4(%rbp), %rcx
	cmp $4, %rbp
	cmovb %rcx, %rdi
	unwind
negative:
	mov $-8, %rdi
	unwind
past_the_bottom:                        /* one slot above the first one of the program */
	take_mark
	call 1f
1:	mov $-4096, %rdi
	unwind
huge:
	movabs $0x7ffffffffffffff8, %rdi
	unwind
zero:                                   /* depth 0: nothing is left to return to */
	call 1f
	jmp reached
1:	call 2f
	jmp reached
2:	xor %edi, %edi
	lea empty_landed(%rip), %esi
	mov $7, %edx
	gate GATE_CONTROL_UNWIND
	jmp came_back
empty_landed:
	endbr64
	say "unwound to the bottom"
	ret
stale:                                  /* unwind, then forward again to the mark that was thrown away */
	call 1f
	jmp came_back
1:	call 2f
	mov %r13, %rdi
	unwind
2:	call 3f
	ret
3:	call mark
	mov %rax, %r13
	ret
target_middle:
	take_mark
	mov %rbp, %rdi
	lea landed + 4(%rip), %esi
	mov $7, %edx
	gate GATE_CONTROL_UNWIND
	jmp came_back
target_data:                            /* a marker in writable data, code behind it */
	take_mark
	lea pad(%rip), %esi
	marker ecx
	mov %ecx, %gs:(%esi)
	movl $0xccccc3c3, %gs:4(%esi)
	mov %rbp, %rdi
	mov $7, %edx
	gate GATE_CONTROL_UNWIND
	jmp came_back
target_unmapped:
	take_mark
	mov %rbp, %rdi
	mov $0x3000, %esi
	gate GATE_CONTROL_UNWIND
	jmp came_back
target_end_of_window:                   /* the four bytes of the marker would leave the 4 GiB */
	take_mark
	mov %rbp, %rdi
	mov $-2, %esi
	gate GATE_CONTROL_UNWIND
	jmp came_back
target_high_half:                       /* right in the low half, wild above it */
	take_mark
	mov %rbp, %rdi
	lea landed(%rip), %esi
	mov $0x7f0000000000, %rax
	or %rax, %rsi
	mov $7, %edx
	gate GATE_CONTROL_UNWIND
	jmp came_back
mark_at_start:                          /* nobody called us: what does the gate say of the word above? */
	mov $CONTROL_HERE, %edi
	gate GATE_CONTROL_MARK
	test %rdx, %rdx
	jne reached
	say "no caller"
	exit_with 0
unwind_mark_at_start:
	mov $CONTROL_HERE, %edi
	gate GATE_CONTROL_MARK
	mov %rax, %rdi
	unwind
mark_value:                             /* a depth is small, a multiple of 8; the return point is ours */
	take_mark
	test $7, %ebp
	jne reached
	cmp $0x1000000, %rbp
	jae reached
	lea mark_value(%rip), %eax
	mov %r12d, %ecx
	cmp %rcx, %r12
	jne reached
	sub %eax, %ecx
	cmp $16, %ecx
	ja reached
	say "a depth and an offset"
	exit_with 0

/* A mark of any depth is one of the frames there are, from here to the first: never what was left, never beyond. r13 bounds it. */
every_depth:
	call 1f
	jmp reached
1:	call mark
	mov %rax, %r13
	mov $200000, %ebx
	call 2f                         /* leaves stale frames below */
	jmp 4f
2:	call 3f
	ret
3:	call mark
	ret
4:	xor %ebp, %ebp
5:	lea -100000(%rbp), %rdi         /* all near 0, */
	call check_depth
	lea 7(%rbp,%rbp,8), %rdi        /* then some up to 1.8 MB, */
	call check_depth
	mov %rbp, %rdi                  /* then the ends of all numbers */
	ror $20, %rdi
	call check_depth
	inc %ebp
	cmp %ebx, %ebp
	jne 5b
	movabs $0x8000000000000000, %rdi
	call check_depth
	movabs $0x7fffffffffffffff, %rdi
	call check_depth
	say "only what there is"
	exit_with 0
check_depth:                            /* its own mark is 8 deeper than r13 */
	gate GATE_CONTROL_MARK
	test $7, %al
	jne reached
	cmp %r13, %rax
	jg reached
	cmp $8, %rax                    /* CONTEXT_FIRST - 8 */
	jl reached
	jne 1f
	test %rdx, %rdx                 /* the first frame returns to no program */
	jne reached
	ret
1:	mov %rdx, %rcx
	shr $32, %rcx
	jne reached
	test %rdx, %rdx
	je reached                      /* all others do */
	ret

walk:                                   /* the callers of a frame, one by one: as an unwinder looks at them */
	call 1f
walk_0:	jmp reached
1:	call 2f
walk_1:	jmp reached
2:	call mark
walk_2:	lea walk_2(%rip), %ecx
	cmp %rcx, %rdx
	jne reached
	lea -8(%rax), %rdi
	call 3f
	lea walk_1(%rip), %ecx
	cmp %rcx, %rdx
	jne reached
	lea -8(%rax), %rdi
	call 3f
	lea walk_0(%rip), %ecx
	cmp %rcx, %rdx
	jne reached
	lea -8(%rax), %rdi
	call 3f
	test %rdx, %rdx
	jne reached
	say "three frames"
	exit_with 0
3:	gate GATE_CONTROL_MARK
	ret

/* Marks against a model: frames 2 to 101, each called from one of two places by the bits of a number, and 102, which asks; `told` is where
 * each returns to. Depths are 8 times as much; 1 is the gate that the first frame returns to. */
.macro level at
	lea \at(%rip), %ecx
	call put
	call levels
\at:	jmp reached
.endm
model:	mov $0x5a3c96e1, %r12d
	mov $2, %ebp
	level level_first
levels:	cmp $101, %ebp
	je levels_asked
	add $1, %ebp
	ror $1, %r12d
	jc 1f
	level level_one
1:	level level_two
put:	lea told(%rip), %edx
	mov %ecx, %gs:(%edx,%ebp,4)
	ret
levels_asked:
	mov $102, %ebp
	lea 3f(%rip), %ecx
	call put
	mov $600, %ebx                  /* leaves stale frames below */
	call 5f
	xor %ebx, %ebx
1:	lea -30000(%rbx), %r14          /* all near 0, */
	cmp $60000, %ebx
	jb 2f
	imul $1103515245, %r12, %r12    /* then numbers of all sizes and both signs */
	lea 12345(%r12), %r12
	mov %r12, %r14
	rol $17, %r14
	mov %ebx, %ecx
	sar %cl, %r14
2:	mov %r14, %rdi
	call 4f
3:	and $-8, %r14
	mov $816, %ecx
	cmp %rcx, %r14
	cmovg %rcx, %r14
	mov $8, %ecx
	cmp %rcx, %r14
	cmovl %rcx, %r14
	cmp %r14, %rax
	jne reached
	lea told(%rip), %ecx
	shr $1, %r14d
	mov %gs:(%ecx,%r14d), %ecx
	cmp %rcx, %rdx
	jne reached
	add $1, %ebx
	cmp $200000, %ebx
	jne 1b
	say "as the model"
	exit_with 0
4:	.irp r, rcx, rsi, r8, r9, r10
	mov %r14, %\r
	.endr
	gate GATE_CONTROL_MARK
	.irp r, rsi, rdi, r8, r9, r10, r11      /* nothing else is told, so not how far away the gates' code lies */
	or %\r, %rcx
	.endr
	jne reached
	ret
5:	sub $1, %ebx
	je 6f
	call 5b
6:	ret

landed:	endbr64
	cmp $7, %rax
	jne reached
	say "landed"
	exit_with 0
came_back:
	say "the gate returned"
	exit_with 67
reached:
	say "escape: the attack went through"
	exit_with 66

	.data
	.balign 16
pad:	.quad 0, 0
told:	.skip 103 * 4
