/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The application: decodes the image files it is given, one after the other, and says what it got. It is the same source whether the library
 * is linked with it (decoder.c) or lives elsewhere (isolated.c).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode.h"

#define PIXELS_MOST (16 << 20)

static unsigned char file[FILE_MOST], pixels[PIXELS_MOST];

static void show(const char *path)
{
	struct picture p;
	FILE *from = fopen(path, "rb");
	size_t length;
	uint32_t sum = 2166136261;

	if (!from) {
		perror(path);
		exit(1);
	}
	length = fread(file, 1, sizeof file, from);
	fclose(from);
	if (decode(file, length, pixels, sizeof pixels, &p)) {
		printf("%s: %s\n", path, p.error);
	} else {
		for (size_t i = 0; i < (size_t)p.width * (size_t)p.height * 4; i++)
			sum = (sum ^ pixels[i]) * 16777619;
		printf("%s: %d x %d, sum of its pixels %08x\n", path, p.width, p.height, sum);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		show(argv[i]);
	return 0;
}
