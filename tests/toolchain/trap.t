#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# -mtrap: every way to name memory faults at the access when its address lies above the window: what comes before it is done,
# what comes after is not. Without the wild half the same access works.
. tests/tap.sh
cat > $work/trap.c <<'C'
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char room[256];
static __thread volatile int local[4];
#define A(text, ...) __asm__ volatile(text : : __VA_ARGS__ : "memory", "cc", "rax", "xmm0", "st")
/* With the flags live across the access. */
#define KEEPS(text, p) do { long bad; __asm__ volatile("stc\n\t" text "\n\tsbb %%rdx, %%rdx\n\tlea 1(%%rdx), %%rdx\n\tmov %%rdx, %0" \
	: "=r"(bad) : "r"(p) : "memory", "cc", "rax", "rdx"); if (bad) _exit(9); } while (0)
#define STRING(text, to, from, n) do { unsigned long d = (to), s = (from), c = (n); \
	__asm__ volatile(text : "+D"(d), "+S"(s), "+c"(c) : "a"(0L) : "memory", "cc"); } while (0)
int main(int argc, char **argv)
{
	int which = atoi(argv[1]);
	uintptr_t wild = strtoul(argv[2], NULL, 0), good = (uintptr_t)room, p = good + (wild << 32), i = wild << 30;
	memcpy(room, "abcdefgh", 8);
	(void)!write(1, "before\n", 7);
	switch (which) {
	case 0: A("mov (%0), %%rax", "r"(p)); break;
	case 1: A("movb $1, 8(%0)", "r"(p)); break;
	case 2: A("mov (%0,%1,4), %%rax", "r"(good), "r"(i)); break;
	case 3: A("addl $1, (%0)", "r"(p)); break;
	case 4: A("lock xaddl %%eax, (%0)", "r"(p)); break;
	case 5: A("movups (%0), %%xmm0", "r"(p)); break;
	case 6: A("movups %%xmm0, 16(%0)", "r"(p)); break;
	case 7: A("fldl (%0)\n\tfstp %%st(0)", "r"(p)); break;
	case 8: A("push (%0)\n\tpop %%rax", "r"(p)); break;
	case 9: A("cmpb $0, (%0)", "r"(p)); break;
	case 10: local[(long)i + (argc & 1)] = 1; break;
	case 11: KEEPS("mov (%1), %%rax", p); break;
	case 12: KEEPS("movb $3, (%1)", p); break;
	case 13: STRING("movsb", good + 64, p, 1); break;
	case 14: STRING("movsq", p + 64, good, 1); break;
	case 15: STRING("rep movsb", good + 64, p, 8); break;
	case 16: STRING("rep movsq", p + 64, good, 1); break;
	case 17: STRING("stosl", p, 0, 1); break;
	case 18: STRING("rep stosb", p, 0, 8); break;
	case 19: STRING("lodsb", 0, p, 1); break;
	case 20: STRING("scasb", p, 0, 1); break;
	case 21: STRING("repne scasb", p, 0, 8); break;
	case 22: STRING("repe cmpsb", p, good, 8); break;
	case 23: STRING("repe cmpsb", good, p, 8); break;
	case 24: A("movl $7, -4(%0)", "r"(p + 8)); break;
	case 25: A("imul $3, (%0), %%eax", "r"(p)); break;
	case 26: A("cmovne (%0), %%rax", "r"(p)); break;
	case 27: A("sete (%0)", "r"(p)); break;
	case 28: A("movzbl (%0), %%eax", "r"(p)); break;
	case 29: A("cvtsi2sdl (%0), %%xmm0", "r"(p)); break;
	default: return 99;
	}
	(void)!write(1, "after\n", 6);
	return 0;
}
C
$cc -O1 -mtrap $work/trap.c -o $work/trap || { say 1 "it compiles"; finish; exit 1; }
for ((n = 0; n <= 29; n++)); do
	form=$(sed -n "s/^\tcase $n: \(.*\) break;.*/\1/p" $work/trap.c)
	good=$($carrel run $work/trap $n 0 2>&1); code=$?
	bad=$($carrel run $work/trap $n 1 2>/dev/null); trapped=$?
	high=$($carrel run $work/trap $n 0x80000000 2>/dev/null); trapped_high=$?
	[ "$code $good" = "0 before"$'\n'"after" ] && [ "$trapped $bad" = "132 before" ] && [ "$trapped_high $high" = "132 before" ]
	say $? "$form"
	[ "$code $trapped $trapped_high" = "0 132 132" ] || echo "# $code $good; $trapped $bad; $trapped_high $high"
done
printf 'int main(void) { unsigned long d = 1ul << 40, c = 0; __asm__ volatile("rep stosb" : "+D"(d), "+c"(c) : "a"(0) : "memory"); return 5; }\n' > $work/none.c
$cc -O1 -mtrap $work/none.c -o $work/none && $carrel run $work/none; [ $? = 5 ]; say $? "a string loop of no turns with a wild pointer"
finish
