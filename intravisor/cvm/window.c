/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pools of window slots. A pool is one PROT_NONE reservation of whole slots; the window at base B owns the tile
 * [B - 256 KiB, B + 4 GiB - 256 KiB), and the last slot of a pool is never used, so that what lies behind a window (its
 * last 256 KiB and 64 bytes of overshoot) is always reserved too. Nothing is ever munmapped: closing maps PROT_NONE over
 * the tile, so no trusted allocation can land in a window. Trusted.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <carrel/isa.h>
#include <carrel/window.h>
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/window.h"
#include "intravisor/load/load.h"

#define POOL_SLOTS ISA_POOL_SLOTS
#define POOL_SLOTS_LEAST 8
#define POOLS_MOST 24

/* Guards pools and slots; innermost in the lock order, held for no system call but the reservation. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool {
	uint8_t *first;         /* base of slot 0 */
	unsigned slots;         /* usable */
	uint8_t used[POOL_SLOTS];
} *pools[POOLS_MOST];
static unsigned pool_count;

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

static uint8_t *slot_take(void)
{
	uint8_t *base = NULL;

	pthread_mutex_lock(&lock);
	for (unsigned p = 0; !base; p++) {
		if (p == pool_count) {
			struct pool *pool = p < POOLS_MOST ? pool_make() : NULL;
			if (!pool)
				break;
			pools[pool_count++] = pool;
		}
		for (unsigned i = 0; i < pools[p]->slots && !base; i++)
			if (!pools[p]->used[i]) {
				pools[p]->used[i] = 1;
				base = pools[p]->first + (size_t)i * WINDOW_SIZE;
			}
	}
	pthread_mutex_unlock(&lock);
	return base;
}

static void slot_give(const uint8_t *base)
{
	pthread_mutex_lock(&lock);
	for (unsigned p = 0; p < pool_count; p++)
		if (base >= pools[p]->first && base < pools[p]->first + (size_t)pools[p]->slots * WINDOW_SIZE)
			pools[p]->used[(size_t)(base - pools[p]->first) / WINDOW_SIZE] = 0;
	pthread_mutex_unlock(&lock);
}

int window_open(struct window *window, int compartment)
{
	uint8_t *base = slot_take();

	*window = (struct window){.arena_next = WINDOW_ARENA_FIRST, .lock = PTHREAD_MUTEX_INITIALIZER};
	if (!base)
		return -ENOMEM;
	window->base = base;
	int error = machine_window_open(base, compartment);
	if (error)
		window_close(window);
	return error;
}

void window_close(struct window *window)
{
	if (!window->base)
		return;
	quota_close(window);
	uint8_t *tile = window->base - WINDOW_HIGH_GUARD;
	/* If even this fails the slot is lost, never reused with old contents. */
	if (mmap(tile, WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED) {
		madvise(tile, WINDOW_SIZE, MADV_DONTDUMP);
		slot_give(window->base);
	}
	window->base = NULL;
	for (unsigned i = 0; i < window->image_count; i++)
		image_release(window->images[i].image);
}

void *cvm_reference(const struct caller *caller, uint64_t ref, uint64_t length)
{
	const struct window *window = ref >> 32 == 0 ? &caller->cvm->libos : ref >> 32 == 1 ? caller->program : NULL;
	uint64_t offset = (uint32_t)ref;

	if (!window || offset < WINDOW_LOW_GUARD || offset > WINDOW_MEMORY_END || length > WINDOW_MEMORY_END - offset)
		return NULL;
	return window->base + offset;
}
