/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * unit_find on every jump through a table: interrupted behind its `and`, or the widening of a byte, it goes back to that, with the right
 * register, whatever bytes come before; elsewhere it finds nothing. Bytes before are random, and chosen to look like other encodings of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/x86_64/unit.h"

#define AROUND 32
#define BYTE   2          /* instead of an `and`: the widening of any byte */

static size_t mask_write(uint8_t *to, unsigned t, uint32_t mask, int wide)
{
	size_t n = 0;

	if (wide == BYTE) {
		if (t >= 8)
			to[n++] = (uint8_t)(0x44 | (rand() & 1));
		to[n++] = 0x0f;
		to[n++] = 0xb6;
		to[n++] = (uint8_t)(0xc0 | (t & 7) << 3 | (rand() & 7));
		return n;
	}
	if (wide && t == 0)
		to[n++] = 0x25;
	else {
		if (t >= 8)
			to[n++] = 0x41;
		to[n++] = wide ? 0x81 : 0x83;
		to[n++] = (uint8_t)(0xe0 | (t & 7));
	}
	memcpy(to + n, &mask, 4);
	return n + (wide ? 4 : 1);
}

static size_t jump_write(uint8_t *to, unsigned s)
{
	size_t n = 0;

	if (s >= 8)
		to[n++] = 0x41;
	to[n++] = 0xff;
	to[n++] = (uint8_t)(0xe0 | (s & 7));
	return n;
}

static void before(uint8_t *text, unsigned t)
{
	static const uint8_t looks[] = {0x41, 0x81, 0x83, 0x25, 0xe0, 0x48, 0x8d, 0x03, 0xff, 0x65, 0x0f, 0x00, 0x77, 0xb6, 0x44, 0x0f};

	for (int i = 0; i < AROUND; i++)
		text[i] = rand() & 1 ? (uint8_t)rand() : rand() & 1 ? looks[(size_t)rand() % sizeof looks] : (uint8_t)(0xe0 | (t & 7));
}

/* Text that ends in traps, and data behind it that looks like any step: nothing before the end is gone back to. */
static unsigned long behind_the_end(void)
{
	uint8_t text[2 * AROUND], want[16];
	unsigned long failed = 0;

	for (unsigned t = 0; t < 16; t++)
		for (unsigned s = 0; s < 16; s++)
			for (unsigned kind = 0; kind < 10; kind++) {
				unsigned back = 0;
				size_t n = AROUND;
				memset(text, 0xcc, sizeof text);
				for (unsigned step = kind; step < 10; step++) {         /* from each step on, of both units */
					size_t length = step == 0 ? unit_load_program(want, t, s) : step == 1 ? unit_add(want, s)
							: step == 2 ? (memcpy(want, "\x75\x10", 2), 2u) : step == 3 ? unit_rebase_program(want, t)
							: step == 4 ? jump_write(want, t) : step == 5 ? mask_write(want, t, 7, 0)
							: step == 6 ? unit_table(want, s) : step == 7 ? (memset(want, 0, 4), 4u)
							: step == 8 ? unit_index(want, t, s) : jump_write(want, s);
					if (n + length <= sizeof text && (kind >= 5 || step < 5))
						memcpy(text + n, want, length), n += length;
				}
				unit_find(text, sizeof text, AROUND, &back);
				failed += back != 0;
			}
	return failed;
}

int main(void)
{
	uint8_t text[3 * AROUND];
	unsigned long failed = 0, checks = 0;

	srand(1);
	for (unsigned round = 0; round < 200; round++)
		for (unsigned t = 0; t < 16; t++)
			for (unsigned s = 0; s < 16; s++) {
				if (s == t || s == 4 || t == 4 || s == 15 || t == 15)
					continue;
				int wide = rand() % 3;
				uint32_t mask = (uint32_t)rand() % (wide ? TABLE_MOST : 128);
				size_t start = AROUND, at[4], n = start;
				before(text, t);
				n += mask_write(text + n, t, mask, wide);
				at[0] = n;
				n += unit_table(text + n, s);
				for (int i = 0; i < 4; i++)
					text[n++] = (uint8_t)rand();
				at[1] = n;
				n += unit_index(text + n, t, s);
				at[2] = n;
				n += jump_write(text + n, s);
				at[3] = n;
				before(text + n, t);    /* the table */
				for (int step = 0; step < 3; step++) {
					unsigned back = 99, found = unit_find(text, n + AROUND, at[step], &back);
					checks++;
					if (found != t || at[step] - back != start) {
						failed++;
						printf("# T %u, S %u, mask %#x, step %d: T %u, %u back for %zu\n", t, s, mask, step, found, back, at[step] - start);
					}
				}
				unsigned back, found = unit_find(text, n + AROUND, start, &back);
				checks++;
				failed += found != UNIT_NONE && back;   /* at the and itself: nothing to go back to */
			}
	printf("1..2\n%sok 1 - %lu places in jumps through tables are found, %lu are not\n", failed ? "not " : "", checks, failed);
	unsigned long off = behind_the_end();
	printf("%sok 2 - behind a text's end, steps in a page of data are none of a unit that begins in the text\n", off ? "not " : "");
	return failed || off;
}
