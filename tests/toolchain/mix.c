/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A bit of everything a compiler emits, with output that must be the same natively and in a cVM.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct big {
	int a[40];
	double d;
};
static __thread int counter = 3;
static __thread char thread_array[64] = "thread";
static jmp_buf env;

static struct big pass(struct big b, int i)
{
	b.a[i] += 7;
	b.d *= 1.5;
	return b;
}

static int sum(int n, ...)
{
	va_list v;
	int s = 0;
	va_start(v, n);
	while (n--)
		s += va_arg(v, int);
	va_end(v);
	return s;
}

__attribute__((noinline)) static int pick(int x)
{
	switch (x) {
	case 0: return 11;
	case 1: return x * 3;
	case 2: return sum(3, x, x, x);
	case 3: return (int)strlen("three");
	case 4: return -x;
	case 5: return 1 << x;
	case 6: return x ^ 99;
	default: return x;
	}
}

static int order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int computed(const unsigned char *code)
{
	static const void *const labels[] = {&&add, &&twice, &&negate, &&stop};
	int acc = 1;
	goto *labels[*code++];
add:
	acc += 5;
	goto *labels[*code++];
twice:
	acc *= 2;
	goto *labels[*code++];
negate:
	acc = -acc;
	goto *labels[*code++];
stop:
	return acc;
}

__attribute__((noinline)) static unsigned count(void)
{
	static unsigned n;
	return n++;
}

/* The label is in the register that its index was in. */
__attribute__((noinline)) static int label_kept(void)
{
	static void *const labels[] = {&&one, &&two, &&three, &&four};
	unsigned i = count() & 3;
	void *to = labels[i];
	goto *to;
one:
	return to == &&one;
two:
	return 2 * (to == &&two);
three:
	return 4 * (to == &&three);
four:
	return 8 * (to == &&four);
}

static void jump(int n)
{
	char room[100];
	memset(room, n, sizeof room);
	if (n == 0)
		longjmp(env, room[3] + 21);
	jump(n - 1);
}

__attribute__((noinline)) static int variable(int n)
{
	int a[n];
	char *p = __builtin_alloca((size_t)n * 3);
	for (int i = 0; i < n; i++)
		a[i] = i * i, p[i] = (char)i;
	int s = 0;
	for (int i = 0; i < n; i++)
		s += a[i] + p[i];
	return s;
}

__attribute__((noinline)) static double aligned(double x)
{
	_Alignas(64) double v[8];
	for (int i = 0; i < 8; i++)
		v[i] = x + i;
	return (uintptr_t)v % 64 ? -1 : v[7] * v[1];
}

/* Every case starts with the same comparison: gcc makes it once, before the switch's jump (-fcrossjumping). */
__attribute__((noinline)) static unsigned same_start(int kind, unsigned i, unsigned n, const unsigned char *p)
{
	unsigned sum = 0;
	switch (kind) {
	case 0: for (; i < n; i++) sum += p[i]; break;
	case 1: for (; i < n; i++) sum ^= p[i] * 3; break;
	case 2: for (; i < n; i++) sum = sum * 31 + p[i]; break;
	case 3: for (; i < n; i++) sum |= p[i] << 4; break;
	case 4: for (; i < n; i++) sum -= p[i] >> 1; break;
	case 5: for (; i < n; i++) sum = sum << 1 ^ p[i]; break;
	case 6: for (; i < n; i++) sum += p[i] & 0x3f; break;
	default: return 77;
	}
	return sum;
}

/* `lock bts` and its like */
#define BIT(name, type, op, cast) \
	static __attribute__((noinline)) int name(type *p, unsigned n) { type bit = (type)1 << n; return (op(p, cast bit, __ATOMIC_SEQ_CST) & bit) != 0; }
BIT(bit_set, uint32_t, __atomic_fetch_or, )
BIT(bit_clear, uint64_t, __atomic_fetch_and, ~)
BIT(bit_change, uint64_t, __atomic_fetch_xor, )
static uint64_t bit_words[4];
static uint32_t *volatile bit_there;
static __attribute__((noinline)) int bit_elsewhere(unsigned n, long k)
{
	uint32_t local[4] = {1, 2, 3, 4}, small = 1u << n % 32;
	uint64_t bit = 1ull << n;
	int all = (__atomic_fetch_or(&bit_words[k], bit, __ATOMIC_RELAXED) & bit) != 0;
	all = 2 * all + ((__atomic_fetch_xor(&bit_words[1], bit, __ATOMIC_RELAXED) & bit) != 0);
	bit_there = local;
	all = 2 * all + ((__atomic_fetch_or(&local[1], small, __ATOMIC_RELAXED) & small) != 0);
	all = 2 * all + ((__atomic_fetch_and(bit_there + 2, ~small, __ATOMIC_RELAXED) & small) != 0);
	return (int)(local[1] + local[2] * 16) + all;
}

int main(void)
{
	struct big b = {.d = 2};
	int numbers[50];
	for (int i = 0; i < 40; i++)
		b.a[i] = i;
	b = pass(b, 5);
	printf("%d %.3f\n", b.a[5], b.d);
	for (int i = -1; i < 8; i++)
		printf("%d ", pick(i));
	printf("\n%d\n", computed((const unsigned char *)"\0\1\2\0\3"));
	printf("%d\n", label_kept() | label_kept() | label_kept() | label_kept());
	for (int i = 0; i < 50; i++)
		numbers[i] = (i * 7919) % 101;
	qsort(numbers, 50, sizeof *numbers, order);
	for (int i = 0; i < 50; i += 7)
		printf("%d ", numbers[i]);
	volatile int caught = setjmp(env);
	if (!caught)
		jump(20);
	printf("\n%d %d %d\n", caught, counter++, counter);
	thread_array[counter % 6] = 'X';
	printf("%s %d %.2f\n", thread_array, variable(33), aligned(2.5));
	long double l = 1.0L / 3;
	printf("%.15Lf %a %g\n", l, sin(1.25), pow(2, 0.5));
	uint64_t h = 88172645463325252ull;
	for (int i = 0; i < 1000; i++)
		h ^= h << 13, h ^= h >> 7, h ^= h << 17;
	printf("%llx %d %d %d\n", (unsigned long long)h, __builtin_popcountll(h), __builtin_clzll(h), __builtin_ctzll(h));
	char *text = malloc(100000), *copy = malloc(100000);
	for (int i = 0; i < 100000; i++)
		text[i] = (char)('a' + i % 26);
	for (int n = 0; n < 300; n++) {
		memcpy(copy, text + n, (size_t)n);
		memmove(text + 5, text + 3, (size_t)n);
		memmove(text + 2, text + 6, (size_t)n);
		memset(copy + n, n, (size_t)(300 - n));
	}
	memmove(text + 1000, text, 90000);
	memmove(text, text + 777, 90000);
	uint32_t crc = 0;
	for (int i = 0; i < 100000; i++)
		crc = crc * 31 + (uint8_t)text[i];
	for (int i = 0; i < 300; i++)
		crc = crc * 31 + (uint8_t)copy[i];
	printf("%x\n", crc);
	for (int i = -1; i < 8; i++)
		printf("%u ", same_start(i, 2, 11, (const unsigned char *)"a service"));
	uint32_t few = 5;
	for (unsigned n = 0; n < 64; n++)
		printf("%d%d%d%d%x ", bit_set(&few, n * 3 % 32), bit_clear(&bit_words[2], n), bit_change(&bit_words[3], n * 5 % 64),
		       bit_change(&bit_words[2], n / 2), bit_elsewhere(n, n % 4));
	printf("%x %llx %llx\n", few, (unsigned long long)bit_words[0], (unsigned long long)bit_words[3]);
	int (*volatile f)(int) = pick;
	printf("%d %s\n", f(5), strerror(2));
	return 0;
}
