/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Faults: whose was it, can a fix-up take it, and if not, how the thread leaves its guest while the process goes on.
 * Runs on the alternate signal stack with the host's registers (signal_entry, gates.S); async-signal-safe.
 * An attacker controls when and where guest code faults, and every register of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <carrel/entry.h>
#include <carrel/window.h>
#include "machine/cheri_riscv64/part_copy.h"
#include "machine/cheri_riscv64/thread.h"

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static int inside(uint64_t address, uint64_t base)
{
	return address - base < WINDOW_SIZE;
}

static struct capability own_code;      /* the Intravisor's PCC */

/* Is this a compartment's instruction? PCC decides, not pc: a guest's jump out of its code faults with the target as pc. */
static int guest_in(const struct signal_frame *frame)
{
	return frame->c[32].words[1] != own_code.words[1];
}

/* Which one: PCC's base is its window's. */
static int libos_in(const struct signal_frame *frame, const struct context *context)
{
	return guest_in(frame) && capability_base(&frame->c[32]) == context->libos_base;
}

static int gate_at(const struct signal_frame *frame)
{
	return !guest_in(frame) && frame->x[0] >= (uint64_t)gate_start && frame->x[0] < (uint64_t)gate_end;
}

/* Is it the violation of a capability? (docs/emulator.md) */
static int violated(const struct signal_frame *frame, int signal)
{
	return signal == SIGSEGV && frame->information.si_code >= 10 && frame->information.si_code <= 14;
}

/* What was violated, and through which register: "length violation through DDC". */
static void violation_describe(struct machine_fault *fault, uint32_t mtval)
{
	static const char *const causes[32] = {
		[1] = "length", [2] = "tag", [3] = "seal", [4] = "type", [0x11] = "permit-execute", [0x12] = "permit-load",
		[0x13] = "permit-store", [0x14] = "permit-load-capability", [0x15] = "permit-store-capability",
		[0x16] = "permit-store-local-capability", [0x18] = "access-system-registers", [0x19] = "permit-cinvoke",
	};
	const char *cause = causes[CHERI_CAUSE(mtval)], *violation = " violation through ";
	unsigned reg = CHERI_REGISTER(mtval);
	char *to = fault->violation;
	size_t n;

	n = strlen(cause ? cause : "capability");
	memcpy(to, cause ? cause : "capability", n);
	memcpy(to + n, violation, strlen(violation));
	n += strlen(violation);
	if (reg == 0x20 || reg == 0x21)
		memcpy(to + n, reg == 0x20 ? "PCC" : "DDC", 4);
	else {
		to[n++] = 'c';
		if (reg >= 10)
			to[n++] = (char)('0' + reg / 10 % 10);
		to[n++] = (char)('0' + reg % 10);
		to[n] = 0;
	}
}

static void fault_describe(struct machine_thread *thread, int signal, const struct signal_frame *frame)
{
	const struct context *context = thread->context;
	struct machine_fault *fault = &thread->last;
	uint64_t pc = frame->x[0], address = (uint64_t)frame->information.si_addr;
	uint32_t mtval = 0;
	int libos = libos_in(frame, context), memory = signal == SIGSEGV || signal == SIGBUS;

	memset(fault, 0, sizeof *fault);
	fault->signal = signal;
	fault->compartment = libos ? MACHINE_LIBOS : MACHINE_PROGRAM;
	if (violated(frame, signal))
		memcpy(&mtval, (const uint8_t *)&frame->information + 24, 4);
	if (mtval)
		violation_describe(fault, mtval);
	if (gate_at(frame)) {      /* a gate's fault is its caller's: it has nowhere to go, or never said where */
		int host_call = pc >= (uint64_t)gate_host_call;
		fault->reason = pc == (uint64_t)gate_no_call ? "the return from a call that there is none of"
							     : "a system call's entry or return address is not in its code";
		fault->compartment = host_call ? MACHINE_LIBOS : MACHINE_PROGRAM;
		fault->pc = pc == (uint64_t)gate_no_call ? ENTRY_SLOT(ENTRY_CALL_RETURN)
							 : (uint32_t)(host_call ? context->libos_pc : context->program_pc);
	} else if (inside(pc, libos ? context->libos_base : context->program_base))
		fault->pc = (uint32_t)pc;
	else
		fault->reason = "jump out of its code";
	if (!memory)
		return;
	fault->address = address;
	fault->address_known = 1;
	if (inside(address, context->program_base) || inside(address, context->libos_base)) {
		fault->address_in_window = 1;
		if (libos && inside(address, context->program_base))
			fault->reason = "library OS access to program memory without a fix-up";
	}
}

/* The thread is to leave its guest: at once wherever guest code or a gate runs; in the host, the end of the host call sees it. */
static void leave(const struct context *context, struct signal_frame *frame, int64_t value)
{
	memset(frame->x, 0, sizeof frame->x);
	memset(frame->c, 0, sizeof frame->c);
	capability_copy(&frame->c[0], &context->host_data);
	capability_copy(&frame->c[32], &own_code);
	frame->x[0] = (uint64_t)context_leave;
	frame->x[REG_STACK] = context->host_sp;
	frame->x[REG_A] = (uint64_t)context;
	frame->x[REG_A + 1] = (uint64_t)value;
}


static void kick_handle(struct machine_thread *thread, struct signal_frame *frame)
{
	struct context *context = thread->context;
	uint64_t pc = frame->x[0];
	int guest = guest_in(frame);

	int entering = !guest && pc >= (uint64_t)context_checked && pc < (uint64_t)context_entered;
	if (context->leaving && (guest || gate_at(frame) || entering)) {
		leave(context, frame, -ECANCELED);
		return;
	}
	context->kicked = 1;
	if (guest && !libos_in(frame, context))
		interrupt_program(thread, frame, 0, 0, 0, 0);
	else if (!guest && pc >= (uint64_t)blocking_start && pc < (uint64_t)blocking_end)
		frame->x[0] = (uint64_t)blocking_abort;
	else if (!guest && pc >= (uint64_t)gate_leave_checked && pc < (uint64_t)gate_leave_end)
		interrupt_program(thread, frame, 1, 0, 0, 0);
}

/* Called by signal_entry. */
__attribute__((used)) void signal_handle(int signal, struct carrier *carrier, struct signal_frame *frame);
void signal_handle(int signal, struct carrier *carrier, struct signal_frame *frame)
{
	struct context *context = carrier->now;
	struct machine_thread *thread = (struct machine_thread *)context->thread;
	uint64_t pc = frame->x[0], address = (uint64_t)frame->information.si_addr;
	int code = frame->information.si_code;

	if (signal == MACHINE_KICK) {
		if (code == SI_TIMER)   /* its owner's, wherever that is */
			machine_thread_kick(carrier->resident);
		kick_handle(thread, frame);
		return;
	}
	int guest = guest_in(frame), gate = gate_at(frame), memory = signal == SIGSEGV || signal == SIGBUS;
	if (signal == SIGSEGV && (code == SEGV_MAPERR || code == SEGV_ACCERR) && guest && inside(address, context->program_base) &&
	    machine_calls.missing && machine_calls.missing(thread, (uint32_t)address))
		return;
	int libos = libos_in(frame, context), program = guest && !libos;
	if (!guest && pc >= (uint64_t)machine_copy && pc < (uint64_t)machine_copy_end) {
		frame->x[0] = (uint64_t)machine_copy_fault;
		return;
	}
	/* Memory that is not there is a guest's affair; a violation of what was granted is not (part_copy). DDC is a part there; it puts the
	 * Intravisor's back. */
	if (!guest && pc >= (uint64_t)part_copy_start && pc < (uint64_t)part_copy_end && !violated(frame, signal)) {
		frame->x[0] = (uint64_t)part_copy_fault;
		return;
	}
	if (gate && signal == SIGILL && pc == (uint64_t)gate_leaving) {
		leave(context, frame, -ECANCELED);
		return;
	}
	/* An interruption that waited. One that cannot be told now waits on for the next gate: it is nobody's fault. */
	if (gate && signal == SIGILL && pc == (uint64_t)gate_kicked) {
		if (interrupt_program(thread, frame, 1, 0, 0, 0)) {
			frame->x[5] = 0;
			frame->x[0] = (uint64_t)gate_leave_checked;
		}
		return;
	}
	if (libos && memory && (uint32_t)pc >= thread->fixup_start && (uint32_t)pc < thread->fixup_end &&
	    !inside(address, context->libos_base)) {
		frame->x[0] = context->libos_base + thread->fixup_target;
		return;
	}
	if (code <= 0 || !(guest || gate)) {
		/* Sent by another process, or a fault of the Intravisor's own: die as without a handler. */
		struct sigaction plain = {.sa_handler = SIG_DFL};
		sigaction(signal, &plain, NULL);
		if (code <= 0)
			raise(signal);
		return;
	}
	fault_describe(thread, signal, frame);
	/* A program's fault is its library OS's business, if it can be told; one in a gate is the program's end. */
	if (program && !interrupt_program(thread, frame, 0, (uint64_t)signal, (uint64_t)(unsigned)code, memory ? address : UINT64_MAX))
		return;
	if (thread->last.compartment == MACHINE_PROGRAM && !interrupt_fatal(thread, frame, (uint64_t)signal, (uint64_t)(unsigned)code))
		return;
	machine_calls.fault(thread, &thread->last);
	leave(context, frame, -EFAULT);
}

int fault_init(void)
{
	struct sigaction action;

	capability_own(&own_code, 1, 0);
	memset(&action, 0, sizeof action);
	action.sa_handler = signal_entry;
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
