/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * A small monitor: code under a PCC and DDC of 64 KiB, entered by a sealed pair, and what signals are told when it misbehaves.
 * Run only by carrel-cheri. It prints what happened.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define SHOW(format, ...) (printf(format "\n", __VA_ARGS__), fflush(stdout))
enum { WINDOW = 65536, ORIGIN = 1088 }; /* of the capabilities in a signal frame, from its siginfo: docs/emulator.md */

static char *window;
static char alternate[65536] __attribute__((aligned(16)));
static volatile int caught;
static volatile uint64_t told_address, told_cheri, told_code, frame_tag;
static volatile int on_alternate;

struct gate {
	uint64_t code[2], data[2], own_data[2], registers[16];
} __attribute__((aligned(16)));
static struct gate gate;

/* Enters the compartment at `entry` with its stack; comes back by the sealed pair that c1 and c6 hold there, or by a signal's longjmp. */
__attribute__((noinline, naked)) static uint64_t enter(uint64_t entry, uint64_t argument, uint64_t stack, char *base)
{
	__asm__("la t0, gate\n\t"
		"sd sp, 48(t0)\n\tsd ra, 56(t0)\n\tsd s0, 64(t0)\n\tsd s1, 72(t0)\n\tsd gp, 80(t0)\n\tsd tp, "
		"88(t0)\n\tsd s2, 96(t0)\n\t"
		".insn r 0x5b, 0, 1, t1, x0, x1\n\t" /* t1 = DDC */
		".insn s 0x23, 4, t1, 32(t0)\n\t" /* gate.own_data */
		".insn r 0x5b, 0, 1, t2, x0, x0\n\t" /* t2 = PCC */
		"li t3, 65536\n\t"
		".insn r 0x5b, 0, 0x10, t4, t2, a3\n\t" /* code: PCC at the window */
		".insn r 0x5b, 0, 0x08, t4, t4, t3\n\t"
		"li t5, ~(1 << 10)\n\t"
		".insn r 0x5b, 0, 0x0d, t4, t4, t5\n\t" /* without system registers */
		".insn r 0x5b, 0, 0x10, t4, t4, a0\n\t"
		".insn r 0x5b, 0, 0x10, t6, t1, a3\n\t" /* data: DDC at the window */
		".insn r 0x5b, 0, 0x08, t6, t6, t3\n\t"
		"la t5, back\n\t"
		".insn r 0x5b, 0, 0x10, t5, t2, t5\n\t" /* the way back: sealed with type 5, with the gate's data */
		"li t3, 5\n\t"
		".insn r 0x5b, 0, 0x10, t3, t1, t3\n\t"
		".insn r 0x5b, 0, 0x0b, ra, t5, t3\n\t"
		".insn r 0x5b, 0, 0x10, t5, t1, t0\n\t"
		"li t2, ~2\n\t"
		".insn r 0x5b, 0, 0x0d, t5, t5, t2\n\t"
		".insn r 0x5b, 0, 0x0b, t1, t5, t3\n\t" /* c6 */
		"mv sp, a2\n\tmv a0, a1\n\tli gp, 0\n\tli tp, 0\n\tli t0, 0\n\tli t2, 0\n\tli t3, 0\n\tli t5, 0\n\tli "
		"s0, 0\n\tli s1, 0\n\t"
		".insn r 0x5b, 0, 1, x0, t6, x1\n\t" /* DDC = the window */
		"li t6, 0\n\t"
		".insn r 0x5b, 0, 0x7f, x0, t4, x12\n" /* jump */
		"back:\n\t" /* PCC is ours again, c31 is the gate's data, DDC still the window */
		".insn r 0x5b, 0, 0x10, t5, t6, t6\n\t"
		".insn i 0x5b, 1, t5, 32(t6)\n\t"
		".insn r 0x5b, 0, 0x7d, t5, t5, x31\n\t" /* gate.own_data through it */
		".insn r 0x5b, 0, 1, x0, t5, x1\n\t"
		"mv t0, t6\n\tli t6, 0\n\tli t5, 0\n\tli t4, 0\n\tli t3, 0\n\tli t2, 0\n\tli t1, 0\n\t"
		"ld sp, 48(t0)\n\tld ra, 56(t0)\n\tld s0, 64(t0)\n\tld s1, 72(t0)\n\tld gp, 80(t0)\n\tld tp, "
		"88(t0)\n\tld s2, 96(t0)\n\t"
		"ret\n\t");
}

/* What runs inside: position-independent, no calls. It goes back by cinvoke c1, c6. */
#define INSIDE(name, body)                                                                                             \
	__asm__("\t.section .rodata\n\t.balign 4\n\t.globl " #name "\n" #name ":\n\t" body                             \
		"\n\t.insn r 0x5b, 0, 0x7e, x1, x1, x6\n\t.globl " #name "_end\n" #name "_end:\n\t.text");             \
	extern const char name[], name##_end[]
INSIDE(adds, "addi a0, a0, 1\n\tsd a0, -8(sp)\n\tld a0, -8(sp)");
INSIDE(reads_outside, "ld a0, 0(a0)");
INSIDE(writes_outside, "sd a0, 0(a0)");
INSIDE(calls_system, "li a7, 172\n\tecall");
INSIDE(jumps_out, "jr a0");
INSIDE(lies_about_stack, "mv sp, a0\n\tlb a0, 0(zero)");
INSIDE(takes_more,
       ".insn r 0x5b, 0, 1, t0, x0, x1\n\t.insn r 0x5b, 0, 0x10, t0, t0, a0\n\t.insn r 0x5b, 0, 0x7d, a0, t0, x11");
INSIDE(forges, ".insn s 0x23, 4, x6, -16(sp)\n\tsb zero, -1(sp)\n\t.insn i 0x0f, 2, x6, -16(sp)");
INSIDE(spins, "1:\tld t2, -16(sp)\n\tbeqz t2, 1b\n\tli a0, 7");

static void on_fault(int signal, siginfo_t *information, void *context)
{
	ucontext_t *c = context;
	caught = signal;
	told_code = (uint64_t)information->si_code;
	told_address = (uint64_t)information->si_addr;
	told_cheri = *(uint32_t *)((char *)information + 24);
	/* Leave the compartment: the frame's PCC and DDC become the handler's own, and execution goes on at `back` with c31 the gate's. */
	char *frame = (char *)information;
	__asm__ volatile(".insn r 0x5b, 0, 1, t0, x0, x1\n\t.insn s 0x23, 4, t0, 0(%0)\n\t" /* DDC */
			 ".insn r 0x5b, 0, 0x10, t1, t0, %1\n\t.insn s 0x23, 4, t1, 496(%0)\n\t" /* c31 */
			 ".insn r 0x5b, 0, 1, t0, x0, x0\n\t.insn s 0x23, 4, t0, 512(%0)" /* PCC */
			 :
			 : "r"(frame + ORIGIN), "r"(&gate)
			 : "t0", "t1", "memory");
	extern const char back[];
	c->uc_mcontext.__gregs[0] = (uint64_t)back;
	c->uc_mcontext.__gregs[31] = (uint64_t)&gate;
	c->uc_mcontext.__gregs[10] = 0xdead;
}

static void on_alarm(int signal, siginfo_t *information, void *context)
{
	(void)context;
	caught = signal;
	char here;
	uint64_t tag;
	*(uint64_t *)(window + WINDOW - 16) = 1; /* ends its loop: its stack pointer was the window's end */
	/* ra in the frame is a sealed capability: its tag is there, and comes back. */
	__asm__ volatile(".insn i 0x0f, 2, t0, 16(%1)\n\t.insn r 0x5b, 0, 0x7f, %0, t0, x4"
			 : "=r"(tag)
			 : "r"((char *)information + ORIGIN)
			 : "t0");
	frame_tag = tag;
	on_alternate = (&here > alternate && &here < alternate + sizeof alternate);
}

static uint64_t run(const char *code, const char *end, uint64_t argument)
{
	memset(window, 0, WINDOW);
	memcpy(window, code, (size_t)(end - code));
	__asm__ volatile("fence.i" ::: "memory");
	caught = 0;
	return enter((uint64_t)window, argument, (uint64_t)window + WINDOW, window);
}
#define RUN(name, argument) run(name, name##_end, argument)
#define FAULT(name, argument, offset)                                                                                  \
	do {                                                                                                           \
		uint64_t got = RUN(name, (uint64_t)(argument));                                                        \
		SHOW(#name ": signal %d code %lu cause 0x%02lx register 0x%02lx address %s, back with 0x%lx", caught,  \
		     told_code, told_cheri & 31, told_cheri >> 5,                                                      \
		     told_address == (uint64_t)(offset) ? "right" : "wrong", got);                                     \
	} while (0)

/* Two threads: one stores a capability again and again, one data over it, one loads it. A tag over changed bits is a forgery. */
static uint64_t shared[512] __attribute__((aligned(4096)));
static volatile int stop;
static uint64_t forged, seen;

static void *stores_capabilities(void *argument)
{
	(void)argument;
	while (!stop)
		__asm__ volatile(".insn r 0x5b, 0, 1, t0, x0, x1\n\t.insn r 0x5b, 0, 0x10, t0, t0, %0\n\tli t1, "
				 "64\n\t.insn r 0x5b, 0, 0x08, t0, t0, t1\n\t"
				 ".insn s 0x23, 4, t0, 0(%0)"
				 :
				 : "r"(shared)
				 : "t0", "t1", "memory");
	return NULL;
}

static void *stores_data(void *argument)
{
	uint64_t n = 0;
	(void)argument;
	while (!stop)
		*(volatile uint64_t *)shared = ++n << 20;
	return NULL;
}

static void *loads(void *argument)
{
	uint64_t tag, address;
	(void)argument;
	for (int n = 0; n < 300000; n++) {
		__asm__ volatile(".insn i 0x0f, 2, t0, 0(%2)\n\t.insn r 0x5b, 0, 0x7f, %0, t0, x4\n\t.insn r 0x5b, 0, "
				 "0x7f, %1, t0, x15"
				 : "=r"(tag), "=&r"(address)
				 : "r"(shared)
				 : "t0", "memory");
		seen += tag;
		forged += tag && address != (uint64_t)shared;
	}
	stop = 1;
	return NULL;
}

int main(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
	window = mmap((void *)0x40000000, WINDOW, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	sigaltstack(&stack, NULL);
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	static uint64_t secret = 42;
	SHOW("adds: %lu, signal %d", RUN(adds, 41), caught);
	FAULT(reads_outside, &secret, &secret);
	FAULT(writes_outside, &secret, &secret);
	FAULT(calls_system, 0, window + 4);
	FAULT(jumps_out, main, main);
	FAULT(lies_about_stack, &secret, 0);
	FAULT(takes_more, &secret, &secret);
	uint64_t got = RUN(forges, 0);
	SHOW("forges: signal %d cause 0x%02lx register 0x%02lx, back with 0x%lx", caught, told_cheri & 31,
	     told_cheri >> 5, got);
	SHOW("the secret is %lu", secret);
	action.sa_sigaction = on_alarm;
	sigaction(SIGALRM, &action, NULL);
	struct itimerval soon = {.it_value = {0, 50000}};
	setitimer(ITIMER_REAL, &soon, NULL);
	memset(window, 0, WINDOW);
	got = RUN(spins, 0);
	SHOW("spins: signal %d on the alternate stack %d, tag in the frame %lu, back with %lu", caught, on_alternate,
	     frame_tag, got);
	pthread_t thread[3];
	pthread_create(&thread[0], NULL, stores_capabilities, NULL);
	pthread_create(&thread[1], NULL, stores_data, NULL);
	pthread_create(&thread[2], NULL, loads, NULL);
	for (int n = 0; n < 3; n++)
		pthread_join(thread[n], NULL);
	SHOW("forged %lu, %s", forged, seen ? "capabilities seen" : "no capability seen");
	return 0;
}
