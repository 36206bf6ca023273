/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * An overlay's parts: overlay_layers.c knows where a name lies and copies up, overlay_listing.c merges two directories into
 * one, overlay.c makes a mount of them.
 */
#ifndef LIBOS_OVERLAY_H
#define LIBOS_OVERLAY_H
#include "libos/fs/fs.h"

#define MARK     ".wh."
#define OPAQUE   ".wh..wh..opq"
#define MARK_LENGTH 4

static inline int64_t layer_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	return m->operations->stat(m, name, s);
}

/* ---- overlay_layers.c ---- */
/* Where a name is: above (1), below (0), or -errno. */
int64_t overlay_where(const struct mount *m, const char *name, struct host_stat *s);
int overlay_reserved(const char *name);         /* it would be a mark */
/* Is what lies below under this name, or under a directory on the way to it, covered from above? */
int overlay_covers(const struct mount *m, const char *name);
/* What is below is above afterwards; 0 or -errno. */
int64_t overlay_copy_up(const struct mount *m, const char *name);
/* The directories on the way to a name are above, too, with the modes they have below. */
int64_t overlay_parents_make(const struct mount *m, const char *name);
/* A new name above, which hides nothing and is hidden by nothing afterwards: *marked says whether it was removed below before. */
int64_t overlay_name_prepare(const struct mount *m, const char *name, int *marked);
int64_t overlay_mark_make(const struct mount *m, const char *name);     /* what lies below is removed */
int overlay_mark_remove(const struct mount *m, const char *name);       /* 1: there was one */
int64_t overlay_opaque_make(const struct mount *m, const char *name);   /* this directory has nothing to do with the one below */

/* ---- overlay_listing.c ---- */
/* `at`: as overlay_where said. */
int64_t overlay_directory_open(const struct mount *m, const char *name, int at, struct file **f);
/* A directory above that shows as empty holds marks at most: they go with it. */
int64_t overlay_marks_remove(const struct mount *m, const char *name);
#endif
