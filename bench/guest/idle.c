/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hello that stays: what an idle cVM costs.
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("hello");
	fflush(stdout);
	for (;;)
		pause();
}
