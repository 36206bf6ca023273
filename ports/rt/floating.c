/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The floating-point functions gcc calls: 128-bit integers to and from float, double and long double; complex
 * multiplication and division; integer powers. Names and meanings are libgcc's. Untrusted: it runs inside the program.
 */
typedef int i32;
typedef unsigned u32;
typedef unsigned long u64;
typedef __int128 i128;
typedef unsigned __int128 u128;
#define xf long double           /* a typedef cannot be _Complex */

/* ---- 128-bit integers from floating point; out of range gives what libgcc's does not promise either ---- */
#define FROM_FLOATING(suffix, type) \
	u128 __fixuns##suffix##ti(type a); \
	i128 __fix##suffix##ti(type a); \
	u128 __fixuns##suffix##ti(type a) \
	{ \
		if (!(a >= 1)) \
			return 0; \
		if (a < (type)0x1p64) \
			return (u64)a; \
		u64 high = (u64)(a * (type)0x1p-64); \
		return (u128)high << 64 | (u64)(a - (type)high * (type)0x1p64); \
	} \
	i128 __fix##suffix##ti(type a) \
	{ \
		return a < 0 ? -(i128)__fixuns##suffix##ti(-a) : (i128)__fixuns##suffix##ti(a); \
	}
FROM_FLOATING(sf, float)
FROM_FLOATING(df, double)
FROM_FLOATING(xf, xf)

/* ---- and to it, rounded to nearest, ties to even ---- */
static i32 zeros_before(u128 a)
{
	u64 part = a >> 64 ? a >> 64 : (u64)a, at;

	__asm__("bsrq %1, %0" : "=r"(at) : "r"(part) : "cc");
	return (a >> 64 ? 0 : 64) + 63 - (i32)at;
}

/* The top `bits` bits of a, rounded, and the power of two they count in; a is not zero. */
static u64 rounded(u128 a, i32 bits, i32 *exponent)
{
	i32 shift = 128 - zeros_before(a) - bits;

	if (shift <= 0) {
		*exponent = 0;
		return (u64)a;
	}
	u128 half = (u128)1 << (shift - 1), low = a & ((half << 1) - 1);
	u64 top = (u64)(a >> shift);
	if (low > half || (low == half && (top & 1))) {
		top++;
		if (bits < 64 ? top >> bits : !top) {
			top = (u64)1 << (bits - 1);
			shift++;
		}
	}
	*exponent = shift;
	return top;
}

float __floatuntisf(u128 a);
float __floattisf(i128 a);
double __floatuntidf(u128 a);
double __floattidf(i128 a);
xf __floatuntixf(u128 a);
xf __floattixf(i128 a);

float __floatuntisf(u128 a)
{
	i32 exponent;

	if (!a)
		return 0;
	float top = (float)rounded(a, 24, &exponent);
	union { u32 bits; float value; } power = {.bits = (u32)(exponent + 127) << 23};
	return top * power.value;
}

double __floatuntidf(u128 a)
{
	i32 exponent;

	if (!a)
		return 0;
	double top = (double)rounded(a, 53, &exponent);
	union { u64 bits; double value; } power = {.bits = (u64)(exponent + 1023) << 52};
	return top * power.value;
}

xf __floatuntixf(u128 a)
{
	return (xf)(u64)(a >> 64) * 0x1p64L + (xf)(u64)a;
}

static u128 magnitude(i128 a)
{
	return a < 0 ? -(u128)a : (u128)a;
}

float __floattisf(i128 a) { float r = __floatuntisf(magnitude(a)); return a < 0 ? -r : r; }
double __floattidf(i128 a) { double r = __floatuntidf(magnitude(a)); return a < 0 ? -r : r; }
xf __floattixf(i128 a) { xf r = __floatuntixf(magnitude(a)); return a < 0 ? -r : r; }

/* ---- complex numbers: C11's annex G ---- */
#define IS_NAN(x) ((x) != (x))
#define IS_INFINITE(x) (!IS_NAN(x) && IS_NAN((x) - (x)))
#define IS_FINITE(x) (!IS_NAN((x) - (x)))

#define COMPLEX_MULTIPLY(mul, type, copysign) \
	_Complex type mul(type a, type b, type c, type d); \
	_Complex type mul(type a, type b, type c, type d) \
	{ \
		type ac = a * c, bd = b * d, ad = a * d, bc = b * c, x = ac - bd, y = ad + bc; \
		_Complex type result; \
		if (IS_NAN(x) && IS_NAN(y)) { \
			int again = 0; \
			if (IS_INFINITE(a) || IS_INFINITE(b)) { \
				a = copysign(IS_INFINITE(a) ? 1 : 0, a), b = copysign(IS_INFINITE(b) ? 1 : 0, b); \
				c = IS_NAN(c) ? copysign(0, c) : c, d = IS_NAN(d) ? copysign(0, d) : d; \
				again = 1; \
			} \
			if (IS_INFINITE(c) || IS_INFINITE(d)) { \
				c = copysign(IS_INFINITE(c) ? 1 : 0, c), d = copysign(IS_INFINITE(d) ? 1 : 0, d); \
				a = IS_NAN(a) ? copysign(0, a) : a, b = IS_NAN(b) ? copysign(0, b) : b; \
				again = 1; \
			} \
			if (!again && (IS_INFINITE(ac) || IS_INFINITE(bd) || IS_INFINITE(ad) || IS_INFINITE(bc))) { \
				a = IS_NAN(a) ? copysign(0, a) : a, b = IS_NAN(b) ? copysign(0, b) : b; \
				c = IS_NAN(c) ? copysign(0, c) : c, d = IS_NAN(d) ? copysign(0, d) : d; \
				again = 1; \
			} \
			if (again) \
				x = (type)__builtin_inf() * (a * c - b * d), y = (type)__builtin_inf() * (a * d + b * c); \
		} \
		__real__ result = x, __imag__ result = y; \
		return result; \
	}

#define COMPLEX_DIVIDE(div, type, wide, copysign) \
	_Complex type div(type p, type q, type r, type s); \
	_Complex type div(type p, type q, type r, type s) \
	{ \
		wide a = p, b = q, c = r, d = s, x, y, ratio, denominator; \
		_Complex type result; \
		if ((c < 0 ? -c : c) < (d < 0 ? -d : d)) { \
			ratio = c / d, denominator = c * ratio + d; \
			x = (a * ratio + b) / denominator, y = (b * ratio - a) / denominator; \
		} else { \
			ratio = d / c, denominator = d * ratio + c; \
			x = (b * ratio + a) / denominator, y = (b - a * ratio) / denominator; \
		} \
		if (IS_NAN(x) && IS_NAN(y)) { \
			if (c == 0 && d == 0 && (!IS_NAN(a) || !IS_NAN(b))) { \
				x = copysign((wide)__builtin_inf(), c) * a, y = copysign((wide)__builtin_inf(), c) * b; \
			} else if ((IS_INFINITE(a) || IS_INFINITE(b)) && IS_FINITE(c) && IS_FINITE(d)) { \
				a = copysign(IS_INFINITE(a) ? 1 : 0, a), b = copysign(IS_INFINITE(b) ? 1 : 0, b); \
				x = (wide)__builtin_inf() * (a * c + b * d), y = (wide)__builtin_inf() * (b * c - a * d); \
			} else if ((IS_INFINITE(c) || IS_INFINITE(d)) && IS_FINITE(a) && IS_FINITE(b)) { \
				c = copysign(IS_INFINITE(c) ? 1 : 0, c), d = copysign(IS_INFINITE(d) ? 1 : 0, d); \
				x = 0 * (a * c + b * d), y = 0 * (b * c - a * d); \
			} \
		} \
		__real__ result = (type)x, __imag__ result = (type)y; \
		return result; \
	}

COMPLEX_MULTIPLY(__mulsc3, float, __builtin_copysignf)
COMPLEX_MULTIPLY(__muldc3, double, __builtin_copysign)
COMPLEX_MULTIPLY(__mulxc3, xf, __builtin_copysignl)
/* In a wider type than the operands', where neither overflow nor underflow in between can happen. */
COMPLEX_DIVIDE(__divsc3, float, double, __builtin_copysign)
COMPLEX_DIVIDE(__divdc3, double, xf, __builtin_copysignl)
COMPLEX_DIVIDE(__divxc3, xf, xf, __builtin_copysignl)

/* ---- x to the n ---- */
#define POWER(name, type) \
	type name(type x, i32 n); \
	type name(type x, i32 n) \
	{ \
		u32 m = n < 0 ? -(u32)n : (u32)n; \
		type y = m & 1 ? x : 1; \
		while (m >>= 1) { \
			x *= x; \
			if (m & 1) \
				y *= x; \
		} \
		return n < 0 ? 1 / y : y; \
	}
POWER(__powisf2, float)
POWER(__powidf2, double)
POWER(__powixf2, xf)
