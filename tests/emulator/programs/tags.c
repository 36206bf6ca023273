/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Capabilities here and there in much memory: all tags are gone when what lies there is replaced, by a mapping, by its end, or by a
 * system call that writes; those beside stay.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA ((size_t)256 << 20)
/* Pages around the borders that a table of tags could have: of pages, 2 MiB, 16 MiB, and the ends. */
static const size_t places[] = {0,         0x1000,    0x1fffff0, 0x2000000 - 4096, 0x200000, 0x1000000 - 16,
				0x1000000, 0x1001000, 0x3fff000, 0x4000000,        AREA - 16};
enum { PLACES = sizeof places / sizeof *places };

static void put(char *area)
{
	for (int n = 0; n < PLACES; n++) /* DDC itself */
		__asm__ volatile(".insn r 0x5b, 0, 1, t0, x0, x1\n\t.insn s 0x23, 4, t0, 0(%0)"
				 :
				 : "r"(area + places[n])
				 : "t0", "memory");
}

static int tags(const char *area, size_t from, size_t to)
{
	int count = 0;
	for (int n = 0; n < PLACES; n++) {
		uint64_t tag;
		if (places[n] < from || places[n] >= to)
			continue;
		__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn r 0x5b, 0, 0x7f, %0, t0, x4"
				 : "=r"(tag)
				 : "r"(area + places[n])
				 : "t0", "memory");
		count += (int)tag;
	}
	return count;
}

int main(void)
{
	const int how = MAP_PRIVATE | MAP_ANONYMOUS;
	char *area = mmap((void *)0x700000000, AREA, PROT_READ | PROT_WRITE, how | MAP_FIXED, -1, 0);
	int zero = open("/dev/zero", O_RDONLY);

	printf("none %d", tags(area, 0, AREA));
	put(area);
	printf(", put %d of %d\n", tags(area, 0, AREA), PLACES);
	mmap(area + 0x1000000, 4096, PROT_READ | PROT_WRITE, how | MAP_FIXED, -1, 0);
	printf("a page replaced: there %d, beside %d\n", tags(area, 0x1000000, 0x1001000), tags(area, 0, AREA));
	printf("read %zd", read(zero, area + 0x1000000 - 16, 0x1000000 + 32));
	printf(": there %d, before %d, behind %d\n", tags(area, 0x1000000 - 16, 0x2000000 + 16),
	       tags(area, 0, 0x1000000 - 16), tags(area, 0x2000000 + 16, AREA));
	put(area);
	mmap(area, AREA, PROT_READ | PROT_WRITE, how | MAP_FIXED, -1, 0);
	printf("all replaced: %d\n", tags(area, 0, AREA));
	put(area);
	munmap(area, AREA);
	mmap(area, AREA, PROT_READ | PROT_WRITE, how | MAP_FIXED, -1, 0);
	printf("unmapped and mapped: %d\n", tags(area, 0, AREA));
	return 0;
}
