/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * decode.h by stb_image, in the caller's own memory. An animation is decoded whole, and its first frame given.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "stb_image.h"

int decode(const void *file, size_t length, void *pixels, size_t room, struct picture *p)
{
	int components, *delays = NULL, animation = length > 3 && !memcmp(file, "GIF", 3), result = -1;
	stbi_uc *got;

	memset(p, 0, sizeof *p);
	p->frames = 1;
	if (animation)
		got = stbi_load_gif_from_memory(file, (int)length, &delays, &p->width, &p->height, &p->frames, &components, 4);
	else
		got = stbi_load_from_memory(file, (int)length, &p->width, &p->height, &components, 4);
	if (!got) {
		snprintf(p->error, sizeof p->error, "%s", stbi_failure_reason());
	} else if ((uint64_t)p->width * (uint64_t)p->height * 4 > room) {
		snprintf(p->error, sizeof p->error, "larger than the application wants");
	} else {
		memcpy(pixels, got, (size_t)p->width * (size_t)p->height * 4);
		result = 0;
	}
	stbi_image_free(got);
	stbi_image_free(delays);
	return result;
}
