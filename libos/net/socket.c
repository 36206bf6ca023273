/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The life of a socket: made, one of a pair, shut down, gone.
 */
#include "libos/net/socket.h"
#include "libos/process/bell.h"

static uint64_t numbers = 1;

struct socket *socket_of(const struct file *f)
{
	return f->operations == &socket_operations ? f->object : NULL;
}

struct socket *socket_make(int domain, int type, int protocol)
{
	struct socket *s = heap_allocate(sizeof *s);

	if (!s)
		return NULL;
	s->domain = domain;
	s->type = type;
	s->protocol = protocol;
	s->handle = s->shared = s->listener = -1;
	s->number = numbers++;
	s->owner = (struct credentials){process_current()->id, boot->uid, boot->gid};
	return s;
}

struct file *socket_file(struct socket *s, int flags)
{
	struct file *f = file_make(&socket_operations, O_RDWR | (flags & O_NONBLOCK));

	if (!f) {
		socket_free(s);
		return NULL;
	}
	f->object = s;
	f->handle = s->handle;
	return f;
}

/* Datagram sockets of AF_UNIX that are connected to another: when that goes, it is looked for here. */
static struct socket *datagram_peers;

void datagram_peer(struct socket *s, struct socket *other)
{
	s->other = other;
	s->pending_next = datagram_peers;
	datagram_peers = s;
}

void datagram_part(struct socket *s)
{
	for (struct socket **link = &datagram_peers; *link; link = &(*link)->pending_next)
		if (*link == s) {
			*link = s->pending_next;
			s->pending_next = NULL;
			break;
		}
	s->other = NULL;
	s->peer.length = 0;
	s->reaches_out = 0;
	s->state = SOCKET_NEW;
}

void socket_pair(struct socket *a, struct socket *b)
{
	if (a->type == SOCK_DGRAM) {
		datagram_peer(a, b);
		datagram_peer(b, a);
	}
	a->other = b;
	b->other = a;
	a->state = b->state = SOCKET_CONNECTED;
	a->peer_owner = b->owner;
	b->peer_owner = a->owner;
}

/* The other end sees the end of the stream, or a reset if something it sent was never read. */
static void part(struct socket *s)
{
	struct socket *other = s->other;

	if (!other)
		return;
	s->other = NULL;
	if (other->other == s) {
		other->other = NULL;
		if (s->type != SOCK_DGRAM) {
			other->in.finished = 1;
			if (channel_has(&s->in) || s->linger == 0x100000000)
				other->error = ECONNRESET;
		}
		socket_changed(other, ~0u);
	}
}

void socket_free(struct socket *s)
{
	name_release(s);
	while (s->pending) {
		struct socket *p = s->pending;
		s->pending = p->pending_next;
		if (p->other)
			p->other->error = ECONNRESET;
		socket_free(p);
	}
	if (s->type == SOCK_DGRAM && s->domain == AF_UNIX)
		for (struct socket **link = &datagram_peers; *link;) {
			struct socket *p = *link;
			if (p == s || p->other == s) {
				*link = p->pending_next;
				p->pending_next = NULL;
				if (p != s) {
					p->other = NULL;
					p->error = ECONNREFUSED;
					socket_changed(p, ~0u);
				}
			} else
				link = &p->pending_next;
		}
	if (s->type != SOCK_DGRAM)
		part(s);
	else if (s->other && s->other->other == s) {    /* a pair */
		s->other->other = NULL;
		s->other->error = ECONNREFUSED;
		socket_changed(s->other, ~0u);
	}
	channel_drop(&s->in);
	shared_close(s);
	if (s->handle >= 0 && s->published) {
		port_release(s);
		if (s->type == SOCK_STREAM)
			HOST(socket_shutdown, s->handle, 2);    /* the port stays, and refuses until somebody listens again */
	} else if (s->handle >= 0)
		HOST(close, s->handle);
	wait_dismiss(&s->queue);      /* senders, and who wants to connect */
	heap_free(s, sizeof *s);
}

int64_t socket_shutdown(struct socket *s, int how)
{
	if ((unsigned)how > 2)
		return -EINVAL;
	if (s->state == SOCKET_LISTENING && how != 1) {
		s->state = SOCKET_NEW;
		if (s->handle >= 0)
			HOST(socket_shutdown, s->handle, 2);
		shared_close(s);
		socket_changed(s, ~0u);
		return 0;
	}
	if (s->reaches_out) {
		int64_t error = HOST(socket_shutdown, s->handle, how);
		socket_changed(s, ~0u);
		return error;
	}
	if (s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	struct socket *other = s->other;
	if (s->shared >= 0)
		HOST_FAST(stream_shutdown, s->shared, how);
	if (how != 1)
		s->in.shut = 1;
	if (how != 0) {
		s->sends_no_more = 1;
		if (other && s->type != SOCK_DGRAM)
			other->in.finished = 1;
	}
	socket_changed(s, ~0u);
	if (other)
		socket_changed(other, ~0u);
	return 0;
}

int64_t socket_wait(struct file *f, unsigned events, int flags, int which)
{
	struct socket *s = f->object;

	if ((f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT))
		return -EAGAIN;
	int64_t limit = s->timeouts[which], until = limit ? now() + limit : FOR_EVER, error;
	if (events)
		error = file_wait(f, events, until);
	else {
		struct waiter w = {0};
		wait_begin(&w, &s->queue);
		error = wait_sleep_listening(until);
		wait_end(&w);
	}
	return error == -ETIMEDOUT ? -EAGAIN : error == -RESTART && limit ? -EINTR : error;
}
