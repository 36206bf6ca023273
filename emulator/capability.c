/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * CHERI Concentrate for 64-bit addresses (ISAv9): a 14-bit mantissa, bounds stored relative to the address. The emulated program
 * controls every bit of an untagged capability, so nothing here assumes that fields are sane: any 128 bits decode to something.
 *
 *   63..60 user permissions  59..48 permissions  47..46 reserved  45 flag  44..27 type  26 internal exponent  25..14 T  13..0 B
 */
#include "emulator/capability.h"

enum {
	MANTISSA = 14,
	EXPONENT_MOST = 52,
	FLAG_SHIFT = 45,
	TYPE_SHIFT = 27,
	INTERNAL_SHIFT = 26,
	TOP_SHIFT = 14,
};
/* What null looks like with its bits decoded: unsealed, internal exponent 52. Memory holds the difference to it. */
#define NULL_BITS 0x00001ffffc018004ull

struct mantissas {
	unsigned exponent, base, top;
	bool internal;
};

static struct mantissas unpack(uint64_t upper)
{
	uint64_t bits = upper ^ NULL_BITS;
	unsigned b = bits & 0x3fff, t = bits >> TOP_SHIFT & 0xfff, msb = 0, exponent = 0;
	bool internal = bits >> INTERNAL_SHIFT & 1;
	if (internal) {
		exponent = (t & 7) << 3 | (b & 7);
		t &= ~7u;
		b &= ~7u;
		msb = 1;
	}
	unsigned carry = t < (b & 0xfff);
	t |= (((b >> 12) + msb + carry) & 3) << 12;
	return (struct mantissas){exponent, b, t, internal};
}

struct capability capability_root(uint64_t address)
{
	uint64_t permissions = (uint64_t)0xffff << 48;
	return (struct capability){.address = address, .upper = permissions, .tag = true};
}

struct bounds capability_bounds(struct capability c)
{
	struct mantissas m = unpack(c.upper);
	unsigned e = m.exponent < EXPONENT_MOST ? m.exponent : EXPONENT_MOST;
	unsigned a3 = c.address >> (e + MANTISSA - 3) & 7; /* e + 11 <= 63 */
	unsigned b3 = m.base >> 11, t3 = m.top >> 11, r3 = (b3 - 1) & 7;
	int a_high = a3 < r3, b_high = b3 < r3, t_high = t3 < r3;
	uint64_t region = e + MANTISSA < 64 ? c.address >> (e + MANTISSA) : 0;
	const unsigned __int128 most = (((unsigned __int128)1) << 65) - 1;
	unsigned __int128 base =
		((unsigned __int128)(region + (uint64_t)(int64_t)(b_high - a_high)) << MANTISSA | m.base) << e & most;
	unsigned __int128 top =
		((unsigned __int128)(region + (uint64_t)(int64_t)(t_high - a_high)) << MANTISSA | m.top) << e & most;
	unsigned base_bit = (uint64_t)base >> 63, top_bits = (unsigned)(top >> 63) & 3;
	if (e < EXPONENT_MOST - 1 && ((top_bits - base_bit) & 3) > 1)
		top ^= (unsigned __int128)1 << 64;
	return (struct bounds){(uint64_t)base, top};
}

bool capability_covers(struct capability c, uint64_t address, uint64_t size)
{
	struct bounds b = capability_bounds(c);
	return address >= b.base && (unsigned __int128)address + size <= b.top;
}

uint32_t capability_permissions(struct capability c)
{
	return (c.upper >> 48 & 0xfff) | (uint32_t)(c.upper >> 60) << 15;
}

struct capability capability_with_permissions(struct capability c, uint32_t permissions)
{
	c.upper = (c.upper & 0xffffffffffffull) | (uint64_t)(permissions & 0xfff) << 48 |
		  (uint64_t)(permissions >> 15 & 0xf) << 60;
	return c;
}

uint32_t capability_type(struct capability c)
{
	return (c.upper ^ NULL_BITS) >> TYPE_SHIFT & 0x3ffff;
}

struct capability capability_with_type(struct capability c, uint32_t type)
{
	uint64_t bits = c.upper ^ NULL_BITS;
	bits = (bits & ~((uint64_t)0x3ffff << TYPE_SHIFT)) | (uint64_t)(type & 0x3ffff) << TYPE_SHIFT;
	c.upper = bits ^ NULL_BITS;
	return c;
}

bool capability_sealed(struct capability c)
{
	return capability_type(c) != TYPE_UNSEALED;
}

unsigned capability_flag(struct capability c)
{
	return c.upper >> FLAG_SHIFT & 1;
}

struct capability capability_with_flag(struct capability c, unsigned flag)
{
	c.upper = (c.upper & ~((uint64_t)1 << FLAG_SHIFT)) | (uint64_t)(flag & 1) << FLAG_SHIFT;
	return c;
}

/* The mantissas for [base, base + length): the least exponent that holds the length. */
static struct mantissas pack(uint64_t base, uint64_t length, bool *exact)
{
	unsigned __int128 top = (unsigned __int128)base + length;
	uint64_t high = length >> (MANTISSA - 1);
	unsigned e = high ? (unsigned)(64 - __builtin_clzll(high)) : 0;
	bool internal = e || (length >> (MANTISSA - 2) & 1);
	if (!internal) {
		*exact = true;
		return (struct mantissas){0, base & 0x3fff, (unsigned)top & 0x3fff, false};
	}
	uint64_t lost = ((uint64_t)1 << (e + 3)) - 1;
	unsigned b = (unsigned)(base >> (e + 3)) & 0x7ff, t = (unsigned)(top >> (e + 3)) & 0x7ff;
	bool base_lost = base & lost, top_lost = (uint64_t)top & lost;
	if (top_lost)
		t = (t + 1) & 0x7ff;
	if ((t - b) >> 10 & 1) { /* rounding made the length too long for this exponent */
		base_lost |= b & 1;
		top_lost |= t & 1;
		e++;
		b = (unsigned)(base >> (e + 3)) & 0x7ff;
		t = ((unsigned)(top >> (e + 3)) + top_lost) & 0x7ff;
	}
	*exact = !base_lost && !top_lost;
	return (struct mantissas){e, b << 3, t << 3, true};
}

struct capability capability_with_bounds(struct capability c, uint64_t length, bool *exact)
{
	struct mantissas m = pack(c.address, length, exact);
	uint64_t bits = (c.upper ^ NULL_BITS) & ~(((uint64_t)1 << (INTERNAL_SHIFT + 1)) - 1);
	if (m.internal) {
		m.base |= m.exponent & 7;
		m.top |= m.exponent >> 3;
	}
	bits |= (uint64_t)m.internal << INTERNAL_SHIFT | (uint64_t)(m.top & 0xfff) << TOP_SHIFT | m.base;
	c.upper = bits ^ NULL_BITS;
	return c;
}

struct capability capability_with_address(struct capability c, uint64_t address)
{
	struct bounds before = capability_bounds(c);
	c.address = address;
	struct bounds after = capability_bounds(c);
	if (before.base != after.base || before.top != after.top)
		c.tag = false;
	return c;
}

/* The check hardware makes without decoding bounds: it may refuse an address just inside the representable region. */
static bool increment_fits(struct capability c, uint64_t increment)
{
	struct mantissas m = unpack(c.upper);
	unsigned e = m.exponent;
	if (e >= EXPONENT_MOST - 2)
		return true;
	int64_t high = e + MANTISSA < 64 ? (int64_t)increment >> (e + MANTISSA) : (int64_t)increment >> 63;
	unsigned middle = increment >> e & 0x3fff, address = c.address >> e & 0x3fff;
	unsigned r = (((m.base >> 11) - 1) & 7) << 11, room = (r - address) & 0x3fff;
	if (high == 0)
		return middle < ((room - 1) & 0x3fff);
	if (high == -1)
		return middle >= room && r != address;
	return false;
}

struct capability capability_incremented(struct capability c, uint64_t increment)
{
	if (!increment_fits(c, increment))
		c.tag = false;
	c.address += increment;
	return c;
}

uint64_t capability_alignment_mask(uint64_t length)
{
	bool exact;
	struct mantissas m = pack(0, length, &exact);
	return m.internal ? ~(uint64_t)0 << ((m.exponent < EXPONENT_MOST ? m.exponent : EXPONENT_MOST) + 3)
			  : ~(uint64_t)0;
}
