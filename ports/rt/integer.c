/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The integer functions gcc calls where x86-64 has no instruction: 128-bit division, shifts, multiplication with an
 * overflow check, and bit counts. Names and meanings are libgcc's. Untrusted: it runs inside the program.
 */
typedef int i32;
typedef long i64;
typedef unsigned long u64;
typedef __int128 i128;
typedef unsigned __int128 u128;

u128 __udivmodti4(u128 a, u128 b, u128 *rest);
u128 __udivti3(u128 a, u128 b);
u128 __umodti3(u128 a, u128 b);
i128 __divmodti4(i128 a, i128 b, i128 *rest);
i128 __divti3(i128 a, i128 b);
i128 __modti3(i128 a, i128 b);
i128 __multi3(i128 a, i128 b);
i128 __ashlti3(i128 a, i32 n);
i128 __ashrti3(i128 a, i32 n);
u128 __lshrti3(u128 a, i32 n);
i128 __negti2(i128 a);
i128 __mulvti3(i128 a, i128 b);
i64 __mulvdi3(i64 a, i64 b);
i32 __mulvsi3(i32 a, i32 b);
i64 __addvdi3(i64 a, i64 b);
i32 __addvsi3(i32 a, i32 b);
i128 __addvti3(i128 a, i128 b);
i64 __subvdi3(i64 a, i64 b);
i32 __subvsi3(i32 a, i32 b);
i128 __subvti3(i128 a, i128 b);
i64 __negvdi2(i64 a);
i32 __negvsi2(i32 a);
i128 __negvti2(i128 a);
i64 __absvdi2(i64 a);
i32 __absvsi2(i32 a);
i128 __absvti2(i128 a);
i128 __muloti4(i128 a, i128 b, i32 *overflow);
i32 __popcountdi2(u64 a);
i32 __popcountti2(u128 a);
i32 __clzdi2(u64 a);
i32 __clzti2(u128 a);
i32 __ctzdi2(u64 a);
i32 __ctzti2(u128 a);
i32 __ffsdi2(u64 a);
i32 __ffsti2(u128 a);
i32 __paritydi2(u64 a);
i32 __parityti2(u128 a);
i32 __clrsbdi2(i64 a);
i32 __clrsbti2(i128 a);
i32 __cmpti2(i128 a, i128 b);
i32 __ucmpti2(u128 a, u128 b);
unsigned __bswapsi2(unsigned a);
u64 __bswapdi2(u64 a);

/* high:low / b, when the quotient fits (high < b). */
static inline u64 divide_narrow(u64 high, u64 low, u64 b, u64 *rest)
{
	u64 quotient;

	__asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(b) : "cc");
	return quotient;
}

static inline i32 zeros_before(u64 a)
{
	u64 at;

	__asm__("bsrq %1, %0" : "=r"(at) : "r"(a) : "cc");
	return 63 - (i32)at;
}

u128 __udivmodti4(u128 a, u128 b, u128 *rest)
{
	u64 high = a >> 64, low = a, divisor_high = b >> 64, divisor = b, left;

	if (!divisor_high) {
		u64 quotient_high = 0;
		if (high >= divisor) {          /* a division by zero faults here, as the instruction does */
			quotient_high = high / divisor;
			high = high % divisor;
		}
		u64 quotient = divide_narrow(high, low, divisor, &left);
		if (rest)
			*rest = left;
		return (u128)quotient_high << 64 | quotient;
	}
	if (a < b) {
		if (rest)
			*rest = a;
		return 0;
	}
	/* Knuth's D with one digit: divide by the top 64 bits of the divisor; the estimate is at most one too large. */
	i32 shift = zeros_before(divisor_high);
	u64 top = (u64)(b << shift >> 64);
	u64 quotient = divide_narrow(high >> 1, (u64)(a >> 1), top, &left);
	quotient >>= 63 - shift;
	if (quotient)
		quotient--;
	u128 remains = a - b * quotient;
	if (remains >= b) {
		remains -= b;
		quotient++;
	}
	if (rest)
		*rest = remains;
	return quotient;
}

u128 __udivti3(u128 a, u128 b)
{
	return __udivmodti4(a, b, 0);
}

u128 __umodti3(u128 a, u128 b)
{
	u128 rest;

	__udivmodti4(a, b, &rest);
	return rest;
}

static inline u128 magnitude(i128 a)
{
	return a < 0 ? -(u128)a : (u128)a;
}

i128 __divmodti4(i128 a, i128 b, i128 *rest)
{
	u128 left, quotient = __udivmodti4(magnitude(a), magnitude(b), &left);

	*rest = (i128)(a < 0 ? -left : left);
	return (i128)((a < 0) != (b < 0) ? -quotient : quotient);
}

i128 __divti3(i128 a, i128 b)
{
	i128 rest;

	return __divmodti4(a, b, &rest);
}

i128 __modti3(i128 a, i128 b)
{
	i128 rest;

	__divmodti4(a, b, &rest);
	return rest;
}

i128 __multi3(i128 a, i128 b) { return (i128)((u128)a * (u128)b); }
i128 __ashlti3(i128 a, i32 n) { return (i128)((u128)a << n); }
i128 __ashrti3(i128 a, i32 n) { return a >> n; }
u128 __lshrti3(u128 a, i32 n) { return a >> n; }
i128 __negti2(i128 a) { return (i128)-(u128)a; }

/* -ftrapv: these end the program on overflow. */
#define TRAPPING(name, type, how) \
	type name(type a, type b) { type r; if (how(a, b, &r)) __builtin_trap(); return r; }
TRAPPING(__addvsi3, i32, __builtin_add_overflow)
TRAPPING(__addvdi3, i64, __builtin_add_overflow)
TRAPPING(__addvti3, i128, __builtin_add_overflow)
TRAPPING(__subvsi3, i32, __builtin_sub_overflow)
TRAPPING(__subvdi3, i64, __builtin_sub_overflow)
TRAPPING(__subvti3, i128, __builtin_sub_overflow)
TRAPPING(__mulvsi3, i32, __builtin_mul_overflow)
TRAPPING(__mulvdi3, i64, __builtin_mul_overflow)
i32 __negvsi2(i32 a) { return __subvsi3(0, a); }
i64 __negvdi2(i64 a) { return __subvdi3(0, a); }
i128 __negvti2(i128 a) { return __subvti3(0, a); }
i32 __absvsi2(i32 a) { return a < 0 ? __negvsi2(a) : a; }
i64 __absvdi2(i64 a) { return a < 0 ? __negvdi2(a) : a; }
i128 __absvti2(i128 a) { return a < 0 ? __negvti2(a) : a; }

i128 __muloti4(i128 a, i128 b, i32 *overflow)
{
	u128 x = magnitude(a), y = magnitude(b), product = x * y;
	int negative = (a < 0) != (b < 0);

	*overflow = (x && product / x != y) || product > (((u128)1 << 127) - !negative);
	return (i128)(negative ? -product : product);
}

i128 __mulvti3(i128 a, i128 b)
{
	i32 overflow;
	i128 product = __muloti4(a, b, &overflow);

	if (overflow)
		__builtin_trap();
	return product;
}

i32 __popcountdi2(u64 a)
{
	a -= a >> 1 & 0x5555555555555555;
	a = (a & 0x3333333333333333) + (a >> 2 & 0x3333333333333333);
	a = (a + (a >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (i32)(a * 0x0101010101010101 >> 56);
}

i32 __popcountti2(u128 a) { return __popcountdi2(a >> 64) + __popcountdi2((u64)a); }
i32 __clzdi2(u64 a) { return zeros_before(a); }
i32 __clzti2(u128 a) { return a >> 64 ? zeros_before(a >> 64) : 64 + zeros_before((u64)a); }
i32 __ctzdi2(u64 a) { return 63 - zeros_before(a & -a); }
i32 __ctzti2(u128 a) { return (u64)a ? __ctzdi2((u64)a) : 64 + __ctzdi2(a >> 64); }
i32 __ffsdi2(u64 a) { return a ? __ctzdi2(a) + 1 : 0; }
i32 __ffsti2(u128 a) { return a ? __ctzti2(a) + 1 : 0; }
i32 __paritydi2(u64 a) { return __popcountdi2(a) & 1; }
i32 __parityti2(u128 a) { return __popcountti2(a) & 1; }
i32 __clrsbdi2(i64 a) { u64 x = (u64)(a ^ (a >> 63)); return x ? zeros_before(x) - 1 : 63; }
i32 __clrsbti2(i128 a) { u128 x = (u128)(a ^ (a >> 127)); return x ? __clzti2(x) - 1 : 127; }
i32 __cmpti2(i128 a, i128 b) { return (a > b) - (a < b) + 1; }
i32 __ucmpti2(u128 a, u128 b) { return (a > b) - (a < b) + 1; }

unsigned __bswapsi2(unsigned a)
{
	return a >> 24 | (a >> 8 & 0xff00) | (a & 0xff00) << 8 | a << 24;
}

u64 __bswapdi2(u64 a)
{
	return (u64)__bswapsi2((unsigned)a) << 32 | __bswapsi2((unsigned)(a >> 32));
}
