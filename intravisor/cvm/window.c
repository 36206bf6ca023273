/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pools of window slots. A pool is one PROT_NONE reservation: whole slots, a guard before them and one behind (what a guest overshoots by:
 * verify_stack.c). Of the window at base B, [B, B + 64 KiB) and its last 256 KiB are never mapped. Nothing is ever munmapped: closing maps
 * PROT_NONE over the rest, so no trusted allocation can land in a window. Trusted.
 *
 * One window more, a program's, has base 0, where the host lets us have those addresses: x86-64 adds a segment's base for nothing then, and
 * takes a cycle less for each load. What is special about it: before it lie addresses of the kernel's half, and its first 64 KiB, where
 * null pointers of the Intravisor's lead too, are nobody's: looked for when it is first taken, and no search of the host's for room ever
 * gets that low (vm.mmap_min_addr keeps some of it from everybody, 4 or 64 KiB).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <carrel/isa.h>
#include <carrel/window.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/window.h"
#include "intravisor/load/load.h"
#include "intravisor/share/capability.h"

#define POOL_SLOTS ISA_POOL_SLOTS
#define POOL_SLOTS_LEAST 8
#define POOLS_MOST 24
#define TILE (WINDOW_SIZE - WINDOW_LOW_GUARD)   /* of a window, from its low guard's end on */
#define PIECE 0x400000u         /* of memory given back at a time */

/* A closed window whose first and only image stays mapped for the next cVM of the same configuration: most of what starting one costs
 * is mapping and touching images. Only for images that the owner holds (image_hold): no guest chooses what is kept.
 * Why it is as good as a fresh one: no thread is in it; its memory was replaced by a reservation, as in window_close; guests cannot
 * map, unmap or protect anything in the arena; the arena holds this image alone, whose text and read-only pages nobody can write,
 * and whose writable pages get their first contents back. Text stays where it is, so the arena's rule (one image for an address in
 * a window's life) holds over both lives. */
#define SPARES_MOST 64
static struct spare {
	uint8_t *base;
	const struct image *image;      /* NULL: none. It is judged for one compartment, so all its spares are that one's */
	struct quota *quota;    /* all zeros, or NULL */
} spares[SPARES_MOST];

/* Guards pools, slots and spares; innermost in the lock order, held for no system call but the reservation. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool {
	uint8_t *first;         /* base of slot 0 */
	unsigned slots;         /* usable */
	uint8_t used[POOL_SLOTS];
} *pools[POOLS_MOST];
static unsigned pool_count;
static enum {ZERO_UNKNOWN, ZERO_FREE, ZERO_USED, ZERO_NEVER} zero = ISA_WINDOW_AT_ZERO ? ZERO_UNKNOWN : ZERO_NEVER;

static struct pool *pool_make(void)
{
	for (unsigned slots = POOL_SLOTS; slots >= POOL_SLOTS_LEAST; slots /= 2) {
		/* One slot before for alignment and the first tile's start, one behind as guard. */
		size_t size = (size_t)(slots + 2) * WINDOW_SIZE;
		uint8_t *all = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (all == MAP_FAILED)
			continue;
		struct pool *pool = calloc(1, sizeof *pool);
		if (!pool)
			return NULL;
		madvise(all, size, MADV_DONTDUMP);
		uintptr_t first = ((uintptr_t)all + WINDOW_HIGH_GUARD + WINDOW_SIZE - 1) & ~((uintptr_t)WINDOW_SIZE - 1);
		pool->first = (uint8_t *)first;
		pool->slots = slots;
		return pool;
	}
	return NULL;
}

/* Is nothing mapped there? Each page is asked for. */
static int vacant(uint8_t *from, const uint8_t *to)
{
	while (from < to && msync(from, 4096, MS_ASYNC) && errno == ENOMEM)
		from += 4096;
	return from >= to;
}

/* Under the lock. */
static int zero_take(void)
{
	uint8_t *start = (uint8_t *)WINDOW_LOW_GUARD;

	if (zero == ZERO_UNKNOWN) {
		zero = vacant(NULL, start) && mmap(start, TILE + WINDOW_HIGH_GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
						   MAP_FIXED_NOREPLACE, -1, 0) == start ? ZERO_FREE : ZERO_NEVER;
		if (zero == ZERO_FREE)
			madvise(start, TILE + WINDOW_HIGH_GUARD, MADV_DONTDUMP);
	}
	if (zero != ZERO_FREE)
		return 0;
	zero = ZERO_USED;
	return 1;
}

/* 0, *base the slot's; or -ENOMEM. */
static int slot_take(uint8_t **base, int compartment, enum window_place place)
{
	*base = NULL;
	pthread_mutex_lock(&lock);
	int error = compartment == MACHINE_PROGRAM && place == WINDOW_ANYWHERE && zero_take() ? 0 : -ENOMEM;
	for (unsigned p = 0; error; p++) {
		if (p == pool_count) {
			struct pool *pool = p < POOLS_MOST ? pool_make() : NULL;
			if (!pool)
				break;
			pools[pool_count++] = pool;
		}
		for (unsigned i = 0; i < pools[p]->slots && error; i++)
			if (!pools[p]->used[i]) {
				pools[p]->used[i] = 1;
				*base = pools[p]->first + (size_t)i * WINDOW_SIZE;
				error = 0;
			}
	}
	pthread_mutex_unlock(&lock);
	return error;
}

static void slot_give(const uint8_t *base)
{
	pthread_mutex_lock(&lock);
	if (!base)
		zero = ZERO_FREE;
	for (unsigned p = 0; p < pool_count; p++)
		if (base >= pools[p]->first && base < pools[p]->first + (size_t)pools[p]->slots * WINDOW_SIZE)
			pools[p]->used[(size_t)(base - pools[p]->first) / WINDOW_SIZE] = 0;
	pthread_mutex_unlock(&lock);
}

int window_open(struct window *window, int compartment, enum window_place place)
{
	*window = (struct window){.arena_next = WINDOW_ARENA_FIRST, .lock = PTHREAD_MUTEX_INITIALIZER};
	int error = slot_take(&window->base, compartment, place);
	if (error)
		return error;
	window->open = 1;
	machine_stored_make(&window->memory, window->base, WINDOW_SIZE);
	if ((error = machine_window_open(window->base, compartment)))
		window_close(window);
	return error;
}

/* One of this image's, which is the caller's now; its image NULL: there is none. */
static struct spare spare_take(const struct image *image, enum window_place place)
{
	struct spare spare = {.image = NULL};

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < SPARES_MOST && !spare.image; i++)
		if (spares[i].image == image && (spares[i].base || place == WINDOW_ANYWHERE)) {
			spare = spares[i];
			spares[i].image = NULL;
		}
	pthread_mutex_unlock(&lock);
	return spare;
}

int window_open_image(struct window *window, int compartment, enum window_place place, struct image *image, struct mapping_budget *budget,
		      uint64_t limit, uint32_t *at)
{
	const struct spare spare = spare_take(image, place);
	int error = 0;

	if (spare.image) {
		*window = (struct window){.base = spare.base, .open = 1, .quota = spare.quota, .lock = PTHREAD_MUTEX_INITIALIZER};
		machine_stored_make(&window->memory, spare.base, WINDOW_SIZE);
	} else if ((error = window_open(window, compartment, place)))
		return error;
	window->again = 1;
	window->budget = budget;
	window->limit = limit;
	if ((error = spare.image ? image_adopt(image, window, at) : image_map(image, window, at)))
		window_close(window);
	return error;
}

static void spare_end(const struct spare *spare)
{
	quota_free(spare->quota);
	/* If even this fails the slot is lost, never reused with old contents. */
	if (!memory_fresh(spare->base + WINDOW_LOW_GUARD, TILE, PROT_NONE))
		slot_give(spare->base);
}

/* Empties it for the next of its kind; 1 if it is one to keep. */
static int spare_keep(const struct spare *spare, const struct window *window)
{
	int kept = 0;

	if (!window->again || window->image_count != 1 || window->image_whole != 1 || !image_held(spare->image) ||
	    window->images[0].base != WINDOW_ARENA_FIRST ||
	    memory_fresh(spare->base + WINDOW_MEMORY_START, WINDOW_MEMORY_END - WINDOW_MEMORY_START, PROT_NONE) ||
	    image_restore(spare->image, spare->base + WINDOW_ARENA_FIRST))
		return 0;
	pthread_mutex_lock(&lock);
	/* Asked again here: who stops holding the image drops its spares afterwards. */
	for (unsigned i = 0; i < SPARES_MOST && !kept && image_held(spare->image); i++)
		if (!spares[i].image) {
			spares[i] = *spare;
			kept = 1;
		}
	pthread_mutex_unlock(&lock);
	return kept;
}

void window_spares_drop(const struct image *image)
{
	for (struct spare spare; (spare = spare_take(image, WINDOW_ANYWHERE)).image;)
		spare_end(&spare);
}

int windows_inherit(const struct window *only)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	unsigned count = pool_count;
	int first = zero == ZERO_FREE || zero == ZERO_USED, how = only ? MADV_DONTFORK : MADV_DOFORK;
	pthread_mutex_unlock(&lock);
	if (first && madvise((uint8_t *)WINDOW_LOW_GUARD, TILE, how))
		error = -errno;
	for (unsigned p = 0; p < count && !error; p++)         /* pools stay */
		if (madvise(pools[p]->first, (size_t)pools[p]->slots * WINDOW_SIZE, how))
			error = -errno;
	if (!error && only && madvise(only->base + WINDOW_LOW_GUARD, TILE, MADV_DOFORK))
		error = -errno;
	return error;
}

void window_close(struct window *window)
{
	if (!window->open)
		return;
	capabilities_close(window);     /* from here on nobody's access reaches this memory */
	machine_stored_clear(&window->memory);
	snapshot_end(window);
	/* In pieces: whoever else maps or faults in this process waits meanwhile. */
	for (uint64_t at = WINDOW_MEMORY_START; window->mapped > PIECE && at + PIECE <= WINDOW_MEMORY_END; at += PIECE)
		if (quota_any(window, (uint32_t)at, PIECE))
			madvise(window->base + at, PIECE, MADV_DONTNEED);
	const struct spare spare = {window->base, window->image_count ? window->images[0].image : NULL, quota_take(window)};
	if (!spare_keep(&spare, window))
		spare_end(&spare);
	window->open = 0;
	for (unsigned i = 0; i < window->image_count; i++)
		image_release(window->images[i].image);
}

void *cvm_reference(const struct caller *caller, uint64_t ref, uint64_t length)
{
	struct window *window = ref >> 32 == 0 ? &caller->cvm->libos : caller->program;
	uint64_t offset = (uint32_t)ref;
	void *at = cvm_reference_plain(caller, ref, length);

	/* Neither the kernel nor machine_copy can wait for what is not there yet. What cannot come they find inaccessible. */
	if (at && length && __atomic_load_n(&window->missing, __ATOMIC_RELAXED) && offset + length > WINDOW_MEMORY_START) {
		uint64_t start = offset < WINDOW_MEMORY_START ? WINDOW_MEMORY_START : offset & ~4095ull;
		snapshot_fetch(window, (uint32_t)start, (offset + length - start + 4095) & ~4095ull);
	}
	return at;
}

int cvm_copy_in(const struct caller *caller, void *to, uint64_t ref, uint64_t length)
{
	const void *from = cvm_reference(caller, ref, length);

	return !from || machine_copy_in(to, from, length) ? -EFAULT : 0;
}

int cvm_copy_out(const struct caller *caller, uint64_t ref, const void *from, uint64_t length)
{
	void *to = cvm_reference(caller, ref, length);

	return !to || machine_copy_out(to, from, length) ? -EFAULT : 0;
}
