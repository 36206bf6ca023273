/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The few string functions a freestanding compiler and the rest need.
 */
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
	uint8_t *t = to;
	const uint8_t *f = from;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	for (; n >= 8; n -= 8)
		*(uint64_t __attribute__((may_alias, aligned(1))) *)(t + n - 8) =
			*(const uint64_t __attribute__((may_alias, aligned(1))) *)(f + n - 8);
	while (n--)
		((volatile uint8_t *)t)[n] = f[n];
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

void *memchr(const void *s, int c, size_t n)
{
	for (const uint8_t *p = s; n; n--, p++)
		if (*p == (uint8_t)c)
			return (void *)p;
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
