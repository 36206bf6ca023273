/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The emulated address space: 1 TiB reserved at a fixed place of the host's, one tag bit per 16 bytes, one byte of flags per
 * page. An emulated address becomes a host pointer only through memory_pointer or a check below. Accesses through DDC compare
 * with counts cached in the cpu, which never reach beyond the reservation: the same compare keeps the program inside its
 * capability and the emulator safe from the program.
 *
 * Plain stores clear tags. A page that never held a capability has flag 0 and its stores need nothing more; on others every
 * store takes memory_store_tagged, under the lock of tags. A page's first capability stops the world, so no thread is between
 * its look at the flag and its store.
 */
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <string.h>
#include "emulator/cpu.h"

#define MEMORY_BITS 40
#define MEMORY_SIZE ((uint64_t)1 << MEMORY_BITS)
#define MEMORY_BASE 0x100000000000ull
#define MEMORY_PAGES (MEMORY_SIZE >> 12)
#define MEMORY_TAGGED (MEMORY_BASE - 0x40000000)	/* byte per page: holds or held capabilities */
#define MEMORY_STATE (MEMORY_BASE - 0x20000000)		/* byte per page: mapped, with which protection */
#define MEMORY_GUARD 0x100000				/* unmapped on both sides */
#define MEMORY_LOWEST 0x10000				/* nothing is ever mapped below */

enum { STATE_MAPPED = 0x80, STATE_SHARED = 0x40 };	/* with PROT_* in the low bits */

static inline void *memory_host(uint64_t address)
{
	return (void *)(MEMORY_BASE + address);
}

/* A buffer of the program's, or null when it leaves the address space (whether it is mapped, the access finds out). */
static inline void *memory_pointer(uint64_t address, uint64_t size)
{
	return size <= MEMORY_SIZE && address <= MEMORY_SIZE - size ? memory_host(address) : NULL;
}

void memory_init(void);
bool memory_fetchable(uint64_t address, uint64_t size);
bool memory_readable(uint64_t address, uint64_t size);	/* mapped with PROT_READ throughout */
bool memory_writable(uint64_t address, uint64_t size);
void memory_note(uint64_t address, uint64_t size, unsigned state);	/* what is now mapped there; 0: nothing */
/* The first page at or after `page` whose byte in a table has one of these bits, or end. Windows of 4 GiB are a million pages. */
static inline uint64_t memory_page_next(const uint8_t *table, uint64_t page, uint64_t end, uint8_t bits)
{
	uint64_t all = bits * 0x0101010101010101u, word;

	for (; page < end; page++) {
		while (!(page & 7) && end - page >= 8) {
			memcpy(&word, table + page, 8);
			if (word & all)
				break;
			page += 8;
		}
		if (page < end && (table[page] & bits))
			return page;
	}
	return end;
}
bool memory_executable(uint64_t address, uint64_t size);	/* any page of it */
uint64_t memory_find(uint64_t size, uint64_t hint);	/* a free range, 0 when none */
bool memory_free(uint64_t address, uint64_t size);
void memory_forget_tags(uint64_t address, uint64_t size);	/* after the host's kernel wrote there */
void memory_tags_init(void);
bool memory_shared(uint64_t address);
bool memory_mapped(uint64_t address, uint64_t size);
void memory_protected(uint64_t address, uint64_t size, int protection);
void memory_found_again(uint64_t address, uint64_t size);	/* unmapped: may be found before all below */
/* Copies for the emulator itself: false where the program's side cannot be accessed. */
bool memory_copy_in(void *to, uint64_t from, uint64_t size);
bool memory_copy_out(uint64_t to, const void *from, uint64_t size);
bool memory_recover(void);	/* in the fault handler: gives up a copy or a lock in progress; true (not returning) for a copy */

/* Through DDC; n is log2 of the size. Violations do not return. */
_Noreturn void memory_data_fault(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n, bool store);
void memory_store_tagged(uint64_t address, const void *value, unsigned size);

static inline bool memory_page_tagged(uint64_t address)
{
	return *(const volatile uint16_t *)(MEMORY_TAGGED + (address >> 12));	/* and the next page, for unaligned stores */
}

static inline void *memory_load_check(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n)
{
	if (unlikely(address - cpu->data_base >= cpu->load_count[n]))
		memory_data_fault(cpu, op, address, n, false);
	cpu->operation = op;
	return memory_host(address);
}

static inline void *memory_store_check(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n)
{
	if (unlikely(address - cpu->data_base >= cpu->store_count[n]))
		memory_data_fault(cpu, op, address, n, true);
	cpu->operation = op;
	return memory_host(address);
}

/* Atomic updates and capabilities: under the lock of tags where the page is tagged. */
void memory_tags_lock(void);
void memory_tags_unlock(void);
bool memory_tag_get(uint64_t address);
void memory_tag_clear(uint64_t address, uint64_t size);
struct capability memory_capability_load(uint64_t address);
void memory_capability_store(struct cpu *cpu, uint64_t address, struct capability c);
void memory_page_prepare(struct cpu *cpu, uint64_t address);	/* the page may hold tags from now on */

#endif
