/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * One operation in C: those of execute_*.c as they are, and loads and stores with all their checks.
 */
#include <string.h>
#include "emulator/block.h"
#include "emulator/memory.h"
#include "emulator/translate/step.h"

bool step_possible(const struct operation *op, enum variant variant)
{
	switch (op->code) {
	case SETTLE:
		return true;
	case ILLEGAL:
	case FETCH_FAULT:
	case ECALL:
	case EBREAK:
	case FENCE_I:
		return false;
	default:
		return decode_kind(op->code) != KIND_CAPABILITY || (variant == WITH_CAPABILITIES && !decode_ends_block(op->code));
	}
}

static uint64_t load(struct cpu *cpu, const struct operation *op, unsigned n)
{
	uint64_t value = 0;
	memcpy(&value, memory_load_check(cpu, op, cpu->x[op->rs1] + (uint64_t)(int64_t)op->immediate, n), 1u << n);
	return value;
}

static void store(struct cpu *cpu, const struct operation *op, unsigned n, uint64_t value)
{
	uint64_t address = cpu->x[op->rs1] + (uint64_t)(int64_t)op->immediate;
	void *to = memory_store_check(cpu, op, address, n);
	if (memory_page_tagged(address))
		memory_store_tagged(address, &value, 1u << n);
	else
		memcpy(to, &value, 1u << n);
}

void translate_step(struct cpu *cpu, const struct operation *op, struct block *block)
{
	cpu->block = block;
	cpu->operation = op;
	switch (op->code) {
	case LB:
		cpu->x[op->rd] = (uint64_t)(int64_t)(int8_t)load(cpu, op, 0);
		break;
	case LH:
		cpu->x[op->rd] = (uint64_t)(int64_t)(int16_t)load(cpu, op, 1);
		break;
	case LW:
		cpu->x[op->rd] = (uint64_t)(int64_t)(int32_t)load(cpu, op, 2);
		break;
	case LD:
		cpu->x[op->rd] = load(cpu, op, 3);
		break;
	case LBU:
		cpu->x[op->rd] = load(cpu, op, 0);
		break;
	case LHU:
		cpu->x[op->rd] = load(cpu, op, 1);
		break;
	case LWU:
		cpu->x[op->rd] = load(cpu, op, 2);
		break;
	case FLW:
		cpu->f[op->rd] = load(cpu, op, 2) | 0xffffffff00000000ull;
		break;
	case FLD:
		cpu->f[op->rd] = load(cpu, op, 3);
		break;
	case SB:
		store(cpu, op, 0, cpu->x[op->rs2]);
		break;
	case SH:
		store(cpu, op, 1, cpu->x[op->rs2]);
		break;
	case SW:
		store(cpu, op, 2, cpu->x[op->rs2]);
		break;
	case SD:
		store(cpu, op, 3, cpu->x[op->rs2]);
		break;
	case FSW:
		store(cpu, op, 2, cpu->f[op->rs2]);
		break;
	case FSD:
		store(cpu, op, 3, cpu->f[op->rs2]);
		break;
	default:
		execute_functions[op->code](cpu, op);
	}
}
