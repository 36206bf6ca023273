/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors */
#include "work.h"
/* noipa: every call is to be made. */
__attribute__((noipa)) static unsigned fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
int main(void)
{
	printf("%u\n", fib(38));
	return 0;
}
