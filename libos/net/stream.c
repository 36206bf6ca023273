/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Streams between two sockets of one cVM: a ring for each direction. What comes with data is a message of the channel that
 * is attached to its first byte.
 */
#include "libos/net/transfer.h"

int socket_at_mark(const struct socket *s)
{
	return s->in.urgency && s->in.taken == s->in.urgent;
}

/* A byte that is read out of turn is none that is waited for. */
static int in_turn(const struct socket *s)
{
	return option_value(s, SOL_SOCKET, SO_OOBINLINE) != 0;
}

uint64_t channel_waits(const struct socket *s)
{
	return s->in.put - s->in.taken - (socket_at_mark(s) && !in_turn(s));
}

int64_t stream_send(struct file *f, const struct vectors *v, unsigned flags, struct rights *rights)
{
	struct socket *s = f->object;
	struct cursor cursor = {.v = v};
	uint64_t done = 0;

	if (s->state != SOCKET_CONNECTED) {
		rights_drop(rights);
		return s->domain == AF_UNIX ? -ENOTCONN : -EPIPE;
	}
	do {
		int64_t error = 0;
		while (s->other && !s->sends_no_more && !s->other->in.shut && s->other->in.put - s->other->in.taken >= RING && !error)
			error = socket_wait(f, READY_OUT, (int)flags, 1);
		struct socket *o = s->other;
		/* Over a network it takes an answer to know that nobody reads any more. */
		if (!error && !o && is_inet(s) && !s->sends_no_more && !s->error && !s->lost) {
			s->lost = 1;
			rights_drop(rights);
			return (int64_t)v->length;
		}
		if (!error && (!o || s->sends_no_more || o->in.shut))
			error = s->sends_no_more ? -EPIPE : broken(s);
		if (!error && !o->in.ring && !(o->in.ring = heap_allocate(RING)))
			error = -ENOMEM;
		/* What comes with the data is attached to its first byte. Credentials only where somebody wants them. */
		int wanted = s->domain == AF_UNIX && !done && v->length &&
			     (rights || option_value(o ? o : s, SOL_SOCKET, SO_PASSCRED) || option_value(s, SOL_SOCKET, SO_PASSCRED));
		if (!error && wanted) {
			struct message *m = heap_allocate(sizeof *m);
			if (!m)
				error = -ENOMEM;
			else {
				m->rights = rights;
				rights = NULL;
				m->credentials = (struct credentials){process_current()->id, boot->uid, boot->gid};
				m->at = o->in.put;
				m->end = m->at + v->length;
				channel_put(&o->in, m);
			}
		}
		if (error) {
			rights_drop(rights);
			return done ? (int64_t)done : error;
		}
		while (done < v->length && o->in.put - o->in.taken < RING) {
			uint64_t at = o->in.put % RING, piece = RING - (o->in.put - o->in.taken);
			piece = piece < RING - at ? piece : RING - at;
			piece = piece < v->length - done ? piece : v->length - done;
			int64_t n = cursor_move(&cursor, o->in.ring + at, piece, 0);
			if (n < 0) {
				socket_changed(o, READY_IN);
				rights_drop(rights);
				return done ? (int64_t)done : n;
			}
			o->in.put += (uint64_t)n;
			done += (uint64_t)n;
		}
		if ((flags & MSG_OOB) && v->length && done == v->length) {
			o->in.urgent = o->in.put - 1;
			o->in.urgency = URGENT_THERE;
		}
		socket_changed(o, READY_IN | (flags & MSG_OOB ? READY_URGENT : 0));
	} while (done < v->length);
	rights_drop(rights);
	return (int64_t)done;
}

int64_t urgent_receive(struct socket *s, const struct vectors *v, unsigned flags, struct received *r)
{
	struct cursor cursor = {.v = v};

	if (s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	if (in_turn(s) || s->in.urgency != URGENT_THERE)
		return -EINVAL;
	r->flags = MSG_OOB;
	int64_t n = v->length ? cursor_move(&cursor, s->in.ring + s->in.urgent % RING, 1, 1) : 0;
	if (n > 0 && !(flags & MSG_PEEK))
		s->in.urgency = URGENT_READ;
	return n;
}

int64_t stream_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
{
	struct socket *s = f->object;
	struct channel *c = &s->in;
	struct cursor cursor = {.v = v};
	uint64_t done = 0, taken;

	if (s->state != SOCKET_CONNECTED)
		return s->domain == AF_UNIX ? -EINVAL : -ENOTCONN;
	do {
		if (done && socket_at_mark(s))          /* what is behind the mark is for the next call */
			return (int64_t)done;
		while (!channel_waits(s)) {
			if (s->error)
				return done ? (int64_t)done : error_take(s);
			if (c->finished || c->shut || !v->length)
				return (int64_t)done;
			int64_t error = socket_wait(f, READY_IN, (int)flags, 0);
			if (error)
				return done ? (int64_t)done : error;
		}
		taken = c->taken + (socket_at_mark(s) && !in_turn(s));
		/* One call takes one message's descriptors, with what was before them, and stops behind their data. */
		struct message *m = c->first;
		uint64_t end = c->put;
		if (m && m->at == taken) {
			if (done && r->has_credentials && m->credentials.pid != r->credentials.pid)
				return (int64_t)done;
			r->credentials = m->credentials;
			r->has_credentials = 1;
			if (m->rights) {
				r->rights = m->rights;
				if (flags & MSG_PEEK) {         /* a copy; what is under way stays */
					struct rights *copy = heap_allocate(sizeof *copy + m->rights->count * sizeof *copy->files);
					if (copy) {
						copy->count = m->rights->count;
						for (unsigned i = 0; i < copy->count; i++) {
							copy->files[i] = m->rights->files[i];
							copy->files[i]->references++;
						}
					}
					r->rights = copy;
				} else
					m->rights = NULL;
			}
			end = m->end < end ? m->end : end;
			if (!(flags & MSG_PEEK))
				message_free(channel_take(c));
		} else if (m)
			end = m->at;
		if (c->urgency && taken < c->urgent && c->urgent < end)
			end = c->urgent;
		int stop = r->rights != NULL;
		while (done < v->length && taken < end) {
			uint64_t at = taken % RING, piece = end - taken;
			piece = piece < RING - at ? piece : RING - at;
			piece = piece < v->length - done ? piece : v->length - done;
			int64_t n = flags & MSG_TRUNC ? (int64_t)piece : cursor_move(&cursor, c->ring + at, piece, 1);
			if (n < 0)
				return done ? (int64_t)done : n;
			taken += (uint64_t)n;
			done += (uint64_t)n;
		}
		if (flags & MSG_PEEK)
			return (int64_t)done;
		c->taken = taken;
		if (c->urgency && taken > c->urgent)
			c->urgency = URGENT_NONE;
		if (s->other)
			socket_changed(s->other, READY_OUT);
		if (stop)
			break;
	} while (((flags & MSG_WAITALL) || c->put != c->taken) && done < v->length);
	return (int64_t)done;
}
