/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program's address space: its life, a copy of it for fork, and what is asked about ranges of it.
 */
#include <linux/mman.h>

#include "libos/fs/shared.h"
#include "libos/fs/tmpfs.h"
#include "libos/mem/space.h"

/* Windows are aligned to 4 GiB, so what lies at one offset in two of them has the same low bits; and Zen's first-level cache finds lines by
 * a hash of bits 12 to 27, so two such lines cannot both be there: a copy between equal offsets of two windows takes twice as long. Programs
 * that are the same program, mostly, are at different offsets if each begins somewhere else. And who attacks a program has to guess. */
static void places_choose(struct space *s)
{
	uint32_t random[3] = {0};       /* if the host has none */

	HOST(random, own_ref(random), sizeof random);
	s->stack_top = SPACE_STACK_MOST - random[0] % SPACE_SHIFT_MOST / 16 * 16;
	s->map_end = MAP_END - random[1] % SPACE_SHIFT_MOST / PAGE * PAGE;
	s->brk_start = s->brk_now = s->brk_mapped = BREAK_START + random[2] % SPACE_SHIFT_MOST / PAGE * PAGE;
}

struct space *space_make(uint64_t limit, int64_t window)
{
	static uint64_t serials;
	struct space *s = heap_allocate(sizeof *s);

	if (!s)
		return NULL;
	*s = (struct space){.serial = ++serials, .limit = limit, .window = window, .references = 1};
	places_choose(s);
	return s;
}

uint64_t space_serial(const struct space *s)
{
	return s->serial;
}

int64_t space_window(const struct space *s)
{
	return s->window;
}

void space_hold(struct space *s)
{
	s->references++;
}

void space_release(struct space *s)
{
	if (--s->references)
		return;
	for (size_t i = 0; i < s->count; i++)
		range_drop(&s->ranges[i]);
	if (s->ranges)
		heap_free(s->ranges, s->room * sizeof *s->ranges);
	HOST(window_close, s->window);
	heap_free(s, sizeof *s);
}

/* What is mapped is mapped in another program window too, with its contents now: fork. */
int64_t space_copy(struct space *from, struct space *to)
{
	int64_t error = 0;

	if (range_room(to, from->count + 3))
		return -ENOMEM;
	for (size_t i = 0; !error && i < from->count; i++) {
		const struct range *r = &from->ranges[i];
		uint64_t length = r->end - r->start, at = (uint64_t)(to->window + 2) << 32 | r->start;
		if (r->file && r->shared) {
			error = space_map_file(at, length, r->protection, 1, r->file, r->offset);
			if (error == -ENODEV)   /* a CP_File that has ended: nothing is there in the child either */
				error = HOST(memory_map, at, length, PROT_NONE);
		} else
			error = HOST(memory_copy, to->window, r->start, length, r->protection | (r->file ? MEMORY_COPY_ALL : 0));
		if (!error)
			range_remember(to, *r);
	}
	to->stack_top = from->stack_top;
	to->map_end = from->map_end;
	to->brk_start = from->brk_start;
	to->brk_now = from->brk_now;
	to->brk_mapped = from->brk_mapped;
	return error;
}

uint64_t space_stack_top(void)
{
	return space_current()->stack_top;
}

uint64_t space_total(void)
{
	return space_current()->total;
}

uint64_t space_total_of(const struct space *s)
{
	return s->total;
}

int space_range(size_t i, uint64_t *start, uint64_t *end)
{
	S;

	if (i >= s->count)
		return 0;
	*start = s->ranges[i].start;
	*end = s->ranges[i].end;
	return 1;
}

int space_mapped(uint64_t start, uint64_t length)
{
	S;
	uint64_t end = start + length;

	for (size_t i = range_at(s, start); i < s->count && s->ranges[i].start <= start; i++) {
		start = s->ranges[i].end;
		if (start >= end)
			return 1;
	}
	return 0;
}

void space_synced(uint64_t start, uint64_t end)
{
	S;

	for (size_t i = range_at(s, start); i < s->count && s->ranges[i].start < end; i++) {
		const struct range *r = &s->ranges[i];
		if (r->shared && (r->protection & PROT_WRITE) && r->file && r->file->operations == &segment_operations && r->file->object)
			node_touch(r->file->object, 1);
	}
}

/* A word that other processes may see too: what it lies in, by the host file's handle, and where. */
int space_shared_key(const struct space *s, uint64_t at, uint64_t *object, uint64_t *offset)
{
	size_t i = range_at(s, at);

	if (i == s->count || s->ranges[i].start > at || !s->ranges[i].shared || !s->ranges[i].file)
		return 0;
	const struct file *f = s->ranges[i].file;
	*object = f->operations == &shared_operations ? 1ull << 32 | (uint64_t)shared_handle(f) : (uint64_t)f->handle;
	*offset = s->ranges[i].offset + (at - s->ranges[i].start);
	return 1;
}

/* ---- locks: nothing of a cVM is ever taken from memory, so they are only remembered ---- */
uint64_t space_locked(uint64_t start, uint64_t end)
{
	S;
	uint64_t bytes = 0;

	for (size_t i = range_at(s, start); i < s->count && s->ranges[i].start < end; i++)
		if (s->ranges[i].locked)
			bytes += (s->ranges[i].end < end ? s->ranges[i].end : end) - (s->ranges[i].start > start ? s->ranges[i].start : start);
	return bytes;
}

int64_t space_lock(uint64_t start, uint64_t length, int locked)
{
	S;
	uint64_t end = pages(start % PAGE + length);

	start -= start % PAGE;
	if (length > WINDOW_SIZE || start > WINDOW_SIZE || end > WINDOW_SIZE - start)
		return -ENOMEM;
	end += start;
	/* Of images, the break and the stack no lock is remembered: they are always there. */
	if (!length || end <= MAP_START || start >= MAP_END)
		return 0;
	if (!space_mapped(start, end - start) || range_room(s, 2))
		return -ENOMEM;
	range_split(s, start);
	range_split(s, end);
	for (size_t i = range_at(s, start); i < s->count && s->ranges[i].start < end; i++)
		s->ranges[i].locked = locked;
	return 0;
}

void space_lock_all(int now, int later)
{
	S;

	s->lock_all = later;
	for (size_t i = 0; i < s->count; i++)
		if (now >= 0)
			s->ranges[i].locked = now;
}
