/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The crossing. What a hostile caller controls at a gate: all integer and floating registers, any capability register (with no
 * more authority than its own PCC and DDC, and the sealed pair it was given), fcsr. It does not control PCC, c31 (the unsealed
 * context) and which gate it entered: CInvoke sets those. DDC is the caller's until a gate loads the Intravisor's: before that
 * nothing is loaded or stored but through c31.
 *
 * Every way into a guest sets PCC, DDC and gp, in a library OS tp too, from the context, so nothing of another compartment's is in
 * them; t1 and t2 carry the new PCC and DDC, which the guest has anyway.
 */
#include <asm/errno.h>
#include <asm/unistd.h>
#include <carrel/encodings.h>
#include <carrel/entry.h>
#include "machine/carrier.h"
#include "machine/cheri_riscv64/capability.h"
#include "machine/cheri_riscv64/context.h"

	.option norelax

	/* c31 is the context: the Intravisor's DDC from it, and from here on t6 is its address. */
	.macro own_data
	lccap	x30, x31
	cspecialw SCR_DDC, x30
	.endm

	/* Into the library OS (or the program) at the address in t0. Leaves t1 and t2, the new PCC and DDC. */
	.macro enter_guest code, data, gate
	lc	x6, \code, x31
	csetaddr x6, x6, x5
	lc	x7, \data, x31
	lc	x3, \gate, x31
	.endm
	.macro jump_guest
	cspecialw SCR_DDC, x7
	li	x31, 0
	cjalr	x0, x6
	.endm

	.macro clear_scratch            /* caller-saved but a0-a5 and t1, t2, t6 */
	.irp	n, 5, 16, 17, 28, 29, 30
	li	x\n, 0
	.endr
	.endm

	.macro clear_arguments          /* a1-a5 */
	.irp	n, 11, 12, 13, 14, 15
	li	x\n, 0
	.endr
	.endm
	.macro clear_floats
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fmv.d.x	f\n, zero
	.endr
	.endm

	/* What C needs, where nothing of the guest's is to be kept. */
	.macro host_registers
	ld	sp, C_HOST_SP(t6)
	ld	tp, C_HOST_TP(t6)
	lla	gp, __global_pointer$
	fscsr	zero
	.endm

	/* A program's registers as it called a gate, from which it goes on as it does from a system call; and those it finds again after
	 * others have run on its thread. */
	.macro keep_program
	sd	sp, C_PROGRAM_SP(t6)
	sd	tp, C_PROGRAM_TP(t6)
	sd	ra, C_PROGRAM_RA(t6)
	sd	t0, C_PROGRAM_PC(t6)
	.endm
	.macro save_program set
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (\set + \n * 8)(t6)
	.endr
	sd	sp, (\set + S_SP)(t6)
	sd	tp, (\set + S_TP)(t6)
	sd	ra, (\set + S_RA)(t6)
	sd	t0, (\set + S_PC)(t6)
	frcsr	t0
	sd	t0, (\set + S_STATUS)(t6)
	li	t0, 1
	sd	t0, (\set + S_PRESENT)(t6)
	.endm

	.macro floats what, base, offset
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\what	f\n, (\offset + \n * 8)(\base)
	.endr
	.endm

	/* Into C and back: arguments a0-a5 on the host stack, a7 the number; a0 the result. Floats, fcsr and s0-s11 are kept. A stop before the
	 * comparison is seen by it, one behind it finds the pc in a gate (fault.c). */
#define HOST_FRAME (48 + 16 + 33 * 8 + 8)
	.macro call_host function, owner
	ld	sp, C_HOST_SP(t6)
	ld	tp, C_HOST_TP(t6)
	lla	gp, __global_pointer$
	addi	sp, sp, -HOST_FRAME
	.irp	n, 0, 1, 2, 3, 4, 5
	sd	a\n, (\n * 8)(sp)
	.endr
	sd	t6, 48(sp)
	frcsr	t0
	sd	t0, 56(sp)
	floats	fsd, sp, 64
	fscsr	zero
	mv	a2, sp
	mv	a1, a7
	ld	a0, \owner(t6)
	ld	t1, \function(t6)
	jalr	t1
	ld	t6, 48(sp)
	lw	t0, C_LEAVING(t6)
	bnez	t0, gate_leaving
	ld	t0, 56(sp)
	fscsr	t0
	floats	fld, sp, 64
	.endm

	.text
	.balign	64
	.globl	gate_start, gate_end
gate_start:

/* ENTRY_SYSCALL. In: a7 number, a0-a5 arguments, t0 the address behind the call, sp, tp, ra, s0-s11, floats the program's. They go to
 * the library OS as they are, but for sp, tp, ra, which the context keeps. */
	.globl	gate_syscall
gate_syscall:
	own_data
	keep_program
	ld	sp, C_LIBOS_STACK(t6)
	lc	x6, C_SYSCALL_ENTRY, x31
	lc	x7, C_LIBOS_DATA, x31
	lc	x3, C_LIBOS_GATE, x31
	lc	x4, C_PROGRAM_WINDOW, x31
	.irp	n, 1, 5, 28, 29, 30
	li	x\n, 0
	.endr
	jump_guest

/* ENTRY_LEAVE. In: a0 result, s0-s11 the program's if the library OS kept them. Back to the program behind its last system call.
 * gate_way_out is where every gate leaves for a program: t6 the context, which holds pc, sp, tp and ra; a0-a5, s0-s11 and floats the
 * program's. An interruption that came before the comparison is seen by it; one behind it finds its pc here, with nothing but those
 * registers that is not in the context, and is as good as gate_kicked (fault.c). */
	.globl	gate_leave, gate_leave_checked, gate_leave_end, gate_kicked
gate_leave:
	own_data
	clear_arguments
gate_way_out:
	lw	t0, C_KICKED(t6)
gate_leave_checked:             /* the comparison's word has been read */
	bnez	t0, gate_kicked
	ld	sp, C_PROGRAM_SP(t6)
	ld	tp, C_PROGRAM_TP(t6)
	ld	ra, C_PROGRAM_RA(t6)
	ld	t0, C_PROGRAM_PC(t6)
	enter_guest C_PROGRAM_CODE, C_PROGRAM_DATA, C_PROGRAM_GATE
	clear_scratch
	jump_guest
gate_leave_end:
gate_kicked:
	unimp

/* ---- calls between cVMs: machine/call.c, machine/fast_call.c ----
 * All registers that cross are stored and loaded, or moved, as integers: no capability does. */

/* ENTRY_CALL. In: a7 slot | buffers << 16 | time limit << 32, a6 the buffers' list, a0-a5 six words, t0 the address behind: all hostile.
 * C reads them once from the host stack, finds a thread of the callee that waits for a call, and makes it the one that this host
 * thread runs; behind that, nothing touches the caller's context, which may be running elsewhere. An error: nothing has happened.
 * The callee enters on its own stack, below the frame that serves, with its own thread pointer, and returns to ENTRY_CALL_RETURN. It
 * finds the six words; all else zero, floats and fcsr too.
 * Out: a0 result and a1 1, or a0 -errno and a1 0; s0-s11, sp, tp, ra, fcsr kept; all else zero, floats too. */
	.globl	gate_call
gate_call:
	own_data
	save_program C_CALLER
	host_registers
	addi	sp, sp, -64
	sd	a7, 0(sp)
	sd	a6, 8(sp)
	.irp	n, 0, 1, 2, 3, 4, 5
	sd	a\n, (16 + \n * 8)(sp)
	.endr
	mv	s0, t6          /* kept by C */
	mv	a1, sp
	ld	a0, C_OWNER(t6)
	ld	t1, C_CALL(t6)
	jalr	t1
	mv	t6, s0
	li	a1, 0
	addi	t5, t6, C_CALLER
	bltz	a0, gate_call_out
	mv	t6, a0          /* the callee's */
	ld	t0, C_ENTRY(t6)
	sd	t0, C_PROGRAM_PC(t6)
	ld	t0, (C_SERVER + S_SP)(t6)
	andi	t0, t0, -16
	sd	t0, C_PROGRAM_SP(t6)
	ld	t0, (C_SERVER + S_TP)(t6)
	sd	t0, C_PROGRAM_TP(t6)
	ld	t0, C_PROGRAM_BASE(t6)
	li	t1, ENTRY_SLOT(ENTRY_CALL_RETURN)
	add	t0, t0, t1
	sd	t0, C_PROGRAM_RA(t6)
	.irp	n, 0, 1, 2, 3, 4, 5
	ld	a\n, (16 + \n * 8)(sp)
	.endr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	li	s\n, 0
	.endr
	clear_floats
	fscsr	zero
	j	gate_way_out

/* ENTRY_CALL_RETURN. In: a0 the result; all else hostile, the callee's: it may come here at any time. Out: to the caller, as above. */
	.globl	gate_call_return, gate_no_call
gate_call_return:
	own_data
	host_registers
	mv	s0, a0          /* both kept by C */
	mv	s1, t6
	ld	a0, C_THREAD(t6)
	ld	t1, C_CALL_END(t6)
	jalr	t1
	beqz	a0, gate_uncalled
	mv	t6, a0          /* the caller's */
	mv	a0, s0
	li	a1, 1
	addi	t5, t6, C_CALLER
/* To a program that called or served: a0 a1 results, t6 its context, t5 its saved registers. */
gate_call_out:
	.irp	n, 12, 13, 14, 15
	li	x\n, 0
	.endr
	clear_floats
	ld	t0, S_STATUS(t5)
	fscsr	t0
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (\n * 8)(t5)
	.endr
	ld	t0, S_SP(t5)
	sd	t0, C_PROGRAM_SP(t6)
	ld	t0, S_TP(t5)
	sd	t0, C_PROGRAM_TP(t6)
	ld	t0, S_RA(t5)
	sd	t0, C_PROGRAM_RA(t6)
	ld	t0, S_PC(t5)
	sd	t0, C_PROGRAM_PC(t6)
	sd	zero, S_PRESENT(t5)
	j	gate_way_out

/* Of a call that nobody waits for any more, this host thread is now the callee's own (call.c); of no call, it is a fault. */
gate_uncalled:
	mv	t6, s1
	ld	t0, (C_SERVER + S_PRESENT)(t6)
	bnez	t0, gate_serve_again
gate_no_call:
	unimp

/* ENTRY_SERVE. In: a0 slot, hostile. Comes back only with an error, or when there is an interruption to be seen; meanwhile calls enter
 * below this frame. Out: a0 -errno; s0-s11, sp, tp, ra, fcsr kept; all else zero, floats too. */
	.globl	gate_serve
gate_serve:
	own_data
	ld	t1, (C_SERVER + S_PRESENT)(t6)
	bnez	t1, gate_busy
	save_program C_SERVER
	sd	a0, C_SERVE_SLOT(t6)
gate_serve_again:
	host_registers
	mv	s0, t6          /* kept by C */
	ld	a0, C_THREAD(t6)
	ld	a1, C_SERVE_SLOT(t6)
	ld	t1, C_SERVE(t6)
	jalr	t1
	mv	t6, s0
	lw	t0, C_LEAVING(t6)
	bnez	t0, gate_leaving
	li	a1, 0
	addi	t5, t6, C_SERVER
	j	gate_call_out
gate_busy:                      /* within a call: its frame must stay where it is */
	keep_program
	li	a0, -EBUSY
	clear_arguments
	clear_floats
	j	gate_way_out

/* ENTRY_CALL_COPY. In: a0-a5 arguments, t0 the address behind: hostile. Out: a0 result; s0-s11, sp, tp, ra, floats and fcsr kept; the
 * rest zero. */
	.globl	gate_call_copy
gate_call_copy:
	own_data
	keep_program
	call_host C_CALL_COPY, C_OWNER
	clear_arguments
	j	gate_way_out

/* ENTRY_HOST_CALL. In: a7 number, a0-a5 arguments, t0 the address behind the call: hostile. The C side copies the arguments once from
 * the host stack. gp and tp become the host's before any C; floats and fcsr are kept aside and put back. s0-s11 are kept by C. */
	.macro host_gate function, owner
	own_data
	sd	sp, C_LIBOS_SP(t6)
	sd	ra, C_LIBOS_RA(t6)
	sd	t0, C_LIBOS_PC(t6)
	call_host \function, \owner
	ld	sp, C_LIBOS_SP(t6)
	ld	ra, C_LIBOS_RA(t6)
	ld	t0, C_LIBOS_PC(t6)
	lc	x4, C_PROGRAM_WINDOW, x31
	enter_guest C_LIBOS_CODE, C_LIBOS_DATA, C_LIBOS_GATE
	clear_arguments
	clear_scratch
	jump_guest
	.endm
	.globl	gate_host_call, gate_host_fast, gate_leaving
gate_host_call:
	host_gate C_HOST_CALL, C_THREAD
/* ENTRY_HOST_FAST: the same. That its C side could do without the host's gp, tp and floats saves a machine with an interpreter little. */
gate_host_fast:
	host_gate C_HOST_FAST, C_OWNER
gate_leaving:
	unimp
gate_end:

/* int64_t context_enter(struct context *a0, uint64_t pc a1, uint64_t stack a2, uint64_t argument a3, int program a4) */
	.globl	context_enter
	.type	context_enter, @function
context_enter:
	addi	sp, sp, -(14 * 8 + 12 * 8)
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (8 + \n * 8)(sp)
	fsd	fs\n, (112 + \n * 8)(sp)
	.endr
	frcsr	t0
	sd	t0, 104(sp)
	sd	sp, C_HOST_SP(a0)
	sd	tp, C_HOST_TP(a0)
	ld	t0, C_CARRIER(a0)
	sd	sp, CARRIER_HOST_SP(t0)
	sd	tp, CARRIER_HOST_TP(t0)
/* void context_again(...): the same from a host call: all guest frames are forgotten, the host stack's place stays. */
	.globl	context_again
	.type	context_again, @function
context_again:
	/* A stop before this comparison is seen by it, one between the labels by its pc (fault.c), one behind them in the guest. */
	lw	t0, C_LEAVING(a0)
	.globl	context_checked, context_entered
context_checked:
	beqz	t0, 1f
	li	a1, -ECANCELED
	j	context_leave
1:	mv	t6, a0
	mv	t0, a1
	mv	sp, a2
	mv	a0, a3
	beqz	a4, 2f
	li	tp, 0
	enter_guest C_PROGRAM_CODE, C_PROGRAM_DATA, C_PROGRAM_GATE
	j	3f
2:	lc	x4, C_PROGRAM_WINDOW, x31
	enter_guest C_LIBOS_CODE, C_LIBOS_DATA, C_LIBOS_GATE
3:	fscsr	zero
	clear_floats
	li	ra, 0
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	li	s\n, 0
	.endr
	clear_arguments
	clear_scratch
	jump_guest
context_entered:

/* void context_leave(struct context *a0, int64_t value a1): out of the guest for good; context_enter returns value. Reached from a
 * host call and, after a fault, from the signal handler's return, which sets PCC and DDC. */
	.globl	context_leave
	.type	context_leave, @function
context_leave:
	ld	sp, C_HOST_SP(a0)
	ld	tp, C_HOST_TP(a0)
	lla	gp, __global_pointer$
	mv	a0, a1
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (8 + \n * 8)(sp)
	fld	fs\n, (112 + \n * 8)(sp)
	.endr
	ld	t0, 104(sp)
	fscsr	t0
	addi	sp, sp, 14 * 8 + 12 * 8
	ret

/* void context_adopt(struct context *a0, int64_t error a1): a program's call is over with an error, on another host thread than it began. */
	.globl	context_adopt
	.type	context_adopt, @function
context_adopt:
	mv	t6, a0
	mv	a0, a1
	li	a1, 0
	addi	t5, t6, C_CALLER
	j	gate_call_out

/* void context_resume(struct signal_frame *a0): into the program with every register from the frame, by the machine's sigreturn: it
 * restores the capabilities and the signal mask in one step, so an interruption that waited comes right behind. */
	.globl	context_resume
	.type	context_resume, @function
context_resume:
	mv	sp, a0
	li	a7, __NR_rt_sigreturn
	ecall
	unimp

/* int64_t context_blocking(const uint64_t *kicked a0, const long call[7] a1): a host system call that an interruption ends with -EINTR
 * also when it comes before the call has begun: the handler moves a pc in [blocking_start, blocking_end) to blocking_abort. */
	.globl	context_blocking, blocking_start, blocking_end, blocking_abort
	.type	context_blocking, @function
context_blocking:
	mv	t0, a0
	mv	t1, a1
	ld	a7, 0(t1)
	ld	a0, 8(t1)
	ld	a1, 16(t1)
	ld	a2, 24(t1)
	ld	a3, 32(t1)
	ld	a4, 40(t1)
	ld	a5, 48(t1)
blocking_start:
	lw	t0, 0(t0)
	bnez	t0, blocking_abort
	ecall
blocking_end:
	ret
blocking_abort:
	li	a0, -EINTR
	ret

/* int64_t machine_system(long number a0, long a a1, long b a2, long c a3, long d a4, long e a5, long f a6) */
	.globl	machine_system, machine_relax
	.type	machine_system, @function
machine_system:
	mv	a7, a0
	mv	a0, a1
	mv	a1, a2
	mv	a2, a3
	mv	a3, a4
	mv	a4, a5
	mv	a5, a6
	ecall
	ret

	.type	machine_relax, @function
machine_relax:
	.word	0x0100000f      /* pause */
	ret

/* The signal entry: PCC and DDC are the Intravisor's, gp and tp may be the guest's, so the host's come first, from the carrier at the
 * end of the aligned alternate stack. The frame puts all of them back. */
	.globl	signal_entry
	.type	signal_entry, @function
signal_entry:
	li	t0, SIGNAL_REGION - 1
	or	t0, t0, sp
	addi	t0, t0, 1 - CARRIER_SIZE
	ld	tp, CARRIER_HOST_TP(t0)
	lla	gp, __global_pointer$
	mv	a2, a1          /* the frame begins with the siginfo */
	mv	a1, t0
	addi	sp, sp, -16
	sd	ra, 0(sp)
	call	signal_handle
	ld	ra, 0(sp)
	addi	sp, sp, 16
	ret

/* int machine_copy(void *a0, const void *a1, size_t a2), and the same by two other names (machine.h): one of the sides is a guest's. 0, or
 * -EFAULT when it faults. Plain stores, so no tag is ever copied. */
	.globl	machine_copy, machine_copy_in, machine_copy_out, machine_copy_end, machine_copy_fault
	.type	machine_copy, @function
machine_copy_in:
machine_copy_out:
machine_copy:
	or	t0, a0, a1
	or	t0, t0, a2
	andi	t0, t0, 7
	bnez	t0, 3f
1:	beqz	a2, 2f
	ld	t0, 0(a1)
	sd	t0, 0(a0)
	addi	a0, a0, 8
	addi	a1, a1, 8
	addi	a2, a2, -8
	j	1b
2:	li	a0, 0
	ret
3:	beqz	a2, 2b
	lb	t0, 0(a1)
	sb	t0, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	3b
machine_copy_end:
machine_copy_fault:
	li	a0, -EFAULT
	ret

/* What lies at ENTRY_PAGE: copied there, so position-independent. t5 becomes the page behind it, which holds the sealed entries. */
	.section .rodata
	.balign	32
	.option	norvc
	.macro	entry_code n
	auipc	t5, 1
	lc	x30, -16*\n, x30
	cinvoke	x30, x3
	.balign	32
	.endm
	.globl	entry_program_start, entry_program_end, entry_libos_start, entry_libos_end
entry_program_start:
	entry_code 0
	mv	a0, sp
	li	a7, __NR_rt_sigreturn
	auipc	t5, 1
	lc	x30, -40, x30     /* the same gate */
	cinvoke	x30, x3
	.balign	32
	entry_code ENTRY_CALL
	entry_code ENTRY_SERVE
	entry_code ENTRY_CALL_COPY
	entry_code ENTRY_CALL_RETURN
entry_program_end:
entry_libos_start:
	entry_code 0
	entry_code 1
	entry_code 2
entry_libos_end:
	.section .note.GNU-stack, "", @progbits
