/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The emulated address space as a whole: reservation, what is mapped, copies for the emulator. The program controls addresses and
 * sizes; each is checked here before it becomes a host pointer. memory_tags.c has the tags.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "emulator/fault.h"
#include "emulator/memory.h"

static uint8_t *const state = (uint8_t *)MEMORY_STATE;
static uint64_t find_from;
static _Thread_local sigjmp_buf copy_recover;
static _Thread_local volatile sig_atomic_t copying;

static void reserve(uint64_t at, uint64_t size, int protection)
{
	void *got = mmap((void *)at, size, protection,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != (void *)at) {
		fprintf(stderr,
			"carrel-cheri: cannot reserve %lu GiB of address space at 0x%lx: is there a limit (ulimit "
			"-v)?\n",
			(unsigned long)(size >> 30), (unsigned long)at);
		exit(125);
	}
	madvise(got, size, MADV_DONTDUMP);
}

void memory_init(void)
{
	reserve(MEMORY_BASE - MEMORY_GUARD, MEMORY_SIZE + 2 * MEMORY_GUARD, PROT_NONE);
	reserve(MEMORY_TAGGED, MEMORY_PAGES + 4096, PROT_READ | PROT_WRITE);
	reserve(MEMORY_STATE, MEMORY_PAGES, PROT_READ | PROT_WRITE);
	/* A window is a megabyte of it: page by page, faults on it are most of a cVM's start. */
	madvise((void *)MEMORY_STATE, MEMORY_PAGES, MADV_HUGEPAGE);
	memory_tags_init();
	find_from = MEMORY_SIZE >> 12;
}

static bool all_pages(uint64_t address, uint64_t size, unsigned wanted)
{
	if (!size)
		return true;
	if (size > MEMORY_SIZE || address > MEMORY_SIZE - size)
		return false;
	for (uint64_t page = address >> 12; page <= (address + size - 1) >> 12; page++)
		if ((state[page] & wanted) != wanted)
			return false;
	return true;
}

bool memory_fetchable(uint64_t address, uint64_t size)
{
	return all_pages(address, size, STATE_MAPPED | PROT_EXEC);
}

bool memory_readable(uint64_t address, uint64_t size)
{
	return all_pages(address, size, STATE_MAPPED | PROT_READ);
}

bool memory_writable(uint64_t address, uint64_t size)
{
	return all_pages(address, size, STATE_MAPPED | PROT_WRITE);
}

bool memory_shared(uint64_t address)
{
	return address < MEMORY_SIZE && (state[address >> 12] & STATE_SHARED);
}

bool memory_mapped(uint64_t address, uint64_t size)
{
	return all_pages(address, size, STATE_MAPPED);
}

bool memory_executable(uint64_t address, uint64_t size)
{
	uint64_t end = (address + size + 4095) >> 12;
	return memory_page_next(state, address >> 12, end, PROT_EXEC) < end;
}

void memory_note(uint64_t address, uint64_t size, unsigned what)
{
	memset(state + (address >> 12), (int)what, (size + 4095) >> 12);
}

void memory_protected(uint64_t address, uint64_t size, int protection)
{
	for (uint64_t page = address >> 12; page < (address + size + 4095) >> 12; page++)
		state[page] = (uint8_t)((state[page] & (STATE_MAPPED | STATE_SHARED)) | (unsigned)protection);
}

bool memory_free(uint64_t address, uint64_t size)
{
	if (size > MEMORY_SIZE || address > MEMORY_SIZE - size)
		return false;
	uint64_t end = (address + size + 4095) >> 12;
	return memory_page_next(state, address >> 12, end, 0xff) >= end;
}

/* From the top down, going on below the last answer: then once more from the top. */
uint64_t memory_find(uint64_t size, uint64_t hint)
{
	uint64_t pages = (size + 4095) >> 12, lowest = 0x1000000; /* above where programs are linked */
	if (!pages || pages > MEMORY_PAGES)
		return 0;
	hint &= ~(uint64_t)4095;
	if (hint >= MEMORY_LOWEST && memory_free(hint, size))
		return hint;
	for (int turn = 0; turn < 2; turn++) {
		uint64_t top = turn                             ? MEMORY_PAGES - 256
			       : find_from < MEMORY_PAGES - 256 ? find_from
								: MEMORY_PAGES - 256,
			 run = 0;
		for (uint64_t page = top; page-- > lowest >> 12;) {
			uint64_t eight;
			while ((page & 7) == 7 && run + 8 < pages && page > (lowest >> 12) + 8 &&
			       (memcpy(&eight, state + page - 7, 8), !eight)) {
				run += 8;
				page -= 8;
			}
			run = state[page] ? 0 : run + 1;
			if (run == pages) {
				find_from = page;
				return page << 12;
			}
		}
	}
	return 0;
}

void memory_found_again(uint64_t address, uint64_t size)
{
	uint64_t end = (address + size + 4095) >> 12;
	if (end > find_from)
		find_from = end;
}

bool memory_copy_in(void *to, uint64_t from, uint64_t size)
{
	void *source = memory_pointer(from, size);
	if (!source)
		return false;
	if (sigsetjmp(copy_recover, 0)) {
		copying = 0;
		return false;
	}
	copying = 1;
	memcpy(to, source, size);
	copying = 0;
	return true;
}

bool memory_copy_out(uint64_t to, const void *from, uint64_t size)
{
	void *target = memory_pointer(to, size);
	if (!target)
		return false;
	if (sigsetjmp(copy_recover, 0)) {
		copying = 0;
		return false;
	}
	copying = 1;
	memory_forget_tags(to, size);
	memcpy(target, from, size);
	copying = 0;
	return true;
}

bool memory_recover(void)
{
	memory_tags_unlock();
	if (copying)
		siglongjmp(copy_recover, 1);
	return false;
}

_Noreturn void memory_data_fault(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n, bool store)
{
	struct capability ddc = cpu->ddc;
	uint32_t permissions = capability_permissions(ddc);
	if (settings.cheri) {
		if (!ddc.tag)
			fault_cheri(cpu, op, CHERI_TAG, CHERI_DDC, address);
		if (capability_sealed(ddc))
			fault_cheri(cpu, op, CHERI_SEAL, CHERI_DDC, address);
		if (!(permissions & (store ? PERMIT_STORE : PERMIT_LOAD)))
			fault_cheri(cpu, op, store ? CHERI_PERMIT_STORE : CHERI_PERMIT_LOAD, CHERI_DDC, address);
		if (!capability_covers(ddc, address, (uint64_t)1 << n))
			fault_cheri(cpu, op, CHERI_LENGTH, CHERI_DDC, address);
	}
	fault_signal(cpu, op, SIGSEGV, SEGV_MAPERR, address,
		     store ? "a store to no address a program has" : "a load from no address a program has");
}
