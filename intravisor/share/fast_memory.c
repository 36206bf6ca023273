/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Access to memory by capabilities and CP_Files. A capability is held while bytes are copied, one piece after the other, so that
 * who revokes it waits for one piece at most; no lock is. Ranges are checked against the capability, and against the caller's own
 * windows, whose memory its thread holds; and the machine's copy goes by what was granted, not by what came out of these checks. Trusted.
 */
#include "intravisor/host/host.h"
#include "intravisor/share/capability.h"

#define PIECE (1ull << 20)

static struct machine_range memory_of(const struct cap_held *held)
{
	const struct cap *cap = held->cap;

	return (struct machine_range){*(uint8_t *const *)cap->object + cap->base, cap->length, entry_stored(held->entry)};
}

static int64_t copy(struct machine_range to, uint64_t to_offset, struct machine_range from, uint64_t from_offset, uint64_t length,
		    const struct cap_held *a, const struct cap_held *b)
{
	for (uint64_t done = 0, n; done < length; done += n) {
		n = length - done < PIECE ? length - done : PIECE;
		if (!cap_tagged(a) || !cap_tagged(b))
			return -EBADF;
		int error = machine_copy_ranges(&to, to_offset + done, &from, from_offset + done, n);
		if (error)
			return error;
	}
	return (int64_t)length;
}

/* With `clip` as much as there is, else all or -ERANGE. */
static int64_t access(const struct caller *caller, struct cap_table *table, const uint64_t a[5], int clip)
{
	struct cap_held held;
	uint64_t offset = a[1], length = a[3];
	const struct machine_range own = cvm_range(caller, a[2], length);
	int64_t result = cap_hold(table, a[0], a[4] ? CAP_STORE : CAP_LOAD, &held);

	if (!result && clip) {
		uint64_t left = offset < held.cap->length ? held.cap->length - offset : 0;
		length = length < left ? length : left;
		offset = left ? offset : 0;
	}
	if (!result)
		result = !own.at ? -EFAULT : !cap_in_bounds(held.cap, offset, length) ? -ERANGE
			 : a[4] ? copy(memory_of(&held), offset, own, 0, length, &held, &held)
				: copy(own, 0, memory_of(&held), offset, length, &held, &held);
	cap_release(&held);
	return result;
}

/* capability_access(index, offset, ref, length, store) */
int64_t host_capability_access(struct caller *caller, const uint64_t a[6])
{
	return access(caller, __atomic_load_n(&caller->program->capabilities, __ATOMIC_ACQUIRE), a, 0);
}

/* capability_copy(to, to_offset, from, from_offset, length) */
int64_t host_capability_copy(struct caller *caller, const uint64_t a[6])
{
	struct cap_table *table = __atomic_load_n(&caller->program->capabilities, __ATOMIC_ACQUIRE);
	struct cap_held to, from;
	int64_t result = cap_hold(table, a[0], CAP_STORE, &to), error = cap_hold(table, a[2], CAP_LOAD, &from);

	if (!result)
		result = error ? error : cap_in_bounds(to.cap, a[1], a[4]) && cap_in_bounds(from.cap, a[3], a[4])
			 ? copy(memory_of(&to), a[1], memory_of(&from), a[3], a[4], &to, &from) : -ERANGE;
	cap_release(&to);
	cap_release(&from);
	return result;
}

static int64_t describe(struct cap_table *table, uint64_t index, uint64_t what)
{
	struct cap_held held;
	int64_t result = cap_hold(table, index, 0, &held);

	if (result != -EBADF)           /* sealed ones too */
		result = what == CAPABILITY_LENGTH ? (int64_t)held.cap->length : what == CAPABILITY_RIGHTS ? held.cap->permissions
			 : what == CAPABILITY_OBJECT_TYPE ? (int64_t)held.cap->otype : -EINVAL;
	cap_release(&held);
	return result;
}

int64_t host_capability_describe(struct caller *caller, const uint64_t a[6])
{
	return describe(__atomic_load_n(&caller->program->capabilities, __ATOMIC_ACQUIRE), a[0], a[1]);
}

struct holder *holder_get(const struct caller *caller, uint64_t handle, uint32_t rights, int64_t *error)
{
	return (struct holder *)share_get(caller, handle, SHARE_SEGMENT, rights, error);
}

/* file_transfer(handle, offset, ref, length, write) */
int64_t host_file_transfer(struct caller *caller, const uint64_t a[6])
{
	const uint64_t all[5] = {0, a[1], a[2], a[3], a[4]};
	int64_t result = 0;
	struct holder *holder = holder_get(caller, a[0], a[4] ? CAP_STORE : CAP_LOAD, &result);

	if (!holder)
		return result;
	result = access(caller, holder->segment->table, all, 1);
	share_put(&holder->share);
	return result == -EBADF ? -ENODEV : result;
}

static void ring_all(struct segment *segment)
{
	for (struct holder *h = segment->holders; h; h = h->next)
		if (h->waits && h->table) {
			h->waits = 0;
			bell_ring(h->table, &h->point);
		}
}

void segment_lost(void *argument)
{
	struct segment *segment = argument;

	fast_lock(&segment->lock);
	segment->gone = 1;
	ring_all(segment);
	fast_unlock(&segment->lock);
}

/* file_state(handle, what) */
int64_t host_file_state(struct caller *caller, const uint64_t a[6])
{
	int64_t result = -EINVAL;
	struct holder *holder = holder_get(caller, a[0], 0, &result);

	if (!holder)
		return result;
	struct segment *segment = holder->segment;
	if (a[1] == FILE_LENGTH)
		result = describe(segment->table, 0, CAPABILITY_LENGTH);
	else if (a[1] == FILE_RIGHTS && (result = describe(segment->table, 0, CAPABILITY_RIGHTS)) >= 0)
		result = (result & holder->rights) | (segment->base ? FILE_OBJECT : 0);
	else if (a[1] <= FILE_NOTIFY) {
		fast_lock(&segment->lock);
		segment->sequence += a[1] == FILE_NOTIFY && !segment->gone;
		if (a[1] == FILE_NOTIFY)
			ring_all(segment);
		holder->waits |= a[1] == FILE_ARM;
		result = segment->gone ? -ENODEV : (int64_t)segment->sequence;
		fast_unlock(&segment->lock);
	}
	share_put(&holder->share);
	return result == -EBADF ? -ENODEV : result;
}
