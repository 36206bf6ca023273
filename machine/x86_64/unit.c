/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The checked indirect branch and the jump through a table, byte by byte. Trusted; the verifier has accepted the text that is
 * looked at here, so these bytes stand nowhere but in a whole unit: a rebase and an indirect branch are accepted only as its fifth
 * and sixth step, the others are recognised by the rebase that follows them; of a table's jump, by the branch that follows.
 */
#include <string.h>

#include <carrel/gate.h>
#include "machine/x86_64/unit.h"

static size_t rex(uint8_t *to, unsigned bits)
{
	if (bits)
		*to = (uint8_t)(0x40 | bits);
	return bits != 0;
}

size_t unit_load_program(uint8_t *to, unsigned t, unsigned s)
{
	size_t n = 0;

	to[n++] = 0x65;
	to[n++] = 0x67;
	n += rex(to + n, (s >> 3) << 2 | t >> 3);
	to[n++] = 0x8b;
	if ((t & 7) == 5) {
		to[n++] = (uint8_t)(0x40 | (s & 7) << 3 | 5);
		to[n++] = 0;
	} else {
		to[n++] = (uint8_t)((s & 7) << 3 | (t & 7));
		if ((t & 7) == 4)
			to[n++] = 0x24;
	}
	return n;
}

size_t unit_load_libos(uint8_t *to, unsigned t, unsigned s)
{
	size_t n = rex(to, 1u | (s >> 3) << 2 | (t >> 3) << 1);

	to[n++] = 0x8b;
	to[n++] = (uint8_t)((s & 7) << 3 | 4);
	to[n++] = (uint8_t)((t & 7) << 3 | 6);
	return n;
}

size_t unit_add(uint8_t *to, unsigned s)
{
	static const uint32_t minus = -LANDING_PAD;
	size_t n = 0;

	if (s == 0)
		to[n++] = 0x05;
	else {
		n += rex(to, s >> 3);
		to[n++] = 0x81;
		to[n++] = (uint8_t)(0xc0 | (s & 7));
	}
	memcpy(to + n, &minus, 4);
	return n + 4;
}

size_t unit_rebase_program(uint8_t *to, unsigned t)
{
	to[0] = 0x65;
	to[1] = (uint8_t)(0x48 | (t >> 3) << 2);
	to[2] = 0x0b;
	to[3] = (uint8_t)((t & 7) << 3 | 4);
	to[4] = 0x25;
	memcpy(to + 5, "\x00\x00\x01\x00", 4);
	return 9;
}

size_t unit_rebase_libos(uint8_t *to, unsigned t)
{
	to[0] = (uint8_t)(0x4c | t >> 3);
	to[1] = 0x01;
	to[2] = (uint8_t)(0xf0 | (t & 7));
	return 3;
}

/* The `and` has three encodings; the widening of a byte has one, for each T only with REX or only without. No two end at one place: K's bytes
 * are small, so the longer ones' constants hold none of the shorter ones' opcodes, nor the other way round (83, e0 or b6 in a constant would
 * make it TABLE_MOST or more). */
int unit_mask(const uint8_t *text, size_t n, unsigned t, uint32_t *mask)
{
	uint8_t want[3];
	size_t at = rex(want, t >> 3);
	int wide = n >= at + 5;

	if (n == 3 + t / 8 && text[t / 8] == 0x0f) {    /* movzbl: any byte, so of no table below 256 places */
		*mask = 255;
		return (t < 8 || (text[0] & 0xfe) == 0x44) && text[t / 8 + 1] == 0xb6 && (text[t / 8 + 2] & 0xf8) == (0xc0 | (t & 7) << 3);
	}
	if (n == 5 && t == 0)
		want[at++] = 0x25;
	else {
		want[at++] = wide ? 0x81 : 0x83;
		want[at++] = (uint8_t)(0xe0 | (t & 7));
	}
	if (n != at + (wide ? 4 : 1) || memcmp(text, want, at))
		return 0;
	*mask = text[at];
	if (wide)
		memcpy(mask, text + at, 4);
	return wide ? *mask < TABLE_MOST : *mask < 128;
}

size_t unit_table(uint8_t *to, unsigned s)
{
	to[0] = (uint8_t)(0x48 | (s >> 3) << 2);
	to[1] = 0x8d;
	to[2] = (uint8_t)((s & 7) << 3 | 5);
	return 3;
}

size_t unit_index(uint8_t *to, unsigned t, unsigned s)
{
	int five = (s & 7) == 5;        /* as a base it wants a displacement */

	to[0] = (uint8_t)(0x48 | (s >> 3) << 2 | (t >> 3) << 1 | s >> 3);
	to[1] = 0x03;
	to[2] = (uint8_t)(five << 6 | (s & 7) << 3 | 4);
	to[3] = (uint8_t)(3 << 6 | (t & 7) << 3 | (s & 7));
	to[4] = 0;
	return 4 + (size_t)five;
}

struct text {
	const uint8_t *bytes;
	size_t size;
};

static int here(struct text text, size_t at, const uint8_t *want, size_t n)
{
	return at <= text.size && n <= text.size - at && !memcmp(text.bytes + at, want, n);
}

static size_t jne_length(struct text text, size_t at)
{
	if (here(text, at, (const uint8_t *)"\x75", 1))
		return 2;
	return here(text, at, (const uint8_t *)"\x0f\x85", 2) ? 6 : 0;
}

/* T of the rebase at `at`, or UNIT_NONE. */
static unsigned rebase_at(struct text text, size_t at)
{
	uint8_t want[16];

	/* r15's is no unit's: verify_stack.c */
	for (unsigned t = 0; t < 15 && here(text, at, (const uint8_t *)"\x65", 1); t++)
		if (here(text, at, want, unit_rebase_program(want, t)))
			return t;
	return UNIT_NONE;
}

/* The unit whose rebase lies at `rebase` is known by T; its steps before are found backwards. */
static int load_before(struct text text, size_t rebase, unsigned t, size_t *load)
{
	uint8_t want[16];

	for (size_t jump = 2; jump <= 6; jump += 4)
		for (unsigned s = 0; s < 16 && rebase >= jump && jne_length(text, rebase - jump) == jump; s++) {
			size_t add = unit_add(want, s);
			if (rebase < jump + add || !here(text, rebase - jump - add, want, add))
				continue;
			size_t n = unit_load_program(want, t, s);
			if (rebase - jump - add >= n && here(text, rebase - jump - add - n, want, n)) {
				*load = rebase - jump - add - n;
				return 1;
			}
		}
	return 0;
}

/* T of an indirect branch at `at`. */
static unsigned branch_at(struct text text, size_t at)
{
	unsigned high = here(text, at, (const uint8_t *)"\x41", 1) ? 8 : 0;

	at += high / 8;
	for (unsigned t = 0; t < 8; t++) {
		const uint8_t call[2] = {0xff, (uint8_t)(0xd0 | t)}, jump[2] = {0xff, (uint8_t)(0xe0 | t)};
		if (here(text, at, call, 2) || here(text, at, jump, 2))
			return t | high;
	}
	return UNIT_NONE;
}

/* The jump through a table whose add lies at `index` and writes S. */
static unsigned table_find(struct text text, size_t index, unsigned s, size_t at, unsigned *back)
{
	uint8_t want[16];

	for (unsigned t = 0; t < 16; t++) {
		size_t n = unit_index(want, t, s);
		if (t == 4 || t == 15 || index < UNIT_TABLE || !here(text, index, want, n) || branch_at(text, index + n) != s ||
		    !here(text, index - UNIT_TABLE, want, unit_table(want, s)))
			continue;
		for (size_t mask = 3; mask <= 7 && mask <= index - UNIT_TABLE; mask++) {
			uint32_t most;
			size_t start = index - UNIT_TABLE - mask;
			if (unit_mask(text.bytes + start, mask, t, &most)) {
				*back = (unsigned)(at - start);
				return t;
			}
		}
	}
	return UNIT_NONE;
}

/* At one of the three steps behind its `and`? Each S is tried. */
static unsigned table_around(struct text text, size_t at, unsigned *back)
{
	uint8_t want[16];
	unsigned found = UNIT_NONE;

	for (unsigned s = 0; s < 16 && found == UNIT_NONE; s++) {
		size_t index = unit_index(want, 0, s);
		if (branch_at(text, at) == s && at >= index)
			found = table_find(text, at - index, s, at, back);
		else if (here(text, at, want, unit_table(want, s)))
			found = table_find(text, at + UNIT_TABLE, s, at, back);
		else
			found = table_find(text, at, s, at, back);
	}
	return found;
}

/* `at` is where an instruction begins: it was executing. Only from there on, step by step, are the bytes looked at as
 * instructions: found by a search, the same bytes could lie in immediates that an attacker chose. What lies before a step of a
 * true unit is then known byte by byte, since the verifier accepted no other bytes there. */
unsigned unit_find(const uint8_t *bytes, size_t size, size_t at, unsigned *back)
{
	struct text text = {bytes, size};
	size_t next = at, rebase, load;
	uint8_t want[16];
	unsigned t;

	*back = 0;
	t = table_around(text, at, back);
	if (t != UNIT_NONE)
		return t;
	t = branch_at(text, at);
	if (t != UNIT_NONE) {                   /* at the branch */
		size_t n = unit_rebase_program(want, t);
		return at >= n && here(text, at - n, want, n) && load_before(text, at - n, t, &load) ?
			(*back = (unsigned)(at - load), t) : UNIT_NONE;
	}
	int load_like = here(text, at, (const uint8_t *)"\x65\x67", 2);
	for (unsigned s = 0; s < 32; s++) {     /* at the load, of any T and S: the add behind it says which S */
		unsigned half = s & 15;
		for (unsigned r = 0; load_like && s < 16 && r < 16 && next == at; r++) {
			size_t n = unit_load_program(want, r, half);
			if (here(text, at, want, n)) {
				size_t add = unit_add(want, half);
				next = here(text, at + n, want, add) ? at + n + add : at;
			}
		}
		if (s >= 16 && next == at) {    /* at the add */
			size_t n = unit_add(want, half);
			if (here(text, at, want, n))
				next = at + n;
		}
	}
	rebase = next + jne_length(text, next); /* at the jne, or behind an add; else at the rebase */
	t = rebase_at(text, rebase);
	if (t == UNIT_NONE || !load_before(text, rebase, t, &load) || load > at)
		return UNIT_NONE;
	*back = (unsigned)(at - load);
	return t;
}
