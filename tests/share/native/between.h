/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Read before all else (-DBETWEEN -include) where files of the Intravisor are compiled for a test that comes between what they do to memory
 * that threads share: their fast locks, inline otherwise, are the test's, and so is a moment before each atomic operation, and after a store.
 */
#ifndef TESTS_BETWEEN_H
#define TESTS_BETWEEN_H
#include "intravisor/cvm/fast_lock.h"

void between_lock(struct fast_lock *lock);
void between_unlock(struct fast_lock *lock);
void between_step(void);
extern _Thread_local uint64_t lingers;  /* between.c: what the thread's random moments are made of; 0: it has none */
extern unsigned lingers_seldom;         /* one moment of so many */

#ifdef BETWEEN
#define fast_lock(lock)                  between_lock(lock)
#define fast_unlock(lock)                between_unlock(lock)
#define __atomic_load_n(...)             (between_step(), __atomic_load_n(__VA_ARGS__))
#define __atomic_store_n(...)            (between_step(), __atomic_store_n(__VA_ARGS__), between_step())
#define __atomic_exchange_n(...)         (between_step(), __atomic_exchange_n(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) (between_step(), __atomic_compare_exchange_n(__VA_ARGS__))
#define __atomic_fetch_add(...)          (between_step(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_add_fetch(...)          (between_step(), __atomic_add_fetch(__VA_ARGS__))
#define __atomic_or_fetch(...)          (between_step(), __atomic_or_fetch(__VA_ARGS__))
#define __atomic_sub_fetch(...)          (between_step(), __atomic_sub_fetch(__VA_ARGS__))
#endif
#endif
