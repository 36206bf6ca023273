/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Futexes in a cVM's own windows: the kernel's, on addresses checked here. Waiting and waking only: a waiter moved to a word of another
 * window could outlive that, and take the wake-ups of the cVM that gets the slot next. Trusted.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"

int64_t host_futex(struct caller *caller, const uint64_t a[6])
{
	struct timespec timeout;
	const void *word = cvm_reference(caller, a[0], 4);
	int operation = (int)a[1] & FUTEX_CMD_MASK;
	long flags = (long)(a[1] & (FUTEX_CMD_MASK | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME));

	if (!word || a[0] % 4)
		return word ? -EINVAL : -EFAULT;
	switch (operation) {
	case FUTEX_WAKE: {
		/* Not machine_blocking: a kick would end it before anybody is woken, and who wakes does not look at -EINTR. */
		long woken = syscall(SYS_futex, word, flags, (uint32_t)a[2], NULL, NULL, 0);
		return woken < 0 ? -errno : woken;
	}
	case FUTEX_WAIT: case FUTEX_WAIT_BITSET:
		if (a[3] && cvm_copy_in(caller, &timeout, a[3], sizeof timeout))
			return -EFAULT;
		return machine_blocking(caller->thread, SYS_futex, (long)word, flags, (long)(uint32_t)a[2], a[3] ? (long)&timeout : 0, 0,
					(long)(uint32_t)a[5]);
	default:
		return -ENOSYS;
	}
}
