/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * From the gate to the system call's function.
 */
#include <asm/unistd.h>

#include "libos/sys/sys.h"

int64_t system_call(uint64_t number, const uint64_t a[6]);

static int64_t call(uint64_t number, const uint64_t a[6])
{
	switch (number) {
#define SYSTEM_CALL(name, arguments, state, text)                                                                        \
	case __NR_##name:                                                                                                 \
		return sys_##name(a);
#include "libos/sys/table.def"
#undef SYSTEM_CALL
	default:
		return -ENOSYS;
	}
}

int64_t system_call(uint64_t number, const uint64_t a[6])
{
	if (__builtin_expect(!boot->trace, 1))
		return call(number, a);
	if (number == __NR_exit || number == __NR_exit_group)
		trace_call(number, a, 0, 0);
	int64_t result = call(number, a);
	trace_call(number, a, result, 1);
	return result;
}
