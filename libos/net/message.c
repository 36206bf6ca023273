/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Messages between two sockets of one cVM: datagrams, and SOCK_SEQPACKET. Each waits in its receiver's channel, whole.
 */
#include "libos/net/transfer.h"

#define DATAGRAM_MOST  65507u
#define MESSAGES_MOST  10u              /* of an AF_UNIX datagram socket, as Linux' max_dgram_qlen */
#define QUEUE_MOST     212992u          /* bytes of datagrams that wait: SO_RCVBUF's default */

int64_t message_send(struct file *f, const struct vectors *v, unsigned flags, const struct address *to, struct rights *rights)
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
		if (cursor_move(&cursor, m->data, v->length, 0) != (int64_t)v->length) {
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
	channel_put(&o->in, m);
	socket_changed(o, READY_IN);
	return (int64_t)v->length;
}

int64_t message_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
{
	struct socket *s = f->object;
	struct cursor cursor = {.v = v};

	if (s->type == SOCK_SEQPACKET && s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	for (;;) {
		if (s->in.first) {
			struct message *m = s->in.first;
			uint64_t n = m->length < v->length ? m->length : v->length;
			if (cursor_move(&cursor, m->data, n, 1) != (int64_t)n)
				return -EFAULT;
			r->from = m->from;
			r->credentials = m->credentials;
			r->has_credentials = 1;
			r->flags = (n < m->length ? MSG_TRUNC : 0) | (s->type == SOCK_SEQPACKET ? MSG_EOR : 0);
			int64_t result = flags & MSG_TRUNC ? (int64_t)m->length : (int64_t)n;
			if (!(flags & MSG_PEEK)) {
				r->rights = m->rights;
				m->rights = NULL;
				message_free(channel_take(&s->in));
				socket_changed(s, READY_OUT);  /* who waits to send here is on this queue */
				if (s->other)
					socket_changed(s->other, READY_OUT);
			}
			return result;
		}
		if (s->error)
			return error_take(s);
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
