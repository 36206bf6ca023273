/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies between granted bytes as the Intravisor makes them (machine.h, machine_copy_ranges), by someone who errs:
 *   ranges all                     lengths and places of all kinds: right bytes there, none around them
 *   ranges over LENGTH read|write  says where LENGTH granted bytes end, and copies one more
 *   ranges before LENGTH write     begins one byte before them
 *   ranges missing                 memory that is not there
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "intravisor/cvm/cvm.h"
#include "tests/share/native/guest_carrier.h"

#define ROOM (1u << 20)
static uint8_t *ours, *theirs;
static struct machine_stored by_ours, by_theirs, by_grant;

/* `length` bytes of theirs from `begin` on, as they are granted. */
static struct machine_range granted(size_t begin, size_t length)
{
	machine_stored_derive(&by_grant, &by_theirs, begin, length, CAP_LOAD | CAP_STORE, 0);
	return (struct machine_range){theirs + begin, length, &by_grant};
}

static int differs(const uint8_t *at, uint8_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != value)
			return 1;
	return 0;
}

/* To offset `to` of a grant of `length` bytes that begins `begin` bytes into the room. */
static int one(size_t begin, size_t length, size_t to, size_t from, size_t n)
{
	const struct machine_range grant = granted(begin, length), own = {ours, ROOM, &by_ours};

	memset(theirs, 0xee, ROOM);
	return machine_copy_ranges(&grant, to, &own, from, n) || memcmp(theirs + begin + to, ours + from, n) ||
	       differs(theirs, 0xee, begin + to) || differs(theirs + begin + to + n, 0xee, ROOM - begin - to - n);
}

static int all(void)
{
	static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 13, 31, 32, 33, 39, 40, 41, 63, 511, 512, 513, 2047, 2048, 2049, 4095, 4096, 4097, 10000, 100001};
	int wrong = 0, count = 0;

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (size_t begin = 4096 - 9; begin < 4096 + 9; begin += 3)
			for (size_t cut = 0; cut < 3 && cut * 5 <= lengths[i]; cut++, count++)
				wrong += one(begin, lengths[i], cut * 5, count % 11, lengths[i] - cut * 5);
	printf("%d copies, %d wrong\n", count, wrong);
	return wrong != 0;
}

/* Up to memory that is not there, and by one to all bytes more: an error, and nothing is written behind the copy. */
static int cut_short(const struct machine_range *own)
{
	uint8_t *end = theirs + ROOM - 4096;
	int count = 0, wrong = 0;

	for (size_t n = 1; n < 600; n++)
		for (size_t there = n - 1, k = 0; k < 3; there = k++ ? 0 : n / 2, count++) {
			struct machine_stored by;
			const struct machine_range grant = {end - there, n, &by};
			machine_stored_make(&by, grant.at, n);
			memset(ours, 0x55, n + 64);
			wrong += machine_copy_ranges(&grant, 0, own, 0, n) != -EFAULT || machine_copy_ranges(own, 0, &grant, 0, n) != -EFAULT ||
				 differs(ours + n, 0x55, 64);
		}
	printf("%d cut short, %d wrong\n", count, wrong);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	static struct guest_carrier mine;
	struct cvm_error error;

	if (argc < 2 || intravisor_init(&error))
		return 2;
	carrier_make(&mine);
	ours = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	theirs = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	machine_stored_make(&by_ours, ours, ROOM);
	machine_stored_make(&by_theirs, theirs, ROOM);
	for (size_t i = 0; i < ROOM; i++)
		ours[i] = (uint8_t)(i * 7 + (i >> 9));
	if (!strcmp(argv[1], "all"))
		return all();
	size_t length = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	struct machine_stored by_missing;
	const struct machine_range own = {ours, ROOM, &by_ours}, grant = granted(4096 - 37, length),
				   missing = {theirs + ROOM - 4096, 8192, &by_missing};
	if (!strcmp(argv[1], "missing")) {
		machine_stored_make(&by_missing, missing.at, missing.length);
		munmap(theirs + ROOM - 4096, 4096);
		int gone = machine_copy_ranges(&missing, 0, &own, 0, 100);
		printf("%d %d\n", gone, machine_copy_ranges(&own, 0, &missing, 4000, 8));
		return cut_short(&own);
	}
	int before = !strcmp(argv[1], "before"), writes = argc > 3 && !strcmp(argv[3], "write");
	printf("from %p to %p\n", (void *)grant.at, (void *)(grant.at + length));
	fflush(stdout);
	if (writes)
		machine_copy_ranges(&grant, before ? (uint64_t)-1 : 0, &own, 0, length + 1);
	else
		machine_copy_ranges(&own, 0, &grant, before ? (uint64_t)-1 : 0, length + 1);
	printf("not stopped\n");
	return 1;
}
