/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors */
#include "work.h"
enum { N = 4000000 };
static uint8_t composite[N];
int main(void)
{
	unsigned count = 0;
	for (int round = 0; round < 8; round++) {
		memset(composite, 0, sizeof composite);
		for (unsigned i = 2; i < N; i++)
			if (!composite[i]) {
				count++;
				for (unsigned j = 2 * i; j < N; j += i)
					composite[j] = 1;
			}
	}
	printf("%u\n", count);
	return 0;
}
