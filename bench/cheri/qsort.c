/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors */
#include "work.h"
enum { N = 600000 };
static uint32_t value[N];
static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}
int main(void)
{
	uint64_t state = 88172645463325252ull, sum = 0;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++)
			value[i] = (uint32_t)random_next(&state);
		qsort(value, N, sizeof *value, compare);
		for (int i = 0; i < N; i++)
			sum = sum * 31 + value[i];
	}
	printf("%lu\n", (unsigned long)sum);
	return 0;
}
