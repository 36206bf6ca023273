/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Data on its way between two sockets of one cVM: rings for streams, queues of messages for the rest, and the descriptors and
 * credentials that go with either.
 */
#include "libos/net/socket.h"

#define DATAGRAM_MOST  65507u
#define MESSAGES_MOST  10u              /* of an AF_UNIX datagram socket, as Linux' max_dgram_qlen */
#define QUEUE_MOST     212992u          /* bytes of datagrams that wait: SO_RCVBUF's default */

/* ---- descriptors under way ---- */
/* A descriptor that is dropped may be a socket with others under way to it: one after another, not one within another. */
void rights_drop(struct rights *r)
{
	static struct rights *waiting;
	static int busy;

	if (!r)
		return;
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

static void message_free(struct message *m)
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

static void enqueue(struct channel *c, struct message *m)
{
	*(c->first ? &c->last->next : &c->first) = m;
	c->last = m;
	c->bytes += m->length;
	c->messages++;
}

static struct message *dequeue(struct channel *c)
{
	struct message *m = c->first;

	c->first = m->next;
	c->bytes -= m->length;
	c->messages--;
	return m;
}

static void changed(struct socket *s, unsigned events)
{
	wait_wake_for(&s->queue, UINT32_MAX, events);
}

/* ---- between vectors and memory of ours ---- */
struct cursor {
	const struct vectors *v;
	unsigned index;
	uint64_t at;            /* in v->list[index] */
};

static int64_t move(struct cursor *c, uint8_t *ours, uint64_t n, int out)
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

/* ---- streams ---- */
static int64_t broken(struct socket *s)
{
	if (s->error) {
		int error = s->error;
		s->error = 0;
		return -error;
	}
	return -EPIPE;
}

static int64_t stream_send(struct file *f, const struct vectors *v, unsigned flags, struct rights *rights)
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
				enqueue(&o->in, m);
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
			int64_t n = move(&cursor, o->in.ring + at, piece, 0);
			if (n < 0) {
				changed(o, READY_IN);
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
		changed(o, READY_IN | (flags & MSG_OOB ? READY_URGENT : 0));
	} while (done < v->length);
	rights_drop(rights);
	return (int64_t)done;
}

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

static int64_t urgent_receive(struct socket *s, const struct vectors *v, unsigned flags, struct received *r)
{
	struct cursor cursor = {.v = v};

	if (s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	if (in_turn(s) || s->in.urgency != URGENT_THERE)
		return -EINVAL;
	r->flags = MSG_OOB;
	int64_t n = v->length ? move(&cursor, s->in.ring + s->in.urgent % RING, 1, 1) : 0;
	if (n > 0 && !(flags & MSG_PEEK))
		s->in.urgency = URGENT_READ;
	return n;
}

static int64_t stream_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
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
			if (s->error) {
				int error = s->error;
				if (done)
					return (int64_t)done;
				s->error = 0;
				return -error;
			}
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
				message_free(dequeue(c));
		} else if (m)
			end = m->at;
		if (c->urgency && taken < c->urgent && c->urgent < end)
			end = c->urgent;
		int stop = r->rights != NULL;
		while (done < v->length && taken < end) {
			uint64_t at = taken % RING, piece = end - taken;
			piece = piece < RING - at ? piece : RING - at;
			piece = piece < v->length - done ? piece : v->length - done;
			int64_t n = flags & MSG_TRUNC ? (int64_t)piece : move(&cursor, c->ring + at, piece, 1);
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
			changed(s->other, READY_OUT);
		if (stop)
			break;
	} while (((flags & MSG_WAITALL) || c->put != c->taken) && done < v->length);
	return (int64_t)done;
}

/* ---- messages ---- */
static int64_t message_send(struct file *f, const struct vectors *v, unsigned flags, const struct address *to, struct rights *rights)
{
	struct socket *s = f->object, *o;
	struct cursor cursor = {.v = v};
	struct message *m = NULL;
	int64_t error = 0;

	for (;;) {
		if (s->type == SOCK_SEQPACKET || (!to && !is_inet(s))) {
			o = s->other;
			error = s->state != SOCKET_CONNECTED ? -ENOTCONN : s->sends_no_more ? -EPIPE : !o || o->in.shut ? broken(s) : 0;
			if (error == -EPIPE && s->type == SOCK_DGRAM && !s->sends_no_more)
				error = -ECONNREFUSED;
		} else {
			to = to ? to : s->peer.length ? &s->peer : NULL;
			o = to ? name_find(s, to, &error) : NULL;
			if (!to)
				error = -EDESTADDRREQ;
			else if (o && !is_inet(s) && o->other && o->other != s)         /* it is connected to somebody else */
				error = -EPERM;
			else if (o)
				error = 0;
			if (!o && to && is_inet(s)) {   /* as on a network: it is lost, and a connected sender hears of it later */
				if (s->state == SOCKET_CONNECTED)
					s->error = ECONNREFUSED;
				error = 0;
				break;
			}
		}
		if (error)
			break;
		if (v->length > (s->type == SOCK_SEQPACKET || !is_inet(s) ? QUEUE_MOST : DATAGRAM_MOST)) {
			error = -EMSGSIZE;
			break;
		}
		int full = o->in.bytes && o->in.bytes + v->length > QUEUE_MOST;
		if (is_inet(s) && full)
			o = NULL;               /* lost */
		if (is_inet(s) || (!full && (s->type == SOCK_SEQPACKET || o->in.messages <= MESSAGES_MOST)))
			break;
		if ((f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT)) {
			error = -EAGAIN;
			break;
		}
		struct waiter w = {0};
		wait_begin(&w, &o->queue);
		error = wait_sleep(s->timeouts[1] ? now() + s->timeouts[1] : FOR_EVER);
		wait_end(&w);
		if (error) {
			error = error == -ETIMEDOUT ? -EAGAIN : error;
			break;
		}
	}
	if (!error && is_inet(s) && !s->binding.bound)
		error = name_bind_any(s);
	if (!error && o && !(m = heap_allocate(sizeof *m + v->length)))
		error = -ENOMEM;
	if (m) {
		m->length = (uint32_t)v->length;
		if (move(&cursor, m->data, v->length, 0) != (int64_t)v->length) {
			heap_free(m, sizeof *m + v->length);
			error = -EFAULT;
		}
	}
	if (error || !o) {
		rights_drop(rights);
		return error ? error : (int64_t)v->length;
	}
	m->rights = rights;
	m->credentials = (struct credentials){process_current()->id, boot->uid, boot->gid};
	if (s->type == SOCK_DGRAM)
		m->from = s->local;
	if (is_inet(s)) {
		address_settle(&m->from);
		m->from = address_as(o->domain, &m->from);
	}
	enqueue(&o->in, m);
	changed(o, READY_IN);
	return (int64_t)v->length;
}

static int64_t message_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
{
	struct socket *s = f->object;
	struct cursor cursor = {.v = v};

	if (s->type == SOCK_SEQPACKET && s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	for (;;) {
		if (s->in.first) {
			struct message *m = s->in.first;
			uint64_t n = m->length < v->length ? m->length : v->length;
			if (move(&cursor, m->data, n, 1) != (int64_t)n)
				return -EFAULT;
			r->from = m->from;
			r->credentials = m->credentials;
			r->has_credentials = 1;
			r->flags = (n < m->length ? MSG_TRUNC : 0) | (s->type == SOCK_SEQPACKET ? MSG_EOR : 0);
			int64_t result = flags & MSG_TRUNC ? (int64_t)m->length : (int64_t)n;
			if (!(flags & MSG_PEEK)) {
				r->rights = m->rights;
				m->rights = NULL;
				message_free(dequeue(&s->in));
				changed(s, READY_OUT);  /* who waits to send here is on this queue */
				if (s->other)
					changed(s->other, READY_OUT);
			}
			return result;
		}
		if (s->error) {
			int error = s->error;
			s->error = 0;
			return -error;
		}
		if (s->in.finished || s->in.shut)
			return 0;
		if (s->handle >= 0) {
			int64_t n = host_side_receive(s, v, flags, r);
			if (n != -EAGAIN)
				return n;
		}
		int64_t error = socket_wait(f, READY_IN, (int)flags, 0);
		if (error)
			return error;
	}
}

/* ---- both ---- */
/* A kilobyte has room for them all; mostly it is one. */
static void vectors_copy(struct vectors *to, const struct vectors *from)
{
	to->count = from->count;
	to->length = from->length;
	for (unsigned i = 0; i < from->count; i++)
		to->list[i] = from->list[i];
}

int64_t socket_send(struct file *f, const struct vectors *v, unsigned flags, const struct address *to, struct rights *rights)
{
	struct socket *s = f->object;
	int64_t n;
	uint64_t done = 0;

	if (s->state == SOCKET_CONNECTING && (n = host_side_settle(s))) {
		rights_drop(rights);
		return n == -EALREADY ? -EAGAIN : n;
	}
	if (s->shared >= 0) {
		n = rights || (flags & MSG_OOB) ? -EOPNOTSUPP : to && s->domain == AF_UNIX ? -EISCONN : shared_send(f, v, flags);
		rights_drop(rights);
		return n;
	}
	int out = s->reaches_out || (s->type == SOCK_DGRAM && is_inet(s) && to && !address_is_here(to));
	/* Who wrote to a published port from the host's own loopback has an address that looks like one of here. */
	if (!out && s->published && to && !name_find(s, to, &n))
		out = 1;
	if (!out) {
		if ((flags & MSG_OOB) && (s->type != SOCK_STREAM || !is_inet(s))) {
			rights_drop(rights);
			return -EOPNOTSUPP;
		}
		if (s->type != SOCK_STREAM)
			return message_send(f, v, flags, to, rights);
		if (to && s->state == SOCKET_CONNECTED && s->domain == AF_UNIX) {
			rights_drop(rights);
			return -EISCONN;
		}
		return stream_send(f, v, flags, rights);
	}
	rights_drop(rights);
	if (s->handle < 0 && (n = host_side_make(s, f)))
		return n;
	struct vectors rest;
	vectors_copy(&rest, v);
	for (;;) {
		n = host_side_send(s, &rest, flags, to);
		if (n > 0)
			done += (uint64_t)n;
		if (n < 0 && n != -EAGAIN)
			return done ? (int64_t)done : n;
		if (s->type != SOCK_STREAM && n >= 0)
			return n;
		if (done >= v->length)
			return (int64_t)done;
		for (uint64_t k = n > 0 ? (uint64_t)n : 0; k;) {        /* what has gone is left out */
			uint64_t piece = k < rest.list[0].length ? k : rest.list[0].length;
			rest.list[0].ref += piece;
			rest.list[0].length -= piece;
			k -= piece;
			if (!rest.list[0].length && rest.count > 1)
				memmove(rest.list, rest.list + 1, --rest.count * sizeof *rest.list);
		}
		if ((n = socket_wait(f, READY_OUT, (int)flags, 1)))
			return done ? (int64_t)done : n;
	}
}

int64_t socket_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
{
	struct socket *s = f->object;
	int64_t n, done = 0;

	*r = (struct received){0};
	if (s->state == SOCKET_CONNECTING && (n = host_side_settle(s)))
		return n == -EALREADY ? -EAGAIN : n;
	if (s->shared >= 0)
		return flags & MSG_OOB ? -EINVAL : shared_receive(f, v, flags, r);
	if (!s->reaches_out || s->type != SOCK_STREAM) {
		if (flags & MSG_OOB)
			return s->domain == AF_UNIX ? -EOPNOTSUPP : s->type == SOCK_STREAM ? urgent_receive(s, v, flags, r) : -EINVAL;
		return s->type == SOCK_STREAM ? stream_receive(f, v, flags, r) : message_receive(f, v, flags, r);
	}
	struct vectors rest;
	vectors_copy(&rest, v);
	for (;;) {
		n = s->error ? -s->error : host_side_receive(s, &rest, flags, r);
		if (s->error)
			s->error = 0;
		if (n > 0)
			done += n;
		if (n != -EAGAIN && !(n > 0 && (flags & MSG_WAITALL) && (uint64_t)done < v->length && v->count == 1 && !(flags & MSG_PEEK)))
			return n < 0 && done ? done : n < 0 ? n : done;
		if (n > 0) {
			rest.list[0].ref += (uint64_t)n;
			rest.list[0].length -= (uint64_t)n;
			rest.length -= (uint64_t)n;
			continue;
		}
		if ((n = socket_wait(f, READY_IN, (int)flags, 0)))
			return done ? done : n;
	}
}
