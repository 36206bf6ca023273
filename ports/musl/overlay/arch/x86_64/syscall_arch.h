/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A system call is a call of GATE_SYSCALL (include/carrel/gate.h, slot at base - 16). Unlike Linux's, it keeps no
 * caller-saved general register but the result.
 */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)
#define CARREL_GATE "call *%%gs:0x10008"

static __inline long __syscall6(long n, long a1, long a2, long a3, long a4, long a5, long a6)
{
	unsigned long ret = n;
	register long r10 __asm__("r10") = a4;
	register long r8 __asm__("r8") = a5;
	register long r9 __asm__("r9") = a6;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8), "+r"(r9)
			      : : "rcx", "r11", "memory");
	return ret;
}

static __inline long __syscall3(long n, long a1, long a2, long a3)
{
	unsigned long ret = n;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1), "+S"(a2), "+d"(a3)
			      : : "rcx", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

static __inline long __syscall0(long n)
{
	unsigned long ret = n;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret)
			      : : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

static __inline long __syscall1(long n, long a1)
{
	unsigned long ret = n;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1)
			      : : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

static __inline long __syscall2(long n, long a1, long a2)
{
	unsigned long ret = n;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1), "+S"(a2)
			      : : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

static __inline long __syscall4(long n, long a1, long a2, long a3, long a4)
{
	unsigned long ret = n;
	register long r10 __asm__("r10") = a4;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
			      : : "rcx", "r8", "r9", "r11", "memory");
	return ret;
}

static __inline long __syscall5(long n, long a1, long a2, long a3, long a4, long a5)
{
	unsigned long ret = n;
	register long r10 __asm__("r10") = a4;
	register long r8 __asm__("r8") = a5;
	__asm__ __volatile__ (CARREL_GATE : "+a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
			      : : "rcx", "r9", "r11", "memory");
	return ret;
}

#define IPC_64 0

/* src/internal/x86_64/vdso.c has what Linux' vDSO would have. */
#define VDSO_CGT_SYM "clock_gettime"
#define VDSO_CGT_VER ""
