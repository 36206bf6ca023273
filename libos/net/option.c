/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Socket options. What has a meaning inside the cVM is acted upon here; what concerns a host side is passed on; the rest of the
 * options that services set are remembered and given back.
 */
#include "libos/net/socket.h"

#ifndef SO_PEERCRED
#define SO_PEERCRED 17
#endif
#define RCVTIMEO 20
#define SNDTIMEO 21
#define BUFFER_DEFAULT 212992

/* Options with one int, by level: which of the first 64 are known. */
static int known(int level, int name)
{
	static const uint8_t socket_names[] = {SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE,
					       SO_RCVBUFFORCE, SO_KEEPALIVE, SO_OOBINLINE, SO_PRIORITY, SO_REUSEPORT, SO_PASSCRED,
					       SO_RCVLOWAT, SO_SNDLOWAT, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_MARK, SO_INCOMING_CPU, SO_BUSY_POLL,
					       SO_ZEROCOPY};

	if (level == SOL_SOCKET)
		return memchr(socket_names, name, sizeof socket_names) != NULL && (unsigned)name < 256;
	return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_UDP ? (unsigned)name < 64 : 0;
}

int option_value(const struct socket *s, int level, int name)
{
	for (unsigned i = 0; i < s->option_count; i++)
		if (s->options[i].level == level && s->options[i].name == name)
			return s->options[i].value;
	return level != SOL_SOCKET                         ? (level == IPPROTO_TCP && name == 2 ? 536 : 0)
	       : name == SO_SNDBUF || name == SO_RCVBUF ? BUFFER_DEFAULT
	       : name == SO_RCVLOWAT || name == SO_SNDLOWAT ? 1
							    : 0;
}

static int64_t remember(struct socket *s, int level, int name, int value)
{
	unsigned i = 0;

	while (i < s->option_count && (s->options[i].level != level || s->options[i].name != name))
		i++;
	if (i == OPTIONS_MOST)
		return -ENOBUFS;
	s->options[i] = (struct option_value){level, name, value};
	s->option_count += i == s->option_count;
	return 0;
}

static void pass_on(const struct socket *s, int level, int name, int value)
{
	HOST(socket_option, s->handle, level, name, 1, own_ref(&value), sizeof value);
}

void options_replay(const struct socket *s)
{
	for (unsigned i = 0; i < s->option_count; i++)
		pass_on(s, s->options[i].level, s->options[i].name, s->options[i].value);
}

int64_t option_set(struct socket *s, int level, int name, struct user at, uint64_t length)
{
	int64_t t[2];
	int value = 0, pair[2];

	if (level == SOL_SOCKET && (name == RCVTIMEO || name == SNDTIMEO)) {
		if (length < sizeof t)
			return -EINVAL;
		if (user_get(t, at, sizeof t))
			return -EFAULT;
		if (t[1] < 0 || t[1] >= 1000000)
			return -EDOM;
		s->timeouts[name == SNDTIMEO] = t[0] < 0 || t[0] > 1ll << 32 ? 0 : t[0] * 1000000000 + t[1] * 1000;
		return 0;
	}
	if (level == SOL_SOCKET && name == SO_LINGER) {
		if (length < sizeof pair)
			return -EINVAL;
		if (user_get(pair, at, sizeof pair))
			return -EFAULT;
		s->linger = pair[0] ? (int64_t)1 << 32 | (uint32_t)pair[1] : 0;
		if (s->handle >= 0)
			HOST(socket_option, s->handle, SOL_SOCKET, SO_LINGER, 1, own_ref(pair), sizeof pair);
		return 0;
	}
	if (!known(level, name))
		return s->domain == AF_UNIX && level != SOL_SOCKET ? -EOPNOTSUPP : -ENOPROTOOPT;
	if (level == IPPROTO_TCP && s->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (length < sizeof value && !(length && level != SOL_SOCKET))
		return -EINVAL;
	if (user_get(&value, at, length < sizeof value ? length : sizeof value))
		return -EFAULT;
	if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF))
		value = value < 1024 ? 2304 : value > BUFFER_DEFAULT ? 2 * BUFFER_DEFAULT : 2 * value; /* as Linux doubles them */
	if (s->handle >= 0)
		pass_on(s, level, name, level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF) ? value / 2 : value);
	return remember(s, level, name, value);
}

int64_t option_get(struct socket *s, int level, int name, struct user at, struct user length_at)
{
	int32_t room, value;
	uint8_t out[256];
	int64_t length = sizeof value;

	if (user_get(&room, length_at, sizeof room))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (level == SOL_SOCKET)
		switch (name) {
		case SO_TYPE:
			value = s->type;
			break;
		case SO_DOMAIN:
			value = s->domain;
			break;
		case SO_PROTOCOL:
			value = s->protocol;
			break;
		case SO_ACCEPTCONN:
			value = s->state == SOCKET_LISTENING;
			break;
		case SO_ERROR:
			value = s->error;
			s->error = 0;
			if (!value && s->state == SOCKET_CONNECTING) {
				int64_t error = host_side_settle(s);
				value = error < 0 && error != -EALREADY ? (int)-error : 0;
			} else if (!value && s->reaches_out)
				HOST(socket_option, s->handle, SOL_SOCKET, SO_ERROR, 0, own_ref(&value), sizeof value);
			break;
		case SO_LINGER:
			((int *)out)[0] = s->linger != 0;
			((int *)out)[1] = (int)(uint32_t)s->linger;
			length = 8;
			goto give;
		case RCVTIMEO: case SNDTIMEO:
			((int64_t *)out)[0] = s->timeouts[name == SNDTIMEO] / 1000000000;
			((int64_t *)out)[1] = s->timeouts[name == SNDTIMEO] / 1000 % 1000000;
			length = 16;
			goto give;
		case SO_PEERCRED: {
			const struct credentials none = {0, UINT32_MAX, UINT32_MAX};
			memcpy(out, s->domain == AF_UNIX && s->peer_owner.pid ? &s->peer_owner : &none, sizeof none);
			length = sizeof none;
			goto give;
		}
		default:
			if (!known(level, name))
				return -ENOPROTOOPT;
			value = option_value(s, level, name);
		}
	else if (s->handle >= 0 && level == IPPROTO_TCP) {
		length = HOST(socket_option, s->handle, level, name, 0, own_ref(out), room < 256 ? room : 256);
		if (length >= 0)
			goto give;
		value = option_value(s, level, name);
		length = sizeof value;
	} else if (known(level, name))
		value = option_value(s, level, name);
	else
		return s->domain == AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
	memcpy(out, &value, sizeof value);
give:
	length = length < room ? length : room;
	if (length < 0)
		return length;
	room = (int32_t)length;
	return user_put(at, out, (size_t)length) || user_put(length_at, &room, sizeof room) ? -EFAULT : 0;
}
