/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What is judged of machine code on CHERI-RISC-V: nothing. PCC and DDC confine whatever runs, the entry page is the only way out, and
 * a system call instruction traps without the permission that no guest's PCC has. So text is accepted as it is, also capability
 * instructions: a guest can derive from what it has, and has nothing that is not its own. Trusted.
 */
#include <string.h>

#include "machine/machine.h"

int machine_verify(const struct machine_text *text, struct machine_verdict *verdict, machine_piece *each, void *argument)
{
	memset(verdict, 0, sizeof *verdict);
	if (each)
		each(argument, 0, text->size, 0, "not judged, the machine's PCC and DDC confine it");
	return 0;
}

/* Any instruction may be jumped to. */
int machine_is_landing_pad(const uint8_t *text, size_t size, uint64_t at)
{
	(void)text;
	return at % 2 == 0 && at < size;
}
