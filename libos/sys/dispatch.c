/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * From the gate to the system call's function, and the trace.
 */
#include <asm/unistd.h>

#include "libos/sys/sys.h"

int64_t system_call(uint64_t number, const uint64_t a[6]);

static int64_t call(uint64_t number, const uint64_t a[6])
{
	switch (number) {
#define SYSTEM_CALL(name, n, text) \
	case __NR_##name:              \
		return sys_##name(a);
#include "libos/sys/table.def"
#undef SYSTEM_CALL
	default:
		return -ENOSYS;
	}
}

static const char *name_of(uint64_t number, int *arguments)
{
	switch (number) {
#define SYSTEM_CALL(name, n, text) \
	case __NR_##name:              \
		*arguments = n;            \
		return #name;
#include "libos/sys/table.def"
#undef SYSTEM_CALL
	default:
		*arguments = 6;
		return NULL;
	}
}

static void trace(uint64_t number, const uint64_t a[6], int64_t result, int finished)
{
	char line[320];
	int n;
	const char *name = name_of(number, &n);
	size_t at = name ? format(line, sizeof line, "%s(", name) : format(line, sizeof line, "system call %lu(", number);

	for (int i = 0; i < n; i++)
		at += format(line + at, sizeof line - at, a[i] < 4096 || a[i] > -4096ull ? "%s%ld" : "%s0x%lx", i ? ", " : "", a[i]);
	if (finished)
		at += format(line + at, sizeof line - at, ") = %ld%s", result, name ? "" : " (not supported)");
	else
		at += format(line + at, sizeof line - at, ")");
	HOST(trace, (uintptr_t)line, at);
}

int64_t system_call(uint64_t number, const uint64_t a[6])
{
	if (!boot->trace)
		return call(number, a);
	if (number == __NR_exit || number == __NR_exit_group)
		trace(number, a, 0, 0);
	int64_t result = call(number, a);
	trace(number, a, result, 1);
	return result;
}
