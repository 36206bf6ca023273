/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What is stored of capabilities on a machine that has them (machine/stored.h), where cap/ or its callers err:
 *   stored derive [SEED]   the machine's own derivation, given numbers as an attacker would choose them
 *   stored tables          entries whose numbers are wrong give nothing away, and whose bytes are copied are no capabilities
 *   stored trap WHAT       an access by such an entry: it ends the process, before a byte is touched
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/cheri/native/tags.h"

static int bad, checks;
static uint64_t state;

static void check(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++checks, what);
	bad |= !good;
}

static uint64_t any(void)
{
	state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

/* Of any size, and mostly a few bytes beside a power of two. */
static uint64_t size_any(unsigned bits)
{
	uint64_t size = 1ull << any() % bits;

	return size < 8 ? any() % 8 : any() % 3 ? size + any() % 9 - 4 : size + any() % size;
}

static uint64_t alignment(uint64_t length)
{
	uint64_t mask;

	__asm__(".insn r 0x5b, 0, 0x7f, %0, %1, x9" : "=r"(mask) : "r"(length)); /* CRAM */
	return ~mask + 1;
}

static uint64_t top(const struct machine_stored *stored)
{
	return stored_base(stored) + stored_length(stored);
}

static int derive(void)
{
	static struct machine_stored of, to;
	unsigned long granted = 0, refused = 0, rounded = 0, wider = 0, lost = 0, loose = 0, inexact = 0, more = 0, sealed = 0, wrong_seal = 0;

	for (int i = 0; i < 200000; i++) {
		uint64_t at = any() % (1ull << 39), length = size_any(33), rights = any() % 4;
		machine_stored_make(&of, (void *)at, length);
		if (any() % 2)  /* from one that was derived itself */
			machine_stored_derive(&of, &of, 0, length, (uint32_t)rights | CAP_LOAD, any() % 4 == 0);
		uint64_t offset = any() % 4 ? any() % (length + 1) : any() % 2 ? -(any() % 64) : length + any() % 64;
		uint64_t want = any() % 4 ? any() % (length - (offset < length ? offset : length) + 1) : any() % 2 ? size_any(34) : length + any() % 64;
		int seal = any() % 4 == 0, within = offset <= length && want <= length - offset;
		machine_stored_derive(&to, &of, offset, want, (uint32_t)rights, seal);
		if (!stored_tag(&to)) {
			lost += within;
			refused++;
			continue;
		}
		granted++;
		uint64_t start = at + offset, step = alignment(want + 2 * alignment(want));
		wider += stored_base(&to) < stored_base(&of) || top(&to) > top(&of) || (stored_permissions(&to) & ~stored_permissions(&of));
		more += !within && (start < stored_base(&of) || start + want > top(&of));
		loose += stored_base(&to) > start || top(&to) < start + want || stored_address(&to) != start || start - stored_base(&to) >= step ||
			 top(&to) - (start + want) >= step;
		inexact += want < 4096 && (stored_base(&to) != start || stored_length(&to) != want);
		rounded += stored_length(&to) != want;
		sealed += seal;
		wrong_seal += (stored_type(&to) == OTYPE_STORED) != seal;
	}
	printf("# %lu granted, %lu of them rounded, %lu sealed; %lu refused\n", granted, rounded, sealed, refused);
	check(granted > 50000 && refused > 5000 && rounded > 5000 && sealed > 5000, "the machine granted and refused");
	check(!wider && !more, "never more bytes, nor rights, than the parent has, whatever the numbers say");
	check(!lost, "what lies in the parent is granted");
	check(!loose, "all of it, and little besides");
	check(!inexact, "less than 4,096 bytes exactly");
	check(!wrong_seal, "sealed or not as asked for");
	return bad;
}

static struct entry *entry_of(int p, int64_t index)
{
	return entry_at(callers[p].program->capabilities, (uint64_t)index);
}

static int64_t bounds(int p, int64_t of, uint64_t from, uint64_t length)
{
	return call(p, host_capability_derive, (uint64_t)of, CAPABILITY_BOUNDS, from, length);
}

static int64_t load(int64_t index, uint64_t offset, uint64_t length, int store)
{
	return call5(0, host_capability_access, (uint64_t)index, offset, (REF_PROGRAM | START) + 32768, length, (uint64_t)store);
}

static int tables(void)
{
	int64_t part = bounds(0, 0, START + 100, 3000), whole = bounds(0, 0, START, SPAN);
	struct entry *entry = entry_of(0, part);

	check(part > 0 && whole > 0 && stored_tag(entry_stored(entry)) && stored_base(entry_stored(entry)) == (uint64_t)memory_of(0) + 100 &&
	      stored_length(entry_stored(entry)) == 3000, "an entry's is exact");
	check(load(part, 0, 3000, 1) == 3000 && load(part, 2999, 1, 0) == 1, "its bytes are there");
	entry->cap.base -= 100, entry->cap.length += 200;       /* as an error of cap.c would have it */
	int64_t child = bounds(0, part, 50, 3000), low = bounds(0, part, 0, 100), right = bounds(0, part, 100, 3001);
	check(child > 0 && low > 0 && !stored_tag(entry_stored(entry_of(0, child))) && !stored_tag(entry_stored(entry_of(0, right))) &&
	      stored_base(entry_stored(entry_of(0, low))) == (uint64_t)memory_of(0) + 100,
	      "of an entry whose numbers are too wide nothing wider is derived");
	check(load(child, 0, 1, 0) == -EBADF && load(child, 100, 8, 0) == -EBADF && load(right, 0, 1, 1) == -EBADF, "and such gives no access");
	entry->cap.base += 100, entry->cap.length -= 200;
	check(load(part, 0, 3000, 0) == 3000, "the entry itself is as before");

	int64_t readable = call(0, host_capability_derive, (uint64_t)part, CAPABILITY_PERMISSIONS, CAP_LOAD, 0);
	entry_of(0, readable)->cap.permissions |= CAP_STORE;
	int64_t writable = bounds(0, readable, 0, 8);
	check(stored_permissions(entry_stored(entry_of(0, writable))) == PERMIT_LOAD, "nor are rights that the parent had not");

	struct machine_stored copy;
	memcpy(&copy, entry_stored(entry), sizeof copy);
	const struct machine_range own = {memory_of(0), 64, &callers[0].program->memory}, forged = {memory_of(0) + 100, 64, &copy};
	check(!stored_tag(&copy) && machine_copy_ranges(&own, 0, &forged, 0, 8) == -EBADF, "its bytes, copied, are no capability");

	struct entry *again = entry_of(0, whole);
	const struct machine_range range = {memory_of(0), SPAN, entry_stored(again)};
	call(0, host_capability_revoke, (uint64_t)whole, 0, 0, 0);
	check(!stored_tag(entry_stored(again)) && machine_copy_ranges(&own, 0, &range, 4096, 8) == -EBADF,
	      "a revoked one gives none, also to who did not ask cap/");
	int64_t type = call(0, host_capability_derive, 0, CAPABILITY_TYPE, 0, 0);
	check(type == whole && !stored_tag(entry_stored(entry_of(0, type))), "nor does what has its place in the table since, and is no memory");
	return bad;
}

static int trap(const char *what)
{
	int64_t part = bounds(0, 0, START + 100, 3000), store = !strcmp(what, "rights");

	if (store)
		part = call(0, host_capability_derive, (uint64_t)part, CAPABILITY_PERMISSIONS, CAP_LOAD, 0);
	if (!strcmp(what, "sealed"))
		part = call(0, host_capability_derive, (uint64_t)part, CAPABILITY_SEAL,
			    (uint64_t)call(0, host_capability_derive, 0, CAPABILITY_TYPE, 0, 0), 0);
	struct entry *entry = entry_of(0, part);
	printf("granted %p to %p\n", (void *)(memory_of(0) + 100), (void *)(memory_of(0) + 3100));
	fflush(stdout);
	if (!strcmp(what, "length"))
		entry->cap.length++;
	else if (!strcmp(what, "base"))
		entry->cap.base--;
	else if (!strcmp(what, "object"))
		entry->cap.object = callers[1].program;
	else if (store)
		entry->cap.permissions |= CAP_STORE;
	else
		entry->cap.otype = CAP_UNSEALED;
	int64_t result = load(part, !strcmp(what, "length") ? 2999 : 0, 2, (int)store);
	printf("not stopped: %lld\n", (long long)result);
	return 1;
}

int main(int argc, char **argv)
{
	state = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 1000003u;
	if (argc < 2 || processes_make())
		return 2;
	if (!strcmp(argv[1], "trap"))
		return trap(argv[2]);
	printf("# SEED=%llu\n", (unsigned long long)state);
	int failed = !strcmp(argv[1], "derive") ? derive() : tables();
	printf("1..%d\n", checks);
	return failed;
}
