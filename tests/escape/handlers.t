#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Faults inside every handler of signals: each way ends the program as it does natively, and nothing else.
. tests/tap.sh
cat > "$work/h.c" <<'C'
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>
static volatile int zero, one = 1, quotient;
static void null(void) { *(volatile int *)8 = 1; }
static void faults(int s) { (void)s; null(); }
static void divides(int s) { (void)s; quotient = one / zero; }
static void traps(int s) { (void)s; __builtin_trap(); }
static void aborts(int s) { (void)s; abort(); }
static void again(int s) { (void)s; raise(SIGSEGV); for (;;) ; }
static void loses_stack(int s, siginfo_t *i, void *u) { (void)s; (void)i; (void)u; null(); }
static void set(int number, void (*handler)(int), int flags)
{
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
	sigaction(number, &a, NULL);
}
int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	if (!strcmp(how, "same")) { set(SIGSEGV, faults, 0); null(); }
	if (!strcmp(how, "divide")) { set(SIGFPE, divides, 0); divides(0); }
	if (!strcmp(how, "trap")) { set(SIGILL, traps, 0); traps(0); }
	if (!strcmp(how, "other")) { set(SIGUSR1, faults, 0); raise(SIGUSR1); }
	if (!strcmp(how, "chain")) { set(SIGUSR1, divides, 0); set(SIGFPE, traps, 0); set(SIGILL, faults, 0); set(SIGSEGV, aborts, 0); raise(SIGUSR1); }
	if (!strcmp(how, "raise")) { set(SIGSEGV, again, SA_RESETHAND | SA_NODEFER); null(); }
	if (!strcmp(how, "deep")) { set(SIGSEGV, faults, SA_NODEFER); null(); }
	if (!strcmp(how, "alternate")) {
		stack_t s = {.ss_sp = mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 65536};
		sigaltstack(&s, NULL);
		struct sigaction a = {.sa_sigaction = loses_stack, .sa_flags = SA_ONSTACK | SA_SIGINFO};
		sigaction(SIGSEGV, &a, NULL);
		null();
	}
	if (!strcmp(how, "timer")) {
		struct itimerval often = {{0, 1000}, {0, 1000}};
		set(SIGALRM, faults, 0);
		setitimer(ITIMER_REAL, &often, NULL);
		for (;;) ;
	}
	if (!strcmp(how, "nowhere")) { set(SIGUSR1, (void (*)(int))(long)0x10, 0); raise(SIGUSR1); }
	if (!strcmp(how, "data")) { static int words[4]; set(SIGUSR1, (void (*)(int))(void *)words, 0); raise(SIGUSR1); }
	return 0;
}
C
$cc -O1 -w "$work/h.c" -o "$work/h" && gcc -O1 -w "$work/h.c" -o "$work/native" || exit 1
ulimit -c 0
# A report where an instruction faulted; none where a signal was sent, or a handler cannot be begun, as on Linux.
for case in same:report divide:report trap:report other:report deep:report timer:report chain: raise: alternate: nowhere: data:; do
	how=${case%:*} report=
	[ "${case#*:}" = report ] && report="ended by SIG"
	{ timeout 20 "$work/native" "$how"; native=$?; } > /dev/null 2>&1
	check "a fault in a handler: $how" "$native" "$report" $carrel run "$work/h" "$how"
	[ "$native" -gt 128 ]; say $? "natively too ($native)"
done
# Whatever a handler writes where r15 was kept, the program finds a place of its window's memory in it (stack_place).
cat > "$work/place.c" <<'C'
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <ucontext.h>
static volatile int came;
static uint64_t put, was;
static void moves(int s, siginfo_t *i, void *u)
{
	(void)s, (void)i;
	was = ((ucontext_t *)u)->uc_mcontext.gregs[REG_R15];
	((ucontext_t *)u)->uc_mcontext.gregs[REG_R15] = put ? put : was;
	came = 1;
}
static uint64_t spin(uint64_t value)
{
	struct itimerval once = {{0, 0}, {0, 2000}};
	uint64_t seen;
	put = value;
	came = 0;
	setitimer(ITIMER_REAL, &once, NULL);
	__asm__ volatile("mov %%rsp, %%rbx\n1: cmpl $0, %1\n je 1b\n mov %%rsp, %%rax\n mov %%rbx, %%rsp" : "=a"(seen) : "m"(came) : "rbx", "memory", "cc");
	return seen;
}
int main(void)
{
	static const uint64_t values[][2] = {{1, 0x10000}, {0xffff, 0x10000}, {0x10000, 0x10000}, {0x12345678, 0x12345678}, {0xfffc0000, 0xfffc0000},
		{0xfffc0001, 0xfffc0000}, {0xffffffff, 0xfffc0000}, {0x100000000, 0x10000}, {0x7fff12345678, 0x12345678}, {UINT64_MAX, 0xfffc0000}};
	struct sigaction a = {.sa_sigaction = moves, .sa_flags = SA_SIGINFO};
	sigaction(SIGALRM, &a, NULL);
	uint64_t above = spin(0) - was;
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
		uint64_t seen = spin(values[i][0]) - above;
		if (seen != values[i][1])
			return printf("%#lx became %#lx\n", values[i][0], seen), 1;
	}
	puts("in its memory");
	return 0;
}
C
$cc -O2 -w "$work/place.c" -o "$work/place" || exit 1
check "a handler moves the stack" 0 "in its memory" $carrel run "$work/place"
check "and a program afterwards" 0 "" $carrel run "$work/h"
finish
