/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program's address space: random calls, after each of which the library OS's book, the host's pages and a page-by-page
 * model agree.
 */
#include <linux/mman.h>
#include <stdlib.h>

#include "../guests/tap.h"
#include "fake.h"
#include "libos/libos.h"

#define PAGE   4096u
#define RANDOM 40000
#define LIMIT  (64u << 20)

static uint8_t model[1 << 20];

static uint64_t model_count(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof model; i++)
		n += model[i] != PAGE_NONE;
	return n;
}

static void model_set(uint64_t at, uint64_t length, int state)
{
	memset(model + at / PAGE, state, (length + PAGE - 1) / PAGE);
}

static int model_all(uint64_t at, uint64_t length)
{
	for (uint64_t i = 0; i < length; i += PAGE)
		if (!model[(at + i) / PAGE])
			return 0;
	return 1;
}

/* The host's pages are the model's; what is unmapped may be kept there for later (parked.c), out of reach. */
static int host_agrees(void)
{
	for (size_t i = 0; i < sizeof model; i++)
		if (model[i] != fake_pages[i] && !(model[i] == PAGE_NONE && fake_pages[i] == PAGE_UNREADABLE))
			return 0;
	return 1;
}

/* The book as ranges is the model. */
static int agree(void)
{
	uint64_t start, end, before = 0, pages = 0;

	for (size_t i = 0; space_range(i, &start, &end); i++) {
		if (start >= end || (i && start < before) || !model_all(start, end - start))
			return 0;
		pages += (end - start) / PAGE;
		before = end;
	}
	return pages == model_count() && space_total() == pages * PAGE && host_agrees();
}

/* As one mapping: mapped, and with one protection. */
static int model_alike(uint64_t at, uint64_t length)
{
	for (uint64_t i = 0; i < length; i += PAGE)
		if (model[(at + i) / PAGE] != model[at / PAGE])
			return 0;
	return model_all(at, length);
}

static uint64_t base;

static void step(int *bad)
{
	uint64_t at = base + fake_random(256) * PAGE, length = (1 + fake_random(32)) * PAGE - fake_random(PAGE), to;
	int protection = (int)fake_random(3) * 3 / 2, state = protection & 2 ? PAGE_WRITE : protection & 1 ? PAGE_READ : PAGE_UNREADABLE;
	uint64_t whole = (length + PAGE - 1) / PAGE * PAGE;
	int64_t got = 0;

	int kind = (int)fake_random(6), was = *bad;
	switch (kind) {
	case 0:
		got = space_map(0, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
		if (got > 0) {
			for (uint64_t i = 0; i < whole; i += PAGE)
				*bad += model[((uint64_t)got + i) / PAGE] != PAGE_NONE;
			model_set((uint64_t)got, whole, state);
		} else
			*bad += got != -ENOMEM || space_total() + whole <= LIMIT;
		if (got > 0 && fake_random(2)) {
			*bad += space_unmap((uint64_t)got, length) != 0;
			model_set((uint64_t)got, whole, PAGE_NONE);
		}
		break;
	case 1:
		got = space_map(at, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
		if (got >= 0)
			model_set(at, whole, state);
		*bad += got != (int64_t)at && got != -ENOMEM;
		break;
	case 2:
		*bad += space_unmap(at, length) != 0;
		model_set(at, whole, PAGE_NONE);
		break;
	case 3:
		got = space_protect(at, length, protection);
		*bad += got != (model_all(at, whole) ? 0 : -ENOMEM);
		if (!got)
			model_set(at, whole, state);
		break;
	case 4:
		to = base + 512 * PAGE + fake_random(64) * PAGE;
		got = space_remap(at, whole, whole + PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		*bad += got != (model_alike(at, whole) ? (int64_t)to : -EFAULT) && got != -ENOMEM;
		if (got == (int64_t)to) {
			memmove(model + to / PAGE, model + at / PAGE, whole / PAGE);
			model[(to + whole) / PAGE] = model[(to + whole) / PAGE - 1];
			model_set(at, whole, PAGE_NONE);
		}
		break;
	case 5:
		got = space_remap(at, whole, PAGE, 0, 0);
		*bad += got != (model_all(at, whole) ? (int64_t)at : -EFAULT);
		if (got >= 0)
			model_set(at + PAGE, whole - PAGE, PAGE_NONE);
		break;
	}
	if (*bad != was)
		printf("# case %d at %#lx, %#lx bytes: gave %#lx\n", kind, (unsigned long)at, (unsigned long)length, (unsigned long)got);
}

int main(void)
{
	int bad = 0, differ = 0;

	fake_start(0);
	fake_space(LIMIT);
	int64_t first = space_map(0, 1024 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	OK(first > 0);
	OK((uint64_t)first + 1024 * PAGE <= space_stack_top() - SPACE_STACK_SIZE - SPACE_STACK_GAP);
	OK(space_unmap((uint64_t)first, 1024 * PAGE) == 0);
	OK(agree());
	base = (uint64_t)first;
	for (int i = 0; i < RANDOM; i++) {
		step(&bad);
		if (i % 97 == 0)
			differ += !agree();
	}
	OK(bad == 0);
	OK(differ == 0);
	OK(space_unmap(base, 1024 * PAGE) == 0);
	model_set(base, 1024 * PAGE, PAGE_NONE);
	OK(agree());

	/* What no program may have. */
	OK(space_map(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) == -EPERM);
	OK(space_map(0, LIMIT + 1, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) == -ENOMEM);
	OK(space_map(0, UINT64_MAX, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) == -ENOMEM);
	OK(space_map(WINDOW_ARENA_START, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) == -ENOMEM);
	OK(space_map(WINDOW_MEMORY_END, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) == -ENOMEM);
	OK(space_map(WINDOW_MEMORY_END - PAGE, 2 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) == -ENOMEM);
	OK(space_unmap(WINDOW_ARENA_START, PAGE) == -EINVAL);
	OK(space_unmap(base, UINT64_MAX) == -EINVAL);
	OK(space_protect(base, UINT64_MAX, 1) == -ENOMEM);
	OK(space_remap(base, UINT64_MAX, PAGE, MREMAP_MAYMOVE, 0) == -EINVAL);
	/* A hint in the gap below the stack is not taken. */
	uint64_t gap = space_stack_top() / PAGE * PAGE - SPACE_STACK_SIZE - 16 * PAGE;
	int64_t other = space_map(gap, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	OK(other > 0 && (uint64_t)other != gap);
	space_unmap((uint64_t)other, PAGE);

	/* brk: up, down, and what comes back is zero; too far leaves it where it was */
	int64_t start = space_break(0);
	uint64_t before = space_total();
	OK(space_break((uint64_t)start + 10 * PAGE + 1) == start + 10 * (int64_t)PAGE + 1);
	OK(space_total() == before + 11 * PAGE);
	OK(space_break((uint64_t)start + PAGE) == start + (int64_t)PAGE && space_total() == before + PAGE);
	OK(space_break((uint64_t)start + 2 * (uint64_t)LIMIT) == start + (int64_t)PAGE);
	OK(space_break(UINT64_MAX) == start + (int64_t)PAGE);

	/* A host that refuses changes nothing in the book. */
	model_set((uint64_t)start, PAGE, PAGE_WRITE);
	OK(agree());
	fake_memory_fails = 1;
	OK(space_map(0, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) == -ENOMEM);
	OK(space_unmap((uint64_t)start, PAGE) == -ENOMEM);
	OK(space_break((uint64_t)start + 5 * PAGE) == start + (int64_t)PAGE);
	OK(agree());
	return DONE();
}
