/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Between the Intravisor's C and guests, outside of the gate page: entering and leaving, host system calls, and copies that survive a
 * fault. Trusted.
 */
#include <asm/errno.h>
#include <asm/unistd.h>
#include "machine/carrier.h"
#include "machine/x86_64/gates.h"

	.text
	defaults
	.balign	16

/* int64_t context_enter(struct context *rdi, uint64_t entry rsi, uint64_t stack rdx, uint64_t argument rcx)
 * Host C calls it; keeps what C expects on the host stack, whose place the context remembers. */
	.globl	context_enter
	.type	context_enter, @function
context_enter:
	endbr64
	pushes	rbx, rbp, r12, r13, r14, r15
	sub	$24, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	mov	%rsp, C_HOST_RSP(%rdi)
	mov	C_CARRIER(%rdi), %rax
	mov	%rsp, CARRIER_HOST_SP(%rax)
	mov	C_LIBOS_BASE(%rdi), %r8

/* void context_again(struct context *rdi, uint64_t entry rsi, uint64_t stack rdx, uint64_t argument rcx, uint64_t r14 r8): into the
 * library OS (r14 is its window) or the program (0) on a control stack that has been started over. From a host call; the host stack's
 * place stays. */
	.globl	context_again
	.type	context_again, @function
context_again:
	endbr64
	mov	%r8, %r14
	/* A stop before this comparison is seen by it, one between the labels by its pc (fault.c), one behind them in the guest. */
	cmpl	$0, C_LEAVING(%rdi)
	.globl	context_checked, context_entered
context_checked:
	mov	$-ECANCELED, %rax
	cmovne	%rax, %rsi
	jne	context_leave
	take_program %rdi, 0
	mov	C_START_RSP(%rdi), %rsp		/* a frame that returns to a gate (thread.c) */
	push	%rsi
	mov	%rdx, %r15
	lea	CONTEXT_BIAS(%rdi), %r11
	clear_vectors default_control_word(%rip), default_mxcsr(%rip), 1
	mov	%rcx, %rdi
	zero	eax, ebx, ecx, edx, esi, ebp, r8d, r9d, r10d, r11d, r12d, r13d
	ret
context_entered:

/* void context_leave(struct context *rdi, int64_t value rsi): out of the guest for good; context_enter returns value.
 * Reached from a host call and, after a fault, from the signal handler's return. */
	.globl	context_leave
	.type	context_leave, @function
context_leave:
	endbr64
	mov	C_HOST_RSP(%rdi), %rsp
	cld
	fninit
	fldcw	4(%rsp)
	ldmxcsr	(%rsp)
	mov	%rsi, %rax
	add	$24, %rsp
	pops	r15, r14, r13, r12, rbp, rbx
	ret

/* void context_adopted(struct context *rdi, int64_t error rsi, gate_call_out in the gate page rdx): a program's call is over with
 * an error, on another host thread than it began. */
	.globl	context_adopted
	.type	context_adopted, @function
context_adopted:
	endbr64
	lea	CONTEXT_BIAS(%rdi), %r11
	lea	C_CALLER(%rdi), %r10
	mov	%rsi, %rax
	mov	%rdx, %rcx
	xor	%edx, %edx
	jmp	*%rcx

/* void context_resume(struct context *rdi, ucontext_t *rsi): into the program with every register from *rsi, by the kernel's
 * sigreturn: it restores vector state and the signal mask in one step, so an interruption that waited comes right behind. */
	.globl	context_resume
	.type	context_resume, @function
context_resume:
	endbr64
	take_program %rdi, 0
	mov	%rsi, %rsp
	mov	$__NR_rt_sigreturn, %eax
	syscall
	ud2

/* int64_t context_blocking(const uint64_t *kicked rdi, const uint64_t call[7] rsi): a host system call that an interruption
 * ends with -EINTR also when it comes before the call has begun: the handler moves a pc in [blocking_start, blocking_end) to
 * blocking_abort, and blocking_end is the instruction behind `syscall`. */
	.globl	context_blocking, blocking_start, blocking_end, blocking_abort
	.type	context_blocking, @function
context_blocking:
	endbr64
	mov	%rdi, %r11
	mov	%rsi, %rcx
	mov	(%rcx), %rax
	mov	8(%rcx), %rdi
	mov	16(%rcx), %rsi
	mov	24(%rcx), %rdx
	mov	32(%rcx), %r10
	mov	40(%rcx), %r8
	mov	48(%rcx), %r9
blocking_start:
	cmpl	$0, (%r11)
	jne	blocking_abort
	syscall
blocking_end:
	ret
blocking_abort:
	mov	$-EINTR, %rax
	ret

/* int64_t machine_system(long number rdi, long a rsi, long b rdx, long c rcx, long d r8, long e r9, long f) */
	.globl	machine_system, machine_relax
	.type	machine_system, @function
machine_system:
	endbr64
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	syscall
	ret

	.type	machine_relax, @function
machine_relax:
	endbr64
	pause
	ret

/* int machine_copy(void *rdi, const void *rsi, size_t rdx), and the same by two other names (machine.h): one of the sides is a guest's.
 * 0, or -EFAULT when it faults. Vector registers may be the guest's (gate_host_fast) and are kept, all of what a guest can use of them: four
 * are borrowed where `copy_wide` says that it pays, and given back on each way out. r8: whether they have been; the red zone has them,
 * which is just as large, and which no signal handler's frame touches. */
	.macro	give_back
	.irp	n, 0, 1, 2, 3
	vmovdqu	(-32 * \n - 32)(%rsp), %ymm\n
	.endr
	.endm
	.globl	machine_copy, machine_copy_in, machine_copy_out, machine_copy_end, machine_copy_fault
	.type	machine_copy, @function
machine_copy_in:
machine_copy_out:
machine_copy:
	endbr64
	xor	%r8d, %r8d
	cmp	$128, %rdx
	jb	1f
	lea	-1(%rdi), %rcx		/* where rdi is 1 to 31 bytes past rsi in their pages, `rep movsb` takes twenty times as long (Zen 3) */
	sub	%rsi, %rcx
	and	$0xfff, %ecx
	cmpb	$0, copy_wide(%rip)
	jne	8f
	cmp	$512, %rdx		/* below, it costs more to begin than to do */
	jb	1f
	cmp	$31, %ecx
	jb	1f
9:	mov	%rdx, %rcx
	rep movsb
	xor	%eax, %eax
	ret
8:	cmp	$8192, %rdx		/* up to here it is slower than four registers, at best as fast */
	jbe	10f
	cmp	$31, %ecx
	jae	9b
10:	.irp	n, 0, 1, 2, 3
	vmovdqu	%ymm\n, (-32 * \n - 32)(%rsp)
	.endr
	inc	%r8d
	sub	$128, %rdx
	.balign	64			/* the loop is one line of code: 4 KiB in two are slower by a tenth */
11:	.irp	n, 0, 1, 2, 3
	vmovdqu	(32 * \n)(%rsi), %ymm\n
	.endr
	.irp	n, 0, 1, 2, 3
	vmovdqu	%ymm\n, (32 * \n)(%rdi)
	.endr
	sub	$-128, %rsi
	sub	$-128, %rdi
	sub	$128, %rdx
	jae	11b
	add	$128, %rdx
	give_back
1:	sub	$32, %rdx
	jb	3f
2:	.irp	at, 0, 8, 16, 24
	mov	\at(%rsi), %rax
	mov	%rax, \at(%rdi)
	.endr
	add	$32, %rsi
	add	$32, %rdi
	sub	$32, %rdx
	jae	2b
3:	add	$24, %rdx		/* those left, less 8 */
	jnc	5f
4:	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %rdx
	jae	4b
5:	add	$8, %rdx
	jz	7f
6:	mov	(%rsi), %al
	mov	%al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%edx
	jnz	6b
7:	xor	%eax, %eax
	ret
machine_copy_end:
machine_copy_fault:
	test	%r8d, %r8d
	jz	1f
	give_back
1:	mov	$-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
