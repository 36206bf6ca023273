/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The register state of an interrupted program on CHERI-RISC-V, as the Intravisor gives it to the library OS and takes it back
 * (hostcall.def: thread_registers, thread_resume). Integers only: a program's capability registers do not outlive an
 * interruption, but for the one that is its gate's, which the Intravisor sets itself. Freestanding.
 */
#ifndef CARREL_REGISTERS_H
#define CARREL_REGISTERS_H
#include <stdint.h>

enum { REG_LINK = 1, REG_STACK = 2, REG_GATE = 3, REG_TLS = 4, REG_A = 10, REG_NUMBER = 17 };

struct carrel_registers {
	union {
		uint64_t general[32];           /* by number; x0 and x3, the gate's, are always 0 */
		struct {
			uint64_t x0, x1, x2, x3;
			uint64_t thread_pointer; /* x4: an address like any other */
		};
	};
	uint64_t pc;                    /* absolute, as all addresses here */
	uint64_t status;                /* fcsr */
	uint64_t reserved[6];
	uint64_t floating[32];
};
#define REGISTERS_SIZE 576
_Static_assert(sizeof(struct carrel_registers) == REGISTERS_SIZE, "both sides agree");

/* How a thread is resumed: both are the same here, since PCC and DDC confine the program wherever it goes on. */
#define RESUME_PROGRAM 0
#define RESUME_HANDLER 1
#define RESUME_NUMBER  139      /* rt_sigreturn; its argument is the stack pointer */
#endif
