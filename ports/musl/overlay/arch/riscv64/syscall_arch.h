/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A system call is a call of the window's entry page (include/isa/cheri_riscv64/carrel/entry.h), at the window's base + 0xe000: the upper half
 * of any address is the base's. Unlike Linux's it keeps no caller-saved register but ra and the floats.
 */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)
#define CARREL_GATE "auipc t6, 0\n\tsrli t6, t6, 32\n\tslli t6, t6, 32\n\tlui t5, 0xe\n\tadd t6, t6, t5\n\tjalr t0, 0(t6)"

static inline long __syscall0(long n)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0");
	register long a1 __asm__("a1");
	register long a2 __asm__("a2");
	register long a3 __asm__("a3");
	register long a4 __asm__("a4");
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "=r"(a0), "=r"(a1), "=r"(a2), "=r"(a3), "=r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall1(long n, long a)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1");
	register long a2 __asm__("a2");
	register long a3 __asm__("a3");
	register long a4 __asm__("a4");
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "=r"(a1), "=r"(a2), "=r"(a3), "=r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall2(long n, long a, long b)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2");
	register long a3 __asm__("a3");
	register long a4 __asm__("a4");
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "+r"(a1), "=r"(a2), "=r"(a3), "=r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall3(long n, long a, long b, long c)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3");
	register long a4 __asm__("a4");
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "+r"(a1), "+r"(a2), "=r"(a3), "=r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall4(long n, long a, long b, long c, long d)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4");
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "=r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall5(long n, long a, long b, long c, long d, long e)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5");
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "=r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

static inline long __syscall6(long n, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;
	__asm__ __volatile__(CARREL_GATE : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a7)
			     : : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
	return a0;
}

#define IPC_64 0
