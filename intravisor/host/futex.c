/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Futexes in a cVM's own windows: the kernel's, on addresses checked here. Only operations that touch nothing but those two
 * words and their queues. Trusted.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"

int64_t host_futex(struct caller *caller, const uint64_t a[6])
{
	struct timespec timeout;
	const void *word = cvm_reference(caller, a[0], 4), *second = NULL, *from;
	int operation = (int)a[1] & FUTEX_CMD_MASK;
	long fourth = (long)(uint32_t)a[3];

	if (!word || a[0] % 4)
		return word ? -EINVAL : -EFAULT;
	switch (operation) {
	case FUTEX_WAIT: case FUTEX_WAIT_BITSET:
		from = a[3] ? cvm_reference(caller, a[3], sizeof timeout) : NULL;
		if (a[3] && (!from || machine_copy_in(&timeout, from, sizeof timeout)))
			return -EFAULT;
		fourth = a[3] ? (long)&timeout : 0;
		break;
	case FUTEX_REQUEUE: case FUTEX_CMP_REQUEUE: case FUTEX_WAKE_OP:
		second = cvm_reference(caller, a[4], 4);
		if (!second || a[4] % 4)
			return second ? -EINVAL : -EFAULT;
		/* A waiter holds its own window. Moved to a word of another it could outlive that, and take the wake-ups of the cVM that
		 * gets the slot next. */
		if (operation != FUTEX_WAKE_OP && a[0] >> 32 != a[4] >> 32)
			return -EINVAL;
		break;
	case FUTEX_WAKE: case FUTEX_WAKE_BITSET:
		break;
	default:
		return -ENOSYS;
	}
	return machine_blocking(caller->thread, SYS_futex, (long)word,
				(long)(a[1] & (FUTEX_CMD_MASK | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)), (long)(uint32_t)a[2], fourth,
				(long)second, (long)(uint32_t)a[5]);
}
