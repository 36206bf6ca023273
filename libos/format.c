/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Numbers and names as text, for /proc and the trace.
 */
#include <stdarg.h>

#include "libos/libos.h"

struct output {
	char *to;
	size_t room, at;
};

static void one(struct output *o, char c)
{
	if (o->at + 1 < o->room)
		o->to[o->at] = c;
	o->at++;
}

static void number(struct output *o, uint64_t n, unsigned base)
{
	char digits[24];
	int count = 0;

	do
		digits[count++] = "0123456789abcdef"[n % base];
	while (n /= base);
	while (count)
		one(o, digits[--count]);
}

static size_t format_list(char *to, size_t room, const char *text, va_list arguments)
{
	struct output o = {to, room, 0};

	for (; *text; text++) {
		if (*text != '%') {
			one(&o, *text);
			continue;
		}
		int wide = 0;
		while (*++text == 'l')
			wide = 1;
		if (*text == 's')
			for (const char *s = va_arg(arguments, const char *); *s; s++)
				one(&o, *s);
		else if (*text == 'c')
			one(&o, (char)va_arg(arguments, int));
		else if (*text == 'd') {
			int64_t n = wide ? va_arg(arguments, int64_t) : va_arg(arguments, int);
			if (n < 0)
				one(&o, '-');
			number(&o, n < 0 ? -(uint64_t)n : (uint64_t)n, 10);
		} else if (*text == 'u' || *text == 'x' || *text == 'o')
			number(&o, wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned),
			       *text == 'x' ? 16 : *text == 'o' ? 8 : 10);
		else
			one(&o, *text);
	}
	if (room)
		o.to[o.at < room ? o.at : room - 1] = 0;
	return o.at;
}

size_t format(char *to, size_t room, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	size_t n = format_list(to, room, text, arguments);
	va_end(arguments);
	return n;
}

size_t format_more(char *to, size_t at, size_t room, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	size_t n = at + format_list(to + at, room - at, text, arguments);
	va_end(arguments);
	return n < room ? n : room - 1;
}
