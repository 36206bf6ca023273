/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Which object a code address is in. Nothing is kept, so threads that throw at the same time have nothing to agree on.
 */
#define _GNU_SOURCE
#include <link.h>

#include "tconfig.h"

struct search {
	ElfW(Addr) pc;
	void *header;
};

/* 1: found, and the search is over. */
static int look(struct dl_phdr_info *object, size_t size, void *data)
{
	struct search *search = data;
	const ElfW(Phdr) *header = 0;
	int inside = 0;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type == PT_LOAD)
			inside |= search->pc - object->dlpi_addr - part->p_vaddr < part->p_memsz;
		else if (part->p_type == PT_GNU_EH_FRAME)
			header = part;
	}
	if (!inside)
		return 0;
	search->header = header ? (void *)(object->dlpi_addr + header->p_vaddr) : 0;
	return 1;
}

int _dl_find_object(void *pc, struct dl_find_object *result)
{
	struct search search = {.pc = (ElfW(Addr))pc};

	if (dl_iterate_phdr(look, &search) != 1 || !search.header)
		return -1;
	result->dlfo_eh_frame = search.header;
	return 0;
}
