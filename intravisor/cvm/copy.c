/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies of a program's window. Contents are read through fault-tolerant copies; other threads may change them meanwhile, as
 * with fork(2) of a program with threads. Two windows that have a number are locked by rising address. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <carrel/host.h>
#include <carrel/window.h>
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/load/load.h"

#define PAGE 4096u
#define PRESENT (1ull << 63)    /* Documentation/admin-guide/mm/pagemap.rst */
#define SWAPPED (1ull << 62)
#define FILE_OR_SHARED (1ull << 61)

static int pagemap = -1;
static const struct source here = {-1, -1};

void copy_init(void)
{
	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

static int copy(const struct source *source, uint8_t *to, const uint8_t *from, uint64_t length)
{
	if (source->memory < 0)
		return machine_copy_in(to, from, length);
	return pread(source->memory, to, length, (off_t)(uintptr_t)from) == (ssize_t)length ? 0 : -EFAULT;
}

/* Where pagemap cannot be read, all of them. */
int copy_contents(const struct source *source, uint8_t *to, const uint8_t *from, uint64_t length, int all)
{
	uint64_t entries[512];
	int map = source->memory < 0 ? pagemap : source->pagemap;

	for (uint64_t at = 0; at < length;) {
		uint64_t pages = (length - at) / PAGE < 512 ? (length - at) / PAGE : 512;
		ssize_t got = all || map < 0 ? -1 : pread(map, entries, pages * 8, (off_t)((uintptr_t)(from + at) / PAGE * 8));
		for (uint64_t i = 0; i < pages; i++) {
			uint64_t run = i;
			while (run < pages && ((ssize_t)(run * 8) >= got ||
					       ((entries[run] & (PRESENT | SWAPPED)) && !(entries[run] & FILE_OR_SHARED))))
				run++;
			/* A file may be shorter than its mapping: what cannot be read stays zero. */
			for (uint64_t k = i; all && k < run; k++)
				copy(source, to + at + k * PAGE, from + at + k * PAGE, PAGE);
			/* All at once, which spares a fault for each; where it fails, the copy below faults them in. */
			if (!all && run > i + 1)
				madvise(to + at + i * PAGE, (run - i) * PAGE, MADV_POPULATE_WRITE);
			if (!all && run > i && copy(source, to + at + i * PAGE, from + at + i * PAGE, (run - i) * PAGE))
				return -EFAULT;
			i = run;
		}
		at += pages * PAGE;
	}
	return 0;
}

/* `to` has no number yet, so nobody else can map anything there, or run in it, while its text is being put in place. */
int copy_images(struct window *to, struct window *from)
{
	int error = 0;

	pthread_mutex_lock(&from->lock);
	for (unsigned i = 0; !error && i < from->image_count; i++) {
		struct image *image = from->images[i].image;
		uint32_t base = from->images[i].base;
		error = image_map_at(image, to, base);
		for (unsigned k = 0; !error && k < image->segment_count; k++)
			if (image->segments[k].protection & PROT_WRITE)
				error = copy_contents(&here, to->base + base + image->segments[k].start, from->base + base + image->segments[k].start,
						 image->segments[k].length, 0);
	}
	to->arena_next = from->arena_next;
	pthread_mutex_unlock(&from->lock);
	return error;
}

int copy_same_images(struct window *a, struct window *b)
{
	if (a == b)
		return 1;
	/* By address: two threads may ask for the same two windows, each from the other's side. */
	pthread_mutex_lock(a < b ? &a->lock : &b->lock);
	pthread_mutex_lock(a < b ? &b->lock : &a->lock);
	int same = a->image_count == b->image_count;
	for (unsigned i = 0; same && i < a->image_count; i++)
		same = a->images[i].image == b->images[i].image && a->images[i].base == b->images[i].base;
	pthread_mutex_unlock(&b->lock);
	pthread_mutex_unlock(&a->lock);
	return same;
}

int64_t copy_range(const struct caller *caller, struct window *to, uint64_t offset, uint64_t length, uint64_t protection)
{
	int all = (protection & MEMORY_COPY_ALL) != 0;

	protection &= ~(uint64_t)MEMORY_COPY_ALL;
	if (!memory_range_ok(offset, length) || (protection & ~(uint64_t)(PROT_READ | PROT_WRITE)))
		return -EINVAL;
	pthread_mutex_lock(&to->lock);
	int error = quota_allows_map(to, (uint32_t)offset, length, caller->cvm->memory_limit);
	int later = snapshot_of(to, caller->program);
	if (!error)
		error = memory_fresh(to->base + offset, length, later ? PROT_NONE : PROT_READ | PROT_WRITE);
	if (!error && later) {
		const struct missing run = {(uint32_t)offset, length, (int)protection, all};
		quota_put(to, (uint32_t)offset, length, QUOTA_MAPPED);
		quota_miss(to, &run);
	} else if (!error) {
		quota_put(to, (uint32_t)offset, length, protection == (PROT_READ | PROT_WRITE) ? QUOTA_PLAIN : QUOTA_MAPPED);
		if (protection & PROT_READ)
			error = copy_contents(&here, to->base + offset, caller->program->base + offset, length, all);
		if (protection != (PROT_READ | PROT_WRITE) && mprotect(to->base + offset, length, (int)protection) && !error)
			error = -errno;
	}
	pthread_mutex_unlock(&to->lock);
	return error;
}
