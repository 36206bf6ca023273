/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Random operations on two capability tables, with arguments an attacker would choose, beside a model that shares no code with
 * cap.c: a flat history of every capability ever made, each with its parent. What the model keeps:
 *   provenance    each live capability's chain of parents ends at a root, and every link of it is live;
 *   integrity     what an index shows changes only when that index is made or revoked;
 *   monotonicity  bounds and permissions never leave the parent's; the object type changes by seal and unseal alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cap/cap.h"

#define TABLES   2
#define MOST     48             /* small: full tables and reused indexes come often */
#define ROUNDS   150
#define STEPS    3000
#define HISTORY  (STEPS + 1)

struct record {
	unsigned __int128 base, end;    /* wide, so that no sum here can wrap as one in cap.c might */
	uint32_t permissions;
	uint64_t otype;
	void *object;
	int parent, live, table, index; /* parent -1: a root */
};

enum property { AGREES, PROVENANCE, INTEGRITY, MONOTONICITY, ACCESS, INVOKE, REVOCATION, PROPERTIES };
static const char *const property_names[PROPERTIES] = {
	"every operation gives what the model gives", "provenance", "integrity", "monotonicity", "access is within bounds and permissions",
	"invocation needs one object type and the permission", "revocation reaches all that was derived, and drops roots once",
};
static unsigned long checked[PROPERTIES], succeeded[8], refused[8];
static struct record history[HISTORY];
static int made, holder[TABLES][MOST];  /* the record an index stands for, or -1 */
static struct cap_table *tables[TABLES];
static unsigned char drops[HISTORY], drops_wanted[HISTORY];
static uint64_t state, seed;
static int round_number, step;

static void demand(enum property property, int condition, const char *what)
{
	checked[property]++;
	if (condition)
		return;
	for (int i = 0; i < PROPERTIES; i++)
		printf("%sok %d - %s\n", i == (int)property ? "not " : "", i + 1, property_names[i]);
	printf("# %s: round %d, step %d; SEED=%llu repeats it\n1..%d\n", what, round_number, step, (unsigned long long)seed, PROPERTIES);
	exit(1);
}

static uint64_t any(void)       /* xorshift64* */
{
	state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

/* A number near a bound, where mistakes are, or anywhere. */
static uint64_t near(unsigned __int128 bound)
{
	switch (any() % 8) {
	case 0: return any();
	case 1: return UINT64_MAX - any() % 3;
	case 2: return any() % 3;
	default: return (uint64_t)bound + any() % 5 - 2;
	}
}

static uint64_t any_index(void)
{
	switch (any() % 16) {
	case 0: return any();
	case 1: return MOST + any() % 3;
	case 2: return (uint64_t)1 << 32 | any() % MOST;
	default: return any() % MOST;
	}
}

static struct record *model(int table, uint64_t index)
{
	return index < MOST && holder[table][index] >= 0 ? &history[holder[table][index]] : NULL;
}

static void dropped(void *object)
{
	drops[(uintptr_t)object - 1]++;
}

/* The outcome of a derivation: `want` is 0 or the error that the model gives; a full table comes last. */
static void outcome(int kind, int table, int64_t got, int want, struct record next)
{
	int lowest = 0;

	while (lowest < MOST && holder[table][lowest] >= 0)
		lowest++;
	int64_t expected = want ? want : lowest == MOST ? -ENOSPC : lowest;
	demand(next.parent < 0 || expected < 0 ? AGREES : PROVENANCE, got == expected, "the result is not the model's");
	if (got < 0) {
		refused[kind]++;
		return;
	}
	succeeded[kind]++;
	next.live = 1, next.table = table, next.index = lowest;
	holder[table][lowest] = made;
	history[made++] = next;
}

/* Everything that is shown, against the model: after each step. */
static void compare(void)
{
	for (int t = 0; t < TABLES; t++)
		for (int i = 0; i < MOST; i++) {
			const struct record *record = model(t, (uint64_t)i);
			const struct cap *cap = cap_get(tables[t], (uint64_t)i);
			demand(PROVENANCE, !record == !cap, "a capability is tagged that should not be, or the reverse");
			if (!record)
				continue;
			demand(INTEGRITY, cap->base == record->base && (unsigned __int128)cap->base + cap->length == record->end &&
			       cap->permissions == record->permissions && cap->otype == record->otype &&
			       cap->object == record->object, "a capability changed");
			if (record->parent < 0)
				continue;
			const struct record *parent = &history[record->parent];
			demand(PROVENANCE, parent->live, "a capability outlived its parent");
			demand(MONOTONICITY, cap->base >= parent->base && (unsigned __int128)cap->base + cap->length <= parent->end &&
			       !(cap->permissions & ~parent->permissions) && cap->object == parent->object, "authority grew");
		}
}

static void do_root(int table)
{
	struct cap cap = {.base = near(0), .length = near(0), .permissions = (uint32_t)any() | (any() % 4 ? CAP_GRANT : 0),
			  .otype = CAP_UNSEALED, .object = (void *)(uintptr_t)(made + 1)};

	if (any() % 2)
		cap.permissions |= CAP_ALL, cap.base = any() % 8, cap.length = any() % 64;
	unsigned __int128 end = (unsigned __int128)cap.base + cap.length;
	outcome(0, table, cap_root(tables[table], &cap, NULL), end > UINT64_MAX ? -EINVAL : 0,
		(struct record){cap.base, end, cap.permissions, CAP_UNSEALED, cap.object, -1, 0, 0, 0});
}

static void do_bounds(int table)
{
	uint64_t index = any_index();
	struct record *parent = model(table, index), next = parent ? *parent : (struct record){0};
	uint64_t base = near(any() % 2 ? next.base : next.end), length = near(any() % 2 ? next.end - next.base : 0);
	int want = !parent ? -EBADF : next.otype != CAP_UNSEALED ? -EPERM :
		   base < next.base || (unsigned __int128)base + length > next.end ? -EINVAL : 0;

	next.base = base, next.end = (unsigned __int128)base + length;
	next.parent = parent ? (int)(parent - history) : -1;
	outcome(1, table, cap_set_bounds(tables[table], index, base, length), want, next);
}

static void do_permissions(int table)
{
	uint64_t index = any_index();
	struct record *parent = model(table, index), next = parent ? *parent : (struct record){0};
	uint32_t mask = any() % 2 ? ~(1u << any() % 8) : (uint32_t)any();

	next.permissions &= mask;
	next.parent = parent ? (int)(parent - history) : -1;
	outcome(2, table, cap_and_permissions(tables[table], index, mask), !parent ? -EBADF : next.otype != CAP_UNSEALED ? -EPERM : 0, next);
}

static int holds(const struct record *authority, uint64_t otype, uint32_t permission)
{
	return authority->otype == CAP_UNSEALED && (authority->permissions & permission) && otype != CAP_UNSEALED &&
	       otype >= authority->base && otype < authority->end;
}

static void do_seal(int table)
{
	uint64_t index = any_index(), by = any_index();
	struct record *parent = model(table, index), *authority = model(table, by), next = parent ? *parent : (struct record){0};
	uint64_t otype = near(authority ? any() % 2 ? authority->base : authority->end : 0);
	int want = !parent || !authority ? -EBADF : !holds(authority, otype, CAP_SEAL) || next.otype != CAP_UNSEALED ? -EPERM : 0;

	next.otype = otype;
	next.parent = parent ? (int)(parent - history) : -1;
	outcome(3, table, cap_seal(tables[table], index, by, otype), want, next);
}

static void do_unseal(int table)
{
	uint64_t index = any_index(), by = any_index();
	struct record *parent = model(table, index), *authority = model(table, by), next = parent ? *parent : (struct record){0};
	int want = !parent || !authority ? -EBADF : !holds(authority, next.otype, CAP_UNSEAL) ? -EPERM : 0;

	next.otype = CAP_UNSEALED;
	next.parent = parent ? (int)(parent - history) : -1;
	outcome(4, table, cap_unseal(tables[table], index, by), want, next);
}

static void do_grant(int from)
{
	int to = (int)(any() % TABLES);
	uint64_t index = any_index();
	struct record *parent = model(from, index), next = parent ? *parent : (struct record){0};
	uint32_t had = next.permissions, mask = any() % 2 ? ~0u : ~(1u << any() % 8);

	next.permissions &= mask;
	next.parent = parent ? (int)(parent - history) : -1;
	outcome(5, to, cap_grant(tables[from], index, tables[to], mask),
		!parent ? -EBADF : had & CAP_GRANT ? 0 : -EPERM, next);
}

static void model_untag(int number)
{
	history[number].live = 0;
	holder[history[number].table][history[number].index] = -1;
	if (history[number].parent < 0)
		drops_wanted[number]++;
}

static void drops_compare(void)
{
	demand(REVOCATION, !memcmp(drops, drops_wanted, (size_t)made), "an object was dropped too early, twice, or not at all");
}

static void do_revoke(int table)
{
	uint64_t index = any_index();
	struct record *top = model(table, index);
	int got = cap_revoke(tables[table], index, dropped);

	demand(REVOCATION, got == (top ? 0 : -EBADF), "the result is not the model's");
	(got ? refused : succeeded)[6]++;
	if (!top)
		return;
	model_untag((int)(top - history));
	/* Parents come before children in the history. */
	for (int i = (int)(top - history) + 1; i < made; i++)
		if (history[i].live && history[i].parent >= 0 && !history[history[i].parent].live)
			model_untag(i);
	drops_compare();
}

static void do_checks(int table)
{
	uint64_t index = any_index(), other = any_index();
	const struct record *a = model(table, index), *b = model(table, other);
	uint64_t span = a ? (uint64_t)(a->end - a->base) : 0, offset = near(any() % 2 ? span : 0), length = near(any() % 2 ? span : 0);
	uint32_t permissions = any() % 2 ? 1u << any() % 8 : (uint32_t)any() & CAP_ALL;
	int want = !a ? -EBADF : a->otype != CAP_UNSEALED || (permissions & ~a->permissions) ? -EPERM :
		   (unsigned __int128)offset + length > span ? -EFAULT : 0;

	struct cap_held held;
	int got = cap_hold(tables[table], index, permissions, &held);
	if (!got && !cap_in_bounds(held.cap, offset, length))
		got = -EFAULT;
	cap_release(&held);
	demand(ACCESS, got == want, "cap_hold and cap_in_bounds");
	want = !a || !b ? -EBADF : a->otype != CAP_UNSEALED && a->otype == b->otype && (a->permissions & CAP_INVOKE) &&
	       (b->permissions & CAP_INVOKE) ? 0 : -EPERM;
	succeeded[7] += !want;
	demand(INVOKE, cap_invoke_check(tables[table], index, other) == want, "cap_invoke_check");
}

static void one_round(void)
{
	static void (*const operations[])(int) = {
		do_root, do_bounds, do_bounds, do_permissions, do_seal, do_seal, do_unseal, do_unseal, do_grant, do_checks, do_checks,
	};

	made = 0;
	memset(drops, 0, sizeof drops), memset(drops_wanted, 0, sizeof drops_wanted), memset(holder, -1, sizeof holder);
	for (int t = 0; t < TABLES; t++)
		tables[t] = cap_table_create(MOST);
	for (step = 0; step < STEPS; step++) {
		int table = (int)(any() % TABLES);
		if (any() % 24)
			operations[any() % (sizeof operations / sizeof *operations)](table);
		else
			do_revoke(table);
		compare();
	}
	for (int t = 0; t < TABLES; t++)
		cap_table_destroy(tables[t], dropped);
	for (int i = 0; i < made; i++)
		if (history[i].live)
			model_untag(i);
	drops_compare();
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000003u;
	state = seed ? seed : 1;
	alarm(300);     /* a table tied in a knot ends as a failure */
	printf("# SEED=%llu\n", (unsigned long long)seed);
	for (round_number = 0; round_number < ROUNDS; round_number++)
		one_round();
	for (int i = 0; i < PROPERTIES; i++)
		printf("ok %d - %s (%lu checks)\n", i + 1, property_names[i], checked[i]);
	/* A run in which an operation never succeeded or was never refused tested nothing of it. */
	int all = 1;
	for (int kind = 0; kind < 8; kind++)
		all &= succeeded[kind] > 20 && (kind == 7 || refused[kind] > 20);
	printf("%sok %d - each operation succeeded and was refused\n1..%d\n", all ? "" : "not ", PROPERTIES + 1, PROPERTIES + 1);
	return !all;
}
