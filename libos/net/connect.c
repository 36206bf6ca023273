/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How sockets come together: listening, accepting, connecting. A connection inside the cVM is made whole by connect; accept
 * only fetches its other end.
 */
#include "libos/net/socket.h"

#define BACKLOG_MOST 4096u

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
			socket_changed(s, ~0u);
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
	socket_changed(listener, ~0u);
	socket_changed(s, ~0u);
	return 0;
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
