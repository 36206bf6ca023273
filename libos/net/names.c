/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The names of sockets: ports of the cVM's own loopback, abstract names, and paths, which are nodes of a file system known by
 * device and inode.
 */
#include "libos/net/socket.h"

#define BUCKETS         1024u
#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_COUNT 28232u

static struct socket *buckets[BUCKETS];

static uint32_t hash_name(const char *name, size_t length)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h;
}

static struct socket **bucket_of(const struct socket *s)
{
	if (is_inet(s))
		return &buckets[port_of(&s->local) % BUCKETS];
	if (s->binding.inode)
		return &buckets[s->binding.inode % BUCKETS];
	return &buckets[hash_name(s->local.un_path, s->local.length - 2u) % BUCKETS];
}

static void add(struct socket *s)
{
	struct socket **bucket = bucket_of(s);

	s->binding.next = *bucket;
	*bucket = s;
	s->binding.bound = 1;
}

void name_release(struct socket *s)
{
	if (!s->binding.bound)
		return;
	struct socket **link = bucket_of(s);
	while (*link != s)
		link = &(*link)->binding.next;
	*link = s->binding.next;
	s->binding.bound = 0;
}

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, zero[16];

/* The address as 16 bytes: IPv4 as IPv6 maps it. */
static void ip_of(const struct address *a, uint8_t ip[16])
{
	if (a->family == AF_INET6) {
		memcpy(ip, a->in6_ip, 16);
		return;
	}
	memcpy(ip, mapped, 12);
	memcpy(ip + 12, a->in_ip, 4);
}

static int is_four(const uint8_t ip[16])
{
	return !memcmp(ip, mapped, 12);
}

static int ip_is_any(const uint8_t ip[16])
{
	return !memcmp(ip, zero, 16) || (is_four(ip) && !memcmp(ip + 12, zero, 4));
}

int address_is_any(const struct address *a)
{
	uint8_t ip[16];

	ip_of(a, ip);
	return ip_is_any(ip);
}

int address_four(const struct address *a, uint32_t *four)
{
	uint8_t ip[16];

	ip_of(a, ip);
	*four = (uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 | ip[15];
	return is_four(ip);
}

struct address network_address(uint32_t four, uint16_t port)
{
	struct address a = {.length = 16, .in_family = AF_INET, .in_port = __builtin_bswap16(port)};

	for (int i = 0; i < 4; i++)
		a.in_ip[i] = (uint8_t)(four >> (24 - 8 * i));
	return a;
}

int address_is_network(const struct address *a)
{
	uint32_t four;

	return address_is_any(a) || (address_four(a, &four) && four == boot->address);
}

int address_is_here(const struct address *a)
{
	uint8_t ip[16];
	uint32_t four;

	ip_of(a, ip);
	if (ip_is_any(ip) || (boot->address && address_four(a, &four) && four == boot->address))
		return 1;
	return is_four(ip) ? ip[12] == 127 : !memcmp(ip, zero, 15) && ip[15] == 1;
}

void address_settle(struct address *a)
{
	if (!address_is_any(a))
		return;
	if (a->family == AF_INET)
		memcpy(a->in_ip, "\x7f\0\0\1", 4);
	else
		a->in6_ip[15] = 1;
}

struct address address_as(int domain, const struct address *a)
{
	if (domain != AF_INET6 || a->family != AF_INET)
		return *a;
	struct address six = {.length = 28, .in6_family = AF_INET6, .in6_port = a->in_port};
	ip_of(a, six.in6_ip);
	return six;
}

/* Does a socket bound to `bound` get what is sent to `to`? */
static int ip_matches(const struct socket *bound, const struct address *to)
{
	uint8_t have[16], want[16];

	ip_of(&bound->local, have);
	ip_of(to, want);
	int four = is_four(want) || (ip_is_any(want) && to->family == AF_INET);
	if (four && bound->domain == AF_INET6 && option_value(bound, IPPROTO_IPV6, IPV6_V6ONLY))
		return 0;
	if (!four && bound->domain == AF_INET)
		return 0;
	if (ip_is_any(want))            /* that is this host: the loopback */
		return 1;
	return !memcmp(have, zero, 16) || (ip_is_any(have) && four) || !memcmp(have, want, 16);
}

static int port_taken(const struct socket *s, const struct address *a)
{
	for (const struct socket *o = buckets[port_of(a) % BUCKETS]; o; o = o->binding.next) {
		if (!is_inet(o) || o->type != s->type || port_of(&o->local) != port_of(a) || o == s)
			continue;
		if (option_value(s, SOL_SOCKET, SO_REUSEPORT) && option_value(o, SOL_SOCKET, SO_REUSEPORT))
			continue;
		if (option_value(s, SOL_SOCKET, SO_REUSEADDR) && option_value(o, SOL_SOCKET, SO_REUSEADDR) && o->state != SOCKET_LISTENING)
			continue;
		if (s->domain == AF_INET6 && o->domain == AF_INET && option_value(s, IPPROTO_IPV6, IPV6_V6ONLY))
			continue;
		if (address_is_any(a) ? !(s->domain == AF_INET && o->domain == AF_INET6 && option_value(o, IPPROTO_IPV6, IPV6_V6ONLY))
				      : ip_matches(o, a))
			return 1;
	}
	return 0;
}

static int64_t bind_port(struct socket *s, struct address a)
{
	static uint32_t next;

	if (a.in_port) {
		if (port_taken(s, &a))
			return -EADDRINUSE;
		s->local = a;
		add(s);
		return 0;
	}
	for (uint32_t tries = 0; tries < EPHEMERAL_COUNT; tries++) {
		a.in_port = __builtin_bswap16((uint16_t)(EPHEMERAL_FIRST + next++ % EPHEMERAL_COUNT));
		if (!port_taken(s, &a)) {
			s->local = a;
			add(s);
			return 0;
		}
	}
	return -EADDRINUSE;
}

static struct socket *abstract_find(int type, const struct address *a)
{
	uint32_t h = hash_name(a->un_path, a->length - 2u) % BUCKETS;

	for (struct socket *o = buckets[h]; o; o = o->binding.next)
		if (!is_inet(o) && !o->binding.inode && o->type == type && o->local.length == a->length &&
		    !memcmp(o->local.un_path, a->un_path, a->length - 2u))
			return o;
	return NULL;
}

static int64_t path_of(const struct address *a, struct place *place)
{
	char path[110] = {0};

	memcpy(path, a->un_path, a->length - 2u);
	if (*path == '/')
		return place_of(path, place);
	char whole[PATH_MOST];
	if (format(whole, sizeof whole, "%s/%s", process_current()->directory, path) >= sizeof whole)
		return -ENAMETOOLONG;
	return place_of(whole, place);
}

int64_t name_bind(struct socket *s, const struct address *a)
{
	struct place place;
	struct host_stat found;
	int64_t error;

	if (s->binding.bound)
		return -EINVAL;
	if (is_inet(s))
		return !address_is_here(a) ? -EADDRNOTAVAIL : bind_port(s, *a);
	if (a->length == 2)
		return name_bind_any(s);
	if (!a->un_path[0]) {
		if (abstract_find(s->type, a))
			return -EADDRINUSE;
		s->local = *a;
		add(s);
		return 0;
	}
	if (shared_name(a)) {
		s->shared_by = STREAM_BY_NAME;
		s->shared_name = heap_text(shared_name(a));
		s->local = *a;
		return s->shared_name ? 0 : -ENOMEM;
	}
	if ((error = path_of(a, &place)))
		return error;
	error = place_node_make(&place, S_IFSOCK | (0777 & ~process_current()->mask));
	if (error)
		return error == -EEXIST ? -EADDRINUSE : error;
	if ((error = place_stat(&place, 0, &found)))
		return error;
	s->local = *a;
	s->binding.device = found.dev;
	s->binding.inode = found.ino;
	add(s);
	if (place.mount->operations == &host_mount) {
		s->shared_by = STREAM_BY_NODE;
		s->node_directory = place.mount->handle;
		s->shared_name = heap_text(place.rest);
	}
	return 0;
}

int64_t name_node(const struct address *a, struct place *place)
{
	struct host_stat found;
	int64_t error = path_of(a, place);

	return error ? error : place_stat(place, 1, &found);
}

int64_t name_bind_any(struct socket *s)
{
	static unsigned next;
	struct address a = {.length = 2, .family = (uint16_t)s->domain};

	if (is_inet(s)) {
		a.length = s->domain == AF_INET ? 16 : 28;
		return bind_port(s, a);
	}
	do {
		char name[8];
		format(name, sizeof name, "%x", 0x100000 + next++ % 0xf00000);  /* as Linux' autobind: five digits */
		memcpy(a.un_path + 1, name + 1, 5);
		a.length = 2 + 6;
	} while (abstract_find(s->type, &a));
	s->local = a;
	add(s);
	return 0;
}

struct socket *name_find(const struct socket *s, const struct address *to, int64_t *error)
{
	struct place place;
	struct host_stat found;
	struct socket *best = NULL;

	*error = -ECONNREFUSED;
	if (is_inet(s)) {
		for (struct socket *o = buckets[port_of(to) % BUCKETS]; o; o = o->binding.next)
			if (is_inet(o) && o->type == s->type && o->local.in_port == to->in_port && ip_matches(o, to) &&
			    (s->type != SOCK_STREAM || o->state == SOCKET_LISTENING) && (!best || address_is_any(&best->local)))
				best = o;
		return best;
	}
	if (to->length <= 2) {
		*error = -EINVAL;
		return NULL;
	}
	if (!to->un_path[0]) {
		best = abstract_find(s->type, to);
		return best;
	}
	if ((*error = path_of(to, &place)) || (*error = place_stat(&place, 1, &found)))
		return NULL;
	*error = -ECONNREFUSED;
	for (struct socket *o = buckets[found.ino % BUCKETS]; o; o = o->binding.next)
		if (!is_inet(o) && o->binding.inode == found.ino && o->binding.device == found.dev) {
			if (o->type == s->type)
				return o;
			*error = -EPROTOTYPE;
		}
	return NULL;
}
