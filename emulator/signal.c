/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Dispositions and masks are mirrored to the host, so its kernel routes signals to threads, ignores them or acts by default.
 * Only a signal with a handler reaches us: the host's handler notes it, and it is delivered between two blocks. A handler runs
 * with the program's own PCC and DDC, those it had at its start.
 */
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "emulator/fault.h"
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/system.h"
#include "emulator/world.h"

static struct emulated_action actions[65];
static pthread_mutex_t actions_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t trampoline;
static struct capability start_code, start_data;
static _Thread_local uint64_t suspended_mask;
static _Thread_local bool suspended;
static _Thread_local struct {
	bool possible;
	uint64_t pc, first;
} restart;

void signal_forked(void)
{
	pthread_mutex_init(&actions_mutex, NULL);
}

#define SYNCHRONOUS                                                                                                    \
	((1ull << (SIGSEGV - 1)) | (1ull << (SIGBUS - 1)) | (1ull << (SIGILL - 1)) | (1ull << (SIGFPE - 1)) |          \
	 (1ull << (SIGTRAP - 1)))
#define UNBLOCKABLE ((1ull << (SIGKILL - 1)) | (1ull << (SIGSTOP - 1)))
#define BIT(signal) (1ull << ((signal)-1))

void signal_init(uint64_t at, struct capability code, struct capability data)
{
	trampoline = at;
	start_code = code;
	start_data = data;
}

/* Synchronous ones stay open on the host: its faults are ours to interpret. */
static void mirror(uint64_t mask)
{
	mask &= ~SYNCHRONOUS;
	HOST(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)&mask, 0, 8);
}

void signal_mask_set(struct cpu *cpu, const sigset_t *mask)
{
	cpu->mask = *mask;
	uint64_t bits;
	memcpy(&bits, mask, 8);
	mirror(bits);
}

static uint64_t mask_of(const struct cpu *cpu)
{
	uint64_t bits;
	memcpy(&bits, &cpu->mask, 8);
	return bits;
}

static void mask_to(struct cpu *cpu, uint64_t bits)
{
	sigset_t mask;
	memset(&mask, 0, sizeof mask);
	bits &= ~UNBLOCKABLE;
	memcpy(&mask, &bits, 8);
	signal_mask_set(cpu, &mask);
}

void signal_mask_until_return(struct cpu *cpu, const sigset_t *mask)
{
	uint64_t bits;
	memcpy(&bits, mask, 8);
	suspended_mask = mask_of(cpu);
	suspended = true;
	mask_to(cpu, bits);
}

void signal_mask_again(struct cpu *cpu)
{
	if (!suspended)
		return;
	suspended = false;
	mask_to(cpu, suspended_mask);
}

void signal_arrived(int signal, siginfo_t *information, void *context)
{
	struct cpu *cpu = cpu_current;
	ucontext_t *host = context;
	if (!cpu)
		return;
	cpu->information[signal] = *information;
	atomic_fetch_or(&cpu->pending, BIT(signal));
	atomic_fetch_or(&cpu->interrupt, 1);
	uint64_t pc = (uint64_t)host->uc_mcontext.gregs[REG_RIP];
	if (pc >= (uint64_t)host_call_begin && pc < (uint64_t)host_call_end)
		host->uc_mcontext.gregs[REG_RIP] = (greg_t)host_call_interrupted;
}

static bool is_root(struct capability a, struct capability b)
{
	return a.tag == b.tag && a.upper == b.upper;
}

/* False when there is no handler, or no place for its frame. */
static bool deliver(struct cpu *cpu, int signal, const siginfo_t *information)
{
	pthread_mutex_lock(&actions_mutex);
	struct emulated_action action = actions[signal];
	if (action.handler > 1 && (action.flags & SA_RESETHAND))
		actions[signal].handler = 0;
	pthread_mutex_unlock(&actions_mutex);
	if (action.handler <= 1)
		return false;
	bool compartment = !is_root(cpu->pcc, start_code) || !is_root(cpu->ddc, start_data);
	uint64_t mask = suspended ? suspended_mask : mask_of(cpu), before = mask_of(cpu);
	if (restart.possible && cpu->pc == restart.pc && (action.flags & SA_RESTART)) {
		cpu->pc -= 4;
		cpu_put_integer(cpu, 10, restart.first);
	}
	if (!signal_frame_push(cpu, signal, information, &action, mask, trampoline, compartment))
		return false;
	suspended = false;
	cpu_set_code(cpu, start_code);
	cpu_set_data(cpu, start_data);
	mask_to(cpu, before | action.mask | (action.flags & SA_NODEFER ? 0 : BIT(signal)));
	return true;
}

_Noreturn void signal_die(int signal)
{
	struct rlimit none = {0, 0};
	struct sigaction plain = {.sa_handler = SIG_DFL};
	uint64_t open = 0;
	setrlimit(RLIMIT_CORE, &none); /* a core would be the emulator's */
	sigaction(signal, &plain, NULL);
	HOST(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)&open, 0, 8);
	kill(getpid(), signal);
	_exit(128 + signal);
}

void signal_poll(struct cpu *cpu)
{
	atomic_store(&cpu->interrupt, 0);
	world_leave(cpu);
	world_enter(cpu);
	for (;;) {
		uint64_t due = atomic_load(&cpu->pending) & ~mask_of(cpu);
		if (!due)
			break;
		int signal = __builtin_ctzll(due) + 1;
		atomic_fetch_and(&cpu->pending, ~BIT(signal));
		siginfo_t information = cpu->information[signal];
		pthread_mutex_lock(&actions_mutex);
		uint64_t handler = actions[signal].handler;
		pthread_mutex_unlock(&actions_mutex);
		if (handler == (uint64_t)SIG_IGN)
			continue;
		if (!deliver(cpu, signal, &information))
			signal_die(handler > 1 ? SIGSEGV : signal);
	}
	restart.possible = false;
	signal_mask_again(cpu);
}

void signal_interrupted(struct cpu *cpu, bool restarts, uint64_t first)
{
	if (!cpu->pending) { /* no handler is due: the interruption was not the program's */
		if (restarts) {
			cpu->pc -= 4;
			cpu_put_integer(cpu, 10, first);
		}
		return;
	}
	restart.possible = restarts;
	restart.pc = cpu->pc;
	restart.first = first;
}

void signal_fault(struct cpu *cpu)
{
	siginfo_t information;
	int signal = cpu->fault.signal;
	memset(&information, 0, sizeof information);
	information.si_signo = signal;
	information.si_code = cpu->fault.code;
	information.si_addr = (void *)cpu->fault.address;
	memcpy((uint8_t *)&information + 24, &cpu->fault.cheri, 4); /* where si_trapno would be: docs/emulator.md */
	cpu->reserved_address = ~(uint64_t)0;
	bool blocked = mask_of(cpu) & BIT(signal);
	if (!blocked && deliver(cpu, signal, &information))
		return;
	fault_report(cpu);
	signal_die(signal);
}

/* Past glibc, which keeps 32 and 33 for itself; the emulated libc wants them. */
static void host_action(int signal, const struct emulated_action *action)
{
	enum { SA_RESTORER_ = 0x04000000 };
	struct {
		uint64_t handler, flags, restorer, mask;
	} raw;
	HOST(SYS_rt_sigaction, SIGSEGV, 0, (uint64_t)&raw, 8); /* for its restorer */
	raw.handler = action->handler > 1 ? (uint64_t)signal_arrived : action->handler;
	raw.flags = SA_SIGINFO | SA_RESTORER_ | (action->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT));
	raw.mask = ~SYNCHRONOUS;
	HOST(SYS_rt_sigaction, (uint64_t)signal, (uint64_t)&raw, 0, 8);
}

SYSTEM(rt_sigaction)
{
	uint64_t signal = in->a[0];
	struct emulated_action old, new;
	(void)cpu;
	if (signal < 1 || signal > 64 || in->a[3] != 8)
		return -EINVAL;
	if (in->a[1] && !memory_copy_in(&new, in->a[1], sizeof new))
		return -EFAULT;
	if (in->a[1] && (signal == SIGKILL || signal == SIGSTOP))
		return -EINVAL;
	pthread_mutex_lock(&actions_mutex);
	old = actions[signal];
	if (in->a[1]) {
		new.mask &= ~UNBLOCKABLE;
		actions[signal] = new;
		if (signal != SIGSEGV && signal != SIGBUS) /* fault.c has those */
			host_action((int)signal, &new);
	}
	pthread_mutex_unlock(&actions_mutex);
	return in->a[2] && !memory_copy_out(in->a[2], &old, sizeof old) ? -EFAULT : 0;
}

SYSTEM(rt_sigprocmask)
{
	uint64_t old = mask_of(cpu), set;
	if (in->a[3] != 8)
		return -EINVAL;
	if (in->a[1]) {
		if (!memory_copy_in(&set, in->a[1], 8))
			return -EFAULT;
		if (in->a[0] > SIG_SETMASK)
			return -EINVAL;
		mask_to(cpu, in->a[0] == SIG_BLOCK ? old | set : in->a[0] == SIG_UNBLOCK ? old & ~set : set);
		if (atomic_load(&cpu->pending))
			atomic_fetch_or(&cpu->interrupt, 1);
	}
	return in->a[2] && !memory_copy_out(in->a[2], &old, 8) ? -EFAULT : 0;
}

SYSTEM(rt_sigpending)
{
	uint64_t set = 0;
	HOST(SYS_rt_sigpending, (uint64_t)&set, 8);
	set |= atomic_load(&cpu->pending);
	return memory_copy_out(in->a[0], &set, in->a[1] < 8 ? in->a[1] : 8) ? 0 : -EFAULT;
}

SYSTEM(rt_sigsuspend)
{
	sigset_t mask;
	memset(&mask, 0, sizeof mask);
	if (in->a[1] != 8 || !memory_copy_in(&mask, in->a[0], 8))
		return -EFAULT;
	signal_mask_until_return(cpu, &mask);
	uint64_t bits = mask_of(cpu) & ~SYNCHRONOUS;
	int64_t result = atomic_load(&cpu->pending) & ~mask_of(cpu)
				 ? -EINTR
				 : HOST_BLOCK(cpu, SYS_rt_sigsuspend, (uint64_t)&bits, 8);
	if (result == CALL_AGAIN) {
		if (atomic_load(&cpu->pending) & ~mask_of(cpu))
			return -EINTR;
		signal_mask_again(cpu);
	}
	return result;
}

SYSTEM(rt_sigreturn)
{
	uint64_t mask;
	(void)in;
	world_enter(cpu);
	bool good = signal_frame_pop(cpu, &mask);
	world_leave(cpu);
	if (!good) {
		cpu->fault = (struct pending_fault){
			.signal = SIGSEGV, .code = SEGV_MAPERR, .address = cpu->x[2], .text = "a bad signal frame"};
		fault_report(cpu);
		signal_die(SIGSEGV);
	}
	mask_to(cpu, mask);
	if (atomic_load(&cpu->pending))
		atomic_fetch_or(&cpu->interrupt, 1);
	return 0;
}

SYSTEM(sigaltstack)
{
	struct {
		uint64_t base;
		uint32_t flags, padding;
		uint64_t size;
	} new, old = {cpu->alternate_base, 0, 0, cpu->alternate_size};
	uint64_t sp = cpu->x[2];
	bool on = cpu->alternate_set && sp > cpu->alternate_base && sp <= cpu->alternate_base + cpu->alternate_size;
	old.flags = !cpu->alternate_set ? SS_DISABLE : on ? SS_ONSTACK : 0;
	if (in->a[0]) {
		if (!memory_copy_in(&new, in->a[0], sizeof new))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (!(new.flags &SS_DISABLE) && new.size < 2048)
			return -ENOMEM;
		cpu->alternate_set = !(new.flags &SS_DISABLE);
		cpu->alternate_base = cpu->alternate_set ? new.base : 0;
		cpu->alternate_size = cpu->alternate_set ? new.size : 0;
	}
	return in->a[1] && !memory_copy_out(in->a[1], &old, sizeof old) ? -EFAULT : 0;
}
