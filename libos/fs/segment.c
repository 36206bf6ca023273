/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * tmpfs data that programs share by mapping it: it lies in memory objects of the host's, one behind another from the file's
 * start. They come with the first shared mapping, and with each that reaches further; what is behind them stays in pages.
 */
#include <linux/falloc.h>
#include <linux/mman.h>

#include "libos/fs/tmpfs.h"

#define PAGE 4096u

struct segment {
	struct file *object;            /* mappings hold it too */
	uint64_t start, end;            /* in the file, whole pages */
};

static void segment_close(struct file *f)
{
	HOST(close, f->handle);
}

/* Only mapped; its object is the node as long as that lives. */
const struct file_operations segment_operations = {.close = segment_close};

static const struct segment *segment_at(const struct node *n, uint64_t at)
{
	for (unsigned i = 0; i < n->segment_count; i++)
		if (at < n->segments[i].end)
			return &n->segments[i];
	return NULL;
}

int64_t segments_transfer(struct node *n, struct memory memory, uint64_t length, uint64_t at, int writes)
{
	uint64_t done = 0;

	while (done < length && at + done < n->shared_end) {
		const struct segment *s = segment_at(n, at + done);
		uint64_t piece = s->end - (at + done) < length - done ? s->end - (at + done) : length - done;
		struct memory here = memory_after(memory, done);
		int64_t moved = writes ? HOST(write, s->object->handle, here.ref, piece, at + done - s->start)
				       : HOST(read, s->object->handle, here.ref, piece, at + done - s->start);
		if (moved <= 0)
			return done ? (int64_t)done : moved ? moved : -EIO;
		done += (uint64_t)moved;
	}
	return (int64_t)done;
}

void segments_clear(struct node *n, uint64_t from, uint64_t to)
{
	to = to < n->shared_end ? to : n->shared_end;
	while (from < to) {
		const struct segment *s = segment_at(n, from);
		uint64_t end = to < s->end ? to : s->end;
		HOST(allocate, s->object->handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from - s->start, end - from);
		from = end;
	}
}

void segments_drop(struct node *n)
{
	for (unsigned i = 0; i < n->segment_count; i++) {
		n->segments[i].object->object = NULL;
		file_release(n->segments[i].object);
	}
	heap_free(n->segments, n->segment_count * sizeof *n->segments);
	n->segments = NULL;
	n->segment_count = 0;
}

/* All of the file up to `end` lies in memory objects afterwards. */
static int64_t share(struct node *n, uint64_t end)
{
	uint64_t start = n->shared_end;

	if (end <= start)
		return 0;
	int64_t handle = HOST(memory_object, end - start);
	struct file *object = handle < 0 ? NULL : file_make(&segment_operations, O_RDWR);
	struct segment *more = object ? heap_allocate((n->segment_count + 1) * sizeof *more) : NULL;
	if (!more) {
		heap_free(object, sizeof *object);
		if (handle >= 0)
			HOST(close, handle);
		return -ENOMEM;
	}
	object->handle = handle;
	object->object = n;
	for (uint64_t i = start / PAGE; i < n->page_room && i * PAGE < end; i++)
		if (n->pages[i] && HOST(write, handle, own_ref(n->pages[i]), PAGE, i * PAGE - start) != PAGE) {
			heap_free(more, (n->segment_count + 1) * sizeof *more);
			file_release(object);
			return -ENOMEM;
		}
	node_pages_drop(n, start, end);
	memcpy(more, n->segments, n->segment_count * sizeof *more);
	more[n->segment_count] = (struct segment){object, start, end};
	heap_free(n->segments, n->segment_count * sizeof *more);
	n->segments = more;
	n->segment_count++;
	n->shared_end = end;
	return 0;
}

int64_t segments_map(struct node *n, uint64_t hint, uint64_t length, int protection, int flags, uint64_t offset)
{
	uint64_t end = (offset + length + PAGE - 1) & ~(uint64_t)(PAGE - 1), size = (n->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	if (end < offset || length > WINDOW_SIZE)
		return -ENOMEM;
	int64_t error = share(n, end > size ? end : size);
	if (error)
		return error;
	time_now(n->atime);
	const struct segment *s = segment_at(n, offset);
	if (end <= s->end)
		return space_map(hint, length, protection, flags, s->object, offset - s->start);
	/* In pieces, over a mapping that finds the place for all. */
	int64_t at = space_map(hint, length, PROT_NONE, (flags & ~MAP_TYPE) | MAP_PRIVATE, NULL, 0);
	for (uint64_t from = offset; at >= 0 && from < end; from = s->end) {
		s = segment_at(n, from);
		uint64_t piece = (s->end < end ? s->end : end) - from;
		int64_t mapped = space_map((uint64_t)at + (from - offset), piece, protection, MAP_SHARED | MAP_FIXED, s->object, from - s->start);
		if (mapped < 0) {
			space_unmap((uint64_t)at, length);
			at = mapped;
		}
	}
	return at;
}
