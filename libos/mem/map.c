/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The calls that change a program's address space: mmap, munmap, mprotect, mremap, brk. The Intravisor checks every range
 * again; this only gives Linux's meaning to them. Nothing is ever executable.
 */
#include <linux/mman.h>

#include "libos/fs/shared.h"
#include "libos/fs/tmpfs.h"
#include "libos/mem/space.h"

#define MAP_FILE_SHARED 0x100           /* memory_map_file: beside the protection */

static int inside(uint64_t start, uint64_t length)
{
	return start >= WINDOW_MEMORY_START && start <= WINDOW_MEMORY_END && length <= WINDOW_MEMORY_END - start;
}

/* Would mapping this range, which may replace some of what is there, exceed what the program may have? */
static int over_limit(const struct space *s, uint64_t start, uint64_t length)
{
	uint64_t replaced = 0;

	if (!s->limit)
		return 0;
	for (size_t i = range_at(s, start); i < s->count && s->ranges[i].start < start + length; i++) {
		uint64_t from = s->ranges[i].start > start ? s->ranges[i].start : start;
		uint64_t to = s->ranges[i].end < start + length ? s->ranges[i].end : start + length;
		replaced += to - from;
	}
	return s->total - replaced + length > s->limit;
}

int64_t space_map_file(uint64_t ref, uint64_t length, int protection, int shared, struct file *f, uint64_t offset)
{
	if (f->operations == &shared_operations)
		return HOST(file_map, shared_handle(f), ref, length, protection, offset, shared && (f->flags & O_ACCMODE) == O_RDWR);
	return HOST(memory_map_file, ref, length, protection | (shared ? MAP_FILE_SHARED : 0), f->handle, offset);
}

int64_t space_map(uint64_t hint, uint64_t length, int protection, int flags, struct file *file, uint64_t offset)
{
	S;
	uint64_t start = hint;
	int64_t error;
	int anywhere = 0;

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
		if ((flags & MAP_FIXED_NOREPLACE) && !range_is_free(s, start, length))
			return -EEXIST;
	} else {
		start &= ~(uint64_t)(PAGE - 1);
		if (start < MAP_START || start > MAP_END || length > MAP_END - start || !range_is_free(s, start, length)) {
			start = range_gap(s, length);
			anywhere = 1;
		}
		if (!start)
			return -ENOMEM;
	}
	if (over_limit(s, start, length) || range_room(s, 3))
		return -ENOMEM;
	int plain = anywhere && !file && !(flags & MAP_SHARED) && (protection & 3) == 3;
	uint64_t again = plain && length <= PARKED_SIZE_MOST && s->park.count ? park_take(&s->park, length) : 0;
	if (again) {
		range_remember(s, (struct range){again, again + length, 3, 0, 0, NULL, 0});
		return (int64_t)again;
	}
	park_clear(&s->park, start, length);
	for (;;) {
		if (file)
			error = space_map_file(start | REF_PROGRAM, length, protection & 3, (flags & MAP_SHARED) != 0, file, offset);
		else
			error = HOST(memory_map, start | REF_PROGRAM, length, protection & 3);
		if (error != -ENOMEM || !s->park.count)
			break;
		while (s->park.count)           /* they count, too */
			park_drop(&s->park, 0);
	}
	if (error < 0)
		return error;
	range_remember(s, (struct range){start, start + length, protection & 3, (flags & MAP_SHARED) != 0, 0, file, offset});
	return (int64_t)start;
}

int64_t space_unmap(uint64_t start, uint64_t length)
{
	S;

	if (start % PAGE || !length || length > WINDOW_SIZE)
		return -EINVAL;
	length = pages(length);
	if (!inside(start, length))
		return -EINVAL;
	if (range_is_free(s, start, length))
		return 0;
	if (range_room(s, 2))
		return -ENOMEM;
	const struct range *r = &s->ranges[range_at(s, start)];
	/* Not of the break, which would not be there to grow again, and not of the gap below the stack. */
	int anywhere = start >= MAP_START && start + length <= MAP_END;
	if (anywhere && r->start <= start && r->end >= start + length && !r->file && !r->shared && r->protection == 3 &&
	    park_put(&s->park, start, length)) {
		range_forget(s, start, start + length);
		return 0;
	}
	park_clear(&s->park, start, length);
	int64_t error = HOST(memory_unmap, start | REF_PROGRAM, length);
	if (!error)
		range_forget(s, start, start + length);
	return error;
}

int64_t space_protect(uint64_t start, uint64_t length, int protection)
{
	S;

	if (start % PAGE)
		return -EINVAL;
	if (length > WINDOW_SIZE)
		return -ENOMEM;
	length = pages(length);
	if (!length)
		return 0;
	if (protection & PROT_EXEC)
		return -EACCES;
	if (!inside(start, length) || !space_mapped(start, length) || range_room(s, 2))
		return -ENOMEM;
	int64_t error = HOST(memory_protect, start | REF_PROGRAM, length, protection & 3);
	if (error)
		return error;
	range_split(s, start);
	range_split(s, start + length);
	size_t first = range_at(s, start), i = first;
	for (; i < s->count && s->ranges[i].start < start + length; i++)
		s->ranges[i].protection = protection & 3;
	for (first -= first > 0; i-- > first;)
		range_join(s, i);
	return 0;
}

int64_t space_remap(uint64_t start, uint64_t length, uint64_t new_length, int flags, uint64_t new_start)
{
	S;

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
	if (s->limit && new_length > length && s->total > s->limit - (new_length - length))
		return -ENOMEM;
	if (!(flags & MREMAP_FIXED)) {
		if (!(flags & MREMAP_MAYMOVE))
			return -ENOMEM;
		new_start = range_gap(s, new_length);
		if (!new_start)
			return -ENOMEM;
	}
	if (range_room(s, 5))
		return -ENOMEM;
	/* One mapping only, as on Linux. The host moves as much as both have; what is more is mapped behind, first: that may fail. */
	struct range moved = s->ranges[range_at(s, start)];
	if (length > moved.end - start)
		return -EFAULT;
	uint64_t both = length < new_length ? length : new_length, more = new_length - both;
	if (more && moved.file && moved.file->operations == &segment_operations)
		return -ENOMEM;         /* what comes behind in the file may lie in another object */
	moved.offset += start - moved.start;
	park_clear(&s->park, new_start, new_length);
	int64_t error = !more ? 0 : moved.file ?
		space_map_file((new_start + both) | REF_PROGRAM, more, moved.protection, moved.shared, moved.file, moved.offset + both) :
		HOST(memory_map, (new_start + both) | REF_PROGRAM, more, moved.protection);
	if (error < 0)
		return error;
	error = HOST(memory_move, start | REF_PROGRAM, both, new_start | REF_PROGRAM);
	if (error) {
		if (more)
			HOST(memory_unmap, (new_start + both) | REF_PROGRAM, more);
		return error;
	}
	if (length > both)
		HOST(memory_unmap, (start + both) | REF_PROGRAM, length - both);
	moved.start = new_start;
	moved.end = new_start + new_length;
	if (moved.file)
		moved.file->references++;       /* over the forgetting */
	range_forget(s, start, start + length);
	range_remember(s, moved);
	if (moved.file)
		file_release(moved.file);
	return (int64_t)new_start;
}

int64_t space_break(uint64_t to)
{
	S;

	if (to < s->brk_start || to > BREAK_START + (uint64_t)BREAK_MOST)
		return (int64_t)s->brk_now;
	uint64_t end = pages(to);
	if (end > s->brk_mapped) {
		if ((s->limit && s->total + (end - s->brk_mapped) > s->limit) || !range_is_free(s, s->brk_mapped, end - s->brk_mapped) || range_room(s, 3))
			return (int64_t)s->brk_now;
		park_clear(&s->park, s->brk_mapped, end - s->brk_mapped);
		if (HOST(memory_map, s->brk_mapped | REF_PROGRAM, end - s->brk_mapped, 3))
			return (int64_t)s->brk_now;
		range_remember(s, (struct range){.start = s->brk_mapped, .end = end, .protection = 3});
		s->brk_mapped = end;
	} else if (end < s->brk_mapped) {
		if (space_unmap(end, s->brk_mapped - end))
			return (int64_t)s->brk_now;
		s->brk_mapped = end;
	}
	s->brk_now = to;
	return (int64_t)s->brk_now;
}
