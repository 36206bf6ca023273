/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A byte for each page: 0, or MISSING and how it will be. Made when the first page is missing. Ranges are page-aligned and inside
 * [WINDOW_MEMORY_START, WINDOW_MEMORY_END): the caller checked them. Trusted; a library OS chooses ranges and order.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/window.h>
#include "intravisor/cvm/missing.h"

#define PAGE 4096u
#define PAGES ((WINDOW_MEMORY_END - WINDOW_MEMORY_START) / PAGE)

#define MISSING 4u      /* beside PROT_READ and PROT_WRITE */
#define OF_FILE 8u

struct missing_pages {
	uint8_t how[PAGES];
};

int missing_add(struct window *window, const struct missing *run)
{
	if (!window->missing_pages) {
		void *fresh = mmap(NULL, sizeof(struct missing_pages), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (fresh == MAP_FAILED)
			return -ENOMEM;
		window->missing_pages = fresh;
	}
	memset(window->missing_pages->how + (run->offset - WINDOW_MEMORY_START) / PAGE,
	       (int)(MISSING | (unsigned)run->protection | (run->of_file ? OF_FILE : 0)), run->length / PAGE);
	window->missing += run->length / PAGE;
	return 0;
}

int missing_first(struct window *window, uint32_t offset, uint64_t length, struct missing *run)
{
	uint64_t from = (offset - WINDOW_MEMORY_START) / PAGE, to = from + length / PAGE, end;

	if (!window->missing)
		return 0;
	const uint8_t *how = window->missing_pages->how;
	while (from < to && !how[from])
		from++;
	if (from == to)
		return 0;
	for (end = from + 1; end < to && how[end] == how[from]; end++)
		;
	*run = (struct missing){(uint32_t)(WINDOW_MEMORY_START + from * PAGE), (end - from) * PAGE,
				how[from] & (PROT_READ | PROT_WRITE), (how[from] & OF_FILE) != 0};
	return 1;
}

void missing_widen(struct window *window, struct missing *run)
{
	const uint8_t *how = window->missing_pages->how;
	uint64_t from = (run->offset - WINDOW_MEMORY_START) / PAGE, to = from + run->length / PAGE;

	for (; from && how[from - 1] == how[from]; from--)
		;
	for (; to < PAGES && how[to] == how[from]; to++)
		;
	run->offset = (uint32_t)(WINDOW_MEMORY_START + from * PAGE);
	run->length = (to - from) * PAGE;
}

void missing_end(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from = (offset - WINDOW_MEMORY_START) / PAGE, to = from + length / PAGE;

	for (; window->missing && from < to; from++)
		if (window->missing_pages->how[from]) {
			window->missing_pages->how[from] = 0;
			window->missing--;
		}
}

void missing_close(struct window *window)
{
	if (window->missing_pages)
		munmap(window->missing_pages, sizeof *window->missing_pages);
	window->missing_pages = NULL;
	window->missing = 0;
}
