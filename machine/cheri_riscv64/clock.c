/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host's clocks, by a system call: there is no vDSO under carrel-cheri. Trusted.
 */
#include <sys/syscall.h>

#include "machine/machine.h"

int machine_clock(uint64_t clock, int64_t time[2])
{
	return (int)machine_system(SYS_clock_gettime, (long)clock, (long)time, 0, 0, 0, 0);
}
