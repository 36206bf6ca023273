/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The capability model, after CHERI (CHERI ISAv9, sections 2.3-2.5): a capability is a base, a length, permissions, an
 * object type and a tag. The three properties hold by construction:
 *   provenance    an entry is made by cap_root (trusted code only) or derived from a tagged one;
 *   integrity     entries live in a table that no cVM can write; a cVM holds an index;
 *   monotonicity  derivation intersects bounds and permissions; nothing grows.
 * Pure C: no operating system, no ISA. Not thread-safe: the owner of the table locks. Trusted.
 */
#ifndef CAP_H
#define CAP_H
#include <stddef.h>
#include <stdint.h>

/* Permissions. */
#define CAP_LOAD    0x01u       /* read */
#define CAP_STORE   0x02u       /* write */
#define CAP_LOOKUP  0x04u       /* a directory: find names in it */
#define CAP_MODIFY  0x08u       /* a directory: make and remove names; a file: its attributes */
#define CAP_SEAL    0x10u       /* may seal with otypes in its bounds */
#define CAP_UNSEAL  0x20u       /* may unseal them */
#define CAP_INVOKE  0x40u       /* a sealed capability that may be invoked */
#define CAP_GRANT   0x80u       /* may be given to another table */
#define CAP_ALL     0xffu

#define CAP_UNSEALED UINT32_MAX /* object type of an unsealed capability */

struct cap {
	uint64_t base, length;  /* bytes, or object types for CAP_SEAL and CAP_UNSEAL */
	uint32_t permissions;
	uint32_t otype;
	void *object;           /* what it is about: trusted code's business, never shown to a cVM */
};

struct cap_table;

/* A table of at most `most` capabilities (1..2^20), or NULL without memory. */
struct cap_table *cap_table_create(uint32_t most);
/* Calls drop(object) for every root still there. */
void cap_table_destroy(struct cap_table *table, void (*drop)(void *object));

/* All give an index >= 0 or -errno: -EBADF untagged or stale, -EPERM not allowed, -ENOSPC full, -EINVAL. */
int64_t cap_root(struct cap_table *table, const struct cap *cap);
int64_t cap_set_bounds(struct cap_table *table, uint64_t index, uint64_t base, uint64_t length);
int64_t cap_and_permissions(struct cap_table *table, uint64_t index, uint32_t permissions);
int64_t cap_seal(struct cap_table *table, uint64_t index, uint64_t authority, uint32_t otype);
int64_t cap_unseal(struct cap_table *table, uint64_t index, uint64_t authority);
int64_t cap_grant(struct cap_table *from, uint64_t index, struct cap_table *to);

/* The capability if it is tagged, else NULL. Valid until the table changes. */
const struct cap *cap_get(const struct cap_table *table, uint64_t index);
/* May [base + offset, + length) be accessed with all of `permissions`? 0 or -errno (-EFAULT out of bounds). */
int cap_access(const struct cap_table *table, uint64_t index, uint64_t offset, uint64_t length, uint32_t permissions);
/* CInvoke's conditions: both sealed with one type, both invokable. */
int cap_invoke_check(const struct cap_table *table, uint64_t code, uint64_t data);
/* Untags the capability and all derived from it in this table and, by grant, in others; drop(object) when it was a root.
 * Costs O(children). 0 or -EBADF. */
int cap_revoke(struct cap_table *table, uint64_t index, void (*drop)(void *object));
#endif
