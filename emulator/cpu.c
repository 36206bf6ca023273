/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * One emulated thread: its registers, what is cached of DDC and PCC, and the loop that runs it.
 */
#include <string.h>
#include <xmmintrin.h>
#include "emulator/block.h"
#include "emulator/fault.h"
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/world.h"
#include "emulator/translate/translate.h"

_Thread_local struct cpu *cpu_current;

/* How many addresses from the base an access of 1 << n bytes may have: inside DDC, inside the address space, and permitted. */
static uint64_t count(struct bounds b, uint64_t base, bool permitted, unsigned n)
{
	uint64_t top = b.top > MEMORY_SIZE ? MEMORY_SIZE : (uint64_t)b.top, size = (uint64_t)1 << n;
	return permitted && base < top && top - base >= size ? top - base - size + 1 : 0;
}

void cpu_set_data(struct cpu *cpu, struct capability ddc)
{
	struct bounds b = capability_bounds(ddc);
	bool usable = ddc.tag && !capability_sealed(ddc);
	uint32_t permissions = capability_permissions(ddc);
	cpu->ddc = ddc;
	cpu->data_base = settings.cheri ? b.base : 0;
	if (!settings.cheri)
		b.top = MEMORY_SIZE;
	for (unsigned n = 0; n < 5; n++) {
		cpu->load_count[n] = count(b, cpu->data_base, (usable && (permissions & PERMIT_LOAD)) || !settings.cheri, n);
		cpu->store_count[n] = count(b, cpu->data_base, (usable && (permissions & PERMIT_STORE)) || !settings.cheri, n);
	}
	cpu->context = block_context(cpu);
}

void cpu_set_code(struct cpu *cpu, struct capability pcc)
{
	cpu->pcc = pcc;
	cpu->code_bounds = capability_bounds(pcc);
	cpu->code_permissions = capability_permissions(pcc);
	cpu->context = block_context(cpu);
}

struct capability cpu_pcc(const struct cpu *cpu, uint64_t address)
{
	return capability_with_address(cpu->pcc, address);
}

struct capability cpu_get(const struct cpu *cpu, unsigned r)
{
	bool capability = cpu->capability_mask >> r & 1;
	return (struct capability){ cpu->x[r], capability ? cpu->upper[r] : 0, capability && (cpu->tags >> r & 1) };
}

void cpu_put(struct cpu *cpu, unsigned r, struct capability c)
{
	if (!r)
		return;
	cpu->x[r] = c.address;
	cpu->upper[r] = c.upper;
	cpu->tags = (cpu->tags & ~(1u << r)) | (uint32_t)c.tag << r;
	cpu->capability_mask = (cpu->capability_mask & ~(1u << r)) | (uint32_t)(c.tag || c.upper) << r;
}

void cpu_init(struct cpu *cpu)
{
	memset(cpu, 0, sizeof *cpu);
	cpu->reserved_address = ~(uint64_t)0;
	cpu->pcc = capability_root(0);
	cpu->code_bounds = capability_bounds(cpu->pcc);
	cpu->code_permissions = capability_permissions(cpu->pcc);
	cpu_set_data(cpu, capability_root(0));
}

_Noreturn void cpu_run(struct cpu *cpu)
{
	cpu_current = cpu;
	world_enter(cpu);
	if (sigsetjmp(cpu->recover, 0))		/* a fault unwound to here: cpu->pc is the instruction's */
		signal_fault(cpu);
	for (;;) {
		if (unlikely(cpu->interrupt))
			signal_poll(cpu);
		struct block *block = block_find(cpu);
		if (settings.translate && block_run(cpu, block))
			continue;
		interpret(cpu, block);
	}
}
