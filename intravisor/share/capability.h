/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities of programs. Each program window has a table of its own, made when it is first used, whose entry 0 is all of its
 * memory: its DDC. What a program makes is derived from that, so all of it ends with the window, wherever it was granted to, and a
 * fork's or exec's window starts with none. The object of a capability points to a host address (uint8_t *), to which base counts.
 * Trusted.
 */
#ifndef INTRAVISOR_CAPABILITY_H
#define INTRAVISOR_CAPABILITY_H
#include "cap/table.h"
#include "intravisor/share/share.h"

#define CAPABILITIES_MOST 65536u        /* of a program */

/* Guards every table's derivation tree. Nobody waits for a guest under it. */
extern pthread_mutex_t tree_lock;
/* The table of the caller's program, made if need be; NULL: no memory. */
struct cap_table *capabilities_of(const struct caller *caller);
/* Ends it and all derived from it, and waits for accesses under way. Under no lock. 0 or -EBADF. */
int64_t capability_end(struct cap_table *table, uint64_t index);
/* Before a window's memory goes. */
void capabilities_close(struct window *window);

/* CP_File: a capability that was published under a name, and a number that counts notifies (segment.c). */
struct segment {
	uint8_t *base;                  /* first: where its object is mapped, or NULL */
	struct cap_table *table;        /* of one: what is published, and nothing else ever */
	struct resource *object;        /* memory that can be mapped; used by who holds the capability */
	uint64_t length;                /* of it */
	struct machine_stored memory;   /* and it, as long as it is there */
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
/* fast_memory.c */
struct holder *holder_get(const struct caller *caller, uint64_t handle, uint32_t rights, int64_t *error);
void segment_lost(void *segment);       /* what was published is gone; a table's `lost` */
#endif
