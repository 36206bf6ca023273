/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sending and receiving: over a stream or by messages within the cVM, to another cVM, or through the host side.
 */
#include "libos/net/transfer.h"

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
		n = s->error ? error_take(s) : host_side_receive(s, &rest, flags, r);
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
