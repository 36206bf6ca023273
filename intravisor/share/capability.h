/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities of programs. Each program window has a table of its own, made when it is first used, whose entry 0 is all of its memory: its
 * DDC. What a program makes is derived from that, so all of it ends with the window, wherever it was granted to, and a fork's or exec's
 * window starts with none. The object of a capability points to a host address (uint8_t *), to which base counts. Trusted.
 */
#ifndef INTRAVISOR_CAPABILITY_H
#define INTRAVISOR_CAPABILITY_H
#include "cap/cap.h"
#include "intravisor/share/share.h"

#define CAPABILITIES_MOST 65536u        /* of a program */

/* Guards every table's derivation tree. Nobody waits for a guest under it. */
extern pthread_mutex_t tree_lock;
/* The table of the caller's program, made if need be; NULL: no memory. */
struct cap_table *capabilities_of(const struct caller *caller);
/* Ends it and all derived from it, and waits for accesses under way. Under no lock. 0 or -EBADF. */
int64_t capability_end(struct cap_table *table, uint64_t index);
/* Before a window's memory goes. */
void capabilities_close(struct window *window);

/* fast_memory.c: after cap_hold, also if that failed. */
void held_release(struct cap_held *held);
#endif
