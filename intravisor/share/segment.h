/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_File: a capability that was published under a name, and a number that counts notifies. Trusted.
 */
#ifndef INTRAVISOR_SEGMENT_H
#define INTRAVISOR_SEGMENT_H
#include "intravisor/share/capability.h"

struct segment {
	uint8_t *base;                  /* first: where its object is mapped, or NULL */
	struct cap_table *table;        /* of one: what is published, and nothing else ever */
	struct resource *object;        /* memory that can be mapped; used by who holds the capability */
	uint64_t length;                /* of it */
	struct cvm *cvm;                /* its creator */
	uint32_t references;            /* the holders'; atomic */
	/* under tree_lock */
	struct segment *next;           /* of those that can be found */
	char name[64];
	const void *network;
	struct fast_lock lock;          /* guards what follows, and the holders' */
	uint64_t sequence;
	int gone;                       /* nothing is published any more */
	struct holder *holders;
};

struct holder {                         /* of a handle */
	struct share share;             /* first */
	struct segment *segment;
	uint32_t rights;                /* CAP_LOAD, CAP_STORE */
	int owner;                      /* the creator's */
	struct ring_point point;
	struct holder *next;
	struct share_table *table;      /* whose bell; NULL: no handle yet, or gone */
	int waits, gone;
};
void segment_left(struct holder *holder);
/* fast_memory.c */
struct holder *holder_get(const struct caller *caller, uint64_t handle, uint32_t rights, int64_t *error);
void segment_lost(void *segment);       /* what was published is gone; a table's `lost` */
#endif
