/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that send and receive on sockets.
 */
#include "libos/sys/socket.h"

#define SEND_FLAGS (MSG_OOB | MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL | MSG_MORE | 0x800 /* CONFIRM */ | 4 /* DONTROUTE */)

static int64_t sent(int64_t n, const struct socket *s, unsigned flags)
{
	if (n == -EPIPE && s->type != SOCK_DGRAM && !(flags & MSG_NOSIGNAL))
		signal_thread(thread_current(), signal_plain(13));
	return n;
}

static int64_t one_vector(struct vectors *v, struct user at, uint64_t length)
{
	struct memory memory;

	v->count = 0;
	v->length = 0;
	if (user_memory(at, &length, &memory))
		return -EFAULT;
	v->list[0] = (struct host_vector){memory.ref, length};
	v->count = length != 0;
	v->length = length;
	return 0;
}

int64_t sys_sendto(const uint64_t a[6])
{
	struct vectors v;
	struct address to;
	SOCKET_ARGUMENT(f, s);

	if ((uint32_t)a[3] & ~(uint32_t)SEND_FLAGS)
		return -EOPNOTSUPP;
	int64_t error = one_vector(&v, USER(1), a[2]);
	if (!error && a[4])
		error = address_get(&to, USER(4), (uint32_t)a[5]);
	return error ? error : sent(socket_send(f, &v, (unsigned)a[3], a[4] ? &to : NULL, NULL), s, (unsigned)a[3]);
}

int64_t sys_recvfrom(const uint64_t a[6])
{
	struct vectors v;
	struct received r;
	SOCKET_ARGUMENT(f, s);

	(void)s;
	int64_t n = one_vector(&v, USER(1), a[2]);
	if (n || (n = socket_receive(f, &v, (uint32_t)a[3], &r)) < 0)
		return n;
	rights_drop(r.rights);
	int64_t error = address_put(&r.from, USER(4), USER(5));
	return error ? error : n;
}

static int64_t send_message(struct file *f, struct user at, unsigned flags)
{
	struct socket *s = socket_of(f);
	struct message_header m;
	struct vectors v;
	struct address to;
	struct rights *rights = NULL;

	if (flags & ~(unsigned)SEND_FLAGS)
		return -EOPNOTSUPP;
	if (user_get(&m, at, sizeof m))
		return -EFAULT;
	if (m.count > 1024 || (m.count > HOST_VECTORS_MOST && s->type != SOCK_STREAM))
		return -EMSGSIZE;
	int64_t error = vectors_get((struct user){m.vectors}, m.count, &v);
	if (!error && m.name && m.name_length)
		error = address_get(&to, (struct user){m.name}, m.name_length);
	if (!error && m.control && m.control_length)
		error = control_get(s, &m, &rights);
	return error ? error : sent(socket_send(f, &v, flags, m.name && m.name_length ? &to : NULL, rights), s, flags);
}

static int64_t receive_message(struct file *f, struct user at, unsigned flags)
{
	struct socket *s = socket_of(f);
	struct message_header m;
	struct vectors v;
	struct received r;

	if (user_get(&m, at, sizeof m))
		return -EFAULT;
	if (m.count > 1024)
		return -EMSGSIZE;
	int64_t n = vectors_get((struct user){m.vectors}, m.count, &v);
	if (n || (n = socket_receive(f, &v, flags, &r)) < 0)
		return n;
	m.control_length = m.control ? m.control_length : 0;
	int64_t error = control_put(s, &m, &r, flags);
	if (!error && m.name) {
		uint32_t room = m.name_length;
		m.name_length = r.from.length;
		error = user_put((struct user){m.name}, r.from.bytes, room < r.from.length ? room : r.from.length);
	}
	m.flags = r.flags | (flags & MSG_CMSG_CLOEXEC);
	if (!error)
		error = user_put((struct user){at.at + offsetof(struct message_header, name_length)}, &m.name_length, 4) ||
			user_put((struct user){at.at + offsetof(struct message_header, control_length)}, &m.control_length, 12)
				? -EFAULT
				: 0;
	return error ? error : n;
}

int64_t sys_sendmsg(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	(void)s;
	return send_message(f, USER(1), (uint32_t)a[2]);
}

int64_t sys_recvmsg(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	(void)s;
	return receive_message(f, USER(1), (uint32_t)a[2]);
}

#define MESSAGE_SIZE (sizeof(struct message_header) + 8)        /* struct mmsghdr */

static int64_t several(const uint64_t a[6], int sends, int64_t deadline)
{
	unsigned flags = (uint32_t)a[3];
	uint32_t count = (uint32_t)a[2] < 1024 ? (uint32_t)a[2] : 1024, done = 0;
	SOCKET_ARGUMENT(f, s);

	(void)s;
	for (int64_t n = 0; done < count; done++) {
		struct user at = {a[1] + done * MESSAGE_SIZE};
		n = sends ? send_message(f, at, flags & ~(unsigned)MSG_WAITFORONE) : receive_message(f, at, flags & ~(unsigned)MSG_WAITFORONE);
		uint32_t length = (uint32_t)n;
		if (n < 0 || user_put((struct user){at.at + sizeof(struct message_header)}, &length, 4))
			return done ? (int64_t)done : n < 0 ? n : -EFAULT;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != FOR_EVER && now() >= deadline)
			return done + 1;
	}
	return done;
}

int64_t sys_sendmmsg(const uint64_t a[6])
{
	return several(a, 1, FOR_EVER);
}

int64_t sys_recvmmsg(const uint64_t a[6])
{
	int64_t timeout, error = time_get(USER(4), &timeout, 1);

	return error ? error : several(a, 0, timeout < 0 ? FOR_EVER : now() + timeout);
}
