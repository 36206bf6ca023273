/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Counts of all threads. Instructions are counted where they are interpreted; with translation only --interpret counts them all.
 */
#include <stdio.h>
#include "emulator/block.h"
#include "emulator/stats.h"
#include "emulator/world.h"
#include "emulator/translate/translate.h"

static _Atomic uint64_t instructions, entries;

void stats_add(struct cpu *cpu)
{
	instructions += cpu->instructions;
	entries += cpu->translated_entries;
}

void stats_report(struct cpu *cpu)
{
	(void)cpu;
	if (!settings.stats)
		return;
	world_lock();
	for (struct cpu *each = world_first(); each; each = each->next)
		stats_add(each);
	world_unlock();
	fprintf(stderr,
		"carrel-cheri: %lu instructions interpreted, %zu blocks decoded, %zu translated (%zu bytes), %lu "
		"entries into translated code\n",
		(unsigned long)instructions, block_total(), translate_total(), translate_bytes(),
		(unsigned long)entries);
}
