/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What isolation costs a request: the same pictures by both decoders in alternating rounds, in one cVM: isolated.c's, and decoder.c's, which
 * is linked here under another name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decode.h"

#define ROUNDS 7

int decode_linked(const void *file, size_t length, void *pixels, size_t room, struct picture *p);

static unsigned char file[FILE_MOST], pixels[1 << 20];

static double each(int (*way)(const void *, size_t, void *, size_t, struct picture *), size_t length, int count)
{
	struct timespec a, b;
	struct picture p;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < count; i++)
		if (way(file, length, pixels, sizeof pixels, &p)) {
			fprintf(stderr, "cost: %s\n", p.error);
			exit(1);
		}
	clock_gettime(CLOCK_MONOTONIC, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / count;
}

static int order(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void compare(const char *path, int count)
{
	double isolated[ROUNDS], linked[ROUNDS];
	FILE *from = fopen(path, "rb");
	size_t length;

	if (!from) {
		perror(path);
		exit(1);
	}
	length = fread(file, 1, sizeof file, from);
	fclose(from);
	for (int i = 0; i < ROUNDS; i++) {
		isolated[i] = each(decode, length, count);
		linked[i] = each(decode_linked, length, count);
	}
	qsort(isolated, ROUNDS, sizeof isolated[0], order);
	qsort(linked, ROUNDS, sizeof linked[0], order);
	printf("figure: %s (%zu bytes): %.1f us in a cVM of its own, %.1f us linked: %.2f times\n", path, length, isolated[ROUNDS / 2],
	       linked[ROUNDS / 2], isolated[ROUNDS / 2] / linked[ROUNDS / 2]);
}

int main(void)
{
	compare("small.png", 500);
	compare("large.png", 10);
	return 0;
}
