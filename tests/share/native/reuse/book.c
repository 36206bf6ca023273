/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The book of the attackers' handles: what each has been, and from when to when it can have been that. Two threads may be told of one handle
 * in another order than they were given it, so a time is between two ticks, and what may have been counts.
 */
#include "tests/share/native/reuse/reuse.h"

#define HISTORY 2048u                   /* what a handle has been is remembered so long */
#define SLOTS (HANDLES + LIVE * 4)

struct place {                          /* what a handle has been */
	int64_t connection;             /* or OTHER_OBJECT */
	int side;
	uint32_t rights;
	uint64_t begin, end, until;     /* the call that opened it; the end of the first one that found it free again */
};
static struct slot {
	struct place places[HISTORY];
	uint64_t count;
} slots[SLOTS];
static struct connection {
	uint64_t number;
	int64_t slot[2];
	uint64_t place[2];              /* + 1; 0: not yet */
} connections[CONNECTIONS];
static pthread_mutex_t book = PTHREAD_MUTEX_INITIALIZER;        /* all above */
static uint64_t now;

uint64_t tick(void)
{
	return __atomic_add_fetch(&now, 1, __ATOMIC_SEQ_CST);
}

/* A handle was given out by a call between two times, the second of which is now. */
void note(int64_t handle, int64_t connection, int side, uint32_t rights, uint64_t begin)
{
	uint64_t end = tick();

	if (handle >= (int64_t)SLOTS) {
		say("a handle that is too high: some were lost");
		return;
	}
	pthread_mutex_lock(&book);
	struct slot *slot = &slots[handle];
	struct place *new = &slot->places[slot->count % HISTORY];
	*new = (struct place){connection, side, rights, begin, end, UINT64_MAX};
	for (uint64_t i = slot->count < 64 ? 0 : slot->count - 64; i < slot->count; i++) {
		struct place *p = &slot->places[i % HISTORY];
		if (p->end < begin && end < p->until)
			p->until = end;
		if (end < p->begin && p->end < new->until)
			new->until = p->end;
	}
	slot->count++;
	if (connection > 0) {
		struct connection *c = &connections[connection % CONNECTIONS];
		if (c->number != (uint64_t)connection)
			*c = (struct connection){.number = (uint64_t)connection};
		c->slot[side] = handle;
		c->place[side] = slot->count;
	}
	pthread_mutex_unlock(&book);
	count(&happened.opened);
}

static int meets(const struct place *p, const struct use *use)
{
	return p->begin <= use->end && p->until >= use->begin;
}

/* Can what was sent by a handle between two times have been received by the other between two others? */
int connected(const struct use *sent, const struct use *received)
{
	int found = 0;

	pthread_mutex_lock(&book);
	const struct slot *slot = &slots[received->handle];
	for (uint64_t i = slot->count, last = i < HISTORY ? 0 : i - HISTORY; i-- > last && !found;) {
		const struct place *to = &slot->places[i % HISTORY];
		if (to->connection <= 0 || !(to->rights & CAP_LOAD) || !meets(to, received))
			continue;
		const struct connection *c = &connections[to->connection % CONNECTIONS];
		uint64_t place = c->place[!to->side];
		if (c->number != (uint64_t)to->connection || !place || c->slot[!to->side] != (int64_t)sent->handle ||
		    place + HISTORY <= slots[sent->handle].count)
			continue;
		const struct place *from = &slots[sent->handle].places[(place - 1) % HISTORY];
		found = (from->rights & CAP_STORE) && meets(from, sent);
	}
	pthread_mutex_unlock(&book);
	return found;
}
