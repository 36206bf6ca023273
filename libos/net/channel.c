/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What is under way to a socket: messages with their data, the descriptors that go with them, and moving data between the
 * program's vectors and memory of ours.
 */
#include "libos/net/transfer.h"

/* A descriptor that is dropped may be a socket with others under way to it: one after another, not one within another. */
void rights_release(struct rights *r)
{
	static struct rights *waiting;
	static int busy;

	r->next = waiting;
	waiting = r;
	if (busy)
		return;
	busy = 1;
	while ((r = waiting)) {
		waiting = r->next;
		for (unsigned i = 0; i < r->count; i++)
			file_release(r->files[i]);
		heap_free(r, sizeof *r + r->count * sizeof *r->files);
	}
	busy = 0;
}

void message_free(struct message *m)
{
	rights_drop(m->rights);
	heap_free(m, sizeof *m + m->length);
}

void channel_drop(struct channel *c)
{
	for (struct message *m; (m = c->first);) {
		c->first = m->next;
		message_free(m);
	}
	heap_free(c->ring, RING);
	c->ring = NULL;
}

int64_t cursor_move(struct cursor *c, uint8_t *ours, uint64_t n, int out)
{
	uint64_t done = 0;

	while (done < n && c->index < c->v->count) {
		const struct host_vector *one = &c->v->list[c->index];
		uint64_t piece = one->length - c->at;
		piece = piece < n - done ? piece : n - done;
		struct memory there = {one->ref + c->at};
		if (piece && (out ? memory_put(there, ours + done, piece) : memory_get(ours + done, there, piece)))
			return done ? (int64_t)done : -EFAULT;
		done += piece;
		c->at += piece;
		if (c->at == one->length) {
			c->index++;
			c->at = 0;
		}
	}
	return (int64_t)done;
}
