/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on sockets: arguments in and out of the program's memory.
 */
#include "libos/net/socket.h"
#include "libos/sys/sys.h"

#define SOCKET_ARGUMENT(f, s)                                                                                            \
	HELD struct file *f = file_hold((int)a[0]);                                                                       \
	struct socket *s = f ? socket_of(f) : NULL;                                                                       \
	if (!s)                                                                                                           \
		return f && !(f->flags & O_PATH) ? -ENOTSOCK : -EBADF

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
		return type == 3 ? -EPERM : domain == AF_UNIX || type < 1 || type > 6 ? -ESOCKTNOSUPPORT : -ESOCKTNOSUPPORT;
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

/* 0 or -errno. An AF_UNIX path ends at its NUL, an abstract name at its length. */
static int64_t address_get(struct address *to, struct user at, uint64_t length)
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

/* As much of it as there is room for; the whole length is told. */
static int64_t address_put(const struct address *a, struct user at, struct user length_at)
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

/* ---- data ---- */
#define SEND_FLAGS    (MSG_OOB | MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL | MSG_MORE | 0x800 /* CONFIRM */ | 4 /* DONTROUTE */)
#define RECEIVE_FLAGS (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC | MSG_WAITFORONE)

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

struct message_header {         /* struct msghdr */
	uint64_t name;
	uint32_t name_length, pad;
	uint64_t vectors, count, control, control_length;
	uint32_t flags, pad2;
};
struct control_header {         /* struct cmsghdr */
	uint64_t length;
	int32_t level, type;
};
#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define CONTROL_MOST    4096u
#define CONTROL_NEXT(n) (((n) + 7) & ~7ull)

/* The descriptors of the control messages: *rights is the caller's. */
static int64_t control_get(const struct socket *s, const struct message_header *m, struct rights **rights)
{
	uint8_t control[CONTROL_MOST];

	*rights = NULL;
	if (m->control_length > sizeof control)
		return -ENOBUFS;
	if (user_get(control, (struct user){m->control}, m->control_length))
		return -EFAULT;
	for (uint64_t at = 0; at + sizeof(struct control_header) <= m->control_length;) {
		struct control_header h;
		memcpy(&h, control + at, sizeof h);
		if (h.length < sizeof h || h.length > m->control_length - at)
			goto invalid;
		const uint8_t *data = control + at + sizeof h;
		uint64_t n = h.length - sizeof h;
		at += CONTROL_NEXT(h.length);
		if (h.level != SOL_SOCKET || s->domain != AF_UNIX)
			continue;       /* of another protocol: has no effect */
		if (h.type == SCM_CREDENTIALS && n >= sizeof(struct credentials)) {
			struct credentials c;
			memcpy(&c, data, sizeof c);
			if (c.pid != process_current()->id || c.uid != boot->uid || c.gid != boot->gid) {
				rights_drop(*rights);
				return -EPERM;
			}
			continue;
		}
		unsigned before = *rights ? (*rights)->count : 0;       /* of an earlier message of this kind */
		if (h.type != SCM_RIGHTS || n / 4 > RIGHTS_MOST - before)
			goto invalid;
		struct rights *r = heap_allocate(sizeof *r + (before + n / 4) * sizeof *r->files);
		if (!r) {
			rights_drop(*rights);
			*rights = NULL;
			return -ENOMEM;
		}
		if (before) {
			memcpy(r->files, (*rights)->files, before * sizeof *r->files);
			heap_free(*rights, sizeof *r + before * sizeof *r->files);
		}
		r->count = before + (unsigned)(n / 4);
		*rights = r;
		for (unsigned i = before; i < r->count; i++) {
			int fd;
			memcpy(&fd, data + 4 * (i - before), 4);
			r->files[i] = file_hold(fd);
			if (!r->files[i]) {
				for (unsigned k = 0; k < i; k++)
					file_release(r->files[k]);
				heap_free(r, sizeof *r + r->count * sizeof *r->files);
				*rights = NULL;
				return -EBADF;
			}
		}
	}
	return 0;
invalid:
	rights_drop(*rights);
	*rights = NULL;
	return -EINVAL;
}

/* What came with the data, as far as there is room; descriptors that there is none for are closed. */
static int64_t control_put(const struct socket *s, struct message_header *m, struct received *r, unsigned flags)
{
	uint64_t used = 0;
	int64_t error = 0;

	if (option_value(s, SOL_SOCKET, SO_PASSCRED) && r->has_credentials) {
		struct {
			struct control_header h;
			struct credentials c;
			uint32_t pad;
		} one = {{sizeof one.h + sizeof one.c, SOL_SOCKET, SCM_CREDENTIALS}, r->credentials, 0};
		if (m->control_length < sizeof one)
			r->flags |= MSG_CTRUNC;
		else {
			error = user_put((struct user){m->control}, &one, sizeof one);
			used = sizeof one;
		}
	}
	if (r->rights) {
		struct control_header h = {0, SOL_SOCKET, SCM_RIGHTS};
		uint64_t room = m->control_length - used;
		unsigned fits = room < sizeof h ? 0 : (unsigned)((room - sizeof h) / 4), given = 0;
		while (!error && given < r->rights->count && given < fits) {
			struct file *f = r->rights->files[given];
			f->references++;
			int64_t fd = descriptor_add(f, 0, (flags & MSG_CMSG_CLOEXEC) != 0);
			if (fd < 0)
				break;
			int number = (int)fd;
			error = user_put((struct user){m->control + used + sizeof h + 4 * given}, &number, 4);
			given++;
		}
		if (given < r->rights->count)
			r->flags |= MSG_CTRUNC;
		if (given && !error) {
			h.length = sizeof h + 4 * given;
			error = user_put((struct user){m->control + used}, &h, sizeof h);
			used += CONTROL_NEXT(h.length) < room ? CONTROL_NEXT(h.length) : room;
		}
		rights_drop(r->rights);
	}
	m->control_length = used;
	return error;
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
