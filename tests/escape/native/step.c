/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Runs a command (beside, with program/step and libos/stepped) step by step between the program's two int3, and sends it the kick
 * in front of instructions of its program and of its gates, some chosen at random, each gate instruction at least once. A
 * kick must be told (the library OS's int3) before the next instruction of the program. A test's tool, not trusted.
 *
 *   step SEED KICKS COMMAND...
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/gate.h>
#include "machine/machine.h"

#define APART (1ull << 40) /* the executable lies farther than this below all cVMs */

static pid_t child;
static uint64_t program, gates;

static void end(int status)
{
	kill(child, SIGKILL);
	exit(status);
}

static int next(int how, int signal)
{
	int status;

	if (ptrace(how, child, NULL, (void *)(intptr_t)signal) || waitpid(child, &status, 0) != child) {
		perror("step");
		end(70);
	}
	return status;
}

static uint64_t pc(struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_GETREGS, child, NULL, regs))
		end(70);
	return regs->rip;
}

/* Was the int3 before pc what stopped it? A step stops there too, but behind one instruction. */
static int int3_before(uint64_t at)
{
	return (ptrace(PTRACE_PEEKTEXT, child, (void *)(at - 1), NULL) & 0xff) == 0xcc;
}

static void breakpoint(uint64_t at)
{
	if (ptrace(PTRACE_POKEUSER, child, (void *)offsetof(struct user, u_debugreg[0]), (void *)at) ||
	    ptrace(PTRACE_POKEUSER, child, (void *)offsetof(struct user, u_debugreg[7]), (void *)(uint64_t)(at != 0))) {
		perror("step: breakpoint");
		end(70);
	}
}

/* Trusted C is no place for a kick and has too many instructions to step through. It is left by rt_sigreturn (a handler's end,
 * host_thread_resume) or by the return to the gate that called it. Stops there, in front of the next instruction. */
static int through_c(uint64_t back, int signal)
{
	struct user_regs_struct regs;
	int status, last = 0;

	if (back)
		breakpoint(back);
	status = next(PTRACE_SYSCALL, signal);
	while (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (last) {
			status = SIGTRAP << 8 | 0x7f; /* as behind a step */
			break;
		}
		pc(&regs);
		last = regs.orig_rax == SYS_rt_sigreturn;
		status = next(PTRACE_SYSCALL, 0);
	}
	if (back)
		breakpoint(0);
	return status;
}

/* What a gate that has just called trusted C returns to, or 0. */
static uint64_t called_by_gate(const struct user_regs_struct *regs)
{
	uint64_t back;

	if (regs->rip > program - APART)
		return 0;
	back = (uint64_t)ptrace(PTRACE_PEEKDATA, child, (void *)regs->rsp, NULL);
	return back - gates < 4096 ? back : 0;
}

int main(int argc, char **argv)
{
	static uint8_t seen[4096];
	struct user_regs_struct regs;
	unsigned kicks = 0, most, told = 0, in_gates = 0, wait = 1, ran = 0;
	uint64_t random, host_gate = 0, steps = 0, last_fresh = 0, back = 0;
	int status, kicked = 0, signal = 0, direct = 0;

	if (argc < 4)
		return 2;
	random = strtoull(argv[1], NULL, 0) * 2 + 1;
	most = (unsigned)strtoul(argv[2], NULL, 0);
	/* Both on one processor: a step is a switch to and fro, without waking another processor. */
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[3], argv + 3);
		_exit(70);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
	status = next(PTRACE_CONT, 0);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		end(70);
	program = pc(&regs) & ~0xffffffffull;
	gates = (uint64_t)ptrace(PTRACE_PEEKDATA, child, (void *)(program + GATE_SLOT(GATE_SYSCALL)), NULL) & ~4095ull;
	for (;;) {
		/* A kick in the program is told at once: no need to step through that. */
		if (direct)
			status = next(PTRACE_CONT, signal);
		else if (signal == MACHINE_KICK || back)
			status = through_c(back, signal);
		else
			status = next(PTRACE_SINGLESTEP, signal);
		signal = 0;
		direct = 0;
		back = 0;
		if (!WIFSTOPPED(status)) {
			fprintf(stderr, "step: it ended with %#x\n", status);
			return 66;
		}
		uint64_t at = pc(&regs);
		int in_program = at - program < 1ull << 32, in_gate = at - gates < 4096;
		if (WSTOPSIG(status) != SIGTRAP) {
			/* a gate's ud2 for a kick that waits; a fault would be told to the library OS as one */
			signal = WSTOPSIG(status);
			continue;
		}
		siginfo_t info;
		int trap = !ptrace(PTRACE_GETSIGINFO, child, NULL, &info) && info.si_code == SI_KERNEL && int3_before(at);
		if (trap && in_program)
			break;
		if (trap) {
			told += kicked != 0;
			kicked = 0;
			continue;
		}
		/* The first stop there is in front of an instruction, the second behind it. */
		if (in_program && kicked && ++ran > 1) {
			fprintf(stderr, "step: a kick was lost before %#lx of the program\n", (unsigned long)(at - program));
			end(66);
		}
		/* The first gate after the library OS was told is its host call: not a program's. */
		if (in_gate && told && !host_gate)
			host_gate = at;
		steps++;
		back = told ? called_by_gate(&regs) : 0;
		if (kicked || !(in_program || (in_gate && told && at < host_gate)))
			continue;
		/* Each gate instruction once, the program's at random distances. */
		int fresh = in_gate && !seen[at - gates];
		if (!fresh && --wait)
			continue;
		random = random * 6364136223846793005u + 1442695040888963407u;
		wait = 1 + (unsigned)(random >> 60) * 2;
		if (kicks == most && !fresh)
			continue;
		if (in_gate) {
			seen[at - gates] = 1;
			in_gates++;
			last_fresh = steps;
		}
		kicks++;
		kicked = 1;
		direct = in_program;
		ran = 0;
		signal = MACHINE_KICK;
	}
	fprintf(stderr, "step: %u kicks, %u in gates, %u told; %lu steps, the last new gate instruction at %lu\n", kicks, in_gates, told, steps, last_fresh);
	if (told != kicks || in_gates < 200)
		end(66);
	status = next(PTRACE_CONT, 0);
	while (WIFSTOPPED(status))
		status = next(PTRACE_CONT, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 66;
}
