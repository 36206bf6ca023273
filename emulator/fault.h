/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Exceptions of the emulated program. None of the raising functions returns: they unwind to cpu_run, which delivers a signal.
 */
#ifndef EMULATOR_FAULT_H
#define EMULATOR_FAULT_H

#include "emulator/cpu.h"

/* CHERI exception causes. */
enum cheri_cause {
	CHERI_LENGTH = 0x01,
	CHERI_TAG = 0x02,
	CHERI_SEAL = 0x03,
	CHERI_TYPE = 0x04,
	CHERI_PERMIT_EXECUTE = 0x11,
	CHERI_PERMIT_LOAD = 0x12,
	CHERI_PERMIT_STORE = 0x13,
	CHERI_PERMIT_LOAD_CAPABILITY = 0x14,
	CHERI_PERMIT_STORE_CAPABILITY = 0x15,
	CHERI_PERMIT_STORE_LOCAL = 0x16,
	CHERI_SYSTEM_REGISTERS = 0x18,
	CHERI_PERMIT_CINVOKE = 0x19,
};
enum { CHERI_PCC = 0x20, CHERI_DDC = 0x21 }; /* in the place of a register's number */

/* si_code of SIGSEGV, as CHERI's Linux (Morello) has them. */
enum {
	SEGV_CAPABILITY_TAG = 10,
	SEGV_CAPABILITY_SEALED,
	SEGV_CAPABILITY_BOUNDS,
	SEGV_CAPABILITY_PERMISSION,
	SEGV_CAPABILITY_ACCESS
};

_Noreturn void fault_cheri(struct cpu *cpu, const struct operation *op, enum cheri_cause cause, unsigned reg,
			   uint64_t address);
_Noreturn void fault_illegal(struct cpu *cpu, const struct operation *op, uint32_t encoding);
#define FAULT_HERE (~(uint64_t)0) /* as address: the instruction's own */
_Noreturn void fault_signal(struct cpu *cpu, const struct operation *op, int signal, int code, uint64_t address,
			    const char *text);
void fault_init(void); /* the host's SIGSEGV and SIGBUS */
void fault_report(struct cpu *cpu); /* of a fault that ends the program: one line, then registers */
const char *fault_cause_name(unsigned cause);
/* Where operation op of the block being run stands; and what it and those before it wrote is settled. */
void fault_locate(struct cpu *cpu, const struct operation *op);

#endif
