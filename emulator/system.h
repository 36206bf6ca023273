/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Linux system calls of the emulated program. Arguments are what the program says; each pointer is checked here or by the host's
 * kernel, which sees only addresses of the reservation.
 */
#ifndef EMULATOR_SYSTEM_H
#define EMULATOR_SYSTEM_H

#include "emulator/cpu.h"

enum { CALL_AGAIN = -512 };	/* a signal came first: do the call once more after it */

void system_call(struct cpu *cpu);	/* cpu->pc is behind the ecall; result into a0 */

/* In system_host_call.S: a host system call that is not begun when *interrupt is set, and returns CALL_AGAIN then. */
int64_t host_call(const _Atomic uint32_t *interrupt, uint64_t number, const uint64_t *arguments);
extern const char host_call_begin[], host_call_end[], host_call_interrupted[];

/* As host_call, for what cannot block. */
int64_t host_do(uint64_t number, const uint64_t *arguments);
#define HOST(number, ...) host_do(number, (const uint64_t[6]){ __VA_ARGS__ })
#define HOST_BLOCK(cpu, number, ...) host_call(&(cpu)->interrupt, number, (const uint64_t[6]){ __VA_ARGS__ })

/* An address as the host's kernel gets it: 0 stays 0, and one outside the address space gives EFAULT there. */
uint64_t system_pointer(uint64_t address);

struct arguments {
	uint64_t a[6];
};
#define SYSTEM(name) int64_t system_##name(struct cpu *cpu, const struct arguments *in)
#define PASS(number, name, spec)
#define OWN(number, name) SYSTEM(name);
#include "emulator/system_calls.def"
#undef PASS
#undef OWN


#endif
