/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The register state of an interrupted program on x86-64, as the Intravisor gives it to the library OS and takes it back
 * (hostcall.def: thread_registers, thread_resume). Freestanding.
 */
#ifndef CARREL_REGISTERS_H
#define CARREL_REGISTERS_H
#include <stdint.h>

#define REGISTERS_VECTOR 832    /* XSAVE standard form, components 0-2: legacy 512, header 64, AVX 256 (Intel SDM 1, 13.4) */

enum { REG_A, REG_C, REG_D, REG_B, REG_CONTROL, REG_BP, REG_SI, REG_DI, REG_8, REG_9, REG_10, REG_11, REG_12, REG_13, REG_14,
       REG_STACK };

struct carrel_registers {
	uint64_t general[16];   /* by number; REG_CONTROL (rsp) is always 0, REG_STACK (r15) is the data stack's pointer */
	uint64_t pc;            /* window offset */
	uint64_t flags;         /* arithmetic flags; the others are ignored on the way back */
	uint64_t thread_pointer;        /* window offset */
	uint64_t reserved[5];
	uint8_t vector[REGISTERS_VECTOR];
};
#define REGISTERS_SIZE 1024
_Static_assert(sizeof(struct carrel_registers) == REGISTERS_SIZE, "both sides agree");

/* How a thread is resumed. */
#define RESUME_PROGRAM 0        /* where it was interrupted, or at a landing pad; the interruption is over */
#define RESUME_HANDLER 1        /* at a landing pad, as a call whose return is system call RESUME_NUMBER */
#define RESUME_NUMBER  15       /* rt_sigreturn; its argument is the data stack's pointer */
#endif
