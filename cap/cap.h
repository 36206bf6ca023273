/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The capability model, after CHERI (CHERI ISAv9, sections 2.3-2.5): a capability is a base, a length, permissions, an
 * object type and a tag. The three properties hold by construction:
 *   provenance    an entry is made by cap_root (trusted code only) or derived from a tagged one;
 *   integrity     entries live in a table that no cVM can write; a cVM holds an index;
 *   monotonicity  derivation intersects bounds and permissions; nothing grows.
 * Where the machine has capabilities they hold in hardware too, for what is memory: each entry has one, derived from its parent's
 * (machine/stored.h). Pure C: no operating system, no ISA. The owner of the tables locks around every function but those of access.c, by which any
 * thread may use a capability meanwhile. Trusted.
 */
#ifndef CAP_H
#define CAP_H
#include <stddef.h>
#include <stdint.h>

#include <carrel/rights.h>

#define CAP_UNSEALED UINT64_MAX /* object type of an unsealed capability */

struct cap {
	uint64_t base, length;  /* bytes, or object types for CAP_SEAL and CAP_UNSEAL */
	uint64_t otype;
	uint32_t permissions;
	void *object;           /* what it is about: trusted code's business, never shown to a cVM */
};

struct cap_table;

/* A table of at most `most` capabilities (1..2^20), or NULL without memory. */
struct cap_table *cap_table_create(uint32_t most);
/* Calls drop(object) for every root still there. */
void cap_table_destroy(struct cap_table *table, void (*drop)(void *object));

/* All give an index >= 0 or -errno: -EBADF untagged or stale, -EPERM not allowed, -ENOSPC full, -EINVAL. memory: what base counts in, as the
 * machine has it; NULL: it is not about memory. */
struct machine_stored;
int64_t cap_root(struct cap_table *table, const struct cap *cap, const struct machine_stored *memory);
int64_t cap_set_bounds(struct cap_table *table, uint64_t index, uint64_t base, uint64_t length);
int64_t cap_and_permissions(struct cap_table *table, uint64_t index, uint32_t permissions);
int64_t cap_seal(struct cap_table *table, uint64_t index, uint64_t authority, uint64_t otype);
int64_t cap_unseal(struct cap_table *table, uint64_t index, uint64_t authority);
/* With those of `permissions` that it has. */
int64_t cap_grant(struct cap_table *from, uint64_t index, struct cap_table *to, uint32_t permissions);

/* The capability if it is tagged, else NULL. Valid until the table changes. */
const struct cap *cap_get(const struct cap_table *table, uint64_t index);
/* Does [base + offset, + length) lie in it? */
static inline int cap_in_bounds(const struct cap *cap, uint64_t offset, uint64_t length)
{
	return offset <= cap->length && length <= cap->length - offset;
}
/* CInvoke's conditions: both sealed with one type, both invokable. */
int cap_invoke_check(const struct cap_table *table, uint64_t code, uint64_t data);
/* Untags the capability and all derived from it in this table and, by grant, in others; drop(object) when it was a root.
 * Costs O(children). 0 or -EBADF. */
int cap_revoke(struct cap_table *table, uint64_t index, void (*drop)(void *object));

/* The same while other threads use them: untagged first, all at once, so that no use begins; then each is freed when no use goes
 * on, by whoever comes first: what somebody revokes just now stays in the tree until then, so that who revokes more waits for it
 * too. */
struct cap_doomed {
	struct entry *entry;
	uint32_t lives;
};
int cap_untag(struct cap_table *table, uint64_t index, struct cap_doomed *doomed);
/* At most `most` of them. 1: all are gone; 0: call again, perhaps later: one may be in use. */
int cap_free(const struct cap_doomed *doomed, uint32_t most, void (*drop)(void *object));

/* ---- access.c: without the lock. What lies behind a capability that is held stays; its holder looks now and then whether it is
 * still tagged, because whoever revokes it waits. ---- */
struct cap_held {
	const struct cap *cap;
	struct entry *entry;
};
/* 0 or -EBADF, -EPERM (permissions, or sealed). */
int cap_hold(struct cap_table *table, uint64_t index, uint32_t permissions, struct cap_held *held);
int cap_tagged(const struct cap_held *held);
void cap_release(const struct cap_held *held);  /* also after an error of cap_hold */
#endif
