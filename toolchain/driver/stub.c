/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel-stub: the ELF interpreter an image names. When the host kernel is asked to run an image it starts this instead,
 * and this runs `carrel run --ordinary IMAGE`. Freestanding; not a line of the image's code runs here.
 */
#include <elf.h>
#include <stddef.h>
#include <sys/syscall.h>

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static void say(const char *text)
{
	call(SYS_write, 2, (long)text, (long)length(text));
}

/* argv[0], the image, and the rest, behind our own words. */
static char *words[1 << 17];

__attribute__((used, noreturn)) void stub_main(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1, **end = envp;
	static char image[4097];
	const char *candidates[] = {NULL, CARREL_BESIDE, "/usr/local/bin/carrel", "/usr/bin/carrel"};
	size_t n = 0;

	for (; *end; end++)
		if ((*end)[0] == 'C' && (*end)[1] == 'A' && (*end)[2] == 'R' && (*end)[3] == 'R' && (*end)[4] == 'E' &&
		    (*end)[5] == 'L' && (*end)[6] == '=')
			candidates[0] = *end + 7;
	long got = call(SYS_readlink, (long)"/proc/self/exe", (long)image, 4096);
	if (got <= 0) {
		for (Elf64_auxv_t *aux = (Elf64_auxv_t *)(end + 1); aux->a_type; aux++)
			if (aux->a_type == AT_EXECFN)
				for (got = 0; got < 4096 && ((char *)aux->a_un.a_val)[got]; got++)
					image[got] = ((char *)aux->a_un.a_val)[got];
	}
	if (got <= 0 || (size_t)argc + 8 > sizeof words / sizeof *words) {
		say("carrel-stub: cannot tell which image to run (is /proc mounted?)\n");
		call(SYS_exit_group, 127, 0, 0);
	}
	words[n++] = "carrel";
	words[n++] = "run";
	words[n++] = "--ordinary";
	words[n++] = "--argv0";
	words[n++] = argc ? argv[0] : image;
	words[n++] = image;
	for (long i = 1; i < argc; i++)
		words[n++] = argv[i];
	for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
		if (candidates[i])
			call(SYS_execve, (long)candidates[i], (long)words, (long)envp);
	say("carrel-stub: this is a Carrel image, and no carrel was found to run it: set CARREL=/path/to/carrel\n");
	call(SYS_exit_group, 127, 0, 0);
	__builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall stub_main\n");
