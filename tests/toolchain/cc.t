#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel-cc takes what gcc takes, and refuses by name what cannot work.
. tests/tap.sh
cp tests/toolchain/mix.c $work/
gcc -O1 $work/mix.c -o $work/native -lm && $work/native > $work/want
for level in -O0 -O1 -O2 -O3 -Os -Og "-O2 -fPIC" "-O2 -g" "-O2 -march=haswell" "-O2 -fno-omit-frame-pointer" "-O2 -ffunction-sections" "-O2 -flto" "-O2 -fno-asynchronous-unwind-tables" "-O2 -mtrap"; do
	$cc $level $work/mix.c -o $work/mix -lm && $carrel run $work/mix > $work/got && cmp -s $work/want $work/got
	say $? "the same output as natively at $level"
	$carrel verify $work/mix > /dev/null; say $? "verified at $level"
done
$cc -c -MMD -MF $work/m.d $work/mix.c -o $work/m.o && grep -q mix.c $work/m.d; say $? "-c with a dependency file"
$cc $work/m.o -o $work/two -lm && $carrel run $work/two | cmp -s - $work/want; say $? "linking objects"
$cc -E $work/mix.c | grep -q "int main"; say $? "-E"
$cc -S $work/mix.c -o - | grep -q "main:"; say $? "-S"
cat > $work/a.S <<'A'
#define VALUE 7
	.globl	value
	.type	value, @function
value:	mov	$VALUE, %eax
	ret
	.section .note.GNU-stack,"",@progbits
A
printf 'int value(void); int main(void) { int (*volatile f)(void) = value; return f(); }\n' > $work/b.c
$cc $work/a.S $work/b.c -o $work/ab && $carrel run $work/ab; [ $? = 7 ]; say $? ".S files, called through a pointer"
strip $work/two && $carrel run $work/two | cmp -s - $work/want; say $? "a stripped image runs"
objcopy --strip-debug $work/mix $work/copy && $carrel verify $work/copy >/dev/null; say $? "an objcopied image is valid"
for flag in -m32 -mx32 -pg -fsplit-stack -fsanitize=address -mcmodel=large -masm=intel; do
	check "refused by name: $flag" 1 "$flag" $cc $flag $work/b.c -o $work/no
done
printf '#include <carrel/cp.h>\nint main(void) { return cap_length(cap_memory("seven", 7)) != 7; }\n' > $work/h.c
$cc -O2 -Wall -Wextra -Werror $work/h.c -o $work/h && $carrel run $work/h; say $? "headers for capabilities and CP_*, without -I"
# The jump tables of dynamic linking.
plt=build/lib/carrel/carrel-plt
check "carrel-plt wants a linked file" 1 "not a linked file with sections" $plt $work/b.c
check "and one that is there" 1 "No such file" $plt $work/none
printf 'int puts(const char *); int f(void) { return puts("f"); }\n' > $work/f.c
gcc -fPIC -fcf-protection=none -shared -Wl,-z,lazy $work/f.c -o $work/stock.so
check "and ld's forms with landing pads" 1 "link with -z ibtplt" $plt $work/stock.so
$cc -fPIC -c $work/f.c -o $work/f.o && $cc -shared $work/f.o -o $work/f.so && $carrel verify $work/f.so > /dev/null; say $? "a shared object's jump table is verified"
cp $work/f.so $work/again.so; check "carrel-plt does nothing twice" 1 "form that is not known" $plt $work/again.so
cmp -s $work/f.so $work/again.so; say $? "and leaves the file as it was"
printf 'int puts(const char *); int (*p)(const char *) = puts; int main(void) { return puts("one way") + p("another") < 0; }\n' > $work/p.c
for more in "" "-fno-plt" "-fPIC" "-Wl,-z,lazy" "-O2 -flto" "-Wl,--gc-sections -s"; do
	$cc --dynamic $more $work/p.c -o $work/p; check "a dynamic program $more" 0 another $carrel run $work/p
done
$cc --dynamic -static $work/p.c -o $work/p && ! readelf -d $work/p | grep -q NEEDED; say $? "-static after --dynamic"
printf 'int main(int c, char **v) { int g(int x) { return x + c; } int (*volatile p)(int) = g; return p(1); }\n' > $work/n.c
check "a nested function's trampoline" 1 "executable stack" $cc $work/n.c -o $work/no
printf 'int main(void) { __asm__("lgdt 0"); return 0; }\n' > $work/u.c
check "an unknown instruction names its line" 1 "unknown or unsupported instruction: lgdt" $cc $work/u.c -o $work/no
printf '\t.text\nf:\t.byte 0x0f, 0x05\n' > $work/d.s
check "data in text" 1 "d.s:2: error: data in an executable section" $cc -c $work/d.s -o $work/no.o
printf '\t.text\n\t.macro x\n\t.endm\n' > $work/m.s
check "an unknown directive" 1 "m.s:2: error: unknown or unsupported directive" $cc -c $work/m.s -o $work/no.o
printf 'volatile unsigned long high = 0x100000000ul; int main(void) { return *(volatile int *)(high + (unsigned long)&main); }\n' > $work/w.c
$cc -O2 -mtrap $work/w.c -o $work/w && $carrel run $work/w 2> /dev/null; [ $? = 132 ]; say $? "-mtrap: a wild upper half faults"
# Its cases read the flags of a comparison in front of the switch, whose jump leaves them alone.
cat > $work/order.c <<'C'
#include <stdio.h>
volatile int yes = 1, no;
__attribute__((noipa)) int order(int c, unsigned op)
{
	if (c != 0) {
		switch (op) {
		case 0: return c < 0 ? yes : no;
		case 1: return c <= 0 ? yes + 1 : no;
		case 2: return c == 0 ? yes : no + 3;
		case 3: return c != 0 ? yes + 4 : no;
		case 4: return c > 0 ? yes + 5 : no;
		case 5: return c >= 0 ? yes + 6 : no;
		default: __builtin_unreachable();
		}
	}
	return 9;
}
int main(void)
{
	for (int c = -1; c < 2; c++)
		for (unsigned op = 0; op < 6; op++)
			printf("%d", order(c, op));
	puts("");
	return 0;
}
C
check "flags live on behind a switch" 0 123500999999003567 sh -c "$cc -O2 $work/order.c -o $work/order && $carrel run $work/order"
cat > $work/weak.c <<'C'
extern int maybe(int) __attribute__((weak));
int tail(int x) { return maybe(x + 1); }
int main(int argc, char **argv) { return maybe ? maybe(argc) + tail(3) : 7; }
C
printf 'int maybe(int x) { return x * 10; }\n' > $work/there.c
for level in -O0 -O2; do
	$cc $level $work/weak.c -o $work/weak && $carrel run $work/weak; [ $? = 7 ]; say $? "a weak function that is nowhere, $level"
	$cc $level $work/weak.c $work/there.c -o $work/weak && $carrel run $work/weak; [ $? = 50 ]; say $? "and one that is in another file, $level"
done
# Direct calls go behind landing pads, which all names have that other files may call.
cat > $work/one.c <<'C'
int f(int), g(int), by_hand(void), inner(void), second(void), real(void), alias_of_static(void);
int (*pointer)(int) = g;
__attribute__((noinline)) static int h(int x) { return f(x) + pointer(x); }
int main(void)
{
	int sum = by_hand() + inner() + second() + real() + alias_of_static();
	for (int i = 0; i < 10; i++)
		sum += h(i) + f(i);
	return sum != 579 + 8 + 9 + 8 + 11 + 5;
}
C
cat > $work/two.c <<'C'
static __attribute__((noinline)) int k(int x) { return x * 3; }
__attribute__((noinline)) int f(int x) { return x > 5 ? k(x) : x + 1; }
__attribute__((noinline)) int g(int x) { return f(x) * 2 + k(x); }
static int hidden(void) { return 5; }
int alias_of_static(void) __attribute__((alias("hidden")));
int real(void) { return 11; }
C
cat > $work/three.s <<'A'
	.globl	by_hand, inner, second
by_hand:
	mov	$7, %eax
	jmp	second_too
inner:	mov	$9, %eax
	ret
	mov	$0, %eax
second:	mov	$7, %eax
second_too = .
	add	$1, %eax
	ret
	.section .note.GNU-stack,"",@progbits
A
for level in -O0 -O2 "-O2 -flto" "-O2 -flto -flto-partition=max" "-O2 --dynamic"; do
	$cc $level $work/one.c $work/two.c $work/three.s -o $work/calls 2> $work/said && $carrel run $work/calls; say $? "calls of other files, $level"
done
$cc -O2 -fPIC -shared $work/two.c $work/three.s -o $work/libcalls.so && $cc -O2 --dynamic $work/one.c -L$work -lcalls -o $work/calls &&
	$carrel run -v $work:/data -e LD_LIBRARY_PATH=/data $work/calls; say $? "and of another object"
finish
