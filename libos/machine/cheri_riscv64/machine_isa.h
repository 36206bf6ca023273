/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CHERI-RISC-V's part of libos/machine/machine.h. Pointers are absolute: DDC bounds them and moves nothing.
 */
#define MACHINE_NAME     "riscv64"              /* uname -m */
#define MACHINE_RELATIVE R_RISCV_RELATIVE       /* the one relocation a static image has */
#include <stdint.h>

int64_t host_fast(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);    /* entry.S */

static inline uintptr_t machine_stack(void)     /* within the running thread's stack */
{
	uintptr_t at;
	__asm__ volatile("mv %0, sp" : "=r"(at));
	return at;
}

static inline void machine_pause(void)           /* in a loop that waits for another thread's store */
{
	__asm__ volatile("" : : : "memory");
}

static inline uint64_t machine_own_base(void)
{
	return machine_stack() & ~(uint64_t)UINT32_MAX;
}

static inline uint64_t machine_program_base(void)       /* tp: carrel/entry.h */
{
	uint64_t base;
	__asm__ volatile("mv %0, tp" : "=r"(base));
	return base;
}

static inline uint64_t machine_program_pointer(uint64_t at)
{
	return at;
}

#define MACHINE_FORKS     0
#define MACHINE_CLONE_ID  4
#define MACHINE_CLONE_TLS 3

struct wire_action {    /* the kernel's struct sigaction: without a restorer */
	uint64_t handler, flags, mask;
};

struct wire_event {     /* struct epoll_event */
	uint32_t events, padding;
	uint64_t data;
};
