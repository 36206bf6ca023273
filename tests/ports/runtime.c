/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Calls the functions a compiler's runtime library must have, on edge values and random ones, and prints every result:
 * runtime.t compares what libcarrel-rt and libgcc give.
 */
#include <complex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef __int128 i128;
typedef unsigned __int128 u128;

extern float __powisf2(float, int);
extern double __powidf2(double, int);
extern long double __powixf2(long double, int);
extern i128 __mulvti3(i128, i128);
extern int __popcountdi2(unsigned long), __clzti2(u128), __ctzti2(u128), __ffsti2(u128), __parityti2(u128), __popcountti2(u128);
extern int __clrsbti2(i128), __ffsdi2(unsigned long), __paritydi2(unsigned long), __clrsbdi2(long), __clzdi2(unsigned long);
extern int __ctzdi2(unsigned long);

static uint64_t seed = 20220711;

static uint64_t random64(void)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

/* Numbers of every length, with runs of ones and zeros. */
static u128 number(void)
{
	u128 n = (u128)random64() << 64 | random64();
	unsigned how = random64() % 8;

	if (how < 5)
		n >>= random64() % 128;
	if (how == 1 || how == 6)
		n = -n;
	if (how == 2)
		n |= ((u128)1 << random64() % 128) - 1;
	if (how == 3)
		n = ((u128)1 << random64() % 128) + random64() % 3 - 1;
	return n;
}

static void show(const char *what, const void *value, size_t size)
{
	const unsigned char *bytes = value;

	printf("%s ", what);
	while (size)
		printf("%02x", bytes[--size]);
	putchar('\n');
}
#define SHOW(what, size) ({ __typeof__(what) value_ = (what); show(#what, (const void *)&value_, size); })

/* Neither overflow nor underflow comes of it, where libgcc divides in double and we in long double. */
static int moderate(double a)
{
	a = a < 0 ? -a : a;
	return a == 0 || (a > 1e-100 && a < 1e100);
}

int main(void)
{
	static const double edges[] = {0.0, -0.0, 1, -1, 0.5, 1e300, -1e300, 1e-300, 3e38, 1e-45, __builtin_inf(), -__builtin_inf(),
				       __builtin_nan("")};
	static const int edge_count = sizeof edges / sizeof *edges;

	for (int n = 0; n < 20000; n++) {
		volatile u128 a = number(), b = number(), rest;
		volatile i128 x = (i128)a, y = (i128)b;
		int bits = random64() % 128, overflow = __builtin_mul_overflow((i128)x, (i128)y, (i128 *)&rest);
		if (!b)
			continue;
		SHOW(a / b, 16), SHOW(a % b, 16), SHOW(x / y, 16), SHOW(x % y, 16);
		SHOW(a * b, 16), SHOW(a << bits, 16), SHOW(x >> bits, 16), SHOW(a >> bits, 16);
		SHOW(overflow, 4), SHOW(rest, 16);
		SHOW((float)a, 4), SHOW((double)a, 8), SHOW((long double)a, 10);
		SHOW((float)x, 4), SHOW((double)x, 8), SHOW((long double)x, 10);
		if (a)
			SHOW(__clzti2(a), 4), SHOW(__ctzti2(a), 4);
		SHOW(__ffsti2(a), 4), SHOW(__parityti2(a), 4), SHOW(__popcountti2(a), 4), SHOW(__clrsbti2(x), 4);
		unsigned long low = (unsigned long)a | 1;
		SHOW(__popcountdi2(low), 4), SHOW(__clzdi2(low), 4), SHOW(__ctzdi2(low), 4), SHOW(__ffsdi2(low), 4);
		SHOW(__paritydi2(low), 4), SHOW(__clrsbdi2((long)low), 4);
		volatile double d = (double)(x >> 1);
		volatile float f = (float)(x >> 2);
		volatile long double l = (long double)(x >> 1);
		if (d < 0x1p126 && d > -0x1p126)
			SHOW((i128)d, 16), SHOW((i128)f, 16), SHOW((i128)l, 16);
		d = d < 0 ? -d : d, f = f < 0 ? -f : f, l = l < 0 ? -l : l;
		if (d < 0x1p126)
			SHOW((u128)d, 16), SHOW((u128)f, 16), SHOW((u128)l, 16);
		volatile double small = (double)(int64_t)random64() / 0x1p62;
		SHOW((i128)small, 16);
	}
	for (int n = -40; n < 40; n++) {
		SHOW(__powidf2(1.0625, n), 8), SHOW(__powisf2(1.5f, n), 4), SHOW(__powixf2(0.875L, n), 10);
		SHOW(__powidf2(-3.0, n), 8);
	}
	/* Complex numbers: the value where it is finite, its kind where not. The last bits of a quotient may differ. */
	for (int i = 0; i < edge_count * edge_count * edge_count * edge_count; i++) {
		volatile double a = edges[i % edge_count], b = edges[i / edge_count % edge_count],
				c = edges[i / edge_count / edge_count % edge_count], d = edges[i / edge_count / edge_count / edge_count];
		double complex p = CMPLX(a, b), q = CMPLX(c, d), product = p * q, quotient = p / q;
		float complex fp = CMPLXF((float)a, (float)b), fq = CMPLXF((float)c, (float)d), fproduct = fp * fq;
		long double complex lp = CMPLXL(a, b), lq = CMPLXL(c, d), lproduct = lp * lq;
		printf("%d: %.14g %.14g  %.6g %.6g  %.16Lg %.16Lg", i, creal(product), cimag(product), crealf(fproduct),
		       cimagf(fproduct), creall(lproduct), cimagl(lproduct));
		if (moderate(a) && moderate(b) && moderate(c) && moderate(d) && c != 0 && d != 0)
			printf("  %.13g %.13g", creal(quotient), cimag(quotient));
		putchar('\n');
	}
	for (int i = 0; i < 3000; i++) {
		volatile double v[4];
		for (int k = 0; k < 4; k++)
			v[k] = (double)(int64_t)random64() / (double)(1ll << random64() % 62);
		double complex q = CMPLX(v[0], v[1]) / CMPLX(v[2], v[3]);
		float complex f = CMPLXF((float)v[0], (float)v[1]) / CMPLXF((float)v[2], (float)v[3]);
		long double complex l = CMPLXL(v[0], v[1]) / CMPLXL(v[2], v[3]);
		printf("%.12g %.12g %.5g %.5g %.13Lg %.13Lg\n", creal(q), cimag(q), crealf(f), cimagf(f), creall(l), cimagl(l));
	}
	return 0;
}
