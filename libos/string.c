/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The few string functions a freestanding compiler and the rest need.
 */
#include <stdarg.h>

#include "libos/libos.h"

void *memcpy(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (; n >= 8; n -= 8, t += 8, f += 8)
		*(uint64_t __attribute__((may_alias, aligned(1))) *)t = *(const uint64_t __attribute__((may_alias, aligned(1))) *)f;
	for (volatile uint8_t *v = t; n; n--)
		*v++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	volatile uint8_t *t = to;
	const uint8_t *f = from;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	while (n--)
		t[n] = f[n];
	return to;
}

void *memset(void *to, int c, size_t n)
{
	uint8_t *t = to;
	uint64_t word = 0x0101010101010101u * (uint8_t)c;

	for (; n >= 8; n -= 8, t += 8)
		*(uint64_t __attribute__((may_alias, aligned(1))) *)t = word;
	for (volatile uint8_t *v = t; n; n--)
		*v++ = (uint8_t)c;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (((const volatile char *)s)[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--)
		a++, b++;
	return n ? (uint8_t)*a - (uint8_t)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++)
		if (*s == (char)c)
			return (char *)s;
		else if (!*s)
			return NULL;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

int64_t user_string(char *to, struct user from, size_t room)
{
	uint64_t most = UINT32_MAX + 1ull - from.at;

	if (!user_ok(from, 1))
		return -EFAULT;
	int64_t n = user_string_from(to, (uint32_t)from.at, room < most ? room : most);
	return n == (int64_t)room ? -ENAMETOOLONG : n == (int64_t)most ? -EFAULT : n;
}

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

size_t format(char *to, size_t room, const char *text, ...)
{
	struct output o = {to, room, 0};
	va_list arguments;

	va_start(arguments, text);
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
		} else if (*text == 'u' || *text == 'x')
			number(&o, wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), *text == 'x' ? 16 : 10);
		else
			one(&o, *text);
	}
	va_end(arguments);
	if (room)
		o.to[o.at < room ? o.at : room - 1] = 0;
	return o.at;
}
