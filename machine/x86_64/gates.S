/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The gates: the only trusted code a guest can name. Copied once to a mapping of its own (thread.c), so it is position-
 * independent and calls out only through the context. What a hostile caller controls at every gate: all general registers
 * but rsp, all vector registers, MXCSR, the x87 state, the arithmetic flags, and the return address only in that it is
 * the instruction after one of its own verified calls. It does not control rsp, fs.base, gs.base, DF, AC, TF (verified
 * code has no instruction that writes them; std, popf, wrfsbase... are not on the allow-list). fs is the host's throughout: of what
 * lies there verified code reads one word, THREAD_POINTER_AT, which is its own thread pointer (carrel/gate.h).
 */
#include <carrel/window.h>
#include <asm/errno.h>
#define RESUME_NUMBER 15
#include "machine/x86_64/gates.h"

	.macro find_context
	mov	%rsp, %r11
	or	$(CONTROL_REGION - 1), %r11
	.endm

	/* Everything a guest is not told: caller-saved registers but rax and rdx. */
	.macro clear_scratch
	zero	ecx, esi, edi, r8d, r9d, r10d
	.endm

	.macro find_headroom
	find_context
	cmp	F(C_CONTROL_LOW), %rsp
	jb	gate_no_headroom
	.endm

	/* To the library OS: r14 its window, r15 its stack, r11 = 0 (its invariant: below 4 GiB), rcx the entry. r11 is the context. */
	.macro call_libos
	mov	%r15, F(C_PROGRAM_R15)
	mov	%r14, F(C_PROGRAM_R14)
	mov	F(C_SYSCALL_ENTRY), %rcx
	mov	F(C_LIBOS_BASE), %r14
	mov	F(C_LIBOS_STACK), %r15
	xor	%r11d, %r11d
	call	*%rcx
	.endm
	/* And back: what the program had there. r11 is the context. */
	.macro program_registers
	find_context
	mov	F(C_PROGRAM_R15), %r15
	mov	F(C_PROGRAM_R14), %r14
	.endm

	/* The way back to a program. Interruptions that came while the thread was outside of it are seen here: one before the
	 * comparison by the comparison, one behind it by its pc (interrupt.c), which is as good as the ud2. r11 is the context. */
	.macro leave_gate name
	cmpl	$0, F(C_KICKED)
	.globl	\name\()_last, \name\()_go, \name\()_kicked
\name\()_last:				/* before the jne: the comparison has been made */
	jne	\name\()_kicked
\name\()_go:
	xor	%r11d, %r11d
	ret
\name\()_kicked:
	ud2
	.endm

	/* To the host stack, with the arguments on it: rdx where, rsi the number; and r11, the context, which is on top. */
	.macro host_stack
	find_context
	mov	%rsp, F(C_GUEST_RSP)
	mov	F(C_HOST_RSP), %rsp
	pushes	r9, r8, r10, rdx, rsi, rdi
	mov	%rsp, %rdx
	mov	%rax, %rsi
	push	%r11
	.endm

	/* Into C of the fast kind (machine.h) and back; all but rax and r11, the context, is cleared. */
	.macro fast_call function
	host_stack
	sub	$8, %rsp
	mov	F(C_OWNER), %rdi
	call	*F(\function)
	mov	8(%rsp), %r11
	/* A stop before this comparison is seen by it, one behind it finds the pc in a gate (fault.c). */
	cmpl	$0, F(C_LEAVING)
	jne	gate_leaving
	mov	F(C_GUEST_RSP), %rsp
	xor	%edx, %edx
	clear_scratch
	.endm

	/* Registers that a program finds again, to the words at `set` (context.h). r11 is the context here and in the next two. */
	.macro save_program set
	.set	at, \set
	.irp	r, rbx, rbp, r12, r13, r14, r15, rsp
	mov	%\r, F(at)
	.set	at, at + 8
	.endr
	stmxcsr	F(\set + S_FLOATING)
	fnstcw	F(\set + S_FLOATING + 4)
	.endm

	.section .text.gates, "ax", @progbits
	.globl	gate_code_start, gate_code_end
	.balign	4096
gate_code_start:

/* GATE_SYSCALL. In: rax number, rdi rsi rdx r10 r8 r9 arguments: passed to the library OS as they are; it trusts none.
 * rbx rbp r12 r13 the program's, kept by the library OS's C. r14 r15 the program's, kept in the context.
 * Out: rax result; rcx rdx rsi rdi r8-r11 zero; the rest as before. */
	.globl	gate_syscall
	.balign	64
gate_syscall:
	find_headroom
	call_libos
	program_registers
	xor	%edx, %edx
	clear_scratch
	leave_gate gate_syscall

/* GATE_SYSCALL_RAW. As above, but only rax, rcx and r11 change. The saved arguments lie on the control stack above the
 * frames of the library OS, whose returns are balanced: it cannot return into them. */
	.globl	gate_syscall_raw
	.balign	64
gate_syscall_raw:
	find_headroom
	pushes	rdi, rsi, rdx, r10, r8, r9
	call_libos
	program_registers
	pops	r9, r8, r10, rdx, rsi, rdi
	xor	%ecx, %ecx
	leave_gate gate_syscall_raw

/* GATE_CONTROL_MARK. In: rdi a depth, hostile. [rsp] returns into F, [rsp + 8] is F's own return address. What is read is one word of
 * [rsp + 8, top - C_FLOOR], whatever rdi says: signed, the depth is at most that after F returned and at least C_FLOOR - 8, so above this
 * frame and not beyond the program's own. All there is return addresses, or what the program itself gave to GATE_SYSCALL_RAW; what is
 * not of its window (at C_FLOOR gate code, or the context's first word; gate code below handlers) makes rdx 0.
 * Out: rax the depth, rdx the window offset of the return to it; other caller-saved registers zero. */
	.globl	gate_control_mark
	.balign	64
gate_control_mark:
	find_context
	lea	-CONTEXT_BIAS(%r11), %rcx
	mov	%rcx, %rax
	sub	%rsp, %rax
	sub	$16, %rax
	and	$-8, %rdi
	cmp	%rax, %rdi
	cmovl	%rdi, %rax
	mov	F(C_FLOOR), %rdx
	sub	$8, %rdx
	cmp	%rdx, %rax
	cmovl	%rdx, %rax
	sub	%rax, %rcx
	mov	-8(%rcx), %rdx
	sub	F(C_PROGRAM_BASE), %rdx
	mov	%rdx, %rcx
	shr	$32, %rcx
	jz	1f
	xor	%edx, %edx
1:	clear_scratch
	leave_gate gate_control_mark

/* GATE_CONTROL_UNWIND. In: rdi depth, rsi target, rdx value: all hostile. The new rsp lies between this frame and the
 * first one, or the one that a call from another cVM returns to, aligned, so every later `ret` finds a return address that a call pushed. The target is a landing pad of
 * the program's own window; a data page that carries the bytes is not executable. A fault on the read is the guest's.
 * Out: rax = rdx; rbx rbp r12-r15 kept; the rest zero, r11 the target's address. */
	.globl	gate_control_unwind
	.balign	64
gate_control_unwind:
	find_context
	lea	-CONTEXT_BIAS(%r11), %rcx
	mov	%rcx, %rax
	sub	%rsp, %rcx		/* this frame's depth */
	test	$7, %edi
	jnz	gate_bad_unwind
	cmp	%rcx, %rdi
	ja	gate_bad_unwind
	cmp	F(C_FLOOR), %rdi
	jb	gate_bad_unwind
	mov	%esi, %esi
	mov	%gs:(%esi), %ecx
	add	$-LANDING_PAD, %ecx
	jne	gate_bad_unwind
	sub	%rdi, %rax
	mov	F(C_RECORD_COUNT), %r8
1:	test	%r8, %r8		/* interruptions whose handlers' frames go are over */
	jz	2f
	mov	%r8, %r9
	shl	$4, %r9
	cmp	%rax, C_RECORDS - 16 - CONTEXT_BIAS(%r11, %r9)
	ja	2f
	dec	%r8
	jmp	1b
2:	mov	%r8, F(C_RECORD_COUNT)
	mov	%r11, %r10
	mov	F(C_PROGRAM_BASE), %r11
	or	%rsi, %r11
	mov	%rax, %rsp
	mov	%rdx, %rax
	zero	edx, ecx, esi, edi, r8d, r9d
	cmpl	$0, C_KICKED - CONTEXT_BIAS(%r10)
	.globl	gate_control_unwind_last, gate_control_unwind_go, gate_control_unwind_kicked
gate_control_unwind_last:
	jne	gate_control_unwind_kicked
gate_control_unwind_go:
	xor	%r10d, %r10d
	jmp	*%r11
gate_control_unwind_kicked:
	ud2

/* GATE_THREAD_POINTER. In: rdi, hostile: a number to read back, and no more. Out: rax 0; other caller-saved registers zero. */
	.globl	gate_thread_pointer
	.balign	64
gate_thread_pointer:
	find_context
	mov	%rdi, F(C_PROGRAM_TP)
	mov	%rdi, %fs:THREAD_POINTER_AT
	xor	%eax, %eax
gate_error:				/* rax the result, r11 the context */
	xor	%edx, %edx
	clear_scratch
	leave_gate gate_thread_pointer

/* Where a signal handler returns to (RESUME_HANDLER): system call RESUME_NUMBER with the data stack's pointer. The library OS
 * ends it by thread_resume, never by a return. Entered by the `ret` that takes this address from the control stack, so rsp is
 * the interruption's. */
	.globl	gate_handler_return
	.balign	64
gate_handler_return:
	find_headroom
	mov	%r15d, %edi
	mov	$RESUME_NUMBER, %eax
	zero	esi, edx, r10d, r8d, r9d
	call_libos
	/* An interruption's entry must not return either. */
	.globl	gate_interrupt_return
gate_interrupt_return:
	ud2

/* GATE_HOST_CALL. In: rax number, rdi rsi rdx r10 r8 r9 arguments, hostile. The C side copies them once from the host
 * stack. MXCSR's and x87's control are the ABI's before any C, which finds the guest's exception flags, all masked; vector registers, MXCSR
 * and the control word are saved and put back, so nothing of the host's stays in them. rbx rbp r12-r15 are kept by C.
 * Where control is the ABI's already, as ever but in odd programs, none of the slow instructions is needed. x87's flags stay the program's:
 * `fnstenv` masks all exceptions, pending ones too, so `fldcw`, which would raise them, finds none, and at the end they pend again.
 * Out: rax result; rcx rdx rsi rdi r8-r11 zero. */
	.set	MXCSR_CONTROL, 0xffc0
	.set	HOST_CALL_SAVES, 512 + 48	/* ymm0-15; MXCSR, control word, MXCSR again; fnstenv's 28 bytes at 528 */
	.globl	gate_host_call
	.balign	64
gate_host_call:
	host_stack
	sub	$(8 + HOST_CALL_SAVES), %rsp
	cmpl	$0, F(C_AVX)
	je	2f
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups	%ymm\n, (\n * 32)(%rsp)
	.endr
	vzeroupper
	jmp	3f
2:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups	%xmm\n, (\n * 32)(%rsp)
	.endr
3:	stmxcsr	512(%rsp)
	fnstcw	516(%rsp)
	mov	512(%rsp), %eax
	and	$MXCSR_CONTROL, %eax
	cmp	default_mxcsr(%rip), %eax
	je	6f
	ldmxcsr	default_mxcsr(%rip)
6:	movzwl	516(%rsp), %eax
	cmp	default_control_word(%rip), %ax
	je	7f
	fnstenv	528(%rsp)
	fldcw	default_control_word(%rip)
7:	mov	F(C_THREAD), %rdi
	cld
	call	*F(C_HOST_CALL)
	mov	(8 + HOST_CALL_SAVES)(%rsp), %r11
	/* A stop before this comparison is seen by it, one behind it finds the pc in a gate (fault.c). */
	cmpl	$0, F(C_LEAVING)
	jne	gate_leaving
	stmxcsr	520(%rsp)
	mov	520(%rsp), %ecx
	cmp	512(%rsp), %ecx
	je	6f
	ldmxcsr	512(%rsp)
6:	movzwl	516(%rsp), %ecx
	cmp	default_control_word(%rip), %cx
	je	7f
	fldcw	516(%rsp)
7:	cmpl	$0, F(C_AVX)
	je	4f
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups	(\n * 32)(%rsp), %ymm\n
	.endr
	jmp	5f
4:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups	(\n * 32)(%rsp), %xmm\n
	.endr
5:	mov	F(C_GUEST_RSP), %rsp
	xor	%edx, %edx
	clear_scratch
	xor	%r11d, %r11d
	ret

/* GATE_HOST_FAST. In and out: as GATE_HOST_CALL. The C side is compiled to general registers alone (machine.h), so vector state, MXCSR
 * and x87 stay the guest's throughout; machine_copy alone borrows of them (enter.S). */
	.globl	gate_host_fast
	.balign	64
gate_host_fast:
	fast_call C_HOST_FAST
	xor	%r11d, %r11d
	ret

/* ---- calls between cVMs: call.c, fast_call.c ---- */

/* GATE_CALL. In: rax slot | buffers << 16 | time limit << 32, r10 the buffers' list, rdi rsi rdx rcx r8 r9 six words: all hostile.
 * C reads them once from the host stack, finds a thread of the callee that waits for a call, and makes it the one that this host
 * thread runs; behind that, nothing touches the caller's context, which may be running elsewhere. An error: nothing has happened.
 * The callee has a control stack of its own; the `call` pushes the way back below the frame that serves. It finds the six words,
 * its own r15, and nothing else: other registers zero, vector and x87 state as at a program's start.
 * Out: rax result and rdx 1, or rax -errno and rdx 0; rbx rbp r12-r15, MXCSR and x87 control word kept; all else zero, vectors too. */
	.globl	gate_call
	.balign	64
gate_call:
	find_context
	save_program C_CALLER
	mov	F(C_HOST_RSP), %rsp
	pushes	r9, r8, rcx, rdx, rsi, rdi, r10, rax
	mov	%rsp, %rsi
	mov	%r11, %rbx		/* kept by C */
	mov	F(C_OWNER), %rdi
	call	*F(C_CALL)
	mov	%rbx, %r11
	xor	%edx, %edx
	lea	F(C_CALLER), %r10
	test	%rax, %rax
	js	gate_call_out
	lea	CONTEXT_BIAS(%rax), %r11	/* the callee's */
	clear_vectors default_control_word(%rip), default_mxcsr(%rip)
	take_program
	pops	rax, r10, rdi, rsi, rdx, rcx, r8, r9
	mov	F(C_SERVER + S_RSP), %rsp
	mov	F(C_ENTRY_STACK), %r15
	zero	eax, ebx, ebp, r12d, r13d, r14d
	mov	%r11, %r10
	mov	F(C_ENTRY), %r11
	cmpl	$0, C_KICKED - CONTEXT_BIAS(%r10)
	.globl	gate_call_in_last, gate_call_in_go, gate_call_in_end, gate_call_return
gate_call_in_last:			/* as in leave_gate; r11 is where the program goes */
	je	gate_call_in_go
	ud2
gate_call_in_go:
	xor	%r10d, %r10d
gate_call_in_end:
	call	*%r11
/* The callee's return. In: rax the result; all else hostile, the callee's. Out: to the caller, as above. */
gate_call_return:
	find_context
	mov	%rax, %rbx
	mov	%r11, %r12
	mov	F(C_HOST_RSP), %rsp
	mov	F(C_THREAD), %rdi
	call	*F(C_CALL_END)
	lea	CONTEXT_BIAS(%rax), %r11	/* the caller's, or there is none any more */
	test	%rax, %rax
	jz	gate_uncalled
	mov	%rbx, %rax
	mov	$1, %edx
	lea	F(C_CALLER), %r10
/* To a program that called or served: rax rdx results, r11 its context, r10 its saved registers; gs anyone's. */
	.globl	gate_call_out
gate_call_out:
	mov	%rax, %rsi
	clear_vectors S_FLOATING+4(%r10), S_FLOATING(%r10)
	take_program
	.set	at, 0
	.irp	r, rbx, rbp, r12, r13, r14, r15, rsp
	mov	at(%r10), %\r
	.set	at, at + 8
	.endr
	mov	%rsi, %rax
	xor	%ecx, %ecx
	mov	%rcx, S_RSP(%r10)
	clear_scratch
	leave_gate gate_call

/* Of a call that nobody waits for any more, this host thread is now the callee's own (call.c); of no call, it is the end. */
gate_uncalled:
	mov	%r12, %r11
	cmpq	$0, F(C_SERVER + S_RSP)
	je	gate_first_return
	jmp	gate_serve_again

/* GATE_SERVE. In: rdi slot, hostile. Comes back only with an error, or when there is an interruption to be seen; meanwhile calls
 * enter below this frame, with r15 below this one's red zone. Out: rax -errno; rbx rbp r12-r15, MXCSR and x87 control word kept;
 * all else zero. */
	.globl	gate_serve
	.balign	64
gate_serve:
	find_headroom
	mov	$-EBUSY, %rax
	cmpq	$0, F(C_SERVER + S_RSP)		/* within a call: its frame must stay where it is */
	jne	gate_error
	save_program C_SERVER
	mov	%rdi, F(C_SERVE_SLOT)
gate_serve_again:
	clear_vectors default_control_word(%rip), default_mxcsr(%rip)
	mov	F(C_HOST_RSP), %rsp
	mov	%r11, %rbx		/* kept by C */
	mov	F(C_THREAD), %rdi
	mov	F(C_SERVE_SLOT), %rsi
	call	*F(C_SERVE)
	mov	%rbx, %r11
	cmpl	$0, F(C_LEAVING)
	jne	gate_leaving
	xor	%edx, %edx
	lea	F(C_SERVER), %r10
	jmp	gate_call_out

/* GATE_CALL_COPY. In: rdi rsi rdx r10 r8 r9 arguments, hostile. Out: rax result; rbx rbp r12-r15 and vectors kept; the rest zero. */
	.globl	gate_call_copy
	.balign	64
gate_call_copy:
	fast_call C_CALL_COPY
	leave_gate gate_call_copy

	defaults

/* Where a guest ends: each a ud2 of its own, so that the fault handler can say why (fault.c). */
	.globl	gate_no_headroom, gate_bad_unwind, gate_empty_slot, gate_first_return, gate_leaving
	.balign	16
gate_no_headroom:
	ud2
gate_bad_unwind:
	ud2
gate_empty_slot:
	ud2
gate_first_return:
	ud2
gate_leaving:
	ud2
	.balign	4096, 0xcc
gate_code_end:

	.section .note.GNU-stack, "", @progbits
