/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What cVMs print, on its way to a terminal: they choose the bytes, and terminals obey some.
 */
#include "cli/deploy/terminal.h"

/* ESC [ digits and ; then m: a colour. */
static int is_colour(const char *text, size_t length)
{
	size_t k = 2;

	if (length < 3 || text[1] != '[')
		return 0;
	while (k < length && ((text[k] >= '0' && text[k] <= '9') || text[k] == ';'))
		k++;
	return k < length && text[k] == 'm';
}

void terminal_tame(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		/* 0xc2 before 0x80-0x9f: the same controls in UTF-8. */
		int control = (c < 32 && c != '\t' && c != '\n' && c != '\r') || c == 127 ||
			      (c >= 0x80 && c < 0xa0 && (!i || (unsigned char)text[i - 1] == 0xc2));
		if (control && !(c == 27 && is_colour(text + i, length - i)))
			text[i] = '?';
	}
}
