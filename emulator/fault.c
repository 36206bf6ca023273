/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Exceptions. Each is recorded with its cause, register and address in cpu->fault, the pc is put on the instruction, and control
 * unwinds to cpu_run. Host faults inside the emulated address space become the program's; any other one is the emulator's own
 * error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ucontext.h>
#include "emulator/block.h"
#include "emulator/fault.h"
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/trace.h"
#include "emulator/world.h"
#include "emulator/translate/translate.h"

static const struct {
	unsigned cause;
	const char *name;
	int code;
} causes[] = {
	{CHERI_LENGTH, "length violation", SEGV_CAPABILITY_BOUNDS},
	{CHERI_TAG, "tag violation", SEGV_CAPABILITY_TAG},
	{CHERI_SEAL, "seal violation", SEGV_CAPABILITY_SEALED},
	{CHERI_TYPE, "type violation", SEGV_CAPABILITY_SEALED},
	{CHERI_PERMIT_EXECUTE, "permit-execute violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_PERMIT_LOAD, "permit-load violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_PERMIT_STORE, "permit-store violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_PERMIT_LOAD_CAPABILITY, "permit-load-capability violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_PERMIT_STORE_CAPABILITY, "permit-store-capability violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_PERMIT_STORE_LOCAL, "permit-store-local-capability violation", SEGV_CAPABILITY_PERMISSION},
	{CHERI_SYSTEM_REGISTERS, "access-system-registers violation", SEGV_CAPABILITY_ACCESS},
	{CHERI_PERMIT_CINVOKE, "permit-cinvoke violation", SEGV_CAPABILITY_PERMISSION},
};

const char *fault_cause_name(unsigned cause)
{
	for (unsigned n = 0; n < sizeof causes / sizeof *causes; n++)
		if (causes[n].cause == cause)
			return causes[n].name;
	return "violation";
}

void fault_locate(struct cpu *cpu, const struct operation *op)
{
	struct block *block = cpu->block;
	ptrdiff_t n = op - block->operation;
	cpu->pc = block->pc + block->place[n].offset;
	if (n) {
		cpu->capability_mask &= ~block->place[n - 1].written;
		cpu->instructions += block->place[n - 1].done;
	}
}

_Noreturn static void unwind(struct cpu *cpu, const struct operation *op)
{
	fault_locate(cpu, op);
	siglongjmp(cpu->recover, 1);
}

_Noreturn void fault_cheri(struct cpu *cpu, const struct operation *op, enum cheri_cause cause, unsigned reg,
			   uint64_t address)
{
	int code = SEGV_CAPABILITY_PERMISSION;
	for (unsigned n = 0; n < sizeof causes / sizeof *causes; n++)
		if (causes[n].cause == cause)
			code = causes[n].code;
	cpu->fault =
		(struct pending_fault){.signal = SIGSEGV, .code = code, .address = address, .cheri = cause | reg << 5};
	unwind(cpu, op);
}

_Noreturn void fault_illegal(struct cpu *cpu, const struct operation *op, uint32_t encoding)
{
	cpu->fault = (struct pending_fault){.signal = SIGILL, .code = ILL_ILLOPC};
	bool is_short = (encoding & 3) != 3;
	const char *why =
		settings.cheri && capability_flag(cpu->pcc) ? ", in capability mode, which is not implemented" : "";
	snprintf(cpu->fault.text, sizeof cpu->fault.text,
		 is_short ? "illegal instruction 0x%04x%s" : "illegal instruction 0x%08x%s", encoding, why);
	fault_locate(cpu, op);
	cpu->fault.address = cpu->pc;
	siglongjmp(cpu->recover, 1);
}

_Noreturn void fault_signal(struct cpu *cpu, const struct operation *op, int signal, int code, uint64_t address,
			    const char *text)
{
	cpu->fault = (struct pending_fault){.signal = signal, .code = code, .address = address};
	snprintf(cpu->fault.text, sizeof cpu->fault.text, "%s", text);
	fault_locate(cpu, op);
	if (address == FAULT_HERE)
		cpu->fault.address = cpu->pc;
	siglongjmp(cpu->recover, 1);
}

/* One line, then registers: to standard error in one go where it can. */
void fault_report(struct cpu *cpu)
{
	struct pending_fault *fault = &cpu->fault;
	static char name[32];
	unsigned reg = fault->cheri >> 5;
	if (reg == CHERI_PCC)
		strcpy(name, "pcc");
	else if (reg == CHERI_DDC)
		strcpy(name, "ddc");
	else
		snprintf(name, sizeof name, "c%u", reg);
	if (fault->cheri)
		fprintf(stderr,
			"carrel-cheri: SIGSEGV: %s through %s at address 0x%lx, pc 0x%lx (cause 0x%02x, register "
			"0x%02x)\n",
			fault_cause_name(fault->cheri & 31), name, (unsigned long)fault->address,
			(unsigned long)cpu->pc, fault->cheri & 31, reg);
	else
		fprintf(stderr, "carrel-cheri: SIG%s: %s at address 0x%lx, pc 0x%lx\n", sigabbrev_np(fault->signal),
			fault->text, (unsigned long)fault->address, (unsigned long)cpu->pc);
	trace_registers(cpu);
}

static void host_fault(int signal, siginfo_t *information, void *context)
{
	struct cpu *cpu = cpu_current;
	uint64_t address = (uint64_t)information->si_addr - MEMORY_BASE;
	if (information->si_code <= 0 && cpu) { /* sent by someone */
		signal_arrived(signal, information, context);
		return;
	}
	if (!cpu || address >= MEMORY_SIZE + MEMORY_GUARD) {
		static const char text[] = "carrel-cheri: internal error: a fault of the emulator itself\n";
		(void)!write(2, text, sizeof text - 1);
		struct sigaction plain = {.sa_handler = SIG_DFL};
		sigaction(signal, &plain, NULL);
		return; /* and fault again */
	}
	memory_recover();
	exclusive_abandon(cpu);
	const struct operation *op = translate_fault(cpu, context);
	if (!op)
		op = cpu->operation;
	cpu->fault = (struct pending_fault){.signal = signal, .code = information->si_code, .address = address};
	bool mapped = memory_mapped(address, 1);
	if (signal == SIGSEGV && !mapped)
		cpu->fault.code = SEGV_MAPERR; /* the reservation makes the host say ACCERR */
	snprintf(cpu->fault.text, sizeof cpu->fault.text, "%s",
		 signal == SIGBUS ? "access beyond the end of a file"
		 : mapped         ? "access without permission"
				  : "access to unmapped memory");
	unwind(cpu, op);
}

void fault_init(void)
{
	struct sigaction action = {.sa_sigaction = host_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
