/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Copies of a program's window, for fork. Trusted.
 */
#ifndef INTRAVISOR_COPY_H
#define INTRAVISOR_COPY_H
#include "intravisor/cvm/cvm.h"

/* Once, before the process drops its rights: what tells pages that were touched. */
void copy_init(void);
/* Where pages are read: /proc/.../mem and pagemap of a process, or -1: this one's. */
struct source {
	int memory, pagemap;
};
/* Copies the pages that are not as they were when mapped, or, `all`, what there is of each. 0 or -EFAULT. */
int copy_contents(const struct source *source, uint8_t *to, const uint8_t *from, uint64_t length, int all);
/* Maps every image of `from` at the same offset of the fresh window `to`, with the contents it has now. 0 or -errno. */
int copy_images(struct window *to, struct window *from);
/* Maps [offset, offset + length) anonymously in `to`, with the contents of the same range of the caller's program. */
int64_t copy_range(const struct caller *caller, struct window *to, uint64_t offset, uint64_t length, uint64_t protection);
/* Do both hold the same images at the same offsets, so that a return address of one is one of the other? */
int copy_same_images(struct window *a, struct window *b);
#endif
