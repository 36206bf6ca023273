/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Interruptions of a program (thread.h). Trusted. An attacker chooses when they come (by timers and other threads), every
 * register, and, as a library OS, what it resumes with.
 *
 * Why resuming is sound: rsp comes from the record, so every later `ret` finds a return address that a call pushed; pc comes from
 * the record or is a landing pad; r15 is a place of the window's memory (verify_stack.c); no instruction of a program relies on other
 * registers, but for the steps of a checked branch and of a jump through a table, and there the record's pc is the load or the `and`, with
 * T's upper half cleared (unit.h). The thread pointer is a number that only the program reads; flags and vector state go through the
 * kernel's sigreturn, masked.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/gate.h>
#include <carrel/window.h>
#include "machine/x86_64/thread.h"
#include "machine/x86_64/unit.h"

#define FLAGS_ARITHMETIC 0x8d5u /* CF PF AF ZF SF OF */
#define FLAGS_FIXED      0x202u
#define MXCSR_MASK       0xffffu

/* Index in ucontext_t's gregs of general register i. REG_8 and the like are carrel/registers.h's names of what <ucontext.h> calls REG_R8. */
static const int interrupt_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
					REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* The gates' ways back to the program. From `last` on the comparison with C_KICKED has been made. */
static const struct way {
	const uint8_t *last, *go, *end;
} ways[] = {
	{gate_syscall_last, gate_syscall_go, gate_syscall_kicked},
	{gate_syscall_raw_last, gate_syscall_raw_go, gate_syscall_raw_kicked},
	{gate_control_mark_last, gate_control_mark_go, gate_control_mark_kicked},
	{gate_thread_pointer_last, gate_thread_pointer_go, gate_thread_pointer_kicked},
	{gate_control_unwind_last, gate_control_unwind_go, gate_control_unwind_kicked},
	{gate_call_last, gate_call_go, gate_call_kicked},
	{gate_call_copy_last, gate_call_copy_go, gate_call_copy_kicked},
	{gate_call_in_last, gate_call_in_go, gate_call_in_end},
};

static const struct way *way_at(uint64_t rip)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (rip >= gate_address(ways[i].last) && rip <= gate_address(ways[i].end))
			return &ways[i];
	return NULL;
}

int interrupt_point(const struct context *context, const ucontext_t *uc, uint64_t *pc, uint64_t *rsp)
{
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	const struct way *way = way_at(rip);

	*pc = rip;
	*rsp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	if (!way)
		return rip - context->program_base < WINDOW_SIZE;
	if (way->last == gate_control_unwind_last) {
		*pc = (uint64_t)uc->uc_mcontext.gregs[REG_R11];
		return 1;
	}
	if (way->last == gate_call_in_last) {   /* the call that is not made yet */
		*pc = (uint64_t)uc->uc_mcontext.gregs[REG_R11];
		*rsp -= 8;
		*(uint64_t *)*rsp = gate_address(gate_call_return);
		return 1;
	}
	*pc = *(uint64_t *)*rsp;        /* the gate's caller: in the program, since the gates are its */
	*rsp += 8;
	return 1;
}

uint64_t interrupt_passed(uint64_t pc)
{
	return gate_address(way_at(pc)->go);
}

/* The unit around pc. Pages are asked for one by one: what cannot be read is not text (text is readable: layout.c), and reads as
 * zeros, which are no step. So a unit at the very start of a text that nothing lies before is seen as any other: were it missed,
 * the library OS would resume at its branch with a target of its choice. */
static unsigned unit_at(uint64_t pc, uint64_t base, unsigned *back)
{
	uint8_t text[2 * UNIT_LOOK] = {0};
	uint64_t start = pc - UNIT_LOOK, end = pc + UNIT_LOOK, border = end & ~4095ull;

	*back = 0;
	if (pc - base < UNIT_LOOK || pc - base > WINDOW_SIZE - UNIT_LOOK)
		return UNIT_NONE;       /* the guards: no text is there */
	if (border <= start)
		border = end;
	machine_copy_in(text, (void *)start, border - start);
	machine_copy_in(text + (border - start), (void *)border, end - border);
	return unit_find(text, sizeof text, UNIT_LOOK, back);
}

/* Into the library OS by sigreturn. */
static void enter(struct context *context, ucontext_t *uc, uint64_t rsp, uint64_t what, uint64_t code, uint64_t address)
{
	greg_t *regs = uc->uc_mcontext.gregs;

	*(uint64_t *)(rsp - 8) = gate_address(gate_interrupt_return);
	for (int i = 0; i < 16; i++)
		regs[interrupt_order[i]] = 0;
	regs[REG_RIP] = (greg_t)context->interrupt_entry;
	regs[REG_RSP] = (greg_t)(rsp - 8);
	regs[REG_EFL] = FLAGS_FIXED;
	regs[REG_R14] = (greg_t)context->libos_base;
	regs[REG_R15] = (greg_t)(uint32_t)context->libos_stack;
	regs[REG_RDI] = (greg_t)what;
	regs[REG_RSI] = (greg_t)code;
	regs[REG_RDX] = (greg_t)address;
	context->kicked = 0;
}

int interrupt_program(struct machine_thread *thread, ucontext_t *uc, uint64_t pc, uint64_t rsp, uint64_t what, uint64_t code,
		      uint64_t address)
{
	struct context *context = thread->context;
	greg_t *regs = uc->uc_mcontext.gregs;
	struct carrel_registers out;
	unsigned back = 0, t = UNIT_NONE;

	if (!context->interrupt_entry || !thread->registers || context->record_count >= RECORDS_MOST || rsp < context->control_low ||
	    rsp > (uint64_t)context - CONTEXT_FIRST || rsp % 8 || pc - context->program_base >= WINDOW_SIZE)
		return -1;
	if (pc == (uint64_t)regs[REG_RIP])
		t = unit_at(pc, context->program_base, &back);
	if (t != UNIT_NONE) {
		pc -= back;
		regs[interrupt_order[t]] = (greg_t)(uint32_t)regs[interrupt_order[t]];
	}
	memset(&out, 0, sizeof out);
	for (int i = 0; i < 16; i++)
		out.general[i] = (uint64_t)regs[interrupt_order[i]];
	out.general[REG_CONTROL] = 0;
	out.general[REG_STACK] = (uint32_t)out.general[REG_STACK];
	if (pc != (uint64_t)regs[REG_RIP])      /* out of a gate: what it held is not for the program to see */
		out.general[REG_11] = t == UNIT_NONE ? 0 : out.general[REG_11];
	const struct way *way = way_at((uint64_t)regs[REG_RIP]);
	if (way && way->last != gate_syscall_raw_last)          /* there it is the program's own by now */
		out.general[REG_10] = 0;
	out.pc = (uint32_t)pc;
	out.flags = (uint64_t)regs[REG_EFL] & FLAGS_ARITHMETIC;
	out.thread_pointer = context->program_tp;
	memcpy(out.vector, uc->uc_mcontext.fpregs, context->avx ? REGISTERS_VECTOR : 576);
	memset(out.vector + 8, 0, 16);          /* FIP, FDP: addresses, not offsets */
	memset(out.vector + 416, 0, 96);        /* what the processor leaves as it was on this stack, and the kernel's own words */
	*(uint64_t *)(out.vector + 512) &= context->avx ? 7 : 3;
	if (machine_copy_out(thread->registers, &out, sizeof out))
		return -1;
	context->records[context->record_count++] = (struct record){rsp, (uint32_t)pc, t};
	enter(context, uc, rsp, what, code, address);
	return 0;
}

int interrupt_fatal(struct machine_thread *thread, ucontext_t *uc, uint64_t what, uint64_t code)
{
	struct context *context = thread->context;

	if (!context->interrupt_entry)
		return -1;
	context->record_count = 0;
	enter(context, uc, (uint64_t)context - CONTEXT_FIRST, what, code | MACHINE_FATAL, 0);
	return 0;
}

struct frame {
	_Alignas(64) uint8_t vector[REGISTERS_VECTOR + 64];
	ucontext_t uc;
};

/* The kernel's rules for vector state in a signal frame: arch/x86/kernel/fpu/signal.c, sw_reserved and the magic words. */
static void vector_put(struct frame *frame, const struct carrel_registers *in, uint64_t features)
{
	struct {
		uint32_t magic, extended;
		uint64_t features;
		uint32_t size, pad[7];
	} software = {0x46505853u, 0, features, features & 4 ? REGISTERS_VECTOR : 576, {0}};
	uint64_t header[8] = {0};
	uint32_t mxcsr, end = 0x46505845u;

	software.extended = software.size + 4;
	memcpy(frame->vector, in->vector, software.size);
	memcpy(&mxcsr, frame->vector + 24, 4);
	mxcsr &= MXCSR_MASK;
	memcpy(frame->vector + 24, &mxcsr, 4);
	memcpy(header, frame->vector + 512, 8);
	header[0] &= features;
	memcpy(frame->vector + 512, header, sizeof header);
	memcpy(frame->vector + 464, &software, 48);
	memcpy(frame->vector + software.size, &end, 4);
}

int machine_thread_resume(struct machine_thread *thread, const struct carrel_registers *in, uint64_t how)
{
	struct context *context = thread->context;
	uint64_t pc = in->pc, signals = 1ull << (MACHINE_KICK - 1);
	struct frame frame;

	if (!context->record_count || how > RESUME_HANDLER)
		return -EINVAL;
	struct record record = context->records[context->record_count - 1];
	if ((uint64_t)context - record.rsp < context->floor)    /* behind the frame that a call returns to */
		return -EINVAL;
	if ((how == RESUME_HANDLER || pc != record.pc) && (pc > UINT32_MAX || !machine_entry_ok((void *)context->program_base, (uint32_t)pc)))
		return -EINVAL;
	/* From here on nothing fails. Interruptions wait until sigreturn. */
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &signals, NULL, 8))
		return -EINVAL;
	memset(&frame, 0, sizeof frame);
	greg_t *regs = frame.uc.uc_mcontext.gregs;
	for (int i = 0; i < 16; i++)
		regs[interrupt_order[i]] = (greg_t)in->general[i];
	regs[REG_R15] = (greg_t)stack_place(context, in->general[REG_STACK]);
	uint64_t rsp = record.rsp;
	if (how == RESUME_HANDLER) {
		rsp -= 8;
		*(uint64_t *)rsp = gate_address(gate_handler_return);
	} else {
		context->record_count--;
		if (record.truncate < UNIT_NONE && pc == record.pc)
			regs[interrupt_order[record.truncate]] = (greg_t)(uint32_t)in->general[record.truncate];
	}
	regs[REG_RSP] = (greg_t)rsp;
	regs[REG_RIP] = (greg_t)(context->program_base + pc);
	regs[REG_EFL] = (greg_t)((in->flags & FLAGS_ARITHMETIC) | FLAGS_FIXED);
	regs[REG_CSGSFS] = 0x33 | 0x2bll << 48;
	frame.uc.uc_flags = 7;          /* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	frame.uc.uc_stack = (stack_t){.ss_sp = carrier_stack(context->carrier), .ss_size = CARRIER_STACK_SIZE};
	frame.uc.uc_mcontext.fpregs = (void *)frame.vector;
	memcpy(&frame.uc.uc_sigmask, &context->carrier->signal_mask, 8);
	vector_put(&frame, in, context->avx ? 7 : 3);
	context->program_tp = in->thread_pointer;
	if (__atomic_exchange_n(&context->kicked, 0, __ATOMIC_SEQ_CST))
		syscall(SYS_tgkill, getpid(), thread->tid, MACHINE_KICK);
	context_resume(context, &frame.uc);
}

int64_t machine_blocking(struct machine_thread *thread, long number, long a, long b, long c, long d, long e, long f)
{
	const long call[7] = {number, a, b, c, d, e, f};
	int64_t result = context_blocking(&thread->context->kicked, call);

	if (result == -EINTR)
		thread->context->kicked = 0;
	return result;
}
