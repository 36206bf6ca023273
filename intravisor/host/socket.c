/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls on sockets of the host's network: published ports, what they accept, and sockets made through the network
 * capability. None of them ever blocks. A library OS controls every argument; all of them are copied here before they are
 * used, and data goes between the kernel and ranges that are checked here. Trusted.
 *
 * Invariant: a socket reaches an address that a guest names only if it was made through a network capability (`outgoing`)
 * and address_allowed says yes, or if it is a published UDP port that received something from there (peers). A TCP
 * socket that accept gave is never connected anew (connect(AF_UNSPEC) would free it for that), and MSG_FASTOPEN, which
 * connects, is no flag here.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cap/cap.h"
#include "intravisor/cvm/memory.h"
#include "intravisor/host/host.h"

#define SOCKET(name, need) RESOURCE(name, need, RESOURCE_SOCKET)

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint8_t bytes[28];
};

/* 0 or -errno; the address is whole and of a family that is known here. */
static int address_in(struct caller *caller, uint64_t ref, union address *address, socklen_t *length)
{
	struct host_address guest;

	if (cvm_copy_in(caller, &guest, ref, sizeof guest))
		return -EFAULT;
	memset(address, 0, sizeof *address);
	memcpy(address, guest.bytes, sizeof address->bytes);
	*length = guest.length;
	if (guest.length == sizeof address->in && address->any.sa_family == AF_INET)
		return 0;
	return guest.length == sizeof address->in6 && address->any.sa_family == AF_INET6 ? 0 : -EAFNOSUPPORT;
}

static void address_fill(struct host_address *to, const union address *address, socklen_t length)
{
	memset(to, 0, sizeof *to);
	if ((length == sizeof address->in && address->any.sa_family == AF_INET) ||
	    (length == sizeof address->in6 && address->any.sa_family == AF_INET6)) {
		to->length = length;
		memcpy(to->bytes, address->bytes, length);
	}
}

/* Services on the host's loopback trust whoever reaches them: a cVM does not, but for a name server that was granted. */
static int address_allowed(const struct cvm *cvm, const union address *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, zero[12] = {0};
	uint8_t four[4];

	for (int i = 0; i < 3; i++) {
		const struct host_address *resolver = &cvm->config->resolvers[i];
		union address granted;
		memcpy(granted.bytes, resolver->bytes, sizeof granted.bytes);
		if (resolver->length == sizeof address->in && address->any.sa_family == AF_INET &&
		    granted.in.sin_addr.s_addr == address->in.sin_addr.s_addr && address->in.sin_port == htons(53))
			return 1;
		if (resolver->length == sizeof address->in6 && address->any.sa_family == AF_INET6 &&
		    !memcmp(&granted.in6.sin6_addr, &address->in6.sin6_addr, 16) && address->in6.sin6_port == htons(53))
			return 1;
	}
	if (address->any.sa_family == AF_INET)
		memcpy(four, &address->in.sin_addr, 4);
	else if (!memcmp(&address->in6.sin6_addr, mapped, 12) || !memcmp(&address->in6.sin6_addr, zero, 12))
		memcpy(four, (const uint8_t *)&address->in6.sin6_addr + 12, 4);         /* ::, ::1 and IPv4 in IPv6 */
	else
		return 1;
	if (address->any.sa_family == AF_INET6 && !memcmp(&address->in6.sin6_addr, zero, 12))
		return 0;
	return four[0] != 127 && four[0] != 0;
}

/* Whom a published UDP port has heard from, the latest ones: those it may answer, though they be at the host's loopback. */
#define PEERS_MOST 1024
struct peers {
	pthread_mutex_t lock;
	unsigned count, next;           /* the oldest, once all are used */
	struct peer {
		uint8_t address[16];    /* IPv6's, or IPv4's in it */
		uint16_t port;
	} list[PEERS_MOST];
};

struct peers *peers_make(void)
{
	struct peers *peers = calloc(1, sizeof *peers);

	if (peers)
		pthread_mutex_init(&peers->lock, NULL);
	return peers;
}

static struct peer peer_of(const union address *address)
{
	struct peer peer = {.address = {[10] = 0xff, [11] = 0xff}, .port = address->in.sin_port};

	if (address->any.sa_family == AF_INET)
		memcpy(peer.address + 12, &address->in.sin_addr, 4);
	else
		memcpy(peer.address, &address->in6.sin6_addr, 16);
	return peer;
}

/* Is it among them? It is from now on if `heard`. */
static int peer_known(struct peers *peers, const union address *address, int heard)
{
	const struct peer peer = peer_of(address);
	int known = 0;

	if (!peers)
		return 0;
	pthread_mutex_lock(&peers->lock);
	for (unsigned i = 0; i < peers->count && !known; i++)
		known = !memcmp(&peers->list[i], &peer, sizeof peer);
	if (!known && heard) {
		peers->list[peers->next] = peer;
		peers->next = (peers->next + 1) % PEERS_MOST;
		peers->count += peers->count < PEERS_MOST;
	}
	pthread_mutex_unlock(&peers->lock);
	return known;
}

int host_network_grant(struct cvm *cvm, struct carrel_boot *boot)
{
	const struct cvm_config *config = cvm->config;

	for (size_t i = 0; i < config->port_count; i++) {       /* at most BOOT_PORTS: boot_fill */
		const struct cvm_port *port = &config->ports[i];
		int fd = fcntl(port->fd, F_DUPFD_CLOEXEC, 3);
		int64_t handle = fd < 0 ? -errno : resource_make_socket(cvm, fd, port->protocol == IPPROTO_UDP ? SOCKET_ANSWERS : 0);
		if (handle < 0)
			return (int)handle;
		boot->ports[boot->port_count++] = (struct boot_port){port->port, port->protocol, (uint32_t)handle};
	}
	if (config->network) {
		int fd = open("/dev/null", O_PATH | O_CLOEXEC);         /* a descriptor nothing can be done with */
		int64_t handle = fd < 0 ? -errno : resource_make_kind(cvm, fd, RESOURCE_NETWORK);
		if (handle < 0)
			return (int)handle;
		boot->network = (uint32_t)handle;
	}
	return 0;
}

int64_t host_socket_make(struct caller *caller, const uint64_t a[6])
{
	RESOURCE(network, 0, RESOURCE_NETWORK);
	if ((a[1] != AF_INET && a[1] != AF_INET6) || (a[2] != SOCK_STREAM && a[2] != SOCK_DGRAM))
		return -EAFNOSUPPORT;
	int fd = socket((int)a[1], (int)a[2] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : resource_make_socket(caller->cvm, fd, SOCKET_OUTGOING);
}

int64_t host_socket_connect(struct caller *caller, const uint64_t a[6])
{
	union address address;
	socklen_t length;
	SOCKET(s, CAP_STORE);

	if (!s->outgoing)
		return -EACCES;
	if ((error = address_in(caller, a[1], &address, &length)))
		return error;
	if (!address_allowed(caller->cvm, &address))
		return -EACCES;
	return connect(s->fd, &address.any, length) ? -errno : 0;
}

int64_t host_socket_listen(struct caller *caller, const uint64_t a[6])
{
	SOCKET(s, CAP_LOAD);
	if (s->outgoing)        /* it would listen at a port of the host's that nobody published */
		return -EACCES;
	return listen(s->fd, a[1] > 65535 ? 65535 : (int)a[1]) ? -errno : 0;
}

static int address_out(struct caller *caller, uint64_t ref, const union address *address, socklen_t length)
{
	struct host_address out;

	address_fill(&out, address, length);
	return cvm_copy_out(caller, ref, &out, sizeof out);
}

int64_t host_socket_accept(struct caller *caller, const uint64_t a[6])
{
	union address peer;
	socklen_t length = sizeof peer;
	SOCKET(s, CAP_LOAD);

	int fd = accept4(s->fd, &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (address_out(caller, a[1], &peer, length)) {
		close(fd);
		return -EFAULT;
	}
	return resource_make_socket(caller->cvm, fd, 0);
}

/* The guest's vectors, copied once and checked; 0 or -errno. */
static int vectors_in(struct caller *caller, uint64_t ref, uint64_t count, struct iovec *vectors)
{
	struct host_vector guest[HOST_VECTORS_MOST];

	if (count > HOST_VECTORS_MOST)
		return -EMSGSIZE;
	if (count && cvm_copy_in(caller, guest, ref, count * sizeof *guest))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		vectors[i].iov_len = guest[i].length;
		vectors[i].iov_base = guest[i].length ? cvm_reference(caller, guest[i].ref, guest[i].length) : NULL;
		if (guest[i].length && !vectors[i].iov_base)
			return -EFAULT;
	}
	return 0;
}

int64_t host_socket_send(struct caller *caller, const uint64_t a[6])
{
	struct iovec vectors[HOST_VECTORS_MOST];
	union address address;
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = a[2]};
	SOCKET(s, CAP_STORE);

	if (a[3] & ~(uint64_t)SOCKET_SEND_FLAGS)
		return -EOPNOTSUPP;
	if ((error = vectors_in(caller, a[1], a[2], vectors)))
		return error;
	if (a[4]) {
		if ((error = address_in(caller, a[4], &address, &message.msg_namelen)))
			return error;
		if (s->outgoing ? !address_allowed(caller->cvm, &address) : !peer_known(s->peers, &address, 0))
			return -EACCES;
		message.msg_name = &address;
	}
	int flags = (int)a[3] | MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t n = sendmsg(s->fd, &message, flags);
	return n < 0 ? -errno : n;
}

int64_t host_socket_receive(struct caller *caller, const uint64_t a[6])
{
	struct iovec vectors[HOST_VECTORS_MOST];
	struct host_received received;
	union address address;
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = a[2], .msg_name = a[4] ? &address : NULL,
				 .msg_namelen = a[4] ? sizeof address : 0};
	void *to = a[4] ? cvm_reference(caller, a[4], sizeof received) : NULL;
	SOCKET(s, CAP_LOAD);

	if (a[3] & ~(uint64_t)SOCKET_RECEIVE_FLAGS)
		return -EOPNOTSUPP;
	if (a[4] && !to)
		return -EFAULT;
	if ((error = vectors_in(caller, a[1], a[2], vectors)))
		return error;
	int flags = (int)a[3] | MSG_DONTWAIT;
	ssize_t n = recvmsg(s->fd, &message, flags);
	if (n < 0)
		return -errno;
	if (a[4]) {
		memset(&received, 0, sizeof received);
		received.flags = (uint32_t)message.msg_flags;
		address_fill(&received.from, &address, message.msg_namelen);
		if (received.from.length)
			peer_known(s->peers, &address, 1);
		if (machine_copy_out(to, &received, sizeof received))
			return -EFAULT;
	}
	return n;
}

void socket_hurry(int fd)
{
	static const struct linger none;
	struct linger now;
	socklen_t length = sizeof now;

	/* With a time the guest chose, close(2) would wait for a peer that does not read: at the end of a cVM, for ever. */
	if (!getsockopt(fd, SOL_SOCKET, SO_LINGER, &now, &length) && now.l_onoff && now.l_linger)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

int64_t host_socket_shutdown(struct caller *caller, const uint64_t a[6])
{
	SOCKET(s, 0);
	return a[1] > 2 ? -EINVAL : shutdown(s->fd, (int)a[1]) ? -errno : 0;
}

int64_t host_socket_name(struct caller *caller, const uint64_t a[6])
{
	union address address;
	socklen_t length = sizeof address;
	SOCKET(s, 0);

	if (a[1] ? getpeername(s->fd, &address.any, &length) : getsockname(s->fd, &address.any, &length))
		return -errno;
	return address_out(caller, a[2], &address, length);
}

/* Options that concern this socket alone; none names an interface, a route or somebody else's address. */
static const struct option {
	int level, name, set, size;
} options[] = {
	{SOL_SOCKET, SO_ERROR, 0, 4}, {SOL_SOCKET, SO_KEEPALIVE, 1, 4}, {SOL_SOCKET, SO_LINGER, 1, 8}, {SOL_SOCKET, SO_OOBINLINE, 1, 4},
	{SOL_SOCKET, SO_RCVBUF, 1, 4}, {SOL_SOCKET, SO_SNDBUF, 1, 4}, {SOL_SOCKET, SO_RCVLOWAT, 1, 4},
	{IPPROTO_TCP, TCP_NODELAY, 1, 4}, {IPPROTO_TCP, TCP_CORK, 1, 4}, {IPPROTO_TCP, TCP_KEEPIDLE, 1, 4},
	{IPPROTO_TCP, TCP_KEEPINTVL, 1, 4}, {IPPROTO_TCP, TCP_KEEPCNT, 1, 4}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 1, 4},
	{IPPROTO_TCP, TCP_QUICKACK, 1, 4}, {IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 4}, {IPPROTO_TCP, TCP_LINGER2, 1, 4},
	{IPPROTO_TCP, TCP_MAXSEG, 1, 4}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1, 4}, {IPPROTO_TCP, TCP_SYNCNT, 1, 4},
	{IPPROTO_TCP, TCP_INFO, 0, 256},
};

int64_t host_socket_option(struct caller *caller, const uint64_t a[6])
{
	uint8_t value[256] = {0};
	const struct option *option = options, *end = options + sizeof options / sizeof *options;
	socklen_t length = (socklen_t)(a[5] < sizeof value ? a[5] : sizeof value);
	void *at = cvm_reference(caller, a[4], length);
	SOCKET(s, 0);

	while (option < end && ((uint64_t)option->level != a[1] || (uint64_t)option->name != a[2]))
		option++;
	if (option == end || (a[3] && !option->set))
		return -ENOPROTOOPT;
	if (!at)
		return -EFAULT;
	if (a[3]) {
		if (length < (socklen_t)option->size)
			return -EINVAL;
		if (machine_copy_in(value, at, (size_t)option->size))
			return -EFAULT;
		return setsockopt(s->fd, option->level, option->name, value, (socklen_t)option->size) ? -errno : option->size;
	}
	if (getsockopt(s->fd, option->level, option->name, value, &length))
		return -errno;
	return machine_copy_out(at, value, length) ? -EFAULT : (int64_t)length;
}

int64_t host_file_send(struct caller *caller, const uint64_t a[6])
{
	int64_t error = 0;
	off_t offset = (off_t)a[2];
	HELD *to = resource_get(caller, a[0], CAP_STORE, NULL, &error);
	HELD *from = to ? resource_get_kind(caller, a[1], CAP_LOAD, RESOURCE_FILE, &error) : NULL;

	if (!from)
		return error;
	return machine_blocking(caller->thread, SYS_sendfile, to->fd, from->fd, a[2] == UINT64_MAX ? 0 : (long)&offset, (long)a[3], 0, 0);
}
