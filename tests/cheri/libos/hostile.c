/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS on CHERI-RISC-V: what it tries is the last character of the program's first argument. tests/cheri/escape.t says how
 * each must end. Freestanding.
 */
#include <carrel/boot.h>
#include <carrel/host.h>
#include <carrel/window.h>

int64_t host_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
extern char entry[] __attribute__((visibility("hidden"))), taken[] __attribute__((visibility("hidden")));
extern char risky_end[] __attribute__((visibility("hidden"))), repaired[] __attribute__((visibility("hidden")));
int64_t risky(void);

#define WINDOW ((uint64_t)__builtin_frame_address(0) & ~(uint64_t)UINT32_MAX)
#define OFFSET(at) ((uint64_t)(at) & UINT32_MAX)

static void say(const char *text)
{
	uint64_t n = 0;

	while (text[n])
		n++;
	host_call(HOST_write, HANDLE_STDOUT, OFFSET(text), n, (uint64_t)-1, 0, 0);
}

/* What entry_set takes for none of its kinds, entries or ranges. `taken` is where all of that would lead. */
static int all_refused(void)
{
	const uint64_t to = OFFSET(taken), from = OFFSET(risky), end = OFFSET(risky_end), over = 1ull << 32, sign = 1ull << 63;
	const uint64_t kinds[] = {3, 4, 255, over, over + 1, over + 2, sign, sign + 1, -over, -1ull};
	const uint64_t targets[] = {0, 0xe000, 0xe020, 0xf000, WINDOW_ARENA_START - 2, to + 1, WINDOW_ARENA_END, WINDOW_ARENA_END + 1,
				    WINDOW_MEMORY_START + 4096, WINDOW_MEMORY_END, over - 2, over - 1, over, over + to, sign + to, WINDOW + to,
				    -2ull};
	const uint64_t ranges[][2] = {{end, from}, {1, 0}, {from + 2, from}, {over - 1, over - 2}, {from, over}, {from, over + end},
				      {over + from, end}, {over, over}, {over + from, over + end}, {sign + from, end}, {from, sign + end},
				      {WINDOW + from, WINDOW + end}, {from, -1ull}, {-1ull, -1ull}, {-1ull, 0}};
	int good = 1;

	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		good &= host_call(HOST_entry_set, kinds[i], from, end, to, 0, 0) == -22;
	for (uint64_t kind = 0; kind < 3; kind++)
		for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++)
			good &= host_call(HOST_entry_set, kind, from, end, targets[i], 0, 0) == -22;
	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
		good &= host_call(HOST_entry_set, 1, ranges[i][0], ranges[i][1], to, 0, 0) == -22;
	say(good ? "refused\n" : "taken\n");
	return good;
}

__attribute__((used, noreturn)) void taken_start(void)
{
	say("taken\n");
	host_call(HOST_exit, 1 << 8, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

__attribute__((used, noreturn)) void hostile_start(void)
{
	const struct carrel_boot *boot = (const struct carrel_boot *)(WINDOW + LIBOS_BOOT);
	const char *word = (const char *)boot + boot->argv;
	uint64_t intravisor = 0x13000, program;
	int what = 0;

	__asm__("mv %0, tp" : "=r"(program));
	while (*word++)         /* the second word: a number */
		;
	while (*word)
		what = what * 10 + (*word++ - '0');
	switch (what) {
	case 1: *(volatile char *)intravisor = 1; break;
	case 2: *(volatile char *)program = 1; break;           /* another window: not through DDC */
	case 3: __asm__ volatile("li a7, 64\n\tecall"); break;
	case 4: ((void (*)(void))intravisor)(); break;
	case 5: ((void (*)(void))(program + 0xe000))(); break;  /* the program's text: not in PCC */
	case 6: /* the program's sealed entry, through tp: comes without its tag */
		__asm__ volatile("li t1, 0xf000\n\t.insn r 0x5b, 0, 0x11, t0, tp, t1\n\t.insn r 0x5b, 0, 0x7d, t0, t0, x31\n\t"
				 ".insn r 0x5b, 0, 0x7e, x1, x5, x3" ::: "t0", "t1");
		break;
	case 7: /* one byte behind the program's window, through tp */
		__asm__ volatile("li t1, 0x100000000\n\t.insn r 0x5b, 0, 0x11, t0, tp, t1\n\t.insn r 0x5b, 0, 0x7d, t0, t0, x8" ::: "t0", "t1");
		break;
	case 8: __asm__ volatile(".insn s 0x23, 4, tp, 0(%0)" : : "r"(WINDOW + LIBOS_STACK_TOP - 4096)); break; /* keep it */
	case 9: __asm__ volatile("mv t1, %0\n\tjr t1" : : "r"(WINDOW + 0xe020) : "t1"); break;  /* leave a system call there is not */
	case 10: /* a host call that returns into the Intravisor */
		__asm__ volatile("mv t0, %0\n\tmv t1, %1\n\tli a7, 56\n\tli a1, 0\n\tjr t1" : : "r"(intravisor), "r"(WINDOW + 0xe000) : "t0", "t1");
		break;
	case 11: /* no stack, no tp, no DDC: the call is served, and the next load faults */
		__asm__ volatile("li sp, 1\n\tli tp, 1\n\tmv t1, %0\n\t.insn r 0x5b, 0, 0x01, x0, x5, x1\n\tli a7, 53\n\tjalr t0, t1\n\tld t0, 0(sp)"
				 : : "r"(WINDOW + 0xe000) : "t0", "t1");
		break;
	case 12: /* references to what is not the guest's */
		if (host_call(HOST_write, 1, 0xf000, 16, (uint64_t)-1, 0, 0) >= 0 || host_call(HOST_write, 1, WINDOW + 0x40000000, 4, (uint64_t)-1, 0, 0) >= 0 ||
		    host_call(HOST_write, 1, REF_PROGRAM | 0xe000, 16, (uint64_t)-1, 0, 0) >= 0 || host_call(HOST_memory_map, 0xf000, 4096, 3, 0, 0, 0) >= 0 ||
		    host_call(HOST_memory_map, 0x40000000, 4096, 7, 0, 0, 0) >= 0 || host_call(HOST_write, 1, 0xfffc0000, 1, (uint64_t)-1, 0, 0) >= 0)
			say("taken\n");
		else
			say("refused\n");
		host_call(HOST_exit, 0, 0, 0, 0, 0, 0);
		break;
	case 13: /* entries that are none */
		if (host_call(HOST_entry_set, 0, 0, 0, 0xe000, 0, 0) != -22 || host_call(HOST_entry_set, 0, 0, 0, 0x40000000, 0, 0) != -22 ||
		    host_call(HOST_entry_set, 2, 0, 0, 0x100001, 0, 0) != -22 || host_call(HOST_program_enter, 0x50000000, 0, 0, 0, 0, 0) != -22)
			say("taken\n");
		else
			say("refused\n");
		host_call(HOST_exit, 0, 0, 0, 0, 0, 0);
		break;
	case 14: /* its system calls: answered by leaving at once */
		host_call(HOST_entry_set, 0, 0, 0, OFFSET(entry), 0, 0);
		host_call(HOST_program_enter, boot->program.entry, 0, 0, 0, 0, 0);
		break;
	case 15: /* the sealed context, read */
		__asm__ volatile(".insn r 0x5b, 0, 0x7d, t1, gp, x11" ::: "t1");
		break;
	case 16: /* a system call's entry: none was set by all that was refused */
		all_refused();
		host_call(HOST_program_enter, boot->program.entry, 0, 0, 0, 0, 0);
		break;
	case 17: /* nor a fix-up */
		all_refused();
		risky();
		break;
	case 18: /* those that were set before are there still */
		host_call(HOST_entry_set, 1, OFFSET(risky), OFFSET(risky_end), OFFSET(repaired), 0, 0);
		host_call(HOST_entry_set, 0, 0, 0, OFFSET(entry), 0, 0);
		all_refused();
		say(risky() == 18 ? "repaired\n" : "not repaired\n");
		host_call(HOST_program_enter, boot->program.entry, 0, 0, 0, 0, 0);
		break;
	case 19: /* nor has an interruption an entry: it ends nothing, the program is answered as ever */
		host_call(HOST_memory_map, LIBOS_HEAP_START, 4096, 3, 0, 0, 0);
		host_call(HOST_thread_registers, LIBOS_HEAP_START, 0, 0, 0, 0, 0);
		host_call(HOST_entry_set, 0, 0, 0, OFFSET(entry), 0, 0);
		if (!all_refused() || host_call(HOST_thread_kick, 0, 0, 0, 0, 0, 0))
			break;
		host_call(HOST_program_enter, boot->program.entry, 0, 0, 0, 0, 0);
		break;
	}
	say("not stopped\n");
	host_call(HOST_exit, 1 << 8, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

/* A system call of the program: answered with registers full of capabilities of the library OS's, for it to try (program/tries.S). */
__asm__("	.text\n	.globl _start\n_start:	call hostile_start\n"
	"	.globl host_call\nhost_call:	mv t1, a0\n	mv a0, a1\n	mv a1, a2\n	mv a2, a3\n	mv a3, a4\n	mv a4, a5\n	mv a5, a6\n"
	"	mv a7, t1\n	auipc t5, 0\n	srli t5, t5, 32\n	slli t5, t5, 32\n	lui t6, 0xe\n	add t5, t5, t6\n	jalr t0, 0(t5)\n	ret\n"
	"	.globl entry\nentry:\n	auipc t5, 0\n	srli t5, t5, 32\n	slli t5, t5, 32\n	lui t6, 0xe\n	add t5, t5, t6\n	li a0, 41\n	jr 32(t5)\n"
	/* A byte of the program's that is not mapped: 0, or, by its fix-up, 18. And where nothing may lead. */
	"	.globl risky\nrisky:	li t1, 0x1000\n	.insn r 0x5b, 0, 0x11, t0, tp, t1\n	.insn r 0x5b, 0, 0x7d, t0, t0, x8\n	li a0, 0\n"
	"	.globl risky_end\nrisky_end:	ret\n	.globl repaired\nrepaired:	li a0, 18\n	ret\n"
	"	.balign 4\n	.globl taken\ntaken:	call taken_start\n");
