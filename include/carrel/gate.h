/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The sealed entries a compartment may CInvoke: slots of the read-only table below its window. Slot i lies at
 * window base - GATE_SLOT(i); the word at base - 8 is the window's base itself. What each gate takes and gives
 * back is written beside its code in machine/<isa>/. Freestanding. Usable from assembly.
 */
#ifndef CARREL_GATE_H
#define CARREL_GATE_H

#define GATE_BASE_SLOT       8                  /* base - 8: the window base */
#define GATE_SLOT(i)         (16 + 8 * (i))     /* base - GATE_SLOT(i): the entry's address; empty slots trap */
#define GATE_SLOTS           32                 /* a verified image names only slots below this */

/* A program's table. */
#define GATE_SYSCALL         0  /* program -> library OS. rax = number, rdi rsi rdx r10 r8 r9 = arguments as in Linux;
                                   rax = result. Keeps rbx rbp r12-r15 and the vector registers; every other
                                   general register comes back zero (unlike Linux, so libc's stub says so). */
#define GATE_SYSCALL_RAW     1  /* the same, but only rax rcx r11 change: what a rewritten `syscall` calls */
#define GATE_CONTROL_MARK    2  /* for setjmp. In a function F that was called from C at return point R and calls this
                                   gate: rax = depth of the control stack after F will have returned (bytes, multiple
                                   of 8), rdx = window offset of R (0 if R is not in this window). */
#define GATE_CONTROL_UNWIND  3  /* for longjmp: rdi = depth from GATE_CONTROL_MARK, rsi = window offset of a landing
                                   pad, rdx = value to find in rax there. Unwinds only; anything else ends the cVM
                                   with a report. Keeps rbx rbp r12-r15; clears the rest. */
#define GATE_THREAD_POINTER  4  /* rdi = window offset of the thread control block; rax = 0 or -EINVAL.
                                   From then on %fs:0 is that block. */

/* A library OS's table. */
#define GATE_HOST_CALL       0  /* rax = host call number (hostcall.def), rdi rsi rdx r10 r8 r9 = arguments;
                                   rax = result or -errno. Keeps rbx rbp r12-r15; every other general register
                                   comes back zero. Vector registers are kept. */
#define GATE_HOST_FAST       1  /* the same for host calls that hostcall.def calls fast: a tenth of the time */

/* The landing pad: endbr64. Its four bytes occur in verified text at no other place. */
#define LANDING_PAD          0xfa1e0ff3

#endif
