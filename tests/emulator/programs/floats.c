/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The C library's floating point and long arithmetic: what compilers make of float, double and long double.
 */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	volatile double x = 0.1;
	volatile float y = 0.1f;
	for (int n = 0; n < 40; n++) {
		x = x * 1.7 + sin(x) - n / 7.0;
		y = y * 1.3f + cosf(y) - (float)n / 5;
		printf("%.17g %.9g %a %a %ld %u\n", x, (double)y, exp(x / 1000), log(fabs(x)), lrint(x * 3),
		       (unsigned)fabs(x));
		printf("%.17g %.17g %.17g %Lg\n", fma(x, x, -1), pow(fabs(x), 0.3), atan2(x, y), (long double)x * y);
		printf("%g %g %g %g %ld %ld\n", round(x), floor(x), ceil(x), trunc(x), lround(x), (long)y);
	}
	double complex z = cexp(I * 1.25);
	printf("%.17g %.17g %.17g\n", creal(z), cimag(z), strtod("1.7976931348623157e308", NULL));
	printf("%g %g %g %d %d\n", fmin(NAN, 1), fmax(-0.0, 0.0), nextafter(1, 2) - 1, isnan(sqrt(-1)),
	       signbit(-0.0) != 0);
	__int128 wide = (__int128)1234567890123456789 * 987654321987654321;
	printf("%ld %lu\n", (long)(wide % 1000000007), (unsigned long)(wide >> 64));
	return 0;
}
