/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How long a call takes, by clock_gettime around many of them: the guest (and, built by stock gcc, the host) side of
 * `bench/run gate`. Without a libc, so that it also runs over a library OS that has nearly no system call. Its argument is the
 * number of the system call to time; it prints picoseconds per call.
 */
#define CALLS 4000000

struct timespec { long sec, nsec; };

#ifdef NATIVE
#define ENTER "syscall"
#else
#define ENTER "call *%%gs:0x10008"
#endif

static inline long call3(long number, long a, long b, long c)
{
	__asm__ volatile(ENTER : "+a"(number), "+D"(a), "+S"(b), "+d"(c) : : "rcx", "r8", "r9", "r10", "r11", "memory");
	return number;
}

static long now(void)
{
	struct timespec t;

	call3(228, 1, (long)&t, 0);     /* clock_gettime(CLOCK_MONOTONIC) */
	return t.sec * 1000000000 + t.nsec;
}

void bench(long *stack);
void bench(long *stack)
{
	const char *digits = (const char *)stack[2];
	char text[24], *end = text + sizeof text, *p = end;
	long number = 0, start;

	if (*digits < '0' || *digits > '9')
		call3(231, 1, 0, 0);    /* exit_group: that was no argument */
	while (*digits >= '0' && *digits <= '9')
		number = 10 * number + *digits++ - '0';
	for (int n = 0; n < CALLS / 16; n++)
		call3(number, 0, 0, 0);
	start = now();
	for (int n = 0; n < CALLS; n++)
		call3(number, 0, 0, 0);
	unsigned long each = (unsigned long)(now() - start) * 1000 / CALLS;
	*--p = '\n';
	do
		*--p = (char)('0' + each % 10);
	while (each /= 10);
	call3(1, 1, (long)p, end - p);
	call3(231, 0, 0, 0);
}

#ifdef NATIVE
__asm__(".globl _start\n_start: mov %rsp,%rdi\n and $-16,%rsp\n call bench\n hlt\n");
#else
__asm__(".globl _start\n.type _start,@function\n_start:\n .carrel_delta 0\n endbr64\n mov %rsp,%rdi\n and $-16,%rsp\n call bench\n hlt\n");
#endif
