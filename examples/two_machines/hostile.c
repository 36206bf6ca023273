/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One hostile program for both machines. What it tries is its argument.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uintptr_t window = (uintptr_t)&argc & ~(uintptr_t)UINT32_MAX;  /* 0 on x86-64, where pointers are offsets */

	if (!strcmp(what, "null"))
		*(volatile int *)0 = 1;
	else if (!strcmp(what, "behind"))       /* one byte behind its window */
		*(volatile char *)(window + 0x100000000) = 1;
	else if (!strcmp(what, "before"))
		*(volatile char *)(window - 1) = 1;
	else if (!strcmp(what, "text"))
		*(volatile char *)main = 1;
	else if (!strcmp(what, "jump"))         /* into what may be the Intravisor */
		((void (*)(void))0x13100)();
	else if (!strcmp(what, "recursion"))
		for (;;)
			*(volatile char *)__builtin_alloca(4096) = 0;
	puts("not stopped");
	return 1;
}
