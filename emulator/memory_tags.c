/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Tags: one bit per 16 bytes in a flat bitmap, changed only under one lock, and only for pages whose flag says that they hold or
 * held capabilities. That no data ever comes to stand under a set tag is what all capability integrity rests on; memory.h says
 * how.
 */
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include "emulator/memory.h"
#include "emulator/world.h"

#define TAGS (MEMORY_BASE + 2 * MEMORY_SIZE)

static uint64_t *const tags = (uint64_t *)TAGS;
static uint8_t *const tagged = (uint8_t *)MEMORY_TAGGED;
enum { GROUP_BITS = 12 }; /* pages of a group: 16 MiB of addresses */
static uint8_t group_tagged[MEMORY_PAGES >> GROUP_BITS]; /* has a tagged page; the others are passed over */
static pthread_mutex_t tags_mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost of all locks */
static _Thread_local volatile sig_atomic_t held;

void memory_tags_init(void)
{
	void *got = mmap((void *)TAGS, MEMORY_SIZE / 128, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != (void *)TAGS) {
		fprintf(stderr, "carrel-cheri: cannot reserve %lu GiB for tags: is there a limit (ulimit -v)?\n",
			(unsigned long)(MEMORY_SIZE >> 37));
		exit(125);
	}
	madvise(got, MEMORY_SIZE / 128, MADV_DONTDUMP);
}

void memory_tags_lock(void)
{
	pthread_mutex_lock(&tags_mutex);
	held = 1;
}

void memory_tags_unlock(void)
{
	if (held) {
		held = 0;
		pthread_mutex_unlock(&tags_mutex);
	}
}

bool memory_tag_get(uint64_t address)
{
	return tags[address >> 10] >> (address >> 4 & 63) & 1;
}

static void tag_set(uint64_t address)
{
	tags[address >> 10] |= (uint64_t)1 << (address >> 4 & 63);
}

void memory_tag_clear(uint64_t address, uint64_t size)
{
	for (uint64_t granule = address >> 4; granule <= (address + size - 1) >> 4; granule++)
		tags[granule >> 6] &= ~((uint64_t)1 << (granule & 63));
}

void memory_store_tagged(uint64_t address, const void *value, unsigned size)
{
	memory_tags_lock();
	memory_tag_clear(address, size);
	memcpy(memory_host(address), value, size);
	memory_tags_unlock();
}

/* The first tagged page at or after this one, or end. */
static uint64_t tagged_next(uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t border = ((page >> GROUP_BITS) + 1) << GROUP_BITS, to = border < end ? border : end;
		page = group_tagged[page >> GROUP_BITS] ? memory_page_next(tagged, page, to, 0xff) : to;
		if (page < to)
			return page;
	}
	return end;
}

void memory_forget_tags(uint64_t address, uint64_t size)
{
	if (!size || size > MEMORY_SIZE || address > MEMORY_SIZE - size)
		return;
	uint64_t end = ((address + size - 1) >> 12) + 1;
	for (uint64_t page = tagged_next(address >> 12, end); page < end; page = tagged_next(page + 1, end)) {
		uint64_t from = page << 12, to = from + 4096;
		from = from < address ? address : from;
		to = to > address + size ? address + size : to;
		bool nested = held;
		if (!nested)
			memory_tags_lock();
		memory_tag_clear(from, to - from);
		if (!nested)
			memory_tags_unlock();
	}
}

void memory_page_prepare(struct cpu *cpu, uint64_t address)
{
	if (tagged[address >> 12])
		return;
	exclusive_begin(cpu);
	group_tagged[address >> 12 >> GROUP_BITS] = 1;
	tagged[address >> 12] = 1;
	exclusive_end(cpu);
}

struct capability memory_capability_load(uint64_t address)
{
	struct capability c = {0};
	const uint64_t *from = memory_host(address);
	if (!tagged[address >> 12]) {
		c.address = from[0];
		c.upper = from[1];
		return c;
	}
	memory_tags_lock();
	c.address = from[0];
	c.upper = from[1];
	c.tag = memory_tag_get(address);
	memory_tags_unlock();
	return c;
}

void memory_capability_store(struct cpu *cpu, uint64_t address, struct capability c)
{
	uint64_t *to = memory_host(address);
	if (c.tag)
		memory_page_prepare(cpu, address);
	memory_tags_lock();
	memory_tag_clear(address, 16);
	to[0] = c.address;
	to[1] = c.upper;
	if (c.tag)
		tag_set(address);
	memory_tags_unlock();
}
