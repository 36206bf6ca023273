/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Numbers of x86-64 that the same code on every ISA needs. Freestanding.
 */
#ifndef CARREL_ISA_H
#define CARREL_ISA_H

#define ISA_ELF_MACHINE  62             /* EM_X86_64 */
#define ISA_NAME         "x86-64"
#define ISA_MACHINE      "x86_64"       /* as --machine says it */
#define ISA_POOL_SLOTS   1024           /* windows reserved at once */
#define ISA_WINDOW_AT_ZERO 1            /* 1: accesses by a base of 0 are faster (intravisor/cvm/window.c) */
#define ISA_TRAP_BYTE    0xcc           /* int3: what text is padded with */
#define ISA_STORED       0              /* bytes that a capability takes in memory: there are none (machine/stored.h) */

/* The window offset of what a program's pointer, a number here, names. More than 32 bits: none. */
#define ISA_OFFSET(window_base, pointer) ((void)(window_base), (pointer))

#endif
