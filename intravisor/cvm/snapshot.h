/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a window's memory held when it was forked, kept until the child has what it needs of it. Trusted.
 */
#ifndef INTRAVISOR_SNAPSHOT_H
#define INTRAVISOR_SNAPSHOT_H
#include "intravisor/cvm/cvm.h"

/* Once, before the process drops its rights. */
void snapshot_init(void);
/* For the fresh window `to`, of `from`. Nothing happens where it does not pay or cannot be: memory is copied at once then. */
void snapshot_take(struct window *to, const struct window *from);
/* Is there one, and is it of that window? */
int snapshot_of(const struct window *window, const struct window *from);
/* Nobody needs it any more. */
void snapshot_end(struct window *window);

/* What is missing of a range comes. 0 or -errno. `bring`: the window's lock is held. */
int snapshot_bring(struct window *window, uint32_t offset, uint64_t length);
int snapshot_fetch(struct window *window, uint32_t offset, uint64_t length);
int snapshot_fetch_all(struct window *window);
/* A thread met this address inaccessible: 1 if something came, so that it may try again. In a signal handler of guest code. */
int snapshot_fault(struct window *window, uint32_t offset);
#endif
