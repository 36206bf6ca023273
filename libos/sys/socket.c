/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that make sockets, name them and bring them together: arguments in and out of the program's memory.
 */
#include "libos/sys/socket.h"

int64_t sys_socket(const uint64_t a[6])
{
	int domain = (int)a[0], type = (int)a[1] & 0xf, flags = (int)a[1] & ~0xf, protocol = (int)a[2];

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (domain == AF_UNIX && type == 3)     /* SOCK_RAW is SOCK_DGRAM there */
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && !(type == SOCK_SEQPACKET && domain == AF_UNIX))
		return type == 3 ? -EPERM : -ESOCKTNOSUPPORT;
	if (protocol && protocol != (domain == AF_UNIX ? AF_UNIX : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	struct socket *s = socket_make(domain, type, domain == AF_UNIX ? 0 : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	struct file *f = s ? socket_file(s, flags) : NULL;
	return f ? descriptor_add(f, 0, flags & SOCK_CLOEXEC) : -ENOMEM;
}

int64_t sys_socketpair(const uint64_t a[6])
{
	int domain = (int)a[0], type = (int)a[1] & 0xf, flags = (int)a[1] & ~0xf;
	int fds[2];

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (domain != AF_UNIX)
		return domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	if (a[2] && (int)a[2] != AF_UNIX)
		return -EPROTONOSUPPORT;
	struct socket *one = socket_make(domain, type, 0), *two = socket_make(domain, type, 0);
	if (!one || !two) {
		heap_free(one, sizeof *one);
		heap_free(two, sizeof *two);
		return -ENOMEM;
	}
	struct file *first = socket_file(one, flags), *second = first ? socket_file(two, flags) : NULL;
	if (!second) {
		if (first)
			file_release(first);
		else
			socket_free(two);
		return -ENOMEM;
	}
	socket_pair(one, two);
	int64_t fd = descriptor_add(first, 0, flags & SOCK_CLOEXEC), other = fd < 0 ? fd : descriptor_add(second, 0, flags & SOCK_CLOEXEC);
	if (fd < 0)
		file_release(second);
	fds[0] = (int)fd;
	fds[1] = (int)other;
	if (other >= 0 && !user_put(USER(3), fds, sizeof fds))
		return 0;
	if (fd >= 0)
		descriptor_close((int)fd);
	if (other >= 0)
		descriptor_close((int)other);
	return other < 0 ? other : -EFAULT;
}

int64_t address_get(struct address *to, struct user at, uint64_t length)
{
	memset(to, 0, sizeof *to);
	if ((int)length < 0 || length > 128)
		return -EINVAL;
	if (length < 2)
		return -EINVAL;
	uint64_t n = length < sizeof to->bytes ? length : sizeof to->bytes;
	if (user_get(to->bytes, at, n))
		return -EFAULT;
	switch (to->family) {
	case AF_UNSPEC:
		to->length = 16;
		return 0;
	case AF_INET:
		to->length = 16;
		return length < 16 ? -EINVAL : 0;
	case AF_INET6:
		to->length = 28;
		return length < 24 ? -EINVAL : 0;
	case AF_UNIX:
		if (length > 110)
			return -EINVAL;
		to->length = (uint16_t)length;
		if (length > 2 && to->un_path[0]) {
			const char *end = memchr(to->un_path, 0, length - 2);
			to->length = (uint16_t)(end ? end - to->un_path + 3 : (int64_t)length + 1);
			to->length = to->length > 110 ? 110 : to->length;
		}
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

int64_t address_put(const struct address *a, struct user at, struct user length_at)
{
	int32_t room, whole = a->length;

	if (!at.at || !length_at.at)
		return 0;
	if (user_get(&room, length_at, sizeof room))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (user_put(at, a->bytes, (size_t)(room < whole ? room : whole)) || user_put(length_at, &whole, sizeof whole))
		return -EFAULT;
	return 0;
}

int64_t sys_bind(const uint64_t a[6])
{
	struct address address;
	SOCKET_ARGUMENT(f, s);

	int64_t error = address_get(&address, USER(1), (uint32_t)a[2]);
	if (error)
		return error;
	if (address.family == AF_UNSPEC && s->domain == AF_INET) {
		address.family = AF_INET;
		if (!address_is_any(&address))
			return -EAFNOSUPPORT;
	}
	if (address.family != s->domain)
		return s->domain == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
	error = name_bind(s, &address);
	if (!error && s->type == SOCK_DGRAM)
		port_take(s, f);
	return error;
}

int64_t sys_listen(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	return socket_listen(s, f, (int)a[1]);
}

int64_t sys_connect(const uint64_t a[6])
{
	struct address address;
	SOCKET_ARGUMENT(f, s);

	int64_t error = address_get(&address, USER(1), (uint32_t)a[2]);
	(void)s;
	return error ? error : socket_connect(f, &address);
}

static int64_t accept(const uint64_t a[6], int flags)
{
	struct socket *taken;
	SOCKET_ARGUMENT(f, s);

	(void)s;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	int64_t error = socket_accept(f, 0, &taken);
	if (error)
		return error;
	struct address none = {.length = 2, .family = (uint16_t)taken->domain}, peer = taken->peer.length ? taken->peer : none;
	struct file *made = socket_file(taken, flags);
	if (!made)
		return -ENOMEM;
	int64_t fd = descriptor_add(made, 0, flags & SOCK_CLOEXEC);
	if (fd >= 0 && (error = address_put(&peer, USER(1), USER(2)))) {
		descriptor_close((int)fd);
		return error;
	}
	return fd;
}

int64_t sys_accept(const uint64_t a[6])
{
	return accept(a, 0);
}

int64_t sys_accept4(const uint64_t a[6])
{
	return accept(a, (int)a[3]);
}

int64_t sys_getsockname(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	struct address none = {.length = 2, .family = (uint16_t)s->domain};

	if (!s->local.length && s->domain != AF_UNIX)
		none.length = s->domain == AF_INET ? 16 : 28;
	return user_ok(USER(1), 1) && user_ok(USER(2), 4) && a[2] ? address_put(s->local.length ? &s->local : &none, USER(1), USER(2)) : -EFAULT;
}

int64_t sys_getpeername(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	struct address none = {.length = 2, .family = (uint16_t)s->domain};

	if (s->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	return user_ok(USER(1), 1) && a[2] ? address_put(s->peer.length ? &s->peer : &none, USER(1), USER(2)) : -EFAULT;
}

int64_t sys_shutdown(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	return socket_shutdown(s, (int)a[1]);
}

int64_t sys_setsockopt(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	return (int)a[4] < 0 ? -EINVAL : option_set(s, (int)a[1], (int)a[2], USER(3), (uint32_t)a[4]);
}

int64_t sys_getsockopt(const uint64_t a[6])
{
	SOCKET_ARGUMENT(f, s);
	return option_get(s, (int)a[1], (int)a[2], USER(3), USER(4));
}
