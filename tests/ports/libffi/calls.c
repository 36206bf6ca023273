/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * libffi.t: functions of many types, each called by ffi_call, from C through a closure, and by ffi_call through a closure, beside the same
 * call made directly. Output is TAP.
 */
#include <complex.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair { int a; double b; };               /* an integer and a vector register */
struct both { double a; long b; };
struct floats { float a, b, c; };
struct bytes { char a[5]; };
struct longs { long a, b; };
struct large { long a, b; double c; };          /* in memory */
struct nested { struct pair a; char b[3]; };

#define TYPE(name, ...) static ffi_type *name##_parts[] = {__VA_ARGS__, NULL}, name = {0, 0, FFI_TYPE_STRUCT, name##_parts}
TYPE(pair_type, &ffi_type_sint, &ffi_type_double);
TYPE(both_type, &ffi_type_double, &ffi_type_slong);
TYPE(floats_type, &ffi_type_float, &ffi_type_float, &ffi_type_float);
TYPE(bytes_type, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar);
TYPE(longs_type, &ffi_type_slong, &ffi_type_slong);
TYPE(large_type, &ffi_type_slong, &ffi_type_slong, &ffi_type_double);
TYPE(chars_type, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar);
TYPE(nested_type, &pair_type, &chars_type);

/* What each returns depends on all it takes. */
static signed char f_schar(signed char a) { return a - 1; }
static short f_short(short a) { return a - 1; }
static unsigned char f_uchar(unsigned char a) { return a + 1; }
static unsigned short f_ushort(unsigned short a) { return a + 1; }
static unsigned f_uint(unsigned a) { return a + 1; }
static int f_int(int a) { return a - 1; }
static float f_float(float a, double b) { return a * (float)b; }
static long double f_ldouble(long double a, int b) { return a / b; }
static long f_ints(int a, long b, short c, char d, unsigned e, long f, long g, int h, long i)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
}
static double f_doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i, float j)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}
static double f_mixed(int a, double b, long c, float d, int e, long f, long g, long h, long i, double j, long double k, short l)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}
static struct pair f_pair(struct pair a, int b) { return (struct pair){a.a + b, a.b - b}; }
static struct both f_both(struct both a, double b) { return (struct both){a.a + b, a.b - (long)b}; }
static struct floats f_floats(struct floats a, struct floats b) { return (struct floats){a.a + b.c, a.b + b.b, a.c + b.a}; }
static struct bytes f_bytes(struct bytes a, char b) { a.a[0] += b, a.a[4] -= b; return a; }
static struct longs f_longs(struct longs a, struct longs b, struct longs c, struct longs d)
{
	return (struct longs){a.a + 2 * b.a + 3 * c.a + 4 * d.a, a.b - b.b - c.b - d.b};
}
static struct large f_large(int a, struct large b, double c) { return (struct large){b.a + a, b.b - a, b.c * c}; }
static struct nested f_nested(struct nested a, struct pair b) { a.a.a += b.a, a.a.b *= b.b, a.b[2]++; return a; }
static double complex f_complex(double complex a, float complex b) { return a * b; }

static int same_number(long double a, long double b) { return a == b; }
static int same_complex(double complex a, double complex b) { return a == b; }
static int same_pair(struct pair a, struct pair b) { return a.a == b.a && a.b == b.b; }
static int same_both(struct both a, struct both b) { return a.a == b.a && a.b == b.b; }
static int same_floats(struct floats a, struct floats b) { return a.a == b.a && a.b == b.b && a.c == b.c; }
static int same_bytes(struct bytes a, struct bytes b) { return !memcmp(&a, &b, sizeof a); }
static int same_longs(struct longs a, struct longs b) { return a.a == b.a && a.b == b.b; }
static int same_large(struct large a, struct large b) { return a.a == b.a && a.b == b.b && a.c == b.c; }
static int same_nested(struct nested a, struct nested b) { return same_pair(a.a, b.a) && !memcmp(a.b, b.b, sizeof a.b); }
#define SAME(a, b) _Generic((a), struct pair: same_pair, struct both: same_both, struct floats: same_floats, struct bytes: same_bytes, \
	struct longs: same_longs, struct large: same_large, struct nested: same_nested, double complex: same_complex, default: same_number)(a, b)

/* A closure's work: calls the function that its data names with its own arguments. */
static void forward(ffi_cif *cif, void *result, void **arguments, void *function)
{
	ffi_call(cif, FFI_FN(function), result, arguments);
}

static int tests;

static void ok(int good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
}

#define TYPES(...)      ((ffi_type *[]){__VA_ARGS__})
#define VALUES(...)     ((void *[]){__VA_ARGS__})
#define CHECK(function, result_type, types, values, ...)                                                                        \
	do {                                                                                                                    \
		__typeof__(function(__VA_ARGS__)) direct = function(__VA_ARGS__), by_closure;                                   \
		union { __typeof__(direct) value; ffi_arg word; } called = {0}, through = {0};                                  \
		__typeof__(&function) code = NULL;                                                                              \
		ffi_cif cif;                                                                                                    \
		ffi_closure *closure = ffi_closure_alloc(sizeof *closure, (void **)&code);                                      \
		int good = closure && ffi_prep_cif(&cif, FFI_DEFAULT_ABI, sizeof types / sizeof *types, result_type, types) == FFI_OK && \
			ffi_prep_closure_loc(closure, &cif, forward, (void *)function, (void *)code) == FFI_OK;                 \
		ffi_call(&cif, FFI_FN(function), &called, values);                                                              \
		by_closure = code(__VA_ARGS__);                                                                                 \
		ffi_call(&cif, FFI_FN(code), &through, values);                                                                 \
		ok(good && SAME(called.value, direct) && SAME(by_closure, direct) && SAME(through.value, direct), #function);   \
		ffi_closure_free(closure);                                                                                      \
	} while (0)

int main(void)
{
	signed char schar = -128;
	unsigned char uchar = 255;
	unsigned short ushort = 65535;
	short s = -300;
	char c = 'x';
	int i = -7, j = 100000;
	unsigned u = 4000000000u;
	long l = -0x123456789abcl, m = 5;
	float f = 1.5f, g = -2.25f;
	double d = 0.1, e = -3e100;
	long double ld = 1e4000l, k = 7;
	struct pair pair = {-5, 0.25};
	struct both both = {0.5, -9000000000l};
	struct floats floats = {1, 2.5f, -3};
	struct bytes bytes = {{1, 2, 3, 4, 5}};
	struct longs longs = {l, m};
	struct large large = {l, m, e};
	struct nested nested = {{3, 1e-9}, {1, 2, 3}};
	double complex z = 1 + 2 * I;
	float complex w = -0.5f + 3 * I;
	ffi_type *sint = &ffi_type_sint, *slong = &ffi_type_slong, *flt = &ffi_type_float, *dbl = &ffi_type_double, *ldbl = &ffi_type_longdouble;

	CHECK(f_schar, &ffi_type_schar, TYPES(&ffi_type_schar), VALUES(&schar), schar);
	CHECK(f_short, &ffi_type_sshort, TYPES(&ffi_type_sshort), VALUES(&s), s);
	CHECK(f_uchar, &ffi_type_uchar, TYPES(&ffi_type_uchar), VALUES(&uchar), uchar);
	CHECK(f_ushort, &ffi_type_ushort, TYPES(&ffi_type_ushort), VALUES(&ushort), ushort);
	CHECK(f_uint, &ffi_type_uint, TYPES(&ffi_type_uint), VALUES(&u), u);
	CHECK(f_int, sint, TYPES(sint), VALUES(&i), i);
	CHECK(f_float, flt, TYPES(flt, dbl), VALUES(&f, &d), f, d);
	CHECK(f_ldouble, ldbl, TYPES(ldbl, sint), VALUES(&ld, &i), ld, i);
	CHECK(f_ints, slong, TYPES(sint, slong, &ffi_type_sshort, &ffi_type_schar, &ffi_type_uint, slong, slong, sint, slong),
	      VALUES(&i, &l, &s, &c, &u, &m, &l, &j, &m), i, l, s, c, u, m, l, j, m);
	CHECK(f_doubles, dbl, TYPES(dbl, dbl, dbl, dbl, dbl, dbl, dbl, dbl, dbl, flt), VALUES(&d, &d, &d, &d, &d, &d, &d, &d, &e, &g),
	      d, d, d, d, d, d, d, d, e, g);
	CHECK(f_mixed, dbl, TYPES(sint, dbl, slong, flt, sint, slong, slong, slong, slong, dbl, ldbl, &ffi_type_sshort),
	      VALUES(&i, &d, &l, &f, &j, &m, &m, &l, &m, &d, &k, &s), i, d, l, f, j, m, m, l, m, d, k, s);
	CHECK(f_pair, &pair_type, TYPES(&pair_type, sint), VALUES(&pair, &j), pair, j);
	CHECK(f_both, &both_type, TYPES(&both_type, dbl), VALUES(&both, &d), both, d);
	CHECK(f_floats, &floats_type, TYPES(&floats_type, &floats_type), VALUES(&floats, &floats), floats, floats);
	CHECK(f_bytes, &bytes_type, TYPES(&bytes_type, &ffi_type_schar), VALUES(&bytes, &c), bytes, c);
	CHECK(f_longs, &longs_type, TYPES(&longs_type, &longs_type, &longs_type, &longs_type), VALUES(&longs, &longs, &longs, &longs),
	      longs, longs, longs, longs);
	CHECK(f_large, &large_type, TYPES(sint, &large_type, dbl), VALUES(&i, &large, &d), i, large, d);
	CHECK(f_nested, &nested_type, TYPES(&nested_type, &pair_type), VALUES(&nested, &pair), nested, pair);
	CHECK(f_complex, &ffi_type_complex_double, TYPES(&ffi_type_complex_double, &ffi_type_complex_float), VALUES(&z, &w), z, w);

	char text[64] = "", *at = text, *format = "%d %s %.3f %ld %.1Lf %d %d";
	size_t room = sizeof text;
	ffi_arg length = 0;
	ffi_cif cif;
	int good = ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 3, 10, sint, TYPES(&ffi_type_pointer, &ffi_type_ulong, &ffi_type_pointer, sint, &ffi_type_pointer,
				    dbl, slong, ldbl, sint, sint)) == FFI_OK;
	ffi_call(&cif, FFI_FN(snprintf), &length, VALUES(&at, &room, &format, &i, &(char *){"text"}, &d, &l, &k, &j, &i));
	ok(good && !strcmp(text, "-7 text 0.100 -20015998343868 7.0 100000 -7") && length == strlen(text), "a function of variable arguments");
	printf("1..%d\n", tests);
	return 0;
}
