/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Call as far as it needs names: the calls themselves go from program to program by gates (carrel/cp_call.h), past the library OS.
 */
#include "libos/sys/sys.h"

#define EXPORT_NAME_MOST 64

int64_t sys_export_open(const uint64_t a[6])
{
	char name[EXPORT_NAME_MOST + 1];
	int64_t length = user_string(name, USER(0), sizeof name);

	return length < 0 ? length : HOST(export_open, own_ref(name), length, a[1] ? program_offset(a[1]) : 0);
}

int64_t sys_export_close(const uint64_t a[6])
{
	return HOST(export_close, a[0]);
}
