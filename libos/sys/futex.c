/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Futexes: queues of the library OS's own, by address space and address. A word in memory that processes share by a mapped file is
 * known by the file instead.
 */
#include <linux/futex.h>

#include "libos/sys/sys.h"

#define BUCKETS 256u

static struct wait_queue buckets[BUCKETS];

struct key {
	uint64_t space, at;
};

/* Private and shared are told apart by what is mapped there, not by the flag: the same word is the same futex. */
static struct key key_of(const struct process *p, uint64_t at)
{
	struct key key;

	if (space_shared_key(p->space, (uint32_t)at, &key.space, &key.at))
		return key;
	return (struct key){(uintptr_t)p->space, at};
}

static struct wait_queue *bucket_of(struct key key)
{
	return &buckets[(key.at >> 2 ^ key.at >> 12 ^ key.space >> 6) % BUCKETS];
}

static unsigned wake(struct key key, uint64_t most, uint32_t bits)
{
	unsigned n = 0;

	for (struct waiter *w = bucket_of(key)->first, *next; w && n < most; w = next) {
		next = w->next;
		if (w->key[0] == key.space && w->key[1] == key.at && (w->bits & bits)) {
			wait_end(w);
			waiter_wake(w);
			n++;
		}
	}
	return n;
}

void futex_wake_user(struct process *p, uint64_t at)
{
	wake(key_of(p, at), 1, UINT32_MAX);
}

static int64_t wait_on(const uint64_t a[6], uint32_t bits, int absolute)
{
	struct waiter w = {.bits = bits};
	struct key key = key_of(process_current(), a[0]);
	int64_t timeout, until = FOR_EVER, error = time_get(USER(3), &timeout, 1), t[2];
	uint32_t value;

	if (error)
		return error;
	if (!bits)
		return -EINVAL;
	if (a[3] && absolute && (a[1] & FUTEX_CLOCK_REALTIME)) {
		absolute = 0;
		if (timeout >= 0) {
			time_now(t);
			timeout -= t[0] * 1000000000 + t[1];
			timeout = timeout < 0 ? 0 : timeout;
		}
	}
	if (a[3] && timeout >= 0)
		until = absolute ? timeout : now() + timeout;
	w.key[0] = key.space;
	w.key[1] = key.at;
	wait_begin(&w, bucket_of(key));
	/* A waker needs the kernel lock, so a change of the word after this look finds the waiter. */
	if (user_get(&value, USER(0), 4))
		error = -EFAULT;
	else if (value != (uint32_t)a[2])
		error = -EAGAIN;
	while (!error && w.queue)
		error = wait_sleep(until);
	if (!w.queue)
		error = 0;      /* woken, whatever else came */
	wait_end(&w);
	return error == -RESTART && a[3] && !absolute ? -EINTR : error;
}

static int64_t requeue(const uint64_t a[6], int compare)
{
	struct key from = key_of(process_current(), a[0]), to = key_of(process_current(), a[4]);
	uint32_t value;

	if ((int)a[2] < 0 || (int)a[3] < 0 || a[4] % 4)
		return -EINVAL;
	if (user_get(&value, USER(0), 4) || user_get(&value, USER(4), 4))
		return -EFAULT;
	user_get(&value, USER(0), 4);
	if (compare && value != (uint32_t)a[5])
		return -EAGAIN;
	unsigned n = wake(from, a[2], UINT32_MAX), moved = 0;
	for (struct waiter *w = bucket_of(from)->first, *next; w && moved < a[3]; w = next) {
		next = w->next;
		if (w->key[0] != from.space || w->key[1] != from.at)
			continue;
		struct thread *t = w->thread;
		uint32_t awake = t->wake;
		wait_end(w);
		w->key[0] = to.space;
		w->key[1] = to.at;
		struct wait_queue *queue = bucket_of(to);
		w->queue = queue;
		w->next = NULL;
		w->before = queue->last;
		*(queue->last ? &queue->last->next : &queue->first) = w;
		queue->last = w;
		t->wake = awake;
		moved++;
	}
	return n + moved;
}

static int64_t wake_op(const uint64_t a[6])
{
	uint32_t encoded = (uint32_t)a[5], old, new;
	int done;
	int32_t operand = (int32_t)(encoded << 8) >> 20, compare = (int32_t)(encoded << 20) >> 20;

	if (a[4] % 4)
		return -EINVAL;
	if (encoded >> 31)
		operand = (int32_t)(1u << (operand & 31));
	if (user_get(&old, USER(4), 4))
		return -EFAULT;
	do {
		switch (encoded >> 28 & 7) {
		case 0: new = (uint32_t)operand; break;
		case 1: new = old + (uint32_t)operand; break;
		case 2: new = old | (uint32_t)operand; break;
		case 3: new = old & ~(uint32_t)operand; break;
		case 4: new = old ^ (uint32_t)operand; break;
		default: return -ENOSYS;
		}
	} while (!(done = user_exchange(USER(4), &old, new)));
	if (done < 0)
		return -EFAULT;
	int32_t o = (int32_t)old;
	unsigned kind = encoded >> 24 & 15;
	int holds = kind == 0 ? o == compare : kind == 1 ? o != compare : kind == 2 ? o < compare : kind == 3 ? o <= compare :
		    kind == 4 ? o > compare : o >= compare;
	int64_t n = wake(key_of(process_current(), a[0]), a[2], UINT32_MAX);
	return holds ? n + wake(key_of(process_current(), a[4]), a[3], UINT32_MAX) : n;
}

static int64_t wake_at(const uint64_t a[6], uint32_t bits)
{
	uint32_t value;

	if (!bits)
		return -EINVAL;
	if (user_get(&value, USER(0), 4))
		return -EFAULT;
	return wake(key_of(process_current(), a[0]), (uint32_t)a[2], bits);
}

/* ---- words that name their owner (Documentation/locking/pi-futex.rst). The host schedules all threads alike, so there is no
 * priority to inherit; what is left is that the library OS hands them from owner to owner. Such a waiter has no bits. ---- */
static unsigned owner_waiters;

static struct waiter *owner_first(struct key key)
{
	struct waiter *w = bucket_of(key)->first;

	while (w && (w->bits || w->key[0] != key.space || w->key[1] != key.at))
		w = w->next;
	return w;
}

/* To who has waited longest; there is one. The word is the caller's, so only its waiters' bit can change meanwhile. */
static int64_t hand_over(struct key key, struct user at)
{
	struct waiter *w = owner_first(key);

	wait_end(w);
	uint32_t value = (uint32_t)w->thread->id | (owner_first(key) ? FUTEX_WAITERS : 0);
	for (struct waiter *other = bucket_of(key)->first; other; other = other->next)
		if (!other->bits && other->key[0] == key.space && other->key[1] == key.at)
			other->owner = w->thread->id;
	waiter_wake(w);
	return user_put(at, &value, 4);
}

#define OWNER_DEAD (-1)

/* Its words are free: whoever waits for them tries again. */
static void owner_died(int id)
{
	for (unsigned i = 0; owner_waiters && i < BUCKETS; i++)
		for (struct waiter *w = buckets[i].first, *next; w; w = next) {
			next = w->next;
			if (w->bits || w->owner != id)
				continue;
			w->owner = OWNER_DEAD;
			wait_end(w);
			waiter_wake(w);
		}
}

/* Takes the word, or marks it as waited for: 1 taken, 0 marked, with its owner, or -errno. `dead` owns nothing any more. */
static int64_t owner_try(struct user at, struct key key, int wait, uint32_t dead, int *owned_by)
{
	uint32_t value, self = (uint32_t)thread_current()->id;

	if (user_get(&value, at, 4))
		return -EFAULT;
	for (;;) {
		uint32_t owner = value & FUTEX_TID_MASK, died = value & FUTEX_OWNER_DIED;
		if (dead && owner == dead) {
			owner = 0;
			died = FUTEX_OWNER_DIED;
		}
		*owned_by = (int)owner;
		if (owner == self)
			return -EDEADLK;
		if (owner && !wait)
			return -EAGAIN;
		if (owner && !thread_find((int)owner))
			return -ESRCH;
		uint32_t new = owner ? value | FUTEX_WAITERS : died | self | (owner_first(key) ? FUTEX_WAITERS : 0);
		int done = user_exchange(at, &value, new);
		if (done)
			return done < 0 ? done : !owner;
	}
}

static int64_t owner_lock(const uint64_t a[6], int realtime)
{
	struct key key = key_of(process_current(), a[0]);
	struct waiter w = {.bits = 0, .key = {key.space, key.at}};
	int64_t timeout, until = FOR_EVER, error = time_get(USER(3), &timeout, 1), t[2] = {0, 0};

	if (error)
		return error;
	if (realtime)
		time_now(t);
	if (a[3] && timeout >= 0)
		until = realtime ? now() + timeout - (t[0] * 1000000000 + t[1]) : timeout;
	until = until < 0 ? 0 : until;
	for (int dead = 0, owner;; dead = owner) {
		int64_t taken = owner_try(USER(0), key, 1, (uint32_t)dead, &owner);
		if (taken)
			return taken > 0 ? 0 : taken;
		w.owner = owner;
		wait_begin(&w, bucket_of(key));
		owner_waiters++;
		while (!error && w.queue)
			error = wait_sleep(until);
		owner_waiters--;
		int given = !w.queue;
		wait_end(&w);
		if (!given || w.owner != OWNER_DEAD)
			return given ? 0 : error;
		error = 0;
	}
}

static int64_t owner_unlock(const uint64_t a[6])
{
	struct key key = key_of(process_current(), a[0]);
	uint32_t value;

	if (user_get(&value, USER(0), 4))
		return -EFAULT;
	for (;;) {
		if ((int)(value & FUTEX_TID_MASK) != thread_current()->id)
			return -EPERM;
		if (owner_first(key))
			return hand_over(key, USER(0));
		int done = user_exchange(USER(0), &value, 0);
		if (done)
			return done < 0 ? done : 0;
	}
}

int64_t sys_futex(const uint64_t a[6])
{
	if (a[0] % 4)
		return -EINVAL;
	switch ((unsigned)a[1] & (unsigned)FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return wait_on(a, UINT32_MAX, 0);
	case FUTEX_WAIT_BITSET:
		return wait_on(a, (uint32_t)a[5], 1);
	case FUTEX_WAKE:
		return wake_at(a, UINT32_MAX);
	case FUTEX_WAKE_BITSET:
		return wake_at(a, (uint32_t)a[5]);
	case FUTEX_REQUEUE:
		return requeue(a, 0);
	case FUTEX_CMP_REQUEUE:
		return requeue(a, 1);
	case FUTEX_WAKE_OP:
		return wake_op(a);
	case FUTEX_LOCK_PI:
		return owner_lock(a, 1);
	case 13:                /* FUTEX_LOCK_PI2 */
		return owner_lock(a, (a[1] & FUTEX_CLOCK_REALTIME) != 0);
	case FUTEX_TRYLOCK_PI: {
		int owner;
		int64_t taken = owner_try(USER(0), key_of(process_current(), a[0]), 0, 0, &owner);
		return taken > 0 ? 0 : taken;
	}
	case FUTEX_UNLOCK_PI:
		return owner_unlock(a);
	default:
		return -ENOSYS;
	}
}

/* ---- robust lists: what a dead thread held is marked and one waiter woken (Documentation/locking/robust-futexes.rst) ---- */
#define ROBUST_MOST 2048

static void robust_one(struct process *p, int id, uint64_t at)
{
	uint32_t value;

	if (at % 4 || user_get(&value, (struct user){at}, 4) || (int)(value & FUTEX_TID_MASK) != id)
		return;
	int done;
	do {
		if ((int)(value & FUTEX_TID_MASK) != id)
			return;
	} while (!(done = user_exchange((struct user){at}, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED)));
	if (done > 0 && (value & FUTEX_WAITERS))
		futex_wake_user(p, at);
}

static void list_release(struct thread *t)
{
	uint64_t head[3], entry, next;

	if (!t->robust || user_get(head, (struct user){t->robust}, sizeof head))
		return;
	entry = head[0];
	for (int i = 0; i < ROBUST_MOST && (entry & ~1ull) != t->robust; i++, entry = next) {
		if (user_get(&next, (struct user){entry & ~1ull}, 8))
			return;
		if (entry != head[2])
			robust_one(t->process, t->id, (entry & ~1ull) + head[1]);
	}
	if (head[2])
		robust_one(t->process, t->id, (head[2] & ~1ull) + head[1]);
}

void robust_release(struct thread *t)
{
	list_release(t);
	owner_died(t->id);
}

int64_t sys_set_robust_list(const uint64_t a[6])
{
	if (a[1] != 24)
		return -EINVAL;
	thread_current()->robust = a[0];
	return 0;
}

int64_t sys_get_robust_list(const uint64_t a[6])
{
	const struct thread *t = a[0] ? thread_find((int)a[0]) : thread_current();
	const uint64_t size = 24;

	if (!t)
		return -ESRCH;
	return user_put(USER(1), &t->robust, 8) || user_put(USER(2), &size, 8) ? -EFAULT : 0;
}
