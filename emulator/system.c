/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Dispatch of system calls by the table; those that are the host's with pointers translated are done here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/system.h"
#include "emulator/world.h"

enum { CALLS = 512 };

static const struct entry {
	const char *name, *spec;
	int64_t (*own)(struct cpu *cpu, const struct arguments *in);
	int host;
} table[CALLS] = {
#define PASS(number, name, spec) [number] = {#name, spec, NULL, SYS_##name},
#define OWN(number, name) [number] = {#name, NULL, system_##name, 0},
#include "emulator/system_calls.def"
#undef PASS
#undef OWN
};

uint64_t system_pointer(uint64_t address)
{
	return !address ? 0 : address < MEMORY_SIZE ? MEMORY_BASE + address : MEMORY_BASE + MEMORY_SIZE;
}

int64_t host_do(uint64_t number, const uint64_t *arguments)
{
	static const _Atomic uint32_t never;
	return host_call(&never, number, arguments);
}

/* What the call may write at argument n, whose kind is at *spec; *spec goes behind it. */
static uint64_t written(const char **spec, unsigned n, const struct arguments *in)
{
	uint32_t size = 0;
	switch (tolower(*(*spec)++)) {
	case 'o':
		return strtoul(*spec, (char **)spec, 10);
	case 'w':
		return in->a[n + 1];
	case 'b':
		return in->a[n - 1];
	case 'g':
		return 4 * (in->a[n - 1] & 0xffff);
	case 'a':
		return memory_copy_in(&size, in->a[n + 1], 4) && size < MEMORY_GUARD ? size : 0;
	default:
		return 0;
	}
}

static void forget(const struct entry *entry, const struct arguments *in)
{
	unsigned n = 0;
	for (const char *spec = entry->spec; *spec; n++) {
		uint64_t size = written(&spec, n, in);
		if (in->a[n])
			memory_forget_tags(in->a[n], size);
	}
}

/* Pointers of arguments to the host's, or EFAULT; what the kernel writes holds no capabilities, before and after. */
static int64_t pass(struct cpu *cpu, const struct entry *entry, const struct arguments *in)
{
	uint64_t a[6];
	unsigned n = 0;
	memcpy(a, in->a, sizeof a);
	for (const char *spec = entry->spec; *spec; n++) {
		char kind = (char)tolower(*spec);
		uint64_t size = written(&spec, n, in);
		if (kind == 'i')
			continue;
		if (!memory_pointer(in->a[n], kind == 'r' ? in->a[n + 1] : size))
			return -EFAULT;
		a[n] = system_pointer(in->a[n]);
	}
	forget(entry, in);
	int64_t result = host_call(&cpu->interrupt, (uint64_t)entry->host, a);
	if (result >= 0)
		forget(entry, in);
	return result;
}

static bool restarts(const struct entry *entry, uint64_t number)
{
	enum { FUTEX = 98, READV = 65, WRITEV = 66, OPENAT = 56, SENDMSG = 211, RECVMSG = 212 };
	return entry->spec ? entry->spec[0] == 'I'
			   : number == FUTEX || number == READV || number == WRITEV || number == OPENAT ||
				     number == SENDMSG || number == RECVMSG;
}

void system_call(struct cpu *cpu)
{
	enum { A0 = 10, A7 = 17 };
	struct arguments in;
	uint64_t number = cpu->x[A7], first = cpu->x[A0], behind = cpu->pc;
	memcpy(in.a, &cpu->x[A0], sizeof in.a);
	const struct entry *entry = number < CALLS ? &table[number] : &table[0];
	if (settings.trace)
		fprintf(stderr, "[%d] %s(%lu: 0x%lx, 0x%lx, 0x%lx, 0x%lx)", cpu->thread_id,
			entry->name ? entry->name : "?", (unsigned long)number, (unsigned long)in.a[0],
			(unsigned long)in.a[1], (unsigned long)in.a[2], (unsigned long)in.a[3]);
	world_leave(cpu);
	int64_t result = -ENOSYS;
	if (entry->own)
		result = entry->own(cpu, &in);
	else if (entry->spec)
		result = pass(cpu, entry, &in);
	world_enter(cpu);
	if (settings.trace)
		fprintf(stderr, " = %ld\n", (long)result);
	if (entry->own == system_rt_sigreturn && result == 0)
		return; /* every register is another's */
	if (result == CALL_AGAIN) {
		cpu->pc = behind - 4;
		cpu->x[A0] = first;
	} else {
		cpu_put_integer(cpu, A0, (uint64_t)result);
		if (result == -EINTR)
			signal_interrupted(cpu, restarts(entry, number), first);
	}
}
