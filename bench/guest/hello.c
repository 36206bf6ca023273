/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program whose life, from creation to exit, `bench/run start` measures.
 */
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
