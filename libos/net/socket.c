/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The life of a socket: made, listening, connected, closed. A connection inside the cVM is made whole by connect; accept only
 * fetches its other end.
 */
#include "libos/net/socket.h"

#define BACKLOG_MOST 4096u

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

static void changed(struct socket *s)
{
	wait_wake(&s->queue, UINT32_MAX);
}

/* Datagram sockets of AF_UNIX that are connected to another: when that goes, it is looked for here. */
static struct socket *datagram_peers;

static void datagram_peer(struct socket *s, struct socket *other)
{
	s->other = other;
	s->pending_next = datagram_peers;
	datagram_peers = s;
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
		changed(other);
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
					changed(p);
				}
			} else
				link = &p->pending_next;
		}
	if (s->type != SOCK_DGRAM)
		part(s);
	else if (s->other && s->other->other == s) {    /* a pair */
		s->other->other = NULL;
		s->other->error = ECONNREFUSED;
		changed(s->other);
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

static void socket_close(struct file *f)
{
	socket_free(f->object);
}

int64_t socket_wait(struct file *f, unsigned events, int flags, int which)
{
	struct socket *s = f->object;

	if ((f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT))
		return -EAGAIN;
	int64_t limit = s->timeouts[which], error = file_wait(f, events, limit ? now() + limit : FOR_EVER);
	return error == -ETIMEDOUT ? -EAGAIN : error == -RESTART && limit ? -EINTR : error;
}

/* ---- listening ---- */
int64_t socket_listen(struct socket *s, struct file *f, int backlog)
{
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (s->state == SOCKET_CONNECTED || s->state == SOCKET_CONNECTING)
		return -EINVAL;
	if (!s->binding.bound) {
		int64_t error = is_inet(s) ? name_bind_any(s) : s->shared_name ? 0 : -EINVAL;
		if (error)
			return error;
	}
	s->backlog = backlog < 0 || (unsigned)backlog > BACKLOG_MOST ? BACKLOG_MOST : (unsigned)backlog + 1;
	port_take(s, f);
	if (s->published) {
		int64_t error = HOST(socket_listen, s->handle, s->backlog);
		if (error)
			return error;
	}
	/* A port or node that somebody else has there is still this cVM's own; a name is nothing else. */
	int64_t shared = shared_listen(s);
	if (shared && s->shared_name && s->shared_by == STREAM_BY_NAME)
		return shared;
	s->state = SOCKET_LISTENING;
	return 0;
}

int64_t socket_accept(struct file *f, int flags, struct socket **taken)
{
	struct socket *s = f->object;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	for (;;) {
		if (s->state != SOCKET_LISTENING)
			return -EINVAL;
		if (!s->pending)
			shared_drain(s);
		if (s->pending) {
			*taken = s->pending;
			s->pending = s->pending->pending_next;
			(*taken)->pending_next = NULL;
			s->pending_count--;
			changed(s);
			return 0;
		}
		if (s->handle >= 0) {
			struct host_address peer;
			int64_t handle = HOST(socket_accept, s->handle, own_ref(&peer));
			if (handle >= 0) {
				struct socket *made = socket_make(s->domain, s->type, s->protocol);
				if (!made) {
					HOST(close, handle);
					return -ENOMEM;
				}
				made->handle = handle;
				made->reaches_out = 1;
				made->state = SOCKET_CONNECTED;
				made->local = s->local;
				address_settle(&made->local);   /* as it looks from inside */
				address_from_host(made, &made->peer, &peer);
				*taken = made;
				return 0;
			}
			if (handle != -EAGAIN && handle != -ECONNABORTED)
				return handle;
		}
		int64_t error = socket_wait(f, READY_IN, flags, 0);
		if (error)
			return error;
	}
}

/* ---- connecting ---- */
static int64_t connect_here(struct file *f, const struct address *to)
{
	struct socket *s = f->object, *listener, *end;
	int64_t error;

	if (is_inet(s) && s->type == SOCK_DGRAM) {      /* whether anybody is there, only an answer tells */
		if (!s->binding.bound && (error = name_bind_any(s)))
			return error;
		s->peer = *to;
		s->state = SOCKET_CONNECTED;
		return 0;
	}
	if (!is_inet(s) && s->type != SOCK_DGRAM && shared_name(to))
		return shared_connect_name(s, shared_name(to), to);
	for (;;) {
		listener = name_find(s, to, &error);
		struct place place;
		/* A socket's node that nobody here listens at may be another cVM's. */
		if (!listener && error == -ECONNREFUSED && !is_inet(s) && s->type != SOCK_DGRAM && to->un_path[0] && !name_node(to, &place) &&
		    place.mount->operations == &host_mount)
			return shared_connect_node(s, &place, to);
		if (!listener)
			return error;
		if (s->type != SOCK_DGRAM && listener->state != SOCKET_LISTENING)
			return -ECONNREFUSED;
		if (s->type == SOCK_DGRAM || listener->pending_count < (is_inet(s) ? BACKLOG_MOST : listener->backlog))
			break;
		if (is_inet(s))
			return -ECONNREFUSED;
		/* AF_UNIX waits for room. The listener may go meanwhile: it is looked for again. */
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		struct waiter w = {0};
		wait_begin(&w, &listener->queue);
		error = wait_sleep(FOR_EVER);
		wait_end(&w);
		if (error)
			return error;
	}
	if (is_inet(s) && !s->binding.bound && (error = name_bind_any(s)))
		return error;
	if (s->type == SOCK_DGRAM) {
		s->peer = *to;
		s->state = SOCKET_CONNECTED;
		datagram_peer(s, listener);
		return 0;
	}
	end = socket_make(listener->domain, s->type, s->protocol);
	if (!end)
		return -ENOMEM;
	end->owner = listener->owner;
	for (unsigned i = 0; i < listener->option_count; i++)
		end->options[i] = listener->options[i];
	end->option_count = listener->option_count;
	socket_pair(s, end);
	end->local = is_inet(s) ? *to : listener->local;
	if (!is_inet(s))
		s->peer = end->local;
	else {
		/* A socket bound to any address has, once connected, the one it is reached by. */
		uint16_t port = s->local.in_port;
		address_settle(&end->local);
		if (address_is_any(&s->local)) {
			s->local = end->local;
			s->local.in_port = port;
		}
		s->peer = end->local;
		end->local = address_as(listener->domain, &end->local);
	}
	end->peer = is_inet(s) ? address_as(listener->domain, &s->local) : s->local;
	*(listener->pending ? &listener->pending_last->pending_next : &listener->pending) = end;
	listener->pending_last = end;
	listener->pending_count++;
	changed(listener);
	changed(s);
	return 0;
}

static void datagram_part(struct socket *s)
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

int64_t socket_connect(struct file *f, const struct address *to)
{
	struct socket *s = f->object;
	int64_t error;

	if (to->family == AF_UNSPEC) {
		if (s->type == SOCK_DGRAM)
			datagram_part(s);
		return s->type == SOCK_DGRAM ? 0 : -EAFNOSUPPORT;
	}
	if (to->family != s->domain && !(s->domain == AF_INET6 && to->family == AF_INET))
		return s->domain == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
	if (s->state == SOCKET_LISTENING)
		return s->domain == AF_UNIX ? -EINVAL : -EISCONN;
	if (s->type == SOCK_DGRAM && s->state == SOCKET_CONNECTED)
		datagram_part(s);
	if (s->state == SOCKET_CONNECTED) {
		error = s->connect_told ? 0 : -EISCONN;
		s->connect_told = 0;
		return error;
	}
	int peer = is_inet(s) && s->type == SOCK_STREAM ? shared_peer(to) : -1;
	if (s->state == SOCKET_NEW && (!is_inet(s) || peer >= 0 || address_is_here(to))) {
		error = peer >= 0 ? shared_connect(s, peer, to) : connect_here(f, to);
		/* Over a network it takes a moment, and programs wait for its end. */
		if (!error && is_inet(s) && s->type == SOCK_STREAM && (f->flags & O_NONBLOCK)) {
			s->connect_told = 1;
			return -EINPROGRESS;
		}
		return error;
	}
	if (s->state == SOCKET_NEW) {
		error = host_side_connect(s, f, to);
		if (error != -EINPROGRESS)
			return error;
		s->state = SOCKET_CONNECTING;
		if (f->flags & O_NONBLOCK)
			return -EINPROGRESS;
	}
	for (;;) {
		error = host_side_settle(s);
		if (error != -EALREADY)
			return error;
		if ((error = socket_wait(f, READY_OUT, 0, 1)))
			return error == -EAGAIN && !(f->flags & O_NONBLOCK) ? -EINPROGRESS : error == -EAGAIN ? -EALREADY : error;
	}
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
		changed(s);
		return 0;
	}
	if (s->reaches_out) {
		int64_t error = HOST(socket_shutdown, s->handle, how);
		changed(s);
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
	changed(s);
	if (other)
		changed(other);
	return 0;
}

/* ---- the file ---- */
static unsigned socket_poll(struct file *f)
{
	struct socket *s = f->object;
	unsigned ready = s->error ? READY_ERROR : 0;

	if (s->state == SOCKET_LISTENING) {
		shared_drain(s);
		return ready | (s->pending ? READY_IN : 0);
	}
	if (s->shared >= 0)
		return ready | shared_ready(s);
	if (s->type == SOCK_DGRAM) {
		int full = s->other && s->other->in.messages >= 11;
		return ready | (s->in.first || s->in.shut ? READY_IN : 0) | (full ? 0 : READY_OUT);
	}
	if (s->reaches_out)
		return ready;
	if (s->state != SOCKET_CONNECTED)
		return ready | READY_OUT | READY_HANGUP;
	if (s->type == SOCK_STREAM ? channel_waits(s) != 0 : channel_has(&s->in))
		ready |= READY_IN;
	if (s->in.urgency == URGENT_THERE)
		ready |= READY_URGENT;
	if (s->in.finished || s->in.shut)
		ready |= READY_IN | READY_RDHUP;
	if ((s->in.finished || s->in.shut) && (s->sends_no_more || !s->other))
		ready |= READY_HANGUP;
	const struct socket *o = s->other;
	if (!o || s->sends_no_more || (s->type == SOCK_STREAM ? o->in.put - o->in.taken <= RING - RING / 4 : o->in.bytes < RING))
		ready |= READY_OUT;
	return ready;
}

static struct wait_queue *socket_queue(struct file *f)
{
	return &((struct socket *)f->object)->queue;
}

static int64_t socket_stat(struct file *f, struct host_stat *s)
{
	*s = stat_now(S_IFSOCK | 0777, DEVICE_SOCKETS);
	s->ino = ((struct socket *)f->object)->number;
	return 0;
}

static int64_t socket_vector(struct file *f, const struct host_vector *list, unsigned count, int writes)
{
	struct vectors v;               /* a kilobyte: not cleared, only what is used is set */
	struct received r;

	v.count = count;
	v.length = 0;
	for (unsigned i = 0; i < count; i++) {
		v.list[i] = list[i];
		v.length += list[i].length;
	}
	if (writes)
		return socket_send(f, &v, 0, NULL, NULL);
	int64_t n = socket_receive(f, &v, 0, &r);
	if (n >= 0)
		rights_drop(r.rights);
	return n;
}

static int64_t socket_available(struct file *f)
{
	const struct socket *s = f->object;

	if (s->state == SOCKET_LISTENING)
		return -EINVAL;
	if (s->shared >= 0)
		return shared_available(s);
	if (s->in.urgency && s->in.taken < s->in.urgent && !option_value(s, SOL_SOCKET, SO_OOBINLINE))
		return (int64_t)(s->in.urgent - s->in.taken);
	return s->type == SOCK_STREAM ? (int64_t)channel_waits(s) : s->in.first ? s->in.first->length : 0;
}

static int64_t socket_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	const struct host_vector one = {to.ref, n};

	return offset >= 0 ? -ESPIPE : socket_vector(f, &one, 1, 0);
}

static int64_t socket_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	const struct host_vector one = {from.ref, n};

	return offset >= 0 ? -ESPIPE : socket_vector(f, &one, 1, 1);
}

const struct file_operations socket_operations = {
	.read = socket_read, .write = socket_write, .vector = socket_vector, .available = socket_available, .stat = socket_stat, .poll = socket_poll,
	.queue = socket_queue, .close = socket_close,
};
