/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What dlopen brings: no thread-local variables; it uses the C library, the program's own functions, and a data page.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int program_function(int);
extern int program_value;
int three_data[4096] = {1, 2, 3};
int three_zero[4096];
static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}
int three_sorts(void)
{
	int numbers[5] = {5, 3, 9, 1, 7}, sum = 0;

	qsort(numbers, 5, sizeof *numbers, compare);
	for (int i = 0; i < 5; i++)
		sum = 10 * sum + numbers[i];
	return sum;
}
int three_program(int x)
{
	program_value++;
	return program_function(x) + (int)sqrt(81.0);
}
int three_errno(void)
{
	errno = 0;
	return opendir("/none/at/all") ? 0 : errno;
}
int three_zeros(void)
{
	for (int i = 0; i < 4096; i++)
		if (three_zero[i] || three_data[i] != (i < 3 ? i + 1 : 0))
			return i + 1;
	return 0;
}
const char *three_name = "three";
