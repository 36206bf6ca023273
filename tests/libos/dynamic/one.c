/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A shared object that needs another one: data relocations, function pointers, a table, constructors.
 */
#include <stdio.h>

int two_add(int, int);
int two_kind(void);
extern __thread int two_count;

static int hidden = 5;
static int twice(int x)
{
	return 2 * x;
}
int one_value = 41;
int *one_pointer = &hidden;
int *one_pointer_value = &one_value;
int one_kind(void)
{
	return 1;
}
int one_twice(int x)
{
	return twice(x);
}
int (*one_table[3])(int) = {twice, one_twice, NULL};
/* Through the jump table: one_kind may be another object's. */
int one_calls(int (*f)(int), int x)
{
	return f(x) + *one_pointer_value + one_kind() + two_kind();
}
int one_two(int a)
{
	return two_add(a, *one_pointer);
}
int one_count(void)
{
	return ++two_count;
}
static int depth(int n)
{
	int (*volatile self)(int) = depth;

	return n ? self(n - 1) + 1 : 0;
}
int one_depth(int n)
{
	return depth(n);
}
__attribute__((constructor)) static void begin(void)
{
	puts("one begins");
}
__attribute__((destructor)) static void end(void)
{
	puts("one ends");
}
