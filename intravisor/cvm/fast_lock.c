/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Locks of the fast kind (fast_lock.h). Trusted.
 */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "intravisor/cvm/fast_lock.h"
#include "machine/machine.h"

void fast_lock_contended(struct fast_lock *lock)
{
	for (int i = 0; i < 100; i++) {
		machine_relax();
		uint32_t none = 0;
		if (!__atomic_load_n(&lock->word, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&lock->word, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
	}
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE))
		machine_system(SYS_futex, (long)&lock->word, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

void fast_wake(uint32_t *word, uint32_t count)
{
	machine_system(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, (long)count, 0, 0, 0);
}
