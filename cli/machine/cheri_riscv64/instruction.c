/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Instructions as text: machine_verify tells of none here.
 */
#include "cli/cli.h"

void instruction_text(const uint8_t *bytes, size_t available, char *text, size_t room)
{
	(void)bytes;
	(void)available;
	if (room)
		*text = 0;
}
