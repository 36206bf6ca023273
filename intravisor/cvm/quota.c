/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Bits per page: mapped; a border (a host mapping may end before this page); plain; missing, and how it will be. Wherever a host mapping of a guest's pages
 * begins there is a border, so borders bound their number from above, and what lies between two is one mapping. A border goes
 * only when one call replaces both of its sides, when both are unmapped, or when a fresh plain mapping has a plain page on one side
 * and nothing on the other. Trusted; a library OS chooses ranges and order.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/window.h>
#include "intravisor/cvm/quota.h"

#define PAGE 4096u
#define PAGES ((WINDOW_MEMORY_END - WINDOW_MEMORY_START) / PAGE)
#define WORDS (PAGES / 64 + 1)

#define PART 64u        /* words of each kind that are cleared together */
#define PARTS (WORDS / PART + 1)

/* All kinds side by side, so that what is said of neighbouring pages lies in one page of the host. */
enum kind { MAPPED, BORDER, PLAIN, MISSING, READABLE, WRITABLE, OF_FILE, KINDS };
struct quota {
	uint64_t bits[WORDS][KINDS];
	uint8_t written[PARTS];         /* else that part is all zeros */
};

static int bit(const struct quota *quota, enum kind kind, uint64_t at)
{
	return quota->bits[at / 64][kind] >> at % 64 & 1;
}

static void put(struct quota *quota, enum kind kind, uint64_t at, int value)
{
	uint64_t *word = &quota->bits[at / 64][kind];

	*word = (*word & ~(1ull << at % 64)) | (uint64_t)(value != 0) << at % 64;
	quota->written[at / 64 / PART] = 1;
}

/* The bits of word `w` that lie in [from, to). */
static uint64_t mask(uint64_t w, uint64_t from, uint64_t to)
{
	uint64_t low = from > w * 64 ? from - w * 64 : 0, high = to - w * 64;

	return (high >= 64 ? ~0ull : (1ull << high) - 1) & ~((1ull << low) - 1);
}

static uint64_t ones(const struct quota *quota, enum kind kind, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (uint64_t w = from / 64; w * 64 < to; w++)
		if (quota->bits[w][kind])
			sum += (uint64_t)__builtin_popcountll(quota->bits[w][kind] & mask(w, from, to));
	return sum;
}

static void fill(struct quota *quota, enum kind kind, uint64_t from, uint64_t to, int value)
{
	for (uint64_t w = from / 64; w * 64 < to; w++) {
		uint64_t *word = &quota->bits[w][kind], new = value ? *word | mask(w, from, to) : *word & ~mask(w, from, to);
		if (new != *word) {
			*word = new;
			quota->written[w / PART] = 1;
		}
	}
}

/* Pages of a window's memory, from its start; the quota is made with the first mapping. NULL: there is no memory for it. Once a
 * quota_allows_X has said yes, or while a page is missing, it is there as long as the lock is held: what tells of something done need not ask. */
static struct quota *pages(struct window *window, uint32_t offset, uint64_t length, uint64_t *from, uint64_t *to)
{
	*from = (offset - WINDOW_MEMORY_START) / PAGE;
	*to = *from + length / PAGE;
	if (!window->quota) {
		void *fresh = mmap(NULL, sizeof(struct quota), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (fresh == MAP_FAILED)
			return NULL;
		window->quota = fresh;
	}
	return window->quota;
}

static void border_put(struct window *window, uint64_t at, int value)
{
	struct quota *quota = window->quota;

	window->mappings += (uint64_t)(value != 0) - (uint64_t)bit(quota, BORDER, at);
	put(quota, BORDER, at, value);
}

/* May `less` mappings go and `more` come? The budget is promised the difference at once, so that calls on other windows of the cVM
 * see it; a call that fails leaves the promise until the window's next one. */
static int budget_allows(struct window *window, uint64_t less, uint64_t more)
{
	uint64_t wanted = window->mappings + more > less ? window->mappings + more - less : 0, total = wanted;
	uint64_t most = window->budget ? window->budget->most : CVM_MAPPINGS_MOST;

	if (window->budget)
		total = __atomic_add_fetch(&window->budget->used, wanted - window->counted, __ATOMIC_SEQ_CST);
	uint64_t before = window->counted;
	window->counted = wanted;
	if (total <= most || wanted <= window->mappings)
		return 1;
	if (window->budget)
		__atomic_sub_fetch(&window->budget->used, wanted - before, __ATOMIC_SEQ_CST);
	window->counted = before;
	return 0;
}

/* The call was made: what it came to replaces what was promised. */
static void budget_settle(struct window *window)
{
	if (window->budget)
		__atomic_add_fetch(&window->budget->used, window->mappings - window->counted, __ATOMIC_SEQ_CST);
	window->counted = window->mappings;
}

int quota_take_more(struct mapping_budget *budget, uint64_t mappings)
{
	if (__atomic_add_fetch(&budget->used, mappings, __ATOMIC_SEQ_CST) <= budget->most)
		return 0;
	quota_give(budget, mappings);
	return -ENOMEM;
}

void quota_give(struct mapping_budget *budget, uint64_t mappings)
{
	__atomic_sub_fetch(&budget->used, mappings, __ATOMIC_SEQ_CST);
}

int quota_image(struct window *window, unsigned segments)
{
	/* Between, before and behind the segments lies reserved memory. */
	if (!budget_allows(window, 0, 2ull * segments + 1))
		return -ENOMEM;
	window->mappings += 2ull * segments + 1;
	return 0;
}

int quota_allows_map(struct window *window, uint32_t offset, uint64_t length, uint64_t limit)
{
	uint64_t from, to;
	const struct quota *quota = pages(window, offset, length, &from, &to);

	if (!quota || !budget_allows(window, ones(quota, BORDER, from, to + 1), 2))
		return -ENOMEM;
	uint64_t kept = window->mapped + window->image_bytes - ones(quota, MAPPED, from, to) * PAGE;
	return limit && (length > limit || kept > limit - length) ? -ENOMEM : 0;
}

int quota_allows_protect(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from, to;
	const struct quota *quota = pages(window, offset, length, &from, &to);

	return !quota || ones(quota, MAPPED, from, to) != to - from || !budget_allows(window, 0, 2) ? -ENOMEM : 0;
}

int quota_allows_move(struct window *window, uint32_t from, uint64_t length)
{
	uint64_t first, end;
	const struct quota *quota = pages(window, from, length, &first, &end);

	/* The old range's inner borders go with it, so they are counted in both places here: never too few. */
	if (!quota || !budget_allows(window, 0, ones(quota, BORDER, first, end) + 4))
		return -ENOMEM;
	return ones(quota, MAPPED, first, end) != end - first ? -EFAULT : 0;
}

/* Both ends of a range that has just changed: a border stays where the two sides can differ. */
static void replaced(struct window *window, uint64_t from, uint64_t to, int mapped, int plain)
{
	struct quota *quota = window->quota;

	window->mappings -= ones(quota, BORDER, from, to);
	fill(quota, BORDER, from, to, 0);
	window->mapped -= ones(quota, MAPPED, from, to) * PAGE;
	window->mapped += mapped ? (to - from) * PAGE : 0;
	fill(quota, MAPPED, from, to, mapped);
	fill(quota, PLAIN, from, to, plain);
	window->missing -= ones(quota, MISSING, from, to);
	fill(quota, MISSING, from, to, 0);
	int before = from && bit(quota, MAPPED, from - 1), behind = bit(quota, MAPPED, to);
	/* With a mapping on either side the host joins one of them, if any, and which one differs by kernel: a border must stand wherever
	 * a host mapping may begin (quota_piece). */
	int joined_before = plain && before && !behind && bit(quota, PLAIN, from - 1);
	int joined_behind = plain && behind && !before && bit(quota, PLAIN, to);
	border_put(window, from, mapped ? !joined_before : before);
	border_put(window, to, mapped ? !joined_behind : behind);
}

void quota_put(struct window *window, uint32_t offset, uint64_t length, enum quota_pages what)
{
	uint64_t from, to;

	if (pages(window, offset, length, &from, &to))
		replaced(window, from, to, what != QUOTA_UNMAPPED, what == QUOTA_PLAIN);
	budget_settle(window);
}

void quota_protect(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from, to;
	struct quota *quota = pages(window, offset, length, &from, &to);

	fill(quota, PLAIN, from, to, 0);
	border_put(window, from, 1);
	border_put(window, to, 1);
	budget_settle(window);
}

uint64_t quota_piece(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from, to, at;
	const struct quota *quota = pages(window, offset, length, &from, &to);

	for (at = from + 1; at < to && !bit(quota, BORDER, at); at++)
		;
	return (at - from) * PAGE;
}

void quota_move(struct window *window, uint32_t from, uint64_t length, uint32_t to)
{
	uint64_t first, end, target, target_end;
	struct quota *quota = pages(window, from, length, &first, &end);

	pages(window, to, length, &target, &target_end);
	replaced(window, target, target_end, 1, 0);
	for (uint64_t page = 1; page < end - first; page++)
		if (bit(quota, BORDER, first + page))
			border_put(window, target + page, 1);
	replaced(window, first, end, 0, 0);
	budget_settle(window);
}

void quota_miss(struct window *window, const struct missing *run)
{
	uint64_t from, to;
	struct quota *quota = pages(window, run->offset, run->length, &from, &to);

	fill(quota, MISSING, from, to, 1);
	fill(quota, READABLE, from, to, run->protection & PROT_READ);
	fill(quota, WRITABLE, from, to, run->protection & PROT_WRITE);
	fill(quota, OF_FILE, from, to, run->of_file);
	window->missing += to - from;
}

static int missing_alike(const struct quota *quota, uint64_t a, uint64_t b)
{
	return bit(quota, MISSING, b) && bit(quota, READABLE, a) == bit(quota, READABLE, b) && bit(quota, WRITABLE, a) == bit(quota, WRITABLE, b) &&
	       bit(quota, OF_FILE, a) == bit(quota, OF_FILE, b);
}

int quota_missing(struct window *window, uint32_t offset, uint64_t length, struct missing *run)
{
	uint64_t from, to;
	const struct quota *quota = window->missing ? pages(window, offset, length, &from, &to) : NULL;

	if (!quota)
		return 0;
	while (from < to && !bit(quota, MISSING, from))
		from = quota->bits[from / 64][MISSING] >> from % 64 ? from + 1 : (from / 64 + 1) * 64;
	if (from >= to)
		return 0;
	uint64_t end = from + 1;
	while (end < to && missing_alike(quota, from, end))
		end++;
	*run = (struct missing){.offset = (uint32_t)(WINDOW_MEMORY_START + from * PAGE), .length = (end - from) * PAGE,
				.of_file = bit(quota, OF_FILE, from),
				.protection = (bit(quota, READABLE, from) ? PROT_READ : 0) | (bit(quota, WRITABLE, from) ? PROT_WRITE : 0)};
	return 1;
}

void quota_missing_all(struct window *window, struct missing *run)
{
	uint64_t from, to, first;
	const struct quota *quota = pages(window, run->offset, run->length, &from, &to);

	for (first = from; first && missing_alike(quota, from, first - 1); first--)
		;
	for (; to < PAGES && missing_alike(quota, from, to); to++)
		;
	run->offset = (uint32_t)(WINDOW_MEMORY_START + first * PAGE);
	run->length = (to - first) * PAGE;
}

void quota_come(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from, to;
	struct quota *quota = pages(window, offset, length, &from, &to);

	window->missing -= to - from;
	fill(quota, MISSING, from, to, 0);
}

int quota_any(struct window *window, uint32_t offset, uint64_t length)
{
	uint64_t from, to;
	const struct quota *quota = pages(window, offset, length, &from, &to);

	return quota && ones(quota, MAPPED, from, to);
}

struct quota *quota_take(struct window *window)
{
	struct quota *quota = window->quota;

	for (unsigned i = 0; quota && i < PARTS; i++)
		if (quota->written[i]) {
			uint64_t words = (i + 1) * PART < WORDS ? PART : WORDS - i * PART;
			memset(quota->bits[i * PART], 0, words * sizeof *quota->bits);
			quota->written[i] = 0;
		}
	window->quota = NULL;
	window->mapped = window->mappings = window->missing = 0;
	budget_settle(window);
	return quota;
}

void quota_free(struct quota *quota)
{
	if (quota)
		munmap(quota, sizeof *quota);
}
