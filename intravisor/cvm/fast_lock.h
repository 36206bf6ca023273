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
void fast_lock(struct fast_lock *lock);
/* And a full fence: on both machines an exchange orders all that is before it before all behind it (x86-64: it is locked; RISC-V: an amoswap
 * is one access, which nothing before it or behind it passes: amoswap.aqrl, or amoswap.aq behind a fence), which is more than C says of it. */
void fast_unlock(struct fast_lock *lock);
/* Wakes up to `count` sleepers of a word. */
void fast_wake(uint32_t *word, uint32_t count);
#endif
