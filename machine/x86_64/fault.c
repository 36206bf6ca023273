/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Faults: whose was it, can a fix-up take it, and if not, how the thread leaves its guest while the process goes on.
 * Runs on the alternate signal stack; async-signal-safe.
 * An attacker controls when and where guest code faults, and every register of it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <carrel/window.h>
#include "machine/x86_64/thread.h"

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static int inside(uint64_t address, uint64_t base)
{
	return address - base < WINDOW_SIZE;
}

/* Offsets of the return addresses on the control stack, innermost first: into text. Other words are passed over: gate frames, and what
 * GATE_SYSCALL_RAW saved, which are a program's numbers. */
static void backtrace_fill(struct machine_fault *fault, const struct context *context, uint64_t rsp)
{
	uint64_t end = (uint64_t)context, low = context->control_low - CONTROL_HEADROOM;

	if (rsp < low || rsp >= end || rsp % 8)
		return;
	for (; rsp < end && fault->depth < 64; rsp += 8) {
		uint64_t word = *(uint64_t *)rsp;
		int program = inside(word, context->program_base);
		if ((!program && !inside(word, context->libos_base)) || (uint32_t)word < WINDOW_ARENA_START || (uint32_t)word >= WINDOW_ARENA_END)
			continue;
		fault->backtrace[fault->depth] = (uint32_t)word;
		fault->backtrace_compartment[fault->depth++] = program ? MACHINE_PROGRAM : MACHINE_LIBOS;
	}
}

/* Does it say which address? SI_KERNEL, a general protection fault, does not, which reads as 0; nor does a signal that was sent. */
static int addressed(int signal, const siginfo_t *info)
{
	return (signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0 && info->si_code != SI_KERNEL;
}

static const char *gate_reason(uint64_t pc)
{
	if (pc == gate_address(gate_no_headroom))
		return "control stack exhausted at a system call";
	if (pc == gate_address(gate_bad_unwind))
		return "longjmp to a frame that is gone, or not to a landing pad";
	if (pc == gate_address(gate_empty_slot))
		return "call of an empty gate slot";
	if (pc == gate_address(gate_first_return))
		return "return from the outermost frame";
	return "fault inside a gate";
}

/* The thread is to leave its guest: at once wherever guest code or a gate runs; in the host, the end of the host call sees it. */
static void leave(struct context *context, ucontext_t *uc, int64_t value)
{
	greg_t *regs = uc->uc_mcontext.gregs;

	regs[REG_RIP] = (greg_t)context_leave;
	regs[REG_RSP] = (greg_t)(context->host_sp - 256);
	regs[REG_RDI] = (greg_t)context;
	regs[REG_RSI] = value;
}

static int gate_at(uint64_t pc)
{
	return pc - (uint64_t)gate_page < (uint64_t)(gate_code_end - gate_code_start);
}

static void kick_handle(struct machine_thread *thread, ucontext_t *uc)
{
	struct context *context = thread->context;
	uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP], at, rsp;

	int entering = pc >= (uint64_t)context_checked && pc < (uint64_t)context_entered;
	if (context->leaving && (inside(pc, context->program_base) || inside(pc, context->libos_base) || gate_at(pc) || entering)) {
		leave(context, uc, -ECANCELED);
		return;
	}
	context->kicked = 1;
	if (pc >= (uint64_t)blocking_start && pc < (uint64_t)blocking_end)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)blocking_abort;
	else if (interrupt_point(context, uc, &at, &rsp))
		interrupt_program(thread, uc, at, rsp, 0, 0, 0);
}

static void fault_describe(struct machine_thread *thread, int signal, const siginfo_t *info, const ucontext_t *uc)
{
	const struct context *context = thread->context;
	const greg_t *regs = uc->uc_mcontext.gregs;
	struct machine_fault *fault = &thread->last;
	uint64_t pc = (uint64_t)regs[REG_RIP], address = (uint64_t)info->si_addr, low = (uint64_t)thread->region;
	int libos = inside(pc, context->libos_base), gate = gate_at(pc), memory = signal == SIGSEGV || signal == SIGBUS;

	memset(fault, 0, sizeof *fault);
	fault->signal = signal;
	fault->compartment = libos ? MACHINE_LIBOS : MACHINE_PROGRAM;
	/* A `call` into the low guard of the control stack faults on rsp, in guest code. */
	fault->reason = gate ? gate_reason(pc) : memory && address - low < CONTROL_REGION ? "control stack exhausted" : NULL;
	backtrace_fill(fault, context, (uint64_t)regs[REG_RSP]);
	if (gate && fault->depth) {     /* a gate's fault is its caller's */
		fault->pc = fault->backtrace[0];
		fault->compartment = fault->backtrace_compartment[0];
	} else if (!gate)
		fault->pc = (uint32_t)pc;
	if (!addressed(signal, info) || fault->reason)
		return;
	/* Elsewhere it stays 0: no host address leaves. */
	if (inside(address, context->program_base) || (libos && inside(address, context->libos_base))) {
		fault->address_in_window = 1;
		fault->address = (uint32_t)address;
		if (libos && inside(address, context->program_base))
			fault->reason = "library OS access to program memory without a fix-up";
	}
}

/* gs may be anyone's; C has no use for it. */
static void signal_handle(int signal, siginfo_t *info, void *frame)
{
	ucontext_t *uc = frame;
	greg_t *regs = uc->uc_mcontext.gregs;
	uint64_t pc = (uint64_t)regs[REG_RIP], address = (uint64_t)info->si_addr, at, rsp;
	uint8_t here;
	struct carrier *carrier = carrier_here(&here);
	struct context *context = carrier->now;
	struct machine_thread *thread = (struct machine_thread *)context->thread;

	if (signal == MACHINE_KICK) {
		if (info->si_code == SI_TIMER)  /* its owner's, wherever that is */
			machine_thread_kick(carrier->resident);
		kick_handle(thread, uc);
		return;
	}
	if (info->si_code > 0 && pc >= (uint64_t)machine_copy && pc < (uint64_t)machine_copy_end) {        /* a fault, not sent by somebody */
		regs[REG_RIP] = (greg_t)machine_copy_fault;
		return;
	}
	int program = inside(pc, context->program_base), libos = inside(pc, context->libos_base), gate = gate_at(pc);
	int memory = addressed(signal, info);
	if (signal == SIGSEGV && memory && (program || libos || gate) && inside(address, context->program_base) &&
	    machine_calls.missing && machine_calls.missing(thread, (uint32_t)address))
		return;
	if (signal == SIGILL && pc == gate_address(gate_leaving)) {
		leave(context, uc, -ECANCELED);
		return;
	}
	/* An interruption that waited. One that cannot be told now waits on for the next gate: it is nobody's fault. */
	if (gate && signal == SIGILL && interrupt_point(context, uc, &at, &rsp)) {
		if (interrupt_program(thread, uc, at, rsp, 0, 0, 0))
			regs[REG_RIP] = (greg_t)interrupt_passed(pc);
		return;
	}
	if (libos && memory && (uint32_t)pc >= thread->fixup_start && (uint32_t)pc < thread->fixup_end &&
	    inside(address, context->program_base)) {
		regs[REG_RIP] = (greg_t)(context->libos_base + thread->fixup_target);
		return;
	}
	if (info->si_code <= 0 || !(program || libos || gate)) {
		/* Sent by another process, or a fault of the Intravisor's own: die as without a handler. */
		struct sigaction plain = {.sa_handler = SIG_DFL};
		sigaction(signal, &plain, NULL);
		if (info->si_code <= 0)
			raise(signal);
		return;
	}
	fault_describe(thread, signal, info, uc);
	/* A program's fault is its library OS's business, if it can be told; one in a gate or without room is the program's end. */
	if (program && !thread->last.reason &&
	    !interrupt_program(thread, uc, pc, (uint64_t)regs[REG_RSP], (uint64_t)signal, (uint64_t)(unsigned)info->si_code,
			       thread->last.address_in_window ? thread->last.address : UINT64_MAX))
		return;
	if (thread->last.compartment == MACHINE_PROGRAM && pc != gate_address(gate_interrupt_return) &&
	    !interrupt_fatal(thread, uc, (uint64_t)signal, (uint64_t)(unsigned)info->si_code))
		return;
	machine_calls.fault(thread, &thread->last);
	leave(context, uc, -EFAULT);
}

int fault_init(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = signal_handle;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;      /* the handler itself reads guest memory, which may fault */
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigdelset(&action.sa_mask, caught[i]);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		if (sigaction(caught[i], &action, NULL))
			return -errno;
	action.sa_flags &= ~SA_NODEFER;
	return sigaction(MACHINE_KICK, &action, NULL) ? -errno : 0;
}
