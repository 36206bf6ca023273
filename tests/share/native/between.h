/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Read before all else (-include) where files of the Intravisor are compiled for a test that comes between them and their fast locks, which are
 * inline otherwise: here they are the test's.
 */
#ifndef TESTS_BETWEEN_H
#define TESTS_BETWEEN_H
#include "intravisor/cvm/fast_lock.h"

void between_lock(struct fast_lock *lock);
void between_unlock(struct fast_lock *lock);
#ifdef BETWEEN
#define fast_lock(lock)   between_lock(lock)
#define fast_unlock(lock) between_unlock(lock)
#endif
#endif
