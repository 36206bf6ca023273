/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What cVMs share: objects that several of them hold by handles of their own, and the bell by which one tells another that something
 * happened. The files called fast_*.c run behind GATE_HOST_FAST on a guest's vector state (machine.h): no
 * libc; a lock there is a struct fast_lock. Trusted. An attacker controls handles, lengths, and when its threads,
 * and those of the other side, call.
 *
 * Locks, outermost first: registry_lock (stream.c), files_lock (segment.c), tree_lock (capability.c), one object's lock (of a stream: a
 * direction's `in`, its `out`, the pair's), a bell's lock, a table's lock. Guest memory is copied under an object's lock only: a guest
 * whose memory faults slowly keeps nobody up but its partners of that object.
 */
#ifndef INTRAVISOR_SHARE_H
#define INTRAVISOR_SHARE_H
#include <errno.h>

#include <carrel/rights.h>
#include "intravisor/cvm/cvm.h"

enum share_kind { SHARE_STREAM = 1, SHARE_LISTENER, SHARE_SEGMENT, SHARE_KINDS = 3 /* all bits */ };
struct share {
	enum share_kind kind;
	uint32_t references;            /* a table's, each call's in progress, and those of other objects */
	void (*left)(struct share *);           /* the holder's handle is closed, or its cVM ends */
	void (*destroy)(struct share *);        /* at zero, in a slow call, under no lock */
	struct share *garbage;
};

/* Something that can ring: an object's place in the list of its holder's bell. */
struct ring_point {
	struct ring_point *next;
	struct share *owner;            /* referenced while it is in the list */
	uint32_t handle;                /* what the holder calls it; set before it can ring */
	int rung;                       /* in the list; under the bell's lock */
};

/* One per cVM. A thread of it looks by `rung`, or sleeps by `bell_wait`, or in the host's poll on event_fd. */
struct bell {
	struct fast_lock lock;
	struct ring_point *first, *last;
	uint32_t word;                  /* changes at each ring: a futex */
	uint32_t sleepers;              /* on `word`; atomic */
	int event_fd;                   /* -1: nobody asked for it */
	uint32_t event_waiters;         /* a thread may be in the host's poll: the next ring writes to event_fd; atomic */
};

#define SHARES_MOST 16384u              /* handles of a cVM */
struct share_slot {
	/* The object's address, its kind and the holder's rights (CAP_LOAD, CAP_STORE...: cap/cap.h) in one word, so that who reads it without
	 * the lock has all three of one moment; 0: free. */
	uint64_t word;
	uint32_t next_free;
};
#define SLOT_RIGHTS 56u                 /* from this bit on, above every address on both machines */
_Static_assert(CAP_ALL <= 0xff, "rights fit above an address");
_Static_assert(_Alignof(struct share) > SHARE_KINDS, "a kind fits below an address");
static inline struct share *slot_object(uint64_t word)
{
	return (struct share *)(word & ((1ull << SLOT_RIGHTS) - 1 - SHARE_KINDS));
}
static inline int slot_is(uint64_t word, enum share_kind kind)
{
	return (word & SHARE_KINDS) == (uint64_t)kind;
}
static inline uint32_t slot_rights(uint64_t word)
{
	return (uint32_t)(word >> SLOT_RIGHTS);
}
struct share_table {
	struct bell bell;
	struct fast_lock lock;          /* guards changes of all below */
	uint32_t used, first_free;      /* first_free: SHARES_MOST means none */
	struct share_slot *slots;       /* SHARES_MOST, zeroed when they are first touched */
};

/* table.c */
int share_table_create(struct cvm *cvm);        /* 0 or -ENOMEM */
/* Closes what it holds: the cVM's last thread has left, and the others are to hear of it at once. */
void share_table_end(struct cvm *cvm);
void share_table_destroy(struct cvm *cvm);
/* A handle >= 0 for an object, whose reference it takes over, also on failure (-EMFILE); `point`, if not NULL, learns the handle. */
int64_t share_add(struct share_table *table, struct share *object, uint32_t rights, struct ring_point *point);
/* Frees what has no reference any more. From slow calls only, under no lock. */
void share_sweep(void);

/* fast_share.c */
/* The object behind a handle with all of `rights`, referenced; NULL and *error (-EBADF, -EACCES). What is sent and received every hundred
 * nanoseconds goes another way (fast_way.h). */
struct share *share_get(const struct caller *caller, uint64_t handle, enum share_kind kind, uint32_t rights, int64_t *error);
void share_put(struct share *object);
/* Under a lock that keeps `table` from being destroyed. */
void bell_ring(struct share_table *table, struct ring_point *point);
/* Off the list, for good: from now on it does not ring. */
void bell_forget(struct share_table *table, struct ring_point *point);
int64_t share_fast(void *owner, uint64_t number, const uint64_t arguments[6]);

/* Before a thread leaves its program window or its cVM: nobody copies into its memory on its behalf any more (fast_stream.c). */
void share_unpost(struct caller *caller);
/* The same, and it serves no calls (call.c). */
void share_thread_left(struct caller *caller);

/* names.c: a name of the guest's, 1..63 bytes; zeroes behind it. 0, -EFAULT, -EINVAL. */
int share_name(struct caller *caller, char name[64], uint64_t ref, uint64_t length);
int share_granted(const struct cvm *cvm, enum cvm_grant_kind kind, const char *name, uint32_t rights);
#endif
