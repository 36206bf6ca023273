/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Interruptions of a program: how one that runs, or is about to, is taken to its library OS with every integer register kept, and back.
 * Trusted; on the signal stack and async-signal-safe, but for machine_thread_resume. An attacker chooses when they come, every
 * register, and, as a library OS, what it resumes with.
 *
 * Why resuming is sound: PCC, DDC and gp come from the context whatever the library OS says, all other registers are integers, and a
 * program may have any integer in any register and go on anywhere in its PCC.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/entry.h>
#include <carrel/window.h>
#include "machine/cheri_riscv64/thread.h"

void frame_enter(const struct context *context, struct signal_frame *frame, int program, uint64_t pc)
{
	memset(frame->x, 0, sizeof frame->x);
	memset(frame->c, 0, sizeof frame->c);   /* plain stores: all tags go */
	frame->x[0] = pc;
	capability_copy(&frame->c[0], program ? &context->program_data : &context->libos_data);
	capability_copy(&frame->c[32], program ? &context->program_code : &context->libos_code);
	frame->x[REG_GATE] = (uint64_t)context;
	capability_copy(&frame->c[REG_GATE], program ? &context->program_gate : &context->libos_gate);
	if (!program) {
		frame->x[REG_TLS] = context->program_base;
		capability_copy(&frame->c[REG_TLS], &context->program_window);
	}
}

static void enter(struct context *context, struct signal_frame *frame, uint64_t what, uint64_t code, uint64_t address)
{
	frame_enter(context, frame, 0, context->interrupt_entry);
	frame->x[REG_STACK] = context->libos_stack;
	frame->x[REG_A] = what;
	frame->x[REG_A + 1] = code;
	frame->x[REG_A + 2] = address;
	memset(frame->f, 0, sizeof frame->f);
	frame->status = 0;
	context->kicked = 0;
}

int interrupt_program(struct machine_thread *thread, struct signal_frame *frame, int in_gate, uint64_t what, uint64_t code,
		      uint64_t address)
{
	struct context *context = thread->context;
	struct carrel_registers out;

	if (!context->interrupt_entry || !thread->registers)
		return -1;
	memset(&out, 0, sizeof out);
	if (in_gate) {          /* gate_way_out: what it held is not for the program to see */
		out.general[REG_LINK] = context->program_ra;
		out.general[REG_STACK] = context->program_sp;
		out.thread_pointer = context->program_tp;
		memcpy(out.general + REG_A, frame->x + REG_A, 6 * 8);
		memcpy(out.general + 8, frame->x + 8, 2 * 8);
		memcpy(out.general + 18, frame->x + 18, 10 * 8);
		out.pc = context->program_pc;
	} else {
		memcpy(out.general + 1, frame->x + 1, 31 * 8);
		out.general[REG_GATE] = 0;
		out.pc = frame->x[0];
		/* Between the load of a sealed entry and its CInvoke it is in a register that does not come back: the steps, which only
		 * use what they load and what the program passes, are done again from their start. */
		if (out.pc - (context->program_base + ENTRY_PAGE) < ENTRY_SIZE)
			out.pc &= ~(uint64_t)(ENTRY_STEPS - 1);
	}
	out.status = frame->status;
	memcpy(out.floating, frame->f, sizeof out.floating);
	if (machine_copy_out(thread->registers, &out, sizeof out))
		return -1;
	enter(context, frame, what, code, address);
	return 0;
}

int interrupt_fatal(struct machine_thread *thread, struct signal_frame *frame, uint64_t what, uint64_t code)
{
	struct context *context = thread->context;

	if (!context->interrupt_entry)
		return -1;
	enter(context, frame, what, code | MACHINE_FATAL, 0);
	return 0;
}

int machine_thread_resume(struct machine_thread *thread, const struct carrel_registers *in, uint64_t how)
{
	struct context *context = thread->context;
	const uint64_t signals = 1ull << (MACHINE_KICK - 1);
	struct signal_frame frame __attribute__((aligned(16)));

	if (how > RESUME_HANDLER)
		return -EINVAL;
	/* From here on nothing fails. Interruptions wait until sigreturn. */
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &signals, NULL, 8))
		return -EINVAL;
	memset(&frame, 0, sizeof frame);
	frame_enter(context, &frame, 1, in->pc);
	for (int i = 1; i < 32; i++)
		if (i != REG_GATE)
			frame.x[i] = in->general[i];
	frame.status = in->status & 0xff;
	memcpy(frame.f, in->floating, sizeof frame.f);
	frame.stack_base = (uint64_t)carrier_stack(context->carrier);
	frame.stack_size = CARRIER_STACK_SIZE;
	frame.mask = context->carrier->signal_mask;
	if (__atomic_exchange_n(&context->kicked, 0, __ATOMIC_SEQ_CST))
		syscall(SYS_tgkill, getpid(), thread->tid, MACHINE_KICK);
	context_resume(&frame);
}
