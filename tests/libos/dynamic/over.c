/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Stands in front of the C library (linked first, or LD_PRELOAD): counts, and goes on with the next one of its name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

int over_count;
int atoi(const char *text)
{
	static int (*next)(const char *);

	if (!next)
		next = (int (*)(const char *))dlsym(RTLD_NEXT, "atoi");
	over_count++;
	return next ? next(text) + 1000 : -1;
}
