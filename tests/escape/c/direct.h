/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A guest in C without a libc: system calls as they are, so that an attack sees the number the library OS gives.
 * Built by carrel-cc -nostdlib; includes its own start.
 */
#include <stddef.h>
#include <stdint.h>

__asm__(".globl _start\n"
	"_start:\n"
	"	.carrel_delta 0\n"
	"	endbr64\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start_c\n"
	"	int3\n");

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long rd __asm__("r10") = d, re __asm__("r8") = e, rf __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(rd), "r"(re), "r"(rf)
			 : "rcx", "r11", "memory");
	return result;
}
#define CALL(number, ...) CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static size_t length(const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	return n;
}

static void say(const char *text)
{
	CALL(1, 1, text, length(text));
}

static void say_number(long value)
{
	char text[24];
	size_t at = sizeof text;
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;

	do
		text[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		text[--at] = '-';
	CALL(1, 1, text + at, sizeof text - at);
}

static _Noreturn void leave(int status)
{
	CALL(231, status);
	__builtin_trap();
}

static int wrong;

/* One row of a test: this call must give exactly that. */
__attribute__((unused)) static void expect(const char *what, long got, long want)
{
	if (got == want)
		return;
	wrong = 1;
	say(what);
	say(": ");
	say_number(got);
	say(" instead of ");
	say_number(want);
	say("\n");
}

int run(int argc, char **argv);

__attribute__((used)) void start_c(long *stack)
{
	leave(run((int)stack[0], (char **)(stack + 1)));
}
