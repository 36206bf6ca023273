/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors */
#include "work.h"
static uint8_t data[1 << 16];
int main(void)
{
	uint64_t state = 1, hash = 14695981039346656037ull;
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)random_next(&state);
	for (int round = 0; round < 2500; round++)
		for (unsigned i = 0; i < sizeof data; i++)
			hash = (hash ^ data[i]) * 1099511628211ull;
	printf("%lu\n", (unsigned long)hash);
	return 0;
}
