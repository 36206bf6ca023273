/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program's address space from within: range.c keeps the list of what is mapped, map.c changes it, space.c is its life
 * and what else is asked of it.
 */
#ifndef LIBOS_SPACE_H
#define LIBOS_SPACE_H
#include "libos/mem/parked.h"

#define BREAK_START WINDOW_MEMORY_START
#define BREAK_MOST  0x20000000u         /* 512 MiB for brk; malloc goes on with mmap */
#define MAP_START   (BREAK_START + (uint64_t)BREAK_MOST)
#define MAP_END     (SPACE_STACK_MOST - SPACE_SHIFT_MOST - (uint64_t)SPACE_STACK_SIZE - SPACE_STACK_GAP)
#define PAGE        4096u

struct range {
	uint64_t start, end;
	int protection, shared, locked;
	struct file *file;      /* what is mapped, held here; NULL: anonymous memory */
	uint64_t offset;        /* of `start` in the file */
};

/* Of one process; vfork's child uses its parent's. */
struct space {
	struct range *ranges;   /* sorted, disjoint; touching ones that are alike are one */
	size_t count, room;
	uint64_t limit, total, stack_top, map_end, brk_start, brk_now, brk_mapped;
	int64_t window;         /* the Intravisor's number */
	uint64_t serial;
	unsigned references;
	int lock_all;           /* what is mapped from now on is locked: mlockall */
	struct park park;
};
#define S struct space *s = space_current()

static inline uint64_t pages(uint64_t length)
{
	return (length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* ---- range.c ---- */
/* First range that ends behind `at`. */
static inline size_t range_at(const struct space *s, uint64_t at)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (s->ranges[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
void range_drop(struct range *r);       /* its file */
int range_room(struct space *s, size_t more);   /* for so many more: 0 or -ENOMEM */
/* Parts the range around `at` in two. range_room was called. */
void range_split(struct space *s, uint64_t at);
/* Forgets [start, end). range_room(2) was called. */
void range_forget(struct space *s, uint64_t start, uint64_t end);
/* Takes a reference to the new range's file. range_room(3) was called. */
void range_remember(struct space *s, struct range new);
/* Range i and the one behind it become one, if they are alike. */
void range_join(struct space *s, size_t i);
/* The highest free gap of this length, as Linux searches; 0: none. */
uint64_t range_gap(const struct space *s, uint64_t length);
int range_is_free(const struct space *s, uint64_t start, uint64_t length);

/* ---- map.c ---- */
/* At `ref`, in whatever window. */
int64_t space_map_file(uint64_t ref, uint64_t length, int protection, int shared, struct file *f, uint64_t offset);
#endif
