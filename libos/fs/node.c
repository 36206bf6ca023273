/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * tmpfs objects: their life, times and data. Data lies in pages of the library OS's heap; holes cost nothing. All of it
 * together is bounded by the cVM's memory limit.
 */
#include "libos/fs/tmpfs.h"
#include <linux/falloc.h>

#define PAGE      4096u
#define SIZE_MOST (1ull << 31)

static uint64_t numbers = 2, pages_total;

void time_now(int64_t t[2])
{
	t[0] = t[1] = 0;
	HOST_FAST(clock_get, 0, own_ref(t));
}

struct host_stat stat_now(uint32_t mode, uint64_t device)
{
	int64_t t[2];

	time_now(t);
	return (struct host_stat){.dev = device, .ino = 1, .mode = mode, .nlink = TYPE_OF(mode) == S_IFDIR ? 2 : 1, .uid = boot->uid,
				  .gid = boot->gid, .blksize = PAGE, .atime_sec = t[0], .mtime_sec = t[0], .ctime_sec = t[0],
				  .atime_nsec = (uint32_t)t[1], .mtime_nsec = (uint32_t)t[1], .ctime_nsec = (uint32_t)t[1]};
}

struct node *node_make(uint32_t mode)
{
	struct node *n = heap_allocate(sizeof *n);

	if (!n)
		return NULL;
	n->mode = mode;
	n->uid = boot->uid;
	n->gid = boot->gid;
	n->number = numbers++;
	time_now(n->ctime);
	memcpy(n->atime, n->ctime, sizeof n->atime);
	memcpy(n->mtime, n->ctime, sizeof n->mtime);
	return n;
}

static void page_drop(struct node *n, uint64_t i)
{
	if (i >= n->page_room || !n->pages[i])
		return;
	heap_free(n->pages[i], PAGE);
	n->pages[i] = NULL;
	n->page_count--;
	pages_total--;
}

void node_drop(struct node *n)
{
	if (n->links || n->opens)
		return;
	for (uint64_t i = 0; i < n->page_room; i++)
		page_drop(n, i);
	if (n->pages)
		heap_free(n->pages, n->page_room * sizeof *n->pages);
	segments_drop(n);
	if (n->buckets)
		heap_free(n->buckets, n->bucket_count * sizeof *n->buckets);
	heap_text_free(n->target);
	heap_free(n, sizeof *n);
}

void node_stat(const struct node *n, struct host_stat *s)
{
	*s = (struct host_stat){.dev = DEVICE_TMPFS, .ino = n->number, .mode = n->mode, .nlink = n->links, .uid = n->uid,
				.gid = n->gid, .size = n->target ? strlen(n->target) : n->size,
				.blocks = n->page_count * (PAGE / 512) + n->shared_end / 512, .blksize = PAGE,
				.atime_sec = n->atime[0], .atime_nsec = (uint32_t)n->atime[1], .mtime_sec = n->mtime[0],
				.mtime_nsec = (uint32_t)n->mtime[1], .ctime_sec = n->ctime[0], .ctime_nsec = (uint32_t)n->ctime[1]};
}

void node_touch(struct node *n, int data)
{
	time_now(n->ctime);
	if (data)
		memcpy(n->mtime, n->ctime, sizeof n->mtime);
}

static const uint8_t *page_find(const struct node *n, uint64_t i)
{
	return i < n->page_room ? n->pages[i] : NULL;
}

static uint8_t *page_make(struct node *n, uint64_t i)
{
	if (i >= n->page_room) {
		uint64_t room = n->page_room ? n->page_room : 4;
		while (room <= i)
			room *= 2;
		uint8_t **more = heap_allocate(room * sizeof *more);
		if (!more)
			return NULL;
		if (n->pages) {
			memcpy(more, n->pages, n->page_room * sizeof *more);
			heap_free(n->pages, n->page_room * sizeof *more);
		}
		n->pages = more;
		n->page_room = room;
	}
	if (!n->pages[i]) {
		if (boot->memory_limit && pages_total >= boot->memory_limit / PAGE)
			return NULL;
		if (!(n->pages[i] = heap_allocate(PAGE)))
			return NULL;
		n->page_count++;
		pages_total++;
	}
	return n->pages[i];
}

int64_t node_read(struct node *n, struct memory to, uint64_t length, uint64_t at)
{
	uint64_t done = 0;

	if (at >= n->size)
		return 0;
	if (length > n->size - at)
		length = n->size - at;
	if (at < n->shared_end) {
		int64_t shared = segments_transfer(n, to, length, at, 0);
		if (shared < 0)
			return shared;
		done = (uint64_t)shared;
	}
	while (done < length) {
		uint64_t within = (at + done) % PAGE, piece = PAGE - within < length - done ? PAGE - within : length - done;
		const uint8_t *data = page_find(n, (at + done) / PAGE);
		struct memory place = memory_after(to, done);
		if (data ? memory_put(place, data + within, piece) : memory_zero(place, piece))
			return done ? (int64_t)done : -EFAULT;
		done += piece;
	}
	return (int64_t)done;
}

int64_t node_write(struct node *n, struct memory from, uint64_t length, uint64_t at)
{
	uint64_t done = 0;

	if (at >= SIZE_MOST)
		return length ? -EFBIG : 0;
	if (length > SIZE_MOST - at)
		length = SIZE_MOST - at;
	if (at < n->shared_end) {
		int64_t shared = segments_transfer(n, from, length, at, 1);
		if (shared < 0)
			return shared;
		done = (uint64_t)shared;
	}
	while (done < length) {
		uint64_t within = (at + done) % PAGE, piece = PAGE - within < length - done ? PAGE - within : length - done;
		uint8_t *data = page_make(n, (at + done) / PAGE);
		if (!data || memory_get(data + within, memory_after(from, done), piece)) {
			if (!done)
				return data ? -EFAULT : -ENOSPC;
			break;
		}
		done += piece;
	}
	if (done && at + done > n->size)
		n->size = at + done;
	if (done)
		node_touch(n, 1);
	return (int64_t)done;
}

/* Zeroes [from, to) of what is there; whole pages become holes. */
static void clear(struct node *n, uint64_t from, uint64_t to)
{
	segments_clear(n, from, to);
	for (uint64_t i = from / PAGE; i < n->page_room && i * PAGE < to; i++) {
		uint64_t start = i * PAGE < from ? from % PAGE : 0, end = to - i * PAGE < PAGE ? to - i * PAGE : PAGE;
		if (end - start == PAGE)
			page_drop(n, i);
		else if (n->pages[i])
			memset(n->pages[i] + start, 0, end - start);
	}
}

void node_pages_drop(struct node *n, uint64_t from, uint64_t to)
{
	for (uint64_t i = from / PAGE; i * PAGE < to && i < n->page_room; i++)
		page_drop(n, i);
}

int64_t node_truncate(struct node *n, uint64_t length)
{
	if (length > SIZE_MOST)
		return -EFBIG;
	if (length < n->size)
		clear(n, length, (n->size + PAGE - 1) / PAGE * PAGE);
	n->size = length;
	node_touch(n, 1);
	return 0;
}

int64_t node_allocate(struct node *n, unsigned mode, uint64_t at, uint64_t length)
{
	if (length > SIZE_MOST || at > SIZE_MOST - length)
		return -EFBIG;
	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EOPNOTSUPP;
		clear(n, at, at + length);
	} else {
		if (mode & FALLOC_FL_ZERO_RANGE)
			clear(n, at, at + length);
		for (uint64_t i = (at < n->shared_end ? n->shared_end : at) / PAGE; i * PAGE < at + length; i++)
			if (!page_make(n, i))
				return -ENOSPC;
		if (!(mode & FALLOC_FL_KEEP_SIZE) && at + length > n->size)
			n->size = at + length;
	}
	node_touch(n, 1);
	return 0;
}

int64_t node_seek_data(const struct node *n, uint64_t at, int hole)
{
	if (at >= n->size)
		return -ENXIO;
	for (uint64_t i = at / PAGE; i * PAGE < n->size; i++)
		if ((i * PAGE >= n->shared_end && page_find(n, i) == NULL) == hole)
			return (int64_t)(i * PAGE > at ? i * PAGE : at);
	return hole ? (int64_t)n->size : -ENXIO;
}

int64_t node_object(struct node *n)
{
	uint64_t size = n ? n->size : 0, done = 0;
	int64_t handle = size ? HOST(memory_object, (size + PAGE - 1) & ~(uint64_t)(PAGE - 1)) : -ENOEXEC;
	uint8_t *bounce = handle < 0 ? NULL : heap_allocate(16 * PAGE);

	while (bounce && done < size) {
		int64_t piece = node_read(n, own_memory(bounce), 16 * PAGE, done);
		if (piece <= 0 || HOST(write, handle, own_ref(bounce), piece, done) != piece)
			break;
		done += (uint64_t)piece;
	}
	heap_free(bounce, 16 * PAGE);
	if (handle >= 0 && done < size) {
		HOST(close, handle);
		return -ENOMEM;
	}
	return handle;
}
