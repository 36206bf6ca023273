/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The object that one.c needs, and its thread-local variable, for programs that are linked with it.
 */
#include <stdio.h>

__thread int two_count = 10;
__thread char two_aligned[64] __attribute__((aligned(64)));
int two_kind(void)
{
	return 2;
}
int two_add(int a, int b)
{
	return a + b;
}
int two_alignment(void)
{
	char *volatile at = two_aligned;

	return (int)((unsigned long)at % 64);
}
__attribute__((constructor)) static void begin(void)
{
	puts("two begins");
}
__attribute__((destructor)) static void end(void)
{
	puts("two ends");
}
