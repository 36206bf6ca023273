/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The frame of a signal handler on the emulated stack: riscv64 Linux's rt_sigframe, and behind it the capabilities of the
 * interrupted context (DDC, c1 to c31, PCC) in tagged memory. A compartment (its PCC or DDC is not the program's own) controls
 * its stack pointer, so its frames go to the top of the alternate stack and nowhere else. On return the frame is the program's:
 * a capability comes back only with the tag memory kept, and only into a register that still has its address.
 */
#include <string.h>
#include "emulator/float.h"
#include "emulator/memory.h"
#include "emulator/signal.h"

struct frame {
	uint8_t information[128];
	uint64_t flags, link;
	uint64_t stack_base;
	uint32_t stack_flags, stack_padding;
	uint64_t stack_size;
	uint64_t mask, mask_unused[15];
	uint64_t padding;
	uint64_t pc, x[31]; /* x1 first */
	uint64_t f[32];
	uint32_t fcsr, fcsr_padding;
	uint64_t float_unused[33];
	struct {
		uint64_t address, upper;
	} capability[33]; /* 0 DDC, 1 to 31 registers, 32 PCC */
};
_Static_assert(offsetof(struct frame, pc) == 128 + 176 && offsetof(struct frame, capability) == 128 + 960,
	       "as Linux has it");

bool signal_frame_push(struct cpu *cpu, int signal, const siginfo_t *information, const struct emulated_action *action,
		       uint64_t mask, uint64_t trampoline, bool compartment)
{
	uint64_t sp = cpu->x[2], top = cpu->alternate_base + cpu->alternate_size;
	bool on_alternate = sp > cpu->alternate_base && sp <= top && !compartment;
	if (compartment || ((action->flags & SA_ONSTACK) && cpu->alternate_set && !on_alternate)) {
		if (!cpu->alternate_set)
			return false;
		sp = top;
	}
	uint64_t at = (sp - sizeof(struct frame)) & ~(uint64_t)15;
	struct frame frame = {.pc = cpu->pc, .mask = mask};
	memcpy(frame.information, information, sizeof frame.information);
	frame.stack_base = cpu->alternate_base;
	frame.stack_size = cpu->alternate_size;
	frame.stack_flags = !cpu->alternate_set ? SS_DISABLE : on_alternate ? SS_ONSTACK : 0;
	memcpy(frame.x, &cpu->x[1], sizeof frame.x);
	memcpy(frame.f, cpu->f, sizeof frame.f);
	frame.fcsr = cpu->rounding << 5 | float_flags();
	if (!memory_writable(at, sizeof frame) || !memory_copy_out(at, &frame, sizeof frame))
		return false;
	for (unsigned r = 0; r < 33; r++) {
		struct capability c = r == 0 ? cpu->ddc : r == 32 ? cpu->pcc : cpu_get(cpu, r);
		if (memory_shared(at))
			c.tag = false;
		memory_capability_store(cpu, at + offsetof(struct frame, capability) + 16 * r, c);
	}
	enum { RA = 1, SP = 2, A0 = 10 };
	cpu_put_integer(cpu, SP, at);
	cpu_put_integer(cpu, RA, trampoline);
	cpu_put_integer(cpu, A0, (uint64_t)signal);
	cpu_put_integer(cpu, A0 + 1, at);
	cpu_put_integer(cpu, A0 + 2, at + offsetof(struct frame, flags));
	cpu->pc = action->handler;
	return true;
}

bool signal_frame_pop(struct cpu *cpu, uint64_t *mask)
{
	struct frame frame;
	uint64_t at = cpu->x[2];
	if ((at & 15) || !memory_copy_in(&frame, at, sizeof frame))
		return false;
	*mask = frame.mask;
	cpu->pc = frame.pc;
	memcpy(cpu->f, frame.f, sizeof frame.f);
	cpu->rounding = frame.fcsr >> 5 & 7;
	float_rounding_set(cpu->rounding);
	float_flags_set(frame.fcsr & 31);
	for (unsigned r = 0; r < 33; r++) {
		struct capability c = memory_capability_load(at + offsetof(struct frame, capability) + 16 * r);
		if (r == 0)
			cpu_set_data(cpu, c);
		else if (r == 32)
			cpu_set_code(cpu, c);
		else if (c.address == frame.x[r - 1])
			cpu_put(cpu, r, c);
		else
			cpu_put_integer(cpu, r, frame.x[r - 1]);
	}
	cpu->alternate_base = frame.stack_base;
	cpu->alternate_size = frame.stack_size;
	cpu->alternate_set = !(frame.stack_flags & SS_DISABLE);
	cpu->reserved_address = ~(uint64_t)0;
	return true;
}
