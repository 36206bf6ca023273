/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a program could try on CHERI-RISC-V, by number; tests/cheri/escape.t says how each must end. With a second argument it catches
 * what happens, tells what it was told, and goes on.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define STORE(at) (*(volatile char *)(at) = 1)
#define CALL(at) ((void (*)(void))(at))()
static sigjmp_buf back;
static uint32_t code_in_data[] = {0x00100513, 0x00008067};      /* li a0, 1; ret */

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	printf("signal %d code %d address %#lx pc %s\n", signal, info->si_code, (unsigned long)info->si_addr,
	       u->uc_mcontext.__gregs[0] ? "there" : "none");
	fflush(stdout);
	siglongjmp(back, 1);
}

int main(int argc, char **argv)
{
	uintptr_t here = (uintptr_t)&argc, base = here & ~(uintptr_t)UINT32_MAX, intravisor = 0x13000;
	const int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	for (int i = 0; argc > 2 && i < 4; i++)
		sigaction(all[i], &action, NULL);
	if (sigsetjmp(back, 1)) {
		puts("went on");
		return 0;
	}
	switch (argc > 1 ? atoi(argv[1]) : 0) {
	case 1: STORE(0); break;
	case 2: STORE(base + 0x100000000); break;               /* one byte behind the window */
	case 3: STORE(base - 1); break;
	case 4: *(volatile uint64_t *)(base + 0xfffffffc) = 1; break;   /* half of it behind */
	case 5: return *(volatile char *)intravisor;
	case 6: __asm__ volatile("li a7, 64\n\tecall" ::: "a0", "a7"); break;
	case 7: CALL(intravisor); break;
	case 8: /* a capability of one's own, aimed elsewhere: loses its tag */
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x1\n\t.insn r 0x5b, 0, 0x10, t0, t0, %0\n\t.insn r 0x5b, 0, 0x7d, t1, t0, x11"
				 : : "r"(intravisor) : "t0", "t1");
		break;
	case 9: __asm__ volatile(".insn s 0x23, 4, gp, 0(%0)" : : "r"(here & ~(uintptr_t)15)); break;   /* keep the gate for another thread */
	case 10: __asm__ volatile("li gp, 0"); puts("no gate"); fflush(stdout); break;
	case 11: /* enter a gate with an unsealed capability */
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x0\n\t.insn r 0x5b, 0, 0x7e, x1, x5, x3" ::: "t0");
		break;
	case 12: /* use the sealed context as memory */
		__asm__ volatile(".insn r 0x5b, 0, 0x7d, t1, gp, x11" ::: "t1");
		break;
	case 13: /* unseal it */
		__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x1\n\tli t1, 1\n\t.insn r 0x5b, 0, 0x10, t0, t0, t1\n\t"
				 ".insn r 0x5b, 0, 0x0c, t0, gp, t0\n\t.insn r 0x5b, 0, 0x7d, t1, t0, x11" ::: "t0", "t1");
		break;
	case 14: STORE(base + 0xf000); break;                   /* the table of entries */
	case 15: STORE(base + 0xe000); break;                   /* the code before it */
	case 16: CALL(code_in_data); break;                     /* inside PCC, not executable */
	case 17: STORE(main); break;
	case 18: CALL(base + 0x50000000); break;                /* inside the window, behind PCC */
	case 19: /* a system call that would return into the Intravisor */
		__asm__ volatile("mv t0, %0\n\tli a7, 172\n\tmv t1, %1\n\tjr t1" : : "r"(intravisor), "r"(base + 0xe000) : "t0", "t1", "a7", "a0");
		break;
	case 20: /* and with a stack, a thread pointer and a data capability that are no good: served all the same */
		__asm__ volatile("mv s2, sp\n\tmv s3, tp\n\tli sp, -1\n\tli tp, -1\n\tli a7, 172\n\tmv t1, %0\n\t"
				 ".insn r 0x5b, 0, 0x01, x0, x5, x1\n\tjalr t0, t1\n\tmv sp, s2\n\tmv tp, s3"
				 : : "r"(base + 0xe000) : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
				   "s2", "s3", "memory");
		puts("untagged DDC served?");
		break;
	case 21: return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 1;
	case 22: return mprotect(code_in_data, 4096, PROT_READ | PROT_EXEC) ? 0 : 1;
	case 23: __asm__ volatile("unimp"); break;
	case 24: __asm__ volatile("ebreak"); break;
	case 25: __asm__ volatile("csrr t0, mstatus" ::: "t0"); break;
	case 26: { char *p = malloc(64); free(p); return write(1, (void *)intravisor, 16) == -1 && write(1, NULL, 16) == -1 &&
			write(1, (void *)(base + 0xf000), 16) == -1 ? 0 : 1; }
	case 27: for (volatile int n = 0;; n++) alloca(4096), *(volatile char *)alloca(4096) = 0;      /* off the stack */
	case 28: /* every other register a capability over a system call: none changes what happens */
		__asm__ volatile(".irp n, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 18, 19, 28, 29\n\t.insn r 0x5b, 0, 0x01, x\\n, x0, x1\n\t.endr\n\t"
				 "mv t1, %0\n\tli a7, 172\n\tjalr t0, t1"
				 : : "r"(base + 0xe000) : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s1", "s2", "s3", "a0", "a1", "a2", "a3", "a4",
				   "a5", "a6", "a7", "memory");
		puts("served");
		return 0;
	case 29: CALL(base + 0xe000 + 5 * 32); break; /* the return from a call */
	case 30: { /* each of CP_Call's gates, with a capability in every register: errors, and integers come back */
		long results[3], tags = 0;
		for (long gate = 2; gate < 5; gate++) {
			register long a0 __asm__("a0"), tag __asm__("a1");
			__asm__ volatile("mv t1, %2\n\t.irp n, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 28, 29\n\t"
					 ".insn r 0x5b, 0, 0x01, x\\n, x0, x1\n\t.endr\n\tli a7, 60\n\tjalr t0, t1\n\tli a1, 0\n\t"
					 ".irp n, 5, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 28, 29, 30, 31\n\t"
					 ".insn r 0x5b, 0, 0x7f, t2, x\\n, x4\n\tadd a1, a1, t2\n\t.endr"
					 : "=r"(a0), "=r"(tag) : "r"(base + 0xe000 + gate * 32)
					 : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s1", "s2", "s3", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
			results[gate - 2] = a0;
			tags += tag;
		}
		printf("%ld %ld %ld, %ld capabilities\n", results[0], results[1], results[2], tags);
		return 0;
	}
	case 31: /* a call that returns into the Intravisor */
		__asm__ volatile("mv t0, %0\n\tli a7, 60\n\tmv t1, %1\n\tjr t1" : : "r"(intravisor), "r"(base + 0xe040) : "t0", "t1", "a7", "a0");
		break;
	default: puts("which?"); return 2;
	}
	puts("not stopped");
	return 1;
}
