/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program's address space: which ranges of [WINDOW_MEMORY_START, WINDOW_MEMORY_END) are taken, and the calls that change
 * it. The Intravisor checks every range again; this only gives Linux's meaning to them. Nothing is ever executable.
 */
#include <linux/mman.h>

#include "libos/libos.h"

#define BREAK_START WINDOW_MEMORY_START
#define BREAK_MOST  0x20000000u         /* 512 MiB for brk; malloc goes on with mmap */
#define MAP_START   (BREAK_START + (uint64_t)BREAK_MOST)
#define MAP_END     (SPACE_STACK_TOP - (uint64_t)SPACE_STACK_SIZE - SPACE_STACK_GAP)
#define PAGE        4096u
#define MAP_FILE_SHARED 0x100

struct range {
	uint64_t start, end;
};

static struct range *ranges;            /* sorted, disjoint, touching ones merged */
static size_t count, room;
static uint64_t limit, total, brk_now = BREAK_START, brk_mapped = BREAK_START;

void space_start(uint64_t most)
{
	limit = most;
}

uint64_t space_total(void)
{
	return total;
}

static uint64_t pages(uint64_t length)
{
	return (length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* First range that ends behind `at`. */
static size_t range_at(uint64_t at)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (ranges[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int room_for(size_t more)
{
	if (count + more <= room)
		return 0;
	size_t bigger = room ? 2 * room : 256;
	struct range *new = heap_allocate(bigger * sizeof *new);
	if (!new)
		return -ENOMEM;
	memcpy(new, ranges, count * sizeof *new);
	if (ranges)
		heap_free(ranges, room * sizeof *ranges);
	ranges = new;
	room = bigger;
	return 0;
}

/* Forgets [start, end). room_for(1) was called: splitting a range adds one. */
static void forget(uint64_t start, uint64_t end)
{
	size_t i = range_at(start);

	while (i < count && ranges[i].start < end) {
		struct range *r = &ranges[i];
		uint64_t from = r->start > start ? r->start : start, to = r->end < end ? r->end : end;
		total -= to - from;
		if (r->start < start && r->end > end) {
			memmove(r + 1, r, (count - i) * sizeof *r);
			count++;
			r[0].end = start;
			r[1].start = end;
			return;
		}
		if (r->start < start)
			r->end = start, i++;
		else if (r->end > end)
			r->start = end, i++;
		else {
			memmove(r, r + 1, (count - i - 1) * sizeof *r);
			count--;
		}
	}
}

static void remember(uint64_t start, uint64_t end)
{
	size_t i;

	forget(start, end);
	i = range_at(start);
	total += end - start;
	if (i > 0 && ranges[i - 1].end == start) {
		ranges[i - 1].end = end;
		if (i < count && ranges[i].start == end) {
			ranges[i - 1].end = ranges[i].end;
			memmove(ranges + i, ranges + i + 1, (count - i - 1) * sizeof *ranges);
			count--;
		}
		return;
	}
	if (i < count && ranges[i].start == end) {
		ranges[i].start = start;
		return;
	}
	memmove(ranges + i + 1, ranges + i, (count - i) * sizeof *ranges);
	ranges[i] = (struct range){start, end};
	count++;
}

int space_range(size_t i, uint64_t *start, uint64_t *end)
{
	if (i >= count)
		return 0;
	*start = ranges[i].start;
	*end = ranges[i].end;
	return 1;
}

int space_mapped(uint64_t start, uint64_t length)
{
	size_t i = range_at(start);

	return i < count && ranges[i].start <= start && length <= ranges[i].end - start;
}

static int inside(uint64_t start, uint64_t length)
{
	return start >= WINDOW_MEMORY_START && start <= WINDOW_MEMORY_END && length <= WINDOW_MEMORY_END - start;
}

/* The highest free gap of this length, as Linux searches. */
static uint64_t gap_find(uint64_t length)
{
	uint64_t top = MAP_END;
	size_t i = range_at(MAP_END - 1);

	if (i < count && ranges[i].start < MAP_END)
		i++;
	for (;; i--) {
		uint64_t bottom = i ? ranges[i - 1].end : MAP_START;
		if (bottom < MAP_START)
			bottom = MAP_START;
		if (top >= bottom && top - bottom >= length)
			return top - length;
		if (!i || ranges[i - 1].start <= MAP_START)
			return 0;
		top = ranges[i - 1].start;
	}
}

static int free_at(uint64_t start, uint64_t length)
{
	size_t i = range_at(start);

	return i == count || ranges[i].start >= start + length;
}

/* Would mapping this range, which may replace some of what is there, exceed what the program may have? */
static int over_limit(uint64_t start, uint64_t length)
{
	uint64_t replaced = 0;

	if (!limit)
		return 0;
	for (size_t i = range_at(start); i < count && ranges[i].start < start + length; i++) {
		uint64_t from = ranges[i].start > start ? ranges[i].start : start;
		uint64_t to = ranges[i].end < start + length ? ranges[i].end : start + length;
		replaced += to - from;
	}
	return total - replaced + length > limit;
}

int64_t space_map(uint64_t hint, uint64_t length, int protection, int flags, int64_t handle, uint64_t offset)
{
	uint64_t start = hint;
	int64_t error;

	if (!length || (flags & (MAP_SHARED | MAP_PRIVATE)) == 0)
		return -EINVAL;
	if (length > WINDOW_SIZE)
		return -ENOMEM;
	length = pages(length);
	if (protection & PROT_EXEC)
		return -EPERM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (start % PAGE)
			return -EINVAL;
		if (!inside(start, length))
			return -ENOMEM;
		if ((flags & MAP_FIXED_NOREPLACE) && !free_at(start, length))
			return -EEXIST;
	} else {
		start &= ~(uint64_t)(PAGE - 1);
		if (start < MAP_START || start > MAP_END || length > MAP_END - start || !free_at(start, length))
			start = gap_find(length);
		if (!start)
			return -ENOMEM;
	}
	if (over_limit(start, length) || room_for(2))
		return -ENOMEM;
	if (handle >= 0)
		error = HOST(memory_map_file, start | REF_PROGRAM, length,
			     (protection & 3) | ((flags & MAP_SHARED) ? MAP_FILE_SHARED : 0), handle, offset);
	else
		error = HOST(memory_map, start | REF_PROGRAM, length, protection & 3);
	if (error < 0)
		return error;
	remember(start, start + length);
	return (int64_t)start;
}

int64_t space_unmap(uint64_t start, uint64_t length)
{
	if (start % PAGE || !length || length > WINDOW_SIZE)
		return -EINVAL;
	length = pages(length);
	if (!inside(start, length))
		return -EINVAL;
	if (free_at(start, length))
		return 0;
	if (room_for(1))
		return -ENOMEM;
	int64_t error = HOST(memory_unmap, start | REF_PROGRAM, length);
	if (!error)
		forget(start, start + length);
	return error;
}

int64_t space_protect(uint64_t start, uint64_t length, int protection)
{
	if (start % PAGE)
		return -EINVAL;
	if (length > WINDOW_SIZE)
		return -ENOMEM;
	length = pages(length);
	if (!length)
		return 0;
	if (protection & PROT_EXEC)
		return -EACCES;
	if (!inside(start, length) || !space_mapped(start, length))
		return -ENOMEM;
	return HOST(memory_protect, start | REF_PROGRAM, length, protection & 3);
}

int64_t space_remap(uint64_t start, uint64_t length, uint64_t new_length, int flags, uint64_t new_start)
{
	if (start % PAGE || !new_length || (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) || length > WINDOW_SIZE || new_length > WINDOW_SIZE)
		return -EINVAL;
	length = pages(length);
	new_length = pages(new_length);
	if (!length)
		return -EINVAL;
	if (!inside(start, length) || !space_mapped(start, length))
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || new_start % PAGE || !inside(new_start, new_length) ||
		    (new_start < start + length && start < new_start + new_length))
			return -EINVAL;
	} else if (new_length <= length) {
		if (new_length < length) {
			int64_t error = space_unmap(start + new_length, length - new_length);
			if (error)
				return error;
		}
		return (int64_t)start;
	}
	if (limit && new_length > length && total > limit - (new_length - length))
		return -ENOMEM;
	if (!(flags & MREMAP_FIXED)) {
		if (!(flags & MREMAP_MAYMOVE))
			return -ENOMEM;
		new_start = gap_find(new_length);
		if (!new_start)
			return -ENOMEM;
	}
	if (room_for(3))
		return -ENOMEM;
	/* The host moves as much as both have; what is more is mapped behind. */
	uint64_t both = length < new_length ? length : new_length;
	int64_t error = HOST(memory_move, start | REF_PROGRAM, both, new_start | REF_PROGRAM);
	if (!error && new_length > both)
		error = HOST(memory_map, (new_start + both) | REF_PROGRAM, new_length - both, 3);
	if (!error && length > both)
		error = HOST(memory_unmap, (start + both) | REF_PROGRAM, length - both);
	if (error)
		return error;
	forget(start, start + length);
	remember(new_start, new_start + new_length);
	return (int64_t)new_start;
}

int64_t space_break(uint64_t to)
{
	if (to < BREAK_START || to > BREAK_START + (uint64_t)BREAK_MOST)
		return (int64_t)brk_now;
	uint64_t end = pages(to);
	if (end > brk_mapped) {
		if ((limit && total + (end - brk_mapped) > limit) || !free_at(brk_mapped, end - brk_mapped) || room_for(2) ||
		    HOST(memory_map, brk_mapped | REF_PROGRAM, end - brk_mapped, 3))
			return (int64_t)brk_now;
		remember(brk_mapped, end);
		brk_mapped = end;
	} else if (end < brk_mapped) {
		if (space_unmap(end, brk_mapped - end))
			return (int64_t)brk_now;
		brk_mapped = end;
	}
	brk_now = to;
	return (int64_t)brk_now;
}
