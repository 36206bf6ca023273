/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * F and D on the host's SSE unit. What differs from it is done here: NaN boxing, canonical NaNs, ties away from zero, minimum
 * and maximum, conversions to integers. Every host operation is a volatile asm, so that the compiler keeps it between the
 * changes of MXCSR.
 */
#include <math.h>
#include <string.h>
#include "emulator/execute.h"
#include "emulator/fault.h"
#include "emulator/float.h"

#define HOST2(insn, a, b) __asm__ volatile(insn " %1, %0" : "+x"(a) : "x"(b))
#define HOST1(insn, a) __asm__ volatile(insn " %0, %0" : "+x"(a))

static float single(uint64_t raw)
{
	uint32_t low = raw >> 32 == 0xffffffff ? (uint32_t)raw : NAN_SINGLE;
	float value;
	memcpy(&value, &low, 4);
	return value;
}
static double double_of(uint64_t raw)
{
	double value;
	memcpy(&value, &raw, 8);
	return value;
}
static uint32_t bits_s(float value)
{
	uint32_t raw;
	memcpy(&raw, &value, 4);
	return raw;
}
static uint64_t bits_d(double value)
{
	uint64_t raw;
	memcpy(&raw, &value, 8);
	return raw;
}
static bool is_nan_s(uint32_t raw)
{
	return (raw & 0x7fffffff) > 0x7f800000;
}
static bool is_nan_d(uint64_t raw)
{
	return (raw & 0x7fffffffffffffffull) > 0x7ff0000000000000ull;
}
static bool is_signaling_s(uint32_t raw)
{
	return is_nan_s(raw) && !(raw & 0x400000);
}
static bool is_signaling_d(uint64_t raw)
{
	return is_nan_d(raw) && !(raw & 0x8000000000000ull);
}
static uint64_t result_s(float value)
{
	uint32_t raw = bits_s(value);
	return BOX | (is_nan_s(raw) ? NAN_SINGLE : raw);
}
static uint64_t result_d(double value)
{
	uint64_t raw = bits_d(value);
	return is_nan_d(raw) ? NAN_DOUBLE : raw;
}

/* The operations that round. w: the same in a wider format, where an exact result shows a tie. */
enum action { ADD_, SUB_, MUL_, DIV_, SQRT_, FMA_, FROM_LONG, FROM_ULONG, NARROW };
struct operands {
	enum action action;
	bool wide; /* double */
	float s[3];
	double d[3];
	uint64_t integer;
};

static double compute_d(const struct operands *o)
{
	double a = o->d[0];
	switch (o->action) {
	case ADD_:
		HOST2("addsd", a, o->d[1]);
		break;
	case SUB_:
		HOST2("subsd", a, o->d[1]);
		break;
	case MUL_:
		HOST2("mulsd", a, o->d[1]);
		break;
	case DIV_:
		HOST2("divsd", a, o->d[1]);
		break;
	case SQRT_:
		HOST1("sqrtsd", a);
		break;
	case FMA_:
		if (__builtin_cpu_supports("fma"))
			__asm__ volatile("vfmadd213sd %2, %1, %0" : "+x"(a) : "x"(o->d[1]), "x"(o->d[2]));
		else
			a = fma(a, o->d[1], o->d[2]);
		break;
	case FROM_LONG:
		__asm__ volatile("cvtsi2sdq %1, %0" : "=x"(a) : "r"(o->integer));
		break;
	default: { /* halve, keeping what is lost as a sticky bit; doubling is exact */
		uint64_t half = o->integer >> 63 ? o->integer >> 1 | (o->integer & 1) : o->integer;
		__asm__ volatile("cvtsi2sdq %1, %0" : "=x"(a) : "r"(half));
		if (o->integer >> 63)
			HOST2("addsd", a, a);
	}
	}
	return a;
}

static float compute_s(const struct operands *o)
{
	float a = o->s[0];
	switch (o->action) {
	case ADD_:
		HOST2("addss", a, o->s[1]);
		break;
	case SUB_:
		HOST2("subss", a, o->s[1]);
		break;
	case MUL_:
		HOST2("mulss", a, o->s[1]);
		break;
	case DIV_:
		HOST2("divss", a, o->s[1]);
		break;
	case SQRT_:
		HOST1("sqrtss", a);
		break;
	case FMA_:
		if (__builtin_cpu_supports("fma"))
			__asm__ volatile("vfmadd213ss %2, %1, %0" : "+x"(a) : "x"(o->s[1]), "x"(o->s[2]));
		else
			a = fmaf(a, o->s[1], o->s[2]);
		break;
	case FROM_LONG:
		__asm__ volatile("cvtsi2ssq %1, %0" : "=x"(a) : "r"(o->integer));
		break;
	case NARROW:
		__asm__ volatile("cvtsd2ss %1, %0" : "=x"(a) : "x"(o->d[0]));
		break;
	default: {
		uint64_t half = o->integer >> 63 ? o->integer >> 1 | (o->integer & 1) : o->integer;
		__asm__ volatile("cvtsi2ssq %1, %0" : "=x"(a) : "r"(half));
		if (o->integer >> 63)
			HOST2("addss", a, a);
	}
	}
	return a;
}

/* The result in 113 bits, and whether that is exact: what a tie is decided by. */
static __float128 compute_wide(const struct operands *o, bool *exact)
{
	__float128 v[3], q;
	for (int n = 0; n < 3; n++)
		v[n] = o->wide || o->action == NARROW ? (__float128)o->d[n] : (__float128)o->s[n];
	_mm_setcsr(0x1f80);
	switch (o->action) {
	case ADD_:
		q = v[0] + v[1];
		break;
	case SUB_:
		q = v[0] - v[1];
		break;
	case MUL_:
		q = v[0] * v[1];
		break;
	case DIV_:
		q = v[0] / v[1];
		break;
	case FMA_:
		q = v[0] * v[1] + v[2]; /* the product of two 53-bit mantissas is exact */
		break;
	case FROM_LONG:
		q = (__float128)(int64_t)o->integer;
		break;
	case FROM_ULONG:
		q = (__float128)o->integer;
		break;
	default:
		q = v[0];
	}
	__asm__ volatile("" : "+m"(q));
	*exact = !(_mm_getcsr() & 0x21);
	return q;
}

/* Nearest, ties away from zero: as nearest-even but in a tie, which is an exact result midway between its two neighbours. */
static double away(const struct operands *o)
{
	double nearest = o->wide ? compute_d(o) : (double)compute_s(o), down, up;
	unsigned saved = _mm_getcsr();
	if (!(saved & 0x20) || o->action == SQRT_) /* nothing was ever rounded; a root is never a tie */
		return nearest;
	_mm_setcsr(0x1f80 | 1 << 13);
	down = o->wide ? compute_d(o) : (double)compute_s(o);
	_mm_setcsr(0x1f80 | 2 << 13);
	up = o->wide ? compute_d(o) : (double)compute_s(o);
	bool exact, tie = false;
	__float128 q = compute_wide(o, &exact);
	if (exact && down != up && !__builtin_isinf(down) && !__builtin_isinf(up))
		tie = q - (__float128)down == (__float128)up - q;
	__asm__ volatile("" ::: "memory");
	_mm_setcsr(saved);
	return !tie ? nearest : q < 0 ? down : up;
}

static unsigned effective(struct cpu *cpu, const struct operation *op)
{
	unsigned mode = op->immediate & 7;
	if (mode == ROUND_DYNAMIC) {
		mode = cpu->rounding;
		if (mode > ROUND_AWAY)
			fault_signal(cpu, op, SIGILL, ILL_ILLOPC, FAULT_HERE,
				     "floating-point instruction with a reserved rounding mode");
	}
	return mode;
}

static void finish(struct cpu *cpu, const struct operation *op, struct operands *o)
{
	unsigned mode = effective(cpu, op);
	bool change = mode != cpu->rounding && (op->immediate & 7) != ROUND_DYNAMIC;
	if (change)
		float_rounding_set(mode);
	if (o->wide)
		cpu->f[op->rd] = result_d(mode == ROUND_AWAY ? away(o) : compute_d(o));
	else
		cpu->f[op->rd] = result_s(mode == ROUND_AWAY ? (float)away(o) : compute_s(o));
	if (change)
		float_rounding_set(cpu->rounding);
}

#define F(r) cpu->f[op->r]
#define TWO(name, action)                                                                                              \
	EXECUTE(name##_S)                                                                                              \
	{                                                                                                              \
		struct operands o = {action, false, {single(F(rs1)), single(F(rs2))}, {0}, 0};                         \
		finish(cpu, op, &o);                                                                                   \
	}                                                                                                              \
	EXECUTE(name##_D)                                                                                              \
	{                                                                                                              \
		struct operands o = {action, true, {0}, {double_of(F(rs1)), double_of(F(rs2))}, 0};                    \
		finish(cpu, op, &o);                                                                                   \
	}
TWO(FADD, ADD_)
TWO(FSUB, SUB_)
TWO(FMUL, MUL_)
TWO(FDIV, DIV_)
TWO(FSQRT, SQRT_)

/* (negate_product * a) * b + (negate_addend * c). Infinity times zero is invalid even when c is a quiet NaN. */
static void fused(struct cpu *cpu, const struct operation *op, bool wide, bool negate_product, bool negate_addend)
{
	uint64_t c = cpu->f[op->immediate >> 8];
	struct operands o = {FMA_, wide, {0}, {0}, 0};
	if (wide) {
		uint64_t sign = (uint64_t)1 << 63;
		o.d[0] = double_of(F(rs1) ^ (negate_product ? sign : 0));
		o.d[1] = double_of(F(rs2));
		o.d[2] = double_of(c ^ (negate_addend ? sign : 0));
		uint64_t a = bits_d(o.d[0]) << 1, b = bits_d(o.d[1]) << 1, infinity = 0x7ff0000000000000ull << 1;
		if ((a == infinity && !b) || (b == infinity && !a))
			float_flags_raise(FLAG_INVALID);
	} else {
		uint32_t sign = (uint32_t)1 << 31;
		uint32_t a = bits_s(single(F(rs1))) ^ (negate_product ? sign : 0), b = bits_s(single(F(rs2)));
		uint32_t addend = bits_s(single(c)) ^ (negate_addend ? sign : 0);
		memcpy(&o.s[0], &a, 4);
		memcpy(&o.s[1], &b, 4);
		memcpy(&o.s[2], &addend, 4);
		if ((a << 1 == 0xff000000 && !(b << 1)) || (b << 1 == 0xff000000 && !(a << 1)))
			float_flags_raise(FLAG_INVALID);
	}
	finish(cpu, op, &o);
}
EXECUTE(FMADD_S)
{
	fused(cpu, op, false, false, false);
}
EXECUTE(FMSUB_S)
{
	fused(cpu, op, false, false, true);
}
EXECUTE(FNMSUB_S)
{
	fused(cpu, op, false, true, false);
}
EXECUTE(FNMADD_S)
{
	fused(cpu, op, false, true, true);
}
EXECUTE(FMADD_D)
{
	fused(cpu, op, true, false, false);
}
EXECUTE(FMSUB_D)
{
	fused(cpu, op, true, false, true);
}
EXECUTE(FNMSUB_D)
{
	fused(cpu, op, true, true, false);
}
EXECUTE(FNMADD_D)
{
	fused(cpu, op, true, true, true);
}

#define SIGN(name, expression)                                                                                         \
	EXECUTE(name##_S)                                                                                              \
	{                                                                                                              \
		uint32_t a = bits_s(single(F(rs1))), b = bits_s(single(F(rs2))), sign = (uint32_t)1 << 31;             \
		F(rd) = BOX | (uint32_t)((a & ~sign) | ((expression)&sign));                                           \
	}                                                                                                              \
	EXECUTE(name##_D)                                                                                              \
	{                                                                                                              \
		uint64_t a = F(rs1), b = F(rs2), sign = (uint64_t)1 << 63;                                             \
		F(rd) = (a & ~sign) | ((expression)&sign);                                                             \
	}
SIGN(FSGNJ, b)
SIGN(FSGNJN, ~b)
SIGN(FSGNJX, a ^ b)

/* -0 is less than +0; a NaN loses to a number. */
#define LEAST(suffix, type, load, word, nan, signaling, quiet, store)                                                  \
	static uint64_t least_##suffix(word a, word b, type x, type y, bool greatest)                                  \
	{                                                                                                              \
		if (signaling(a) || signaling(b))                                                                      \
			float_flags_raise(FLAG_INVALID);                                                               \
		if (nan(a))                                                                                            \
			return nan(b) ? store(quiet) : store(b);                                                       \
		if (nan(b))                                                                                            \
			return store(a);                                                                               \
		bool a_less = x == y ? a >> (8 * sizeof(word) - 1) : x < y;                                            \
		return a_less != greatest ? store(a) : store(b);                                                       \
	}
#define STORE_S(v) (BOX | (uint32_t)(v))
#define STORE_D(v) (v)
LEAST(s, float, single, uint32_t, is_nan_s, is_signaling_s, NAN_SINGLE, STORE_S)
LEAST(d, double, double_of, uint64_t, is_nan_d, is_signaling_d, NAN_DOUBLE, STORE_D)
EXECUTE(FMIN_S)
{
	float a = single(F(rs1)), b = single(F(rs2));
	F(rd) = least_s(bits_s(a), bits_s(b), a, b, false);
}
EXECUTE(FMAX_S)
{
	float a = single(F(rs1)), b = single(F(rs2));
	F(rd) = least_s(bits_s(a), bits_s(b), a, b, true);
}
EXECUTE(FMIN_D)
{
	F(rd) = least_d(F(rs1), F(rs2), double_of(F(rs1)), double_of(F(rs2)), false);
}
EXECUTE(FMAX_D)
{
	F(rd) = least_d(F(rs1), F(rs2), double_of(F(rs1)), double_of(F(rs2)), true);
}

/* less: signaling compare; equal: quiet. */
#define COMPARE(suffix, type, load, compare, compare_quiet)                                                            \
	EXECUTE(FLT_##suffix)                                                                                          \
	{                                                                                                              \
		type a = load(F(rs1)), b = load(F(rs2));                                                               \
		bool yes;                                                                                              \
		__asm__ volatile(compare " %1, %2" : "=@cca"(yes) : "x"(a), "x"(b));                                   \
		cpu->x[op->rd] = yes;                                                                                  \
	}                                                                                                              \
	EXECUTE(FLE_##suffix)                                                                                          \
	{                                                                                                              \
		type a = load(F(rs1)), b = load(F(rs2));                                                               \
		bool yes;                                                                                              \
		__asm__ volatile(compare " %1, %2" : "=@ccae"(yes) : "x"(a), "x"(b));                                  \
		cpu->x[op->rd] = yes;                                                                                  \
	}                                                                                                              \
	EXECUTE(FEQ_##suffix)                                                                                          \
	{                                                                                                              \
		type a = load(F(rs1)), b = load(F(rs2));                                                               \
		bool same, unordered;                                                                                  \
		__asm__ volatile(compare_quiet " %2, %3" : "=@cce"(same), "=@ccp"(unordered) : "x"(a), "x"(b));        \
		cpu->x[op->rd] = same && !unordered;                                                                   \
	}
COMPARE(S, float, single, "comiss", "ucomiss")
COMPARE(D, double, double_of, "comisd", "ucomisd")

static uint64_t class(bool negative, unsigned exponent, unsigned exponent_most, uint64_t mantissa, bool quiet)
{
	if (exponent == exponent_most)
		return mantissa ? (quiet ? 1 << 9 : 1 << 8) : negative ? 1 << 0 : 1 << 7;
	if (!exponent)
		return mantissa ? (negative ? 1 << 2 : 1 << 5) : negative ? 1 << 3 : 1 << 4;
	return negative ? 1 << 1 : 1 << 6;
}
EXECUTE(FCLASS_S)
{
	uint32_t raw = bits_s(single(F(rs1)));
	cpu->x[op->rd] = class(raw >> 31, raw >> 23 & 0xff, 0xff, raw & 0x7fffff, raw >> 22 & 1);
}
EXECUTE(FCLASS_D)
{
	uint64_t raw = F(rs1);
	cpu->x[op->rd] = class(raw >> 63, raw >> 52 & 0x7ff, 0x7ff, raw & 0xfffffffffffffull, raw >> 51 & 1);
}

EXECUTE(FMV_X_W)
{
	cpu->x[op->rd] = (uint64_t)(int64_t)(int32_t)F(rs1);
}
EXECUTE(FMV_X_D)
{
	cpu->x[op->rd] = F(rs1);
}
EXECUTE(FMV_W_X)
{
	F(rd) = BOX | (uint32_t)cpu->x[op->rs1];
}
EXECUTE(FMV_D_X)
{
	F(rd) = cpu->x[op->rs1];
}

static void to_integer(struct cpu *cpu, const struct operation *op, double value, unsigned bits, bool is_signed)
{
	unsigned flags;
	cpu->x[op->rd] = float_to_integer(value, effective(cpu, op), bits, is_signed, &flags);
	float_flags_raise(flags);
}
/* Without the host's conversion, which would raise flags of its own for signaling NaNs. */
static double widened(uint64_t raw)
{
	float value = single(raw);
	if (is_nan_s(bits_s(value)))
		return double_of(NAN_DOUBLE);
	double wide;
	__asm__ volatile("cvtss2sd %1, %0" : "=x"(wide) : "x"(value));
	return wide;
}
#define TO_INTEGER(n, bits, is_signed)                                                                                 \
	EXECUTE(FCVT_##n##_S)                                                                                          \
	{                                                                                                              \
		to_integer(cpu, op, widened(F(rs1)), bits, is_signed);                                                 \
	}                                                                                                              \
	EXECUTE(FCVT_##n##_D)                                                                                          \
	{                                                                                                              \
		to_integer(cpu, op, double_of(F(rs1)), bits, is_signed);                                               \
	}
TO_INTEGER(W, 32, true)
TO_INTEGER(WU, 32, false)
TO_INTEGER(L, 64, true)
TO_INTEGER(LU, 64, false)

#define FROM_INTEGER(n, action, value)                                                                                 \
	EXECUTE(FCVT_S_##n)                                                                                            \
	{                                                                                                              \
		struct operands o = {action, false, {0}, {0}, (uint64_t)(value)};                                      \
		finish(cpu, op, &o);                                                                                   \
	}                                                                                                              \
	EXECUTE(FCVT_D_##n)                                                                                            \
	{                                                                                                              \
		struct operands o = {action, true, {0}, {0}, (uint64_t)(value)};                                       \
		finish(cpu, op, &o);                                                                                   \
	}
FROM_INTEGER(W, FROM_LONG, (int64_t)(int32_t)cpu->x[op->rs1])
FROM_INTEGER(WU, FROM_LONG, (uint32_t)cpu->x[op->rs1])
FROM_INTEGER(L, FROM_LONG, cpu->x[op->rs1])
FROM_INTEGER(LU, FROM_ULONG, cpu->x[op->rs1])

EXECUTE(FCVT_S_D)
{
	struct operands o = {NARROW, false, {0}, {double_of(F(rs1))}, 0};
	finish(cpu, op, &o);
}
EXECUTE(FCVT_D_S)
{
	effective(cpu, op);
	uint32_t raw = bits_s(single(F(rs1)));
	if (is_signaling_s(raw))
		float_flags_raise(FLAG_INVALID);
	F(rd) = is_nan_s(raw) ? NAN_DOUBLE : bits_d(widened(F(rs1)));
}
