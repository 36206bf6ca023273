/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a window has mapped, page by page, and how many host mappings that can at most have become: one guest must use up
 * neither the memory it was not given nor the process's vm.max_map_count. Ranges are page-aligned and inside
 * [WINDOW_MEMORY_START, WINDOW_MEMORY_END): the caller checked them. Trusted.
 */
#ifndef INTRAVISOR_QUOTA_H
#define INTRAVISOR_QUOTA_H
#include "intravisor/cvm/cvm.h"

/* Each answers 0 or -ENOMEM and changes nothing but what the cVM's budget is promised; `limit` is in bytes, 0: none. To map or unmap: */
int quota_allows_map(struct window *window, uint32_t offset, uint64_t length, uint64_t limit);
/* -ENOMEM too where a page of the range is not mapped, as mprotect(2) says it. */
int quota_allows_protect(struct window *window, uint32_t offset, uint64_t length);
int quota_allows_move(struct window *window, uint32_t from, uint64_t length);

/* What was done. QUOTA_PLAIN: anonymous, readable and writable, so the host joins it to such a mapping before it. */
enum quota_pages { QUOTA_UNMAPPED, QUOTA_MAPPED, QUOTA_PLAIN };
void quota_put(struct window *window, uint32_t offset, uint64_t length, enum quota_pages what);
void quota_protect(struct window *window, uint32_t offset, uint64_t length);
/* How much of the range lies before its next border, and so in one host mapping. */
uint64_t quota_piece(struct window *window, uint32_t offset, uint64_t length);
void quota_move(struct window *window, uint32_t from, uint64_t length, uint32_t to);

/* What a window or a thread takes besides: 0 or -ENOMEM; given back by quota_give. */
int quota_take_more(struct mapping_budget *budget, uint64_t mappings);
void quota_give(struct mapping_budget *budget, uint64_t mappings);

/* Pages whose contents are still to come (snapshot.c): mapped, inaccessible to the host; what replaces them ends that. */
struct missing {
	uint32_t offset;
	uint64_t length;
	int protection;         /* what they will have */
	int of_file;            /* all their pages count, not only those that were written */
};
void quota_miss(struct window *window, const struct missing *run);
/* The first of the range that are missing, as far as they are alike; 0: none. */
int quota_missing(struct window *window, uint32_t offset, uint64_t length, struct missing *run);
/* Adds to the run what is alike on both sides. */
void quota_missing_all(struct window *window, struct missing *run);
/* They are there. */
void quota_come(struct window *window, uint32_t offset, uint64_t length);

/* Is anything mapped there? */
int quota_any(struct window *window, uint32_t offset, uint64_t length);
/* An image of so many segments is mapped: its mappings are never given back. 0 or -ENOMEM. */
int quota_image(struct window *window, unsigned segments);
/* The window is over: its counts go to zero, and what told its pages apart, cleared, is the caller's for another (NULL: none was). */
struct quota *quota_take(struct window *window);
void quota_free(struct quota *quota);
#endif
