/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The sealed entries a compartment may CInvoke: slots of a read-only page of its window (WINDOW_GATES), on x86-64. Slot i lies at
 * window base + GATE_SLOT(i), behind the window's base itself. What each gate takes and gives
 * back is written beside its code in machine/<isa>/. Freestanding. Usable from assembly.
 */
#ifndef CARREL_GATE_H
#define CARREL_GATE_H

#define GATE_BASE_SLOT       0x10000            /* WINDOW_GATES: the window base */
#define GATE_SLOT(i)         (0x10008 + 8 * (i))        /* the entry's address; empty slots trap */
#define GATE_SLOTS           32                 /* a verified image names only slots below this */

/* A program's table. */
#define GATE_SYSCALL         0  /* program -> library OS. rax = number, rdi rsi rdx r10 r8 r9 = arguments as in Linux;
                                   rax = result. Keeps rbx rbp r12-r15 and the vector registers; every other
                                   general register comes back zero (unlike Linux, so libc's stub says so). */
#define GATE_SYSCALL_RAW     1  /* the same, but only rax rcx r11 change: what a rewritten `syscall` calls */
#define GATE_CONTROL_MARK    2  /* for setjmp and unwinding. In a function F that was called from C at return point R and calls this
                                   gate with rdi = CONTROL_HERE: rax = depth of the control stack after F will have returned (bytes,
                                   multiple of 8), rdx = window offset of R (0 if R is not in this window). rdi = a lesser depth: the
                                   same of the return to there, so that depth - 8 is the caller's; rdx = 0 is the end. */
#define CONTROL_HERE  0xffffffff
#define GATE_CONTROL_UNWIND  3  /* for longjmp: rdi = depth from GATE_CONTROL_MARK, rsi = window offset of a landing
                                   pad, rdx = value to find in rax there. Unwinds only; anything else ends the cVM
                                   with a report. Keeps rbx rbp r12-r15; clears the rest. */
#define GATE_THREAD_POINTER  4  /* rdi = window offset of the thread control block; rax = 0. From then on the program
                                   reads it at %fs:THREAD_POINTER_AT; before, 0. */
/* CP_Call (carrel/cp_call.h has the functions). Slots are this program's: of exports it has opened or made. Memory is named as the
 * program's pointers are, which here are window offsets. */
#define GATE_CALL            5  /* rax = slot | buffers << 16 | limit in ms << 32 (0: none); rdi rsi rdx rcx r8 r9 = six words; r10 =
                                   window offset of the buffers' list: {address, length, rights}, 8 bytes each. rdx = 1:
                                   rax is what the callee's function gave; 0: rax = -errno. Keeps rbx rbp r12-r15, MXCSR and
                                   the x87 control word; everything else comes back zero. */
#define GATE_SERVE           6  /* rdi = slot: calls are let in, one at a time, on this thread's stack. Comes back only with
                                   rax = -errno. Keeps the same. */
#define GATE_CALL_COPY       7  /* by a callee: rdi = index of a buffer | CALL_COPY_OUT, rsi = offset in it, rdx = window
                                   offset of its own memory, r10 = length; rax = what was copied, at most CALL_COPY_MOST, or -errno. Keeps rbx rbp r12-r15 and
                                   the vector registers. */
#define CALL_BUFFERS_MOST    4
#define CALL_COPY_OUT        0x100      /* to the caller's buffer; else from it */
#define CALL_COPY_MOST       0x100000   /* so long the end of a call may have to wait */
#define CALL_READ            1          /* rights of a buffer: the callee may copy from it, */
#define CALL_WRITE           2          /* to it */

/* fs is the host's, as in any thread of the host's C library; this is the one word of it that a program may name, and by `mov` into a
 * 64-bit register only. In glibc's thread control block words 10 to 13 are reserved for libitm (libitm/config/linux/x86/tls.h in
 * GCC), which the Intravisor does not use: 12. */
#define THREAD_POINTER_AT    0x60

/* A library OS's table. */
#define GATE_HOST_CALL       0  /* rax = host call number (hostcall.def), rdi rsi rdx r10 r8 r9 = arguments;
                                   rax = result or -errno. Keeps rbx rbp r12-r15; every other general register
                                   comes back zero. Vector registers are kept. */
#define GATE_HOST_FAST       1  /* the same for host calls that hostcall.def calls fast: a tenth of the time */

/* The landing pad: endbr64. Its four bytes occur in verified text at no other place. */
#define LANDING_PAD          0xfa1e0ff3

/* Bytes of trap instructions (int3) that verified text ends in, so that where execution falls off its end no step of a checked branch lies
 * before (machine/x86_64/unit.h). */
#define TEXT_END             32

/* A program's r15 is moved by lea to within STACK_REACH of where the stack was touched, and has displacements of STACK_DISTANCE at most, either
 * way (machine/x86_64/verify_stack.c). */
#define STACK_REACH          0x4000
#define STACK_DISTANCE       0x8000

#endif
