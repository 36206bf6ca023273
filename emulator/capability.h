/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * A 128-bit CHERI Concentrate capability: an address, and 64 bits that hold permissions, type and compressed bounds, in memory
 * form (so that all zeros is the null capability). Pure functions, no state: capability.c.
 */
#ifndef EMULATOR_CAPABILITY_H
#define EMULATOR_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

struct capability {
	uint64_t address;
	uint64_t upper;		/* memory form: null is 0 */
	bool tag;
};

struct bounds {
	uint64_t base;
	unsigned __int128 top;	/* up to 2^64 */
};

enum {
	PERMIT_GLOBAL = 1 << 0,
	PERMIT_EXECUTE = 1 << 1,
	PERMIT_LOAD = 1 << 2,
	PERMIT_STORE = 1 << 3,
	PERMIT_LOAD_CAPABILITY = 1 << 4,
	PERMIT_STORE_CAPABILITY = 1 << 5,
	PERMIT_STORE_LOCAL = 1 << 6,
	PERMIT_SEAL = 1 << 7,
	PERMIT_CINVOKE = 1 << 8,
	PERMIT_UNSEAL = 1 << 9,
	PERMIT_SYSTEM_REGISTERS = 1 << 10,
	PERMIT_ALL = 0x78fff,
};

enum {
	TYPE_UNSEALED = 0x3ffff,
	TYPE_SENTRY = 0x3fffe,
	TYPE_MOST = 0x3fffb,	/* above it: reserved */
};

struct capability capability_root(uint64_t address);
struct bounds capability_bounds(struct capability c);
bool capability_covers(struct capability c, uint64_t address, uint64_t size);
uint32_t capability_permissions(struct capability c);
struct capability capability_with_permissions(struct capability c, uint32_t permissions);
uint32_t capability_type(struct capability c);
struct capability capability_with_type(struct capability c, uint32_t type);
bool capability_sealed(struct capability c);
unsigned capability_flag(struct capability c);
struct capability capability_with_flag(struct capability c, unsigned flag);
/* Bounds [address, address + length), rounded outwards where they must be; *exact says whether they were not. The tag stays. */
struct capability capability_with_bounds(struct capability c, uint64_t length, bool *exact);
/* New addresses: the tag goes where the bounds would change (CSetAddr) or the fast check says so (increments). */
struct capability capability_with_address(struct capability c, uint64_t address);
struct capability capability_incremented(struct capability c, uint64_t increment);
uint64_t capability_alignment_mask(uint64_t length);

#endif
