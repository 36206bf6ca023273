/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Handles, bells and the dispatch of fast host calls (share.h). Trusted.
 */
#include <sys/syscall.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/share.h"

/* The reference is taken under the table's lock, under which a close takes the table's own away. */
struct share *share_get(const struct caller *caller, uint64_t handle, enum share_kind kind, uint32_t rights, int64_t *error)
{
	struct share_table *table = caller->cvm->shares;
	struct share *object = NULL;

	fast_lock(&table->lock);
	uint64_t word = handle < table->used ? table->slots[handle].word : 0;
	if (!slot_is(word, kind))
		*error = -EBADF;
	else if ((slot_rights(word) & rights) != rights)
		*error = -EACCES;
	else {
		object = slot_object(word);
		__atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
	}
	fast_unlock(&table->lock);
	return object;
}

static struct share *garbage;   /* a stack; whoever frees takes all of it */

void share_put(struct share *object)
{
	if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL))
		return;
	object->garbage = __atomic_load_n(&garbage, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&garbage, &object->garbage, object, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void share_sweep(void)
{
	struct share *object = __atomic_exchange_n(&garbage, NULL, __ATOMIC_ACQUIRE), *next;

	for (; object; object = next) {
		next = object->garbage;
		object->destroy(object);
	}
}

/* A sleeper counts itself before it reads the word and looks at the list; here the list is changed before the count is read: one of
 * both sees the other. */
void bell_ring(struct share_table *table, struct ring_point *point)
{
	struct bell *bell = &table->bell;

	fast_lock(&bell->lock);
	if (!point->rung) {
		point->rung = 1;
		point->next = NULL;
		__atomic_add_fetch(&point->owner->references, 1, __ATOMIC_RELAXED);
		*(bell->first ? &bell->last->next : &bell->first) = point;
		bell->last = point;
	}
	fast_unlock(&bell->lock);
	__atomic_add_fetch(&bell->word, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&bell->sleepers, __ATOMIC_SEQ_CST))
		fast_wake(&bell->word, 1);
	const uint64_t one = 1;
	if (__atomic_exchange_n(&bell->event_waiters, 0, __ATOMIC_SEQ_CST))
		machine_system(SYS_write, bell->event_fd, (long)&one, sizeof one, 0, 0, 0);
}

void bell_forget(struct share_table *table, struct ring_point *point)
{
	struct bell *bell = &table->bell;
	struct ring_point **link = &bell->first, *before = NULL;
	int found = 0;

	fast_lock(&bell->lock);
	if (point->rung) {
		for (; *link != point; link = &(*link)->next)
			before = *link;
		*link = point->next;
		if (bell->last == point)
			bell->last = before;
		point->rung = 0;
		found = 1;
	}
	fast_unlock(&bell->lock);
	if (found)
		share_put(point->owner);
}

/* rung(ref, count): the handles that rang since, at most `count` of them, as 32-bit words; with count 0 only whether there are any. */
int64_t host_rung(struct caller *caller, const uint64_t a[6])
{
	struct bell *bell = &caller->cvm->shares->bell;
	uint32_t out[64], n = 0;

	if (!__atomic_load_n(&bell->first, __ATOMIC_ACQUIRE))
		return 0;
	if (!a[1])
		return 1;
	uint32_t most = a[1] < 64 ? (uint32_t)a[1] : 64;
	void *to = cvm_reference_plain(caller, a[0], (uint64_t)most * 4);
	if (!to)
		return -EFAULT;
	fast_lock(&bell->lock);
	while (n < most && bell->first) {
		struct ring_point *point = bell->first;
		bell->first = point->next;
		point->rung = 0;
		out[n++] = point->handle;
		share_put(point->owner);
	}
	if (!bell->first)
		bell->last = NULL;
	fast_unlock(&bell->lock);
	return machine_copy(to, out, n * 4) ? -EFAULT : (int64_t)n;
}

int64_t share_fast(void *owner, uint64_t number, const uint64_t a[6])
{
	struct caller *caller = owner;

	/* What lies in the library OS's own window is never missing. */
	if (__atomic_load_n(&caller->program->missing, __ATOMIC_RELAXED) && !(number == HOST_clock_get && a[1] >> 32 == 0))
		return HOST_SLOW;
	switch (number) {
#define HOST_CALL(value, name, arguments, text)
#define HOST_FAST(value, name, arguments, text) \
	case value:                             \
		return host_##name(caller, a);
#include <carrel/hostcall.def>
#undef HOST_CALL
	default:
		return -ENOSYS;
	}
}
