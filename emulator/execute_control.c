/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The table of instruction functions, and the CSRs a user-mode program has: fflags, frm, fcsr, cycle, time, instret.
 */
#include <time.h>
#include "emulator/execute.h"
#include "emulator/fault.h"
#include "emulator/float.h"

#define SLOT_INTEGER(code)
#define SLOT_ATOMIC(code) [code] = execute_##code,
#define SLOT_FLOAT(code) [code] = execute_##code,
#define SLOT_CONTROL(code) [code] = execute_##code,
#define SLOT_CAPABILITY(code) [code] = execute_##code,
execute_function *const execute_functions[CODES] = {
#define INSTRUCTION(kind, code, name, match, mask, format, result) SLOT_##kind(code)
#include "emulator/instructions.def"
#undef INSTRUCTION
};

enum { CSR_FFLAGS = 1, CSR_FRM = 2, CSR_FCSR = 3, CSR_CYCLE = 0xc00, CSR_TIME = 0xc01, CSR_INSTRET = 0xc02 };

/* The host's time stands for all three counters: the first version of a program that needs to know instructions uses --stats. */
static uint64_t nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t csr_read(struct cpu *cpu, const struct operation *op, unsigned csr)
{
	switch (csr) {
	case CSR_FFLAGS:
		return float_flags();
	case CSR_FRM:
		return cpu->rounding;
	case CSR_FCSR:
		return cpu->rounding << 5 | float_flags();
	case CSR_CYCLE:
	case CSR_TIME:
	case CSR_INSTRET:
		return nanoseconds();
	default:
		fault_signal(cpu, op, SIGILL, ILL_PRVREG, FAULT_HERE,
			     "access to a control register that a user program does not have");
	}
}

static void csr_write(struct cpu *cpu, const struct operation *op, unsigned csr, uint64_t value)
{
	switch (csr) {
	case CSR_FFLAGS:
		float_flags_set(value & 31);
		break;
	case CSR_FCSR:
		float_flags_set(value & 31);
		cpu->rounding = value >> 5 & 7;
		float_rounding_set(cpu->rounding);
		break;
	case CSR_FRM:
		cpu->rounding = value & 7;
		float_rounding_set(cpu->rounding);
		break;
	default:
		fault_signal(cpu, op, SIGILL, ILL_PRVREG, FAULT_HERE, "write to a read-only control register");
	}
}

enum change { WRITE, SET, CLEAR_BITS };

static void csr(struct cpu *cpu, const struct operation *op, enum change change, uint64_t value, bool write)
{
	unsigned number = (unsigned)op->immediate;
	uint64_t old = csr_read(cpu, op, number);
	if (write)
		csr_write(cpu, op, number, change == WRITE ? value : change == SET ? old | value : old & ~value);
	cpu->x[op->rd] = old;
}

EXECUTE(CSRRW)
{
	csr(cpu, op, WRITE, cpu->x[op->rs1], true);
}
EXECUTE(CSRRS)
{
	csr(cpu, op, SET, cpu->x[op->rs1], op->rs1);
}
EXECUTE(CSRRC)
{
	csr(cpu, op, CLEAR_BITS, cpu->x[op->rs1], op->rs1);
}
EXECUTE(CSRRWI)
{
	csr(cpu, op, WRITE, op->rs1, true);
}
EXECUTE(CSRRSI)
{
	csr(cpu, op, SET, op->rs1, op->rs1);
}
EXECUTE(CSRRCI)
{
	csr(cpu, op, CLEAR_BITS, op->rs1, op->rs1);
}
