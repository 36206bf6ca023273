/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Thread-local variables of an object that dlopen brings. SIZE: how much of them.
 */
#ifndef SIZE
#define SIZE 256
#endif
__thread int late_count = 70;
__thread char late_zero[SIZE] __attribute__((aligned(64)));
static __thread int own = 7;
int late_next(void)
{
	char *volatile zero = late_zero;

	for (int i = 0; i < SIZE; i++)
		if (zero[i])
			return -1;
	zero[SIZE - 1] = 1;
	return (unsigned long)zero % 64 ? -2 : ++late_count + ++own;
}
