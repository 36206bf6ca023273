/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The functions on memory that Carrel's musl has of its own (ports/musl/overlay/src/string), against loops over bytes: every short length at
 * every alignment, right before a page that is not there, and long ones; whatever lies around stays as it was. TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM    8192u
#define SHORT   150u
#define AROUND  24u

typedef unsigned char byte;
/* By pointers that the compiler cannot look through. */
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile fill)(void *, int, size_t) = memset;
static byte *one, *two;         /* the ends of two areas of ROOM bytes; what follows is not mapped */

static unsigned random32(void)
{
	static unsigned long long seed = 20261128;

	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (unsigned)(seed >> 20);
}

static byte *area(void)
{
	byte *p = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + ROOM, 4096, PROT_NONE))
		exit(2);
	return p + ROOM;
}

static void scatter(byte *to, size_t n)
{
	while (n--)
		*to++ = (byte)random32();
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static int loop_compare(const byte *a, const byte *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

static int equal(const byte *a, const byte *b, size_t n)
{
	return !loop_compare(a, b, n);
}

/* Equal ones, and up to three bytes that differ, anywhere and by anything. */
static int compares(size_t n, size_t a_left, size_t b_left)
{
	byte *a = one - n - a_left, *b = two - n - b_left;

	scatter(a, n);
	memcpy(b, a, n);
	if (compare(a, b, n) || compare(b, a, n))
		return 0;
	for (unsigned k = 0; k < 3 && n; k++) {
		b[random32() % n] = (byte)random32();
		if (sign(compare(a, b, n)) != sign(loop_compare(a, b, n)) || sign(compare(b, a, n)) != sign(loop_compare(b, a, n)))
			return 0;
	}
	return 1;
}

static int copies(size_t n, size_t a_left, size_t b_left)
{
	byte before[SHORT + 2 * AROUND], *from = one - n - a_left, *to = two - n - b_left;
	size_t behind = b_left < AROUND ? b_left : AROUND;

	scatter(from, n);
	scatter(to - AROUND, AROUND + n + behind);
	memcpy(before, to - AROUND, AROUND + n + behind);
	for (size_t i = 0; i < n; i++)
		before[AROUND + i] = from[i];
	return copy(to, from, n) == to && equal(to - AROUND, before, AROUND + n + behind);
}

static int fills(size_t n, size_t a_left, size_t c)
{
	byte before[SHORT + 2 * AROUND], *to = one - n - a_left;
	size_t behind = a_left < AROUND ? a_left : AROUND;

	scatter(to - AROUND, AROUND + n + behind);
	for (size_t i = 0; i < AROUND + n + behind; i++)
		before[i] = i < AROUND || i >= AROUND + n ? to[(long)i - (long)AROUND] : (byte)c;
	return fill(to, (int)(c + 256 * random32()), n) == to && equal(to - AROUND, before, AROUND + n + behind);
}

static int moves(size_t n, size_t from_at, size_t to_at)
{
	static byte before[ROOM], after[ROOM];
	byte *start = one - ROOM;

	scatter(start, ROOM);
	for (size_t i = 0; i < ROOM; i++)
		before[i] = after[i] = start[i];
	for (size_t i = 0; i < n; i++)
		after[to_at + i] = before[from_at + i];
	return move(start + to_at, start + from_at, n) == start + to_at && equal(start, after, ROOM);
}

static int all(int (*one_of)(size_t, size_t, size_t), size_t second)
{
	for (size_t n = 0; n <= SHORT; n++)
		for (size_t left = 0; left < 20; left++)
			for (size_t k = 0; k < second; k++)
				if (!one_of(n, left, k)) {
					printf("# length %zu, %zu, %zu\n", n, left, k);
					return 0;
				}
	return 1;
}

static int moves_all(void)
{
	for (unsigned i = 0; i < 6000; i++) {
		size_t n = random32() % (i % 3 ? SHORT : ROOM), from = random32() % (ROOM - n), near = random32() % 300;
		size_t to = i % 2 ? random32() % (ROOM - n) : from + near < ROOM - n ? from + near : from;
		if (!moves(n, from, to)) {
			printf("# length %zu from %zu to %zu\n", n, from, to);
			return 0;
		}
	}
	return 1;
}

static void result(int good, const char *what)
{
	static int number;

	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
}

int main(void)
{
	one = area();
	two = area();
	puts("1..4");
	result(all(compares, 20), "memcmp");
	result(all(copies, 20), "memcpy, and nothing around is written");
	result(all(fills, 3), "memset, by the low byte of its value");
	result(moves_all(), "memmove, both directions");
	return 0;
}
