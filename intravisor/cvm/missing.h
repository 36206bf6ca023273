/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Which pages of a window's memory are missing: mapped for the guest, inaccessible to the host, their contents still to come
 * (snapshot.c). What replaces a page ends that (quota.c). Under the window's lock. Trusted.
 */
#ifndef INTRAVISOR_MISSING_H
#define INTRAVISOR_MISSING_H
#include "intravisor/cvm/cvm.h"

struct missing {
	uint32_t offset;
	uint64_t length;
	int protection;         /* what they will have */
	int of_file;            /* all their pages count, not only those that were written */
};

/* None of them is missing yet. 0 or -ENOMEM. */
int missing_add(struct window *window, const struct missing *run);
/* The first of the range that are missing, as far as they are alike; 0: none. */
int missing_first(struct window *window, uint32_t offset, uint64_t length, struct missing *run);
/* Adds to the run what is alike on both sides. */
void missing_widen(struct window *window, struct missing *run);
/* None of the range is missing any more. */
void missing_end(struct window *window, uint32_t offset, uint64_t length);
void missing_close(struct window *window);
#endif
