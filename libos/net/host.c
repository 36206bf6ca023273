/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host side of a socket: a published port, what was accepted there, or a socket made through the network capability.
 */
#include "libos/net/socket.h"

/* Who has a published port now: one socket at a time, the first that takes it. */
static struct socket *holders[BOOT_PORTS];

void port_release(const struct socket *s)
{
	for (uint32_t i = 0; i < boot->port_count; i++)
		if (holders[i] == s)
			holders[i] = NULL;
}

static int takes_four(const struct socket *s)
{
	return s->domain == AF_INET || !option_value(s, IPPROTO_IPV6, IPV6_V6ONLY);
}

int port_take(struct socket *s, struct file *f)
{
	uint16_t protocol = s->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;

	for (uint32_t i = 0; is_inet(s) && takes_four(s) && s->handle < 0 && i < boot->port_count; i++)
		if (boot->ports[i].port == port_of(&s->local) && boot->ports[i].protocol == protocol && !holders[i]) {
			holders[i] = s;
			s->handle = f->handle = boot->ports[i].handle;
			s->published = 1;
			options_replay(s);
			watches_host(f);
			return 1;
		}
	return 0;
}

/* In the family the socket speaks. */
void address_from_host(struct socket *s, struct address *to, const struct host_address *from)
{
	struct address a = {.length = (uint16_t)from->length};

	memcpy(a.bytes, from->bytes, sizeof from->bytes);
	*to = a.length ? address_as(s->domain, &a) : a;
}

static void address_to_host(struct host_address *to, const struct address *from)
{
	memset(to, 0, sizeof *to);
	to->length = from->length;
	memcpy(to->bytes, from->bytes, sizeof to->bytes);
}

int64_t host_side_make(struct socket *s, struct file *f)
{
	if (!boot->network)
		return -ENETUNREACH;
	int64_t handle = HOST(socket_make, boot->network, s->domain, s->type);
	if (handle < 0)
		return handle;
	s->handle = f->handle = handle;
	options_replay(s);
	watches_host(f);
	return 0;
}

static void local_learn(struct socket *s)
{
	struct host_address local;

	if (!HOST(socket_name, s->handle, 0, own_ref(&local))) {
		name_release(s);
		address_from_host(s, &s->local, &local);
	}
}

int64_t host_side_connect(struct socket *s, struct file *f, const struct address *to)
{
	struct host_address there;
	int64_t error = s->handle < 0 ? host_side_make(s, f) : 0;

	if (error)
		return error;
	address_to_host(&there, to);
	s->peer = *to;
	s->reaches_out = 1;
	error = HOST(socket_connect, s->handle, own_ref(&there));
	if (!error) {
		s->state = SOCKET_CONNECTED;
		local_learn(s);
	}
	if (error && error != -EINPROGRESS) {
		s->reaches_out = 0;
		s->peer.length = 0;
	}
	return error == -EACCES ? -ENETUNREACH : error;
}

int64_t host_side_settle(struct socket *s)
{
	struct host_poll one = {(uint32_t)s->handle, READY_OUT, 0};
	int error = 0;

	if (HOST(poll, own_ref(&one), 1, 0) <= 0)
		return -EALREADY;
	HOST(socket_option, s->handle, SOL_SOCKET, SO_ERROR, 0, own_ref(&error), sizeof error);
	if (error) {
		s->state = SOCKET_NEW;
		s->reaches_out = 0;
		return -error;
	}
	s->state = SOCKET_CONNECTED;
	local_learn(s);
	return 0;
}

int64_t host_side_send(struct socket *s, const struct vectors *v, unsigned flags, const struct address *to)
{
	struct host_address there;

	if (to && s->type == SOCK_DGRAM)
		address_to_host(&there, to);
	else
		to = NULL;
	if (v->count == 1 && !to)
		return HOST_FAST(socket_put, s->handle, v->list->ref, v->list->length, flags & (MSG_OOB | MSG_MORE | MSG_EOR));
	return HOST(socket_send, s->handle, own_ref(v->list), v->count, flags & (MSG_OOB | MSG_MORE | MSG_EOR), to ? own_ref(&there) : 0);
}

int64_t host_side_receive(struct socket *s, const struct vectors *v, unsigned flags, struct received *r)
{
	struct host_received got;
	int named = s->type == SOCK_DGRAM;
	if (v->count == 1 && !named)
		return HOST_FAST(socket_take, s->handle, v->list->ref, v->list->length, flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC));
	int64_t n = HOST(socket_receive, s->handle, own_ref(v->list), v->count, flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC),
			 named ? own_ref(&got) : 0);

	if (n >= 0 && named) {
		address_from_host(s, &r->from, &got.from);
		r->flags = got.flags & MSG_TRUNC;
	}
	return n;
}
