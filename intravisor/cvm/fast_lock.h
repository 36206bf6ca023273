/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A lock for what runs behind GATE_HOST_FAST too: no libc. Trusted.
 */
#ifndef INTRAVISOR_FAST_LOCK_H
#define INTRAVISOR_FAST_LOCK_H
#include <stdint.h>

/* A futex of three states (U. Drepper, "Futexes Are Tricky"). */
struct fast_lock {
	uint32_t word;
};
/* Wakes up to `count` sleepers of a word. */
void fast_wake(uint32_t *word, uint32_t count);
void fast_lock_contended(struct fast_lock *lock);
static inline void fast_lock(struct fast_lock *lock)
{
	uint32_t none = 0;

	if (!__atomic_compare_exchange_n(&lock->word, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		fast_lock_contended(lock);
}
/* And a full fence: on both machines an exchange orders all that is before it before all behind it (x86-64: it is locked; RISC-V: an amoswap
 * is one access, which nothing before it or behind it passes: amoswap.aqrl, or amoswap.aq behind a fence), which is more than C says of it. */
static inline void fast_unlock(struct fast_lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_SEQ_CST) == 2)
		fast_wake(&lock->word, 1);
}
#endif
