/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host's clocks without the C library: the kernel's vDSO reads them without a system call, and uses no vector
 * registers (tests/escape/fast.t looks), so it may run where those are the guest's. Trusted.
 */
#include <sys/syscall.h>

#include "machine/machine.h"
#include "machine/x86_64/thread.h"

int (*fast_clock)(long clock, int64_t time[2]);

int machine_clock(uint64_t clock, int64_t time[2])
{
	return fast_clock ? fast_clock((long)clock, time) : (int)machine_system(SYS_clock_gettime, (long)clock, (long)time, 0, 0, 0, 0);
}
