/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the application wants of its image library. Two files give it: decoder.c calls stb_image, which is then linked with the caller;
 * isolated.c calls a cVM that holds decoder.c and stb_image and nothing else.
 */
#ifndef DECODE_H
#define DECODE_H
#include <stddef.h>

struct picture {
	int width, height, frames;
	char error[64];                 /* when there is no picture: why */
};

/* The first frame of an image file in memory, as four bytes a pixel; 0, or -1 and p->error. */
int decode(const void *file, size_t length, void *pixels, size_t room, struct picture *p);

#define FILE_MOST (1 << 20)
#define LIMIT_MS  500               /* how long the application waits for a picture */
#endif
