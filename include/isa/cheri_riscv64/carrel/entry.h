/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How code of a window calls a gate on CHERI-RISC-V. The page at window base + ENTRY_PAGE holds a few instructions for each gate,
 * which load the sealed entry from the read-only page behind it and CInvoke it with the sealed capability in gp (x3). The
 * Intravisor puts both pages there; so no program and no library OS contains a capability instruction for a gate. gp is the
 * thread's and is never written: code is compiled and linked without relaxation. Freestanding. Usable from assembly.
 */
#ifndef CARREL_ENTRY_H
#define CARREL_ENTRY_H

#define ENTRY_PAGE       0xe000 /* in every window; executable, not writable */
#define ENTRY_SIZE       0x1000
#define ENTRY_STEPS      32     /* bytes an entry takes; it can start over anywhere in them */
#define ENTRY_SLOT(n)    (ENTRY_PAGE + ENTRY_STEPS * (n))

/* A program's. Called by `jalr t0, ...`; t5 and t6 are the call's to change. */
#define ENTRY_SYSCALL    0      /* a7 number, a0-a5 arguments as on Linux; a0 result. a1-a7, t0-t6 come back zero but t0, t1. */
#define ENTRY_RETURN     1      /* where a signal handler returns to: system call RESUME_NUMBER with the stack pointer */

/* A program's, for CP_Call (carrel/cp_call.h): slots are its own; memory is named as its pointers are. */
#define ENTRY_CALL        2     /* a7 slot | buffers << 16 | limit in ms << 32 (0: none); a0-a5 six words; a6 the buffers' list: {address,
                                   length, rights}, 8 bytes each. a1 = 1: a0 is what the callee's function gave; 0: a0 = -errno. Keeps
                                   s0-s11, sp, tp, ra, fcsr; everything else comes back zero but t1, t2. */
#define ENTRY_SERVE       3     /* a0 slot: calls are let in, one at a time, on this thread's stack. Comes back only with a0 = -errno. Keeps
                                   the same. */
#define ENTRY_CALL_COPY   4     /* by a callee: a0 index of a buffer | CALL_COPY_OUT, a1 offset in it, a2 its own memory, a3 length; a0 what was
                                   copied, at most CALL_COPY_MOST, or -errno. Keeps the same, and floats. */
#define ENTRY_CALL_RETURN 5     /* where a function that is called returns to, a0 its result */

/* A library OS's. */
#define ENTRY_HOST_CALL  0      /* a7 number, a0-a5 arguments, `jalr t0`; a0 result. Keeps s0-s11, sp, ra, gp, tp, floats. */
#define ENTRY_HOST_FAST  2      /* the same for fast calls (hostcall.def) */
#define ENTRY_LEAVE      1      /* the end of a system call: a0 result, s0-s11 the program's. Does not return. */

/* tp (x4) in a library OS: a capability to its program's window, whose address is the window's base. Never written there. */

#endif
