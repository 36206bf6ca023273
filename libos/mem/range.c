/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The ranges of a program's address space that are taken: sorted, disjoint, touching ones that are alike joined.
 */
#include "libos/fs/fs.h"
#include "libos/mem/space.h"

void range_drop(struct range *r)
{
	if (r->file)
		file_release(r->file);
	r->file = NULL;
}

int range_room(struct space *s, size_t more)
{
	if (s->count + more <= s->room)
		return 0;
	size_t bigger = s->room ? 2 * s->room : 64;
	while (bigger < s->count + more)
		bigger *= 2;
	struct range *new = heap_allocate(bigger * sizeof *new);
	if (!new)
		return -ENOMEM;
	memcpy(new, s->ranges, s->count * sizeof *new);
	if (s->ranges)
		heap_free(s->ranges, s->room * sizeof *s->ranges);
	s->ranges = new;
	s->room = bigger;
	return 0;
}

void range_split(struct space *s, uint64_t at)
{
	size_t i = range_at(s, at);
	struct range *r = &s->ranges[i];

	if (i == s->count || r->start >= at)
		return;
	memmove(r + 1, r, (s->count - i) * sizeof *r);
	s->count++;
	if (r->file)
		r->file->references++;
	r[0].end = at;
	r[1].start = at;
	r[1].offset += at - r[0].start;
}

void range_forget(struct space *s, uint64_t start, uint64_t end)
{
	range_split(s, start);
	range_split(s, end);
	size_t first = range_at(s, start), last = first;
	while (last < s->count && s->ranges[last].start < end) {
		s->total -= s->ranges[last].end - s->ranges[last].start;
		range_drop(&s->ranges[last++]);
	}
	memmove(s->ranges + first, s->ranges + last, (s->count - last) * sizeof *s->ranges);
	s->count -= last - first;
}

static int alike(const struct range *a, const struct range *b)
{
	return a->end == b->start && a->protection == b->protection && a->shared == b->shared && a->locked == b->locked && !a->file && !b->file;
}

void range_join(struct space *s, size_t i)
{
	if (i + 1 >= s->count || !alike(&s->ranges[i], &s->ranges[i + 1]))
		return;
	s->ranges[i].end = s->ranges[i + 1].end;
	memmove(s->ranges + i + 1, s->ranges + i + 2, (s->count - i - 2) * sizeof *s->ranges);
	s->count--;
}

void range_remember(struct space *s, struct range new)
{
	range_forget(s, new.start, new.end);
	size_t i = range_at(s, new.start);
	new.locked = s->lock_all;
	s->total += new.end - new.start;
	if (new.file)
		new.file->references++;
	memmove(s->ranges + i + 1, s->ranges + i, (s->count - i) * sizeof *s->ranges);
	s->ranges[i] = new;
	s->count++;
	range_join(s, i);
	if (i)
		range_join(s, i - 1);
}

uint64_t range_gap(const struct space *s, uint64_t length)
{
	uint64_t top = s->map_end;
	size_t i = range_at(s, top - 1);

	if (i < s->count && s->ranges[i].start < top)
		i++;
	for (;; i--) {
		uint64_t bottom = i ? s->ranges[i - 1].end : MAP_START;
		if (bottom < MAP_START)
			bottom = MAP_START;
		if (top >= bottom && top - bottom >= length)
			return top - length;
		if (!i || s->ranges[i - 1].start <= MAP_START)
			return 0;
		top = s->ranges[i - 1].start;
	}
}

int range_is_free(const struct space *s, uint64_t start, uint64_t length)
{
	size_t i = range_at(s, start);

	return i == s->count || s->ranges[i].start >= start + length;
}
