/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Images: read, judged, shared, mapped. Trusted; the file is hostile.
 */
#ifndef INTRAVISOR_LOAD_H
#define INTRAVISOR_LOAD_H
#include "intravisor/cvm/cvm.h"

#define IMAGE_SEGMENTS_MOST 12

struct image_segment {
	uint32_t start, length;         /* image-relative, whole pages */
	uint64_t file_offset;           /* of the bytes in the memfd that start at `start` */
	int protection;                 /* PROT_* */
};

/* A judged image. Immutable but for its references: each window that maps it and each image_get holds one. Some that nobody uses stay
 * in the cache for the next start. */
struct image {
	struct image *next;
	int memfd;                      /* sealed; whole pages laid out as [0, span) */
	uint32_t span;
	uint32_t linked;                /* where its file says it lies: 0, or WINDOW_ARENA_FIRST of one that is not position-independent */
	uint32_t entry, phdr, phnum;    /* image-relative */
	uint32_t text_start, text_length;
	uint32_t policy;
	struct image_segment segments[IMAGE_SEGMENTS_MOST];
	unsigned segment_count;
	/* of its contents, which decide whether another is the same image */
	uint64_t hash;
	unsigned references;            /* guarded by the cache's lock */
	unsigned holders;               /* configurations of the owner's that start cVMs by it; atomic */
	const uint8_t *view;            /* of the memfd, readable, once somebody holds it; NULL before */
	struct image_budget *payer;     /* whose cVM it is charged to, while that lives; guarded likewise */
};

/* Reads, verifies (or finds the very same contents verified before) the image behind fd. `name` for messages.
 * statistics and budget may be NULL. 0 or -errno + error. image_release gives the reference back. */
int image_get(int fd, const char *name, uint32_t policy, struct image **image, struct cvm_statistics *statistics,
	      struct image_budget *budget, struct cvm_error *error);
void image_release(struct image *image);
/* The budget is about to go: nobody pays any more for what it paid. */
void image_budget_close(struct image_budget *budget);
/* Charges the bytes and one copy. 0 or -ENOMEM. */
int image_budget_take(struct image_budget *budget, uint64_t bytes);
void image_budget_give(struct image_budget *budget, uint64_t bytes);
/* Maps it at the next never-used arena address of the window; gives that address. 0 or -errno. */
int image_map(struct image *image, struct window *window, uint32_t *base);
/* The same at an address of the window's arena that holds nothing yet; the caller has the window's lock and owns arena_next. */
int image_map_at(struct image *image, struct window *window, uint32_t at);
/* For cVMs that will be started by it again and again: window_close may keep windows of it. Beside a reference. 0 or -errno. */
int image_hold(struct image *image);
int image_held(const struct image *image);
void image_unhold(struct image *image);
/* Its writable pages, mapped at `at` and nobody's now, get their first contents back. 0 or -errno. */
int image_restore(const struct image *image, uint8_t *at);
/* As image_map, for a window that has it mapped at WINDOW_ARENA_FIRST already, and nothing else. */
int image_adopt(struct image *image, struct window *window, uint32_t *at);
/* What a library OS is told of an image at `base`. */
struct boot_image image_record(const struct image *image, uint32_t base);
/* For `carrel verify`: lays the file out without judging it; text points into a buffer the caller frees. Its span is charged to
 * the budget, if there is one, when the result is 0. */
int image_layout(int fd, const char *name, int64_t policy, struct image_budget *budget, struct image *image, uint8_t **buffer,
		 struct machine_text *text, struct cvm_error *error);
#endif
