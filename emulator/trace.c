/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Instructions and registers as text, for --trace and for reports of faults.
 */
#include <stdio.h>
#include "emulator/block.h"
#include "emulator/trace.h"

const char *const register_names[33] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
					"a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
					"s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "zero"};

void trace_operation(struct cpu *cpu, struct block *block, const struct operation *op)
{
	if (op->code == SETTLE || op->code == STEP)
		return;
	fprintf(stderr, "%010lx %-14s", (unsigned long)(block->pc + block->place[op - block->operation].offset),
		decode_name(op->code));
	if (decode_kind(op->code) == KIND_FLOAT)
		fprintf(stderr, " %u, %u, %u\n", op->rd, op->rs1, op->rs2);
	else
		fprintf(stderr, " %s, %s=%lx, %s=%lx, %d\n", register_names[op->rd], register_names[op->rs1],
			(unsigned long)cpu->x[op->rs1], register_names[op->rs2], (unsigned long)cpu->x[op->rs2],
			op->immediate);
}

int trace_capability(char *text, size_t size, struct capability c)
{
	struct bounds b = capability_bounds(c);
	char type[24] = "";
	if (capability_sealed(c))
		snprintf(type, sizeof type, capability_type(c) == TYPE_SENTRY ? " sentry" : " type 0x%x",
			 capability_type(c));
	char top[24];
	snprintf(top, sizeof top, b.top >> 64 ? "0x1%016lx" : "0x%lx", (unsigned long)b.top);
	return snprintf(text, size, "0x%lx [0x%lx, %s) permissions 0x%x%s%s", (unsigned long)c.address,
			(unsigned long)b.base, top, capability_permissions(c), type, c.tag ? "" : " untagged");
}

void trace_registers(struct cpu *cpu)
{
	char text[160];
	fprintf(stderr, "  pc   %016lx\n", (unsigned long)cpu->pc);
	for (unsigned r = 1; r < 32; r++)
		fprintf(stderr, "  %-4s %016lx%s", register_names[r], (unsigned long)cpu->x[r],
			r % 4 == 0 || r == 31 ? "\n" : "");
	for (unsigned r = 1; r < 32; r++)
		if (cpu->capability_mask >> r & 1) {
			trace_capability(text, sizeof text, cpu_get(cpu, r));
			fprintf(stderr, "  c%-3u %s\n", r, text);
		}
	trace_capability(text, sizeof text, cpu_pcc(cpu, cpu->pc));
	fprintf(stderr, "  pcc  %s\n", text);
	trace_capability(text, sizeof text, cpu->ddc);
	fprintf(stderr, "  ddc  %s\n", text);
}
