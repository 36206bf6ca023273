/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The time, as a fast host call: servers ask for it several times a request. A library OS controls both arguments. Trusted.
 */
#include <errno.h>
#include <time.h>

#include "intravisor/host/host.h"

int64_t host_clock_get(struct caller *caller, const uint64_t a[6])
{
	int64_t time[2];
	void *to = cvm_reference_plain(caller, a[1], sizeof time);

	if (a[0] > CLOCK_BOOTTIME || machine_clock(a[0], time))
		return -EINVAL;
	return !to || machine_copy(to, time, sizeof time) ? -EFAULT : 0;
}
