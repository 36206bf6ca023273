/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program's address space: which ranges of [WINDOW_MEMORY_START, WINDOW_MEMORY_END) are taken, and the calls that change
 * it. The Intravisor checks every range again; this only gives Linux's meaning to them. Nothing is ever executable.
 */
#include <linux/mman.h>

#include "libos/fs/shared.h"
#include "libos/fs/tmpfs.h"
#include "libos/mem/parked.h"

#define BREAK_START WINDOW_MEMORY_START
#define BREAK_MOST  0x20000000u         /* 512 MiB for brk; malloc goes on with mmap */
#define MAP_START   (BREAK_START + (uint64_t)BREAK_MOST)
#define MAP_END     (SPACE_STACK_TOP - (uint64_t)SPACE_STACK_SIZE - SPACE_STACK_GAP)
#define PAGE        4096u
#define MAP_FILE_SHARED 0x100

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
	uint64_t limit, total, brk_now, brk_mapped;
	int64_t window;         /* the Intravisor's number */
	uint64_t serial;
	unsigned references;
	int lock_all;           /* what is mapped from now on is locked: mlockall */
	struct park park;
};
#define S struct space *s = space_current()

struct space *space_make(uint64_t limit, int64_t window)
{
	static uint64_t serials;
	struct space *s = heap_allocate(sizeof *s);

	if (s)
		*s = (struct space){.serial = ++serials, .limit = limit, .brk_now = BREAK_START, .brk_mapped = BREAK_START, .window = window, .references = 1};
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

static void range_drop(struct range *r)
{
	if (r->file)
		file_release(r->file);
	r->file = NULL;
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

uint64_t space_total(void)
{
	return space_current()->total;
}

uint64_t space_total_of(const struct space *s)
{
	return s->total;
}

static uint64_t pages(uint64_t length)
{
	return (length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* First range that ends behind `at`. */
static size_t range_at(const struct space *s, uint64_t at)
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

static int room_for(struct space *s, size_t more)
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

/* Parts the range around `at` in two. room_for was called. */
static void split(struct space *s, uint64_t at)
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

/* Forgets [start, end). room_for(2) was called. */
static void forget(struct space *s, uint64_t start, uint64_t end)
{
	split(s, start);
	split(s, end);
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

static void join(struct space *s, size_t i)
{
	if (i + 1 >= s->count || !alike(&s->ranges[i], &s->ranges[i + 1]))
		return;
	s->ranges[i].end = s->ranges[i + 1].end;
	memmove(s->ranges + i + 1, s->ranges + i + 2, (s->count - i - 2) * sizeof *s->ranges);
	s->count--;
}

/* Takes a reference to the new range's file. room_for(3) was called. */
static void remember(struct space *s, struct range new)
{
	forget(s, new.start, new.end);
	size_t i = range_at(s, new.start);
	new.locked = s->lock_all;
	s->total += new.end - new.start;
	if (new.file)
		new.file->references++;
	memmove(s->ranges + i + 1, s->ranges + i, (s->count - i) * sizeof *s->ranges);
	s->ranges[i] = new;
	s->count++;
	join(s, i);
	if (i)
		join(s, i - 1);
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

static int inside(uint64_t start, uint64_t length)
{
	return start >= WINDOW_MEMORY_START && start <= WINDOW_MEMORY_END && length <= WINDOW_MEMORY_END - start;
}

/* The highest free gap of this length, as Linux searches. */
static uint64_t gap_find(const struct space *s, uint64_t length)
{
	uint64_t top = MAP_END;
	size_t i = range_at(s, MAP_END - 1);

	if (i < s->count && s->ranges[i].start < MAP_END)
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

static int free_at(const struct space *s, uint64_t start, uint64_t length)
{
	size_t i = range_at(s, start);

	return i == s->count || s->ranges[i].start >= start + length;
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

static int64_t map_file(uint64_t ref, uint64_t length, int protection, int shared, struct file *f, uint64_t offset)
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
		if ((flags & MAP_FIXED_NOREPLACE) && !free_at(s, start, length))
			return -EEXIST;
	} else {
		start &= ~(uint64_t)(PAGE - 1);
		if (start < MAP_START || start > MAP_END || length > MAP_END - start || !free_at(s, start, length))
			start = gap_find(s, length);
		if (!start)
			return -ENOMEM;
	}
	if (over_limit(s, start, length) || room_for(s, 3))
		return -ENOMEM;
	int plain = !file && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_SHARED)) && (protection & 3) == 3;
	uint64_t again = plain && length <= PARKED_SIZE_MOST && s->park.count ? park_take(&s->park, length) : 0;
	if (again) {
		remember(s, (struct range){again, again + length, 3, 0, 0, NULL, 0});
		return (int64_t)again;
	}
	park_clear(&s->park, start, length);
	for (;;) {
		if (file)
			error = map_file(start | REF_PROGRAM, length, protection & 3, (flags & MAP_SHARED) != 0, file, offset);
		else
			error = HOST(memory_map, start | REF_PROGRAM, length, protection & 3);
		if (error != -ENOMEM || !s->park.count)
			break;
		while (s->park.count)           /* they count, too */
			park_drop(&s->park, 0);
	}
	if (error < 0)
		return error;
	remember(s, (struct range){start, start + length, protection & 3, (flags & MAP_SHARED) != 0, 0, file, offset});
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
	if (free_at(s, start, length))
		return 0;
	if (room_for(s, 2))
		return -ENOMEM;
	const struct range *r = &s->ranges[range_at(s, start)];
	if (r->start <= start && r->end >= start + length && !r->file && !r->shared && r->protection == 3 &&
	    park_put(&s->park, start, length)) {
		forget(s, start, start + length);
		return 0;
	}
	park_clear(&s->park, start, length);
	int64_t error = HOST(memory_unmap, start | REF_PROGRAM, length);
	if (!error)
		forget(s, start, start + length);
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
	if (!inside(start, length) || !space_mapped(start, length) || room_for(s, 2))
		return -ENOMEM;
	int64_t error = HOST(memory_protect, start | REF_PROGRAM, length, protection & 3);
	if (error)
		return error;
	split(s, start);
	split(s, start + length);
	size_t first = range_at(s, start), i = first;
	for (; i < s->count && s->ranges[i].start < start + length; i++)
		s->ranges[i].protection = protection & 3;
	for (first -= first > 0; i-- > first;)
		join(s, i);
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
	/* Images and the stack are not among the ranges, and always there. */
	if (!length || end <= MAP_START || start >= MAP_END)
		return 0;
	if (!space_mapped(start, end - start) || room_for(s, 2))
		return -ENOMEM;
	split(s, start);
	split(s, end);
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

/* What is mapped is mapped in another program window too, with its contents now: fork. */
int64_t space_copy(struct space *from, struct space *to)
{
	int64_t error = 0;

	if (room_for(to, from->count + 3))
		return -ENOMEM;
	for (size_t i = 0; !error && i < from->count; i++) {
		const struct range *r = &from->ranges[i];
		uint64_t length = r->end - r->start, at = (uint64_t)(to->window + 2) << 32 | r->start;
		if (r->file && r->shared) {
			error = map_file(at, length, r->protection, 1, r->file, r->offset);
			if (error == -ENODEV)   /* a CP_File that has ended: nothing is there in the child either */
				error = HOST(memory_map, at, length, PROT_NONE);
		} else
			error = HOST(memory_copy, to->window, r->start, length, r->protection | (r->file ? MEMORY_COPY_ALL : 0));
		if (!error)
			remember(to, *r);
	}
	to->brk_now = from->brk_now;
	to->brk_mapped = from->brk_mapped;
	return error;
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
		new_start = gap_find(s, new_length);
		if (!new_start)
			return -ENOMEM;
	}
	if (room_for(s, 5))
		return -ENOMEM;
	/* One mapping only, as on Linux. The host moves as much as both have; what is more is mapped behind. */
	struct range moved = s->ranges[range_at(s, start)];
	if (length > moved.end - start)
		return -EFAULT;
	if (moved.file && new_length > length)
		return -ENOMEM;         /* what comes behind in the file is not mapped here */
	uint64_t both = length < new_length ? length : new_length;
	park_clear(&s->park, new_start, new_length);
	int64_t error = HOST(memory_move, start | REF_PROGRAM, both, new_start | REF_PROGRAM);
	if (!error && new_length > both)
		error = HOST(memory_map, (new_start + both) | REF_PROGRAM, new_length - both, moved.protection);
	if (!error && length > both)
		error = HOST(memory_unmap, (start + both) | REF_PROGRAM, length - both);
	if (error)
		return error;
	moved.offset += start - moved.start;
	moved.start = new_start;
	moved.end = new_start + new_length;
	if (moved.file)
		moved.file->references++;       /* over the forgetting */
	forget(s, start, start + length);
	remember(s, moved);
	if (moved.file)
		file_release(moved.file);
	return (int64_t)new_start;
}

int64_t space_break(uint64_t to)
{
	S;

	if (to < BREAK_START || to > BREAK_START + (uint64_t)BREAK_MOST)
		return (int64_t)s->brk_now;
	uint64_t end = pages(to);
	if (end > s->brk_mapped) {
		if ((s->limit && s->total + (end - s->brk_mapped) > s->limit) || !free_at(s, s->brk_mapped, end - s->brk_mapped) || room_for(s, 3))
			return (int64_t)s->brk_now;
		park_clear(&s->park, s->brk_mapped, end - s->brk_mapped);
		if (HOST(memory_map, s->brk_mapped | REF_PROGRAM, end - s->brk_mapped, 3))
			return (int64_t)s->brk_now;
		remember(s, (struct range){.start = s->brk_mapped, .end = end, .protection = 3});
		s->brk_mapped = end;
	} else if (end < s->brk_mapped) {
		if (space_unmap(end, s->brk_mapped - end))
			return (int64_t)s->brk_now;
		s->brk_mapped = end;
	}
	s->brk_now = to;
	return (int64_t)s->brk_now;
}
