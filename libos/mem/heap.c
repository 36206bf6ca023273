/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The library OS's own memory: power-of-two pieces from one growing range, with a free list a size. What is not smaller
 * than a line of a processor's cache begins at one.
 */
#include "libos/process/process.h"

#define LINE 64u
#define STEP 0x40000u           /* mapped at a time, 256 KiB */

static uint64_t next = HEAP_START, mapped = HEAP_START;
static void *lists[32];

static unsigned class_of(size_t size)
{
	unsigned class = 5;

	while ((size_t)1 << class < size)
		class++;
	return class;
}

void *heap_allocate(size_t size)
{
	if (size > 1u << 30)
		return NULL;
	unsigned class = class_of(size);
	void *p = lists[class];
	if (p) {
		lists[class] = *(void **)p;
		memset(p, 0, (size_t)1 << class);
		return p;
	}
	uint64_t length = 1ull << class, at = length < LINE ? next : (next + LINE - 1) & -(uint64_t)LINE, end = at + length;
	if (end > WINDOW_MEMORY_END)
		return NULL;
	if (end > mapped) {
		uint64_t more = (end - mapped + STEP - 1) / STEP * STEP;
		if (mapped + more > WINDOW_MEMORY_END)
			more = WINDOW_MEMORY_END - mapped;
		if (HOST(memory_map, mapped, more, 3))
			return NULL;
		mapped += more;
	}
	p = own_pointer(at);
	next = end;
	return p;
}

void heap_free(void *p, size_t size)
{
	unsigned class = class_of(size);

	if (!p)
		return;
	*(void **)p = lists[class];
	lists[class] = p;
}

char *heap_text(const char *text)
{
	char *copy = heap_allocate(strlen(text) + 1);

	if (copy)
		memcpy(copy, text, strlen(text) + 1);
	return copy;
}

void heap_text_free(char *text)
{
	if (text)
		heap_free(text, strlen(text) + 1);
}
