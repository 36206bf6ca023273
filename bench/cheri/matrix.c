/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors */
#include "work.h"
enum { N = 256 };
static double a[N][N], b[N][N], c[N][N];
int main(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (i * 7 + j * 3) % 11 - 5.25;
			b[i][j] = (i * 5 + j * 2) % 13 - 6.5;
		}
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double sum = c[i][j] * 0.5;
				for (int k = 0; k < N; k++)
					sum += a[i][k] * b[k][j];
				c[i][j] = sum;
			}
	double sum = 0;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			sum += c[i][j] * (i - j);
	printf("%.17g\n", sum);
	return 0;
}
