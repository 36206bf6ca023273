/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The table of this cVM's own file locks (held.c), for lock.c alone.
 */
#ifndef LIBOS_HELD_H
#define LIBOS_HELD_H
#include "libos/process/process.h"

enum { READ_LOCK, WRITE_LOCK, NO_LOCK };

struct held {
	struct held *next;
	const void *key;        /* the file: a tmpfs node, or lock.c's record of a host file */
	const void *owner;      /* a process, or an open file */
	enum lock_kind kind;
	int type, pid;
	int64_t start, end;     /* end: of the byte behind; INT64_MAX: all that follow */
	int asked;              /* not held yet: the host is being asked. In the way of others all the same */
};

struct held *held_conflict(const struct held *want);
int held_any(const void *key);
/* Does anybody hold some lock of this kind at `from`? *end: up to where that is so, at most range->end if nobody does. */
int64_t held_next(const struct held *range, int64_t from, int64_t *end);
/* Until nothing stands in the way: 0, -EAGAIN, -RESTART. */
int64_t held_wait(const struct held *want, int wait);
/* Keeps the place for it; NULL: no memory. */
struct held *held_ask(const struct held *want);
void held_take_back(struct held *asked);
/* It is held (or, NO_LOCK, no more), in place of what its owner held there. Nothing stands in the way. 0 or -ENOLCK */
int64_t held_set(const struct held *want);
/* All that this owner holds of the file; 1: it held something. */
int held_forget(const void *key, const void *owner);
#endif
