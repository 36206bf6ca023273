/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * x86-64's part of libos/machine/machine.h.
 */
#define MACHINE_NAME     "x86_64"               /* uname -m */
#define MACHINE_RELATIVE R_X86_64_RELATIVE      /* the one relocation a static image has */
#include <stdint.h>

#include <carrel/gate.h>

/* By the gate itself: it keeps what functions keep, and a function around it would cost a third of its time. */
static inline int64_t host_fast(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("call *%c7(%%r14)" : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "i"(GATE_SLOT(GATE_HOST_FAST)) : "rcx", "cc", "memory");
	return (int64_t)number;
}

static inline uintptr_t machine_stack(void)     /* within the running thread's stack */
{
	uintptr_t at;
	__asm__ volatile("mov %%rsp, %0" : "=r"(at));
	return at;
}

static inline void machine_pause(void)           /* in a loop that waits for another thread's store */
{
	__asm__ volatile("pause");
}

/* Pointers are window offsets: both bases are 0, and a pointer's upper half means nothing. */
static inline uint64_t machine_own_base(void)
{
	return 0;
}

static inline uint64_t machine_program_base(void)
{
	return 0;
}

static inline uint64_t machine_program_pointer(uint64_t at)
{
	return (uint32_t)at;
}

/* A copy of a window is right wherever it lies: pointers in it are offsets. */
#define MACHINE_FORKS     1
#define MACHINE_CLONE_ID  3     /* which arguments of clone are the child's id's address and the thread pointer */
#define MACHINE_CLONE_TLS 4

struct wire_action {    /* the kernel's struct sigaction */
	uint64_t handler, flags, restorer, mask;
};

/* struct epoll_event, which has no padding on this ISA. */
struct wire_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));
