/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sockets. Those between programs of one cVM (AF_UNIX, and AF_INET and AF_INET6 on its loopback) live here alone; a socket also has
 * a host side when its port is published or when it reaches out through the network capability. All under the kernel lock.
 */
#ifndef LIBOS_SOCKET_H
#define LIBOS_SOCKET_H
#include <asm/socket.h>

#include "libos/process/process.h"

#define AF_UNSPEC 0
#define AF_UNIX   1
#define AF_INET   2
#define AF_INET6  10

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC   O_CLOEXEC
#define SOCK_NONBLOCK  O_NONBLOCK

#define MSG_OOB          1
#define MSG_PEEK         2
#define MSG_CTRUNC       8
#define MSG_TRUNC        0x20
#define MSG_DONTWAIT     0x40
#define MSG_EOR          0x80
#define MSG_WAITALL      0x100
#define MSG_NOSIGNAL     0x4000
#define MSG_MORE         0x8000
#define MSG_WAITFORONE   0x10000
#define MSG_CMSG_CLOEXEC 0x40000000

#define IPPROTO_IP   0
#define IPPROTO_TCP  6
#define IPPROTO_UDP  17
#define IPPROTO_IPV6 41
#define IPV6_V6ONLY  26

#define READY_RDHUP 0x2000u

/* A struct sockaddr as programs see it; length 0: none. */
struct address {
	uint16_t length;
	union {
		uint16_t family;
		struct {
			uint16_t in_family, in_port;    /* network byte order */
			uint8_t in_ip[4], in_zero[8];
		};
		struct {
			uint16_t in6_family, in6_port;
			uint32_t in6_flow;
			uint8_t in6_ip[16];
			uint32_t in6_scope;
		};
		struct {
			uint16_t un_family;
			char un_path[108];
		};
		uint8_t bytes[110];
	};
};

/* Where the data of one transfer lies, every range checked. */
struct vectors {
	struct host_vector list[HOST_VECTORS_MOST];
	unsigned count;
	uint64_t length;        /* of all together */
};

/* sys/data.c: a struct iovec[count] of the program's, as far as there is room here. 0 or -errno. */
int64_t vectors_get(struct user at, uint64_t count, struct vectors *v);

struct credentials {            /* struct ucred */
	int pid;
	uint32_t uid, gid;
};

#define RIGHTS_MOST 253         /* SCM_MAX_FD */
struct rights {                 /* descriptors under way: SCM_RIGHTS */
	struct rights *next;    /* while they are dropped */
	unsigned count;
	struct file *files[];
};

/* A datagram, or what is attached to a stream's bytes from position `at` to `end`. */
struct message {
	struct message *next;
	struct rights *rights;
	struct credentials credentials;
	struct address from;
	uint64_t at, end;
	uint32_t length;        /* of data; a stream's is in the ring */
	uint8_t data[];
};

#define RING 131072u            /* bytes of a stream under way */
struct channel {                /* what has come for a socket */
	uint8_t *ring;          /* streams; NULL until the first byte */
	uint64_t put, taken;    /* positions in the stream since its start */
	struct message *first, *last;
	uint32_t bytes, messages;       /* of datagrams that wait */
	uint64_t urgent;        /* the position of a byte sent with MSG_OOB */
	enum { URGENT_NONE, URGENT_THERE, URGENT_READ } urgency;        /* of that byte: gone by, not read yet, or read out of turn */
	int finished;           /* no more will come */
	int shut;               /* this side takes no more */
};

#define OPTIONS_MOST 16
struct option_value {
	int level, name, value;
};

struct binding {                /* a name a socket is bound to: names.c */
	struct socket *next;
	uint64_t device, inode; /* AF_UNIX with a path */
	int bound;
};

enum socket_state { SOCKET_NEW, SOCKET_LISTENING, SOCKET_CONNECTING, SOCKET_CONNECTED };
struct socket {
	/* What sends and receives look at, in one line of a processor's cache. */
	int domain, type, protocol;
	enum socket_state state;
	int reaches_out;                /* connected, or being connected, through the host */
	int published;                  /* it is a published port's, which stays when the socket goes */
	int error;                      /* SO_ERROR */
	int sends_no_more;              /* shutdown(SHUT_WR) */
	int64_t handle;                 /* the host side; -1: none */
	int64_t shared;                 /* connected to another cVM: the stream; -1: not */
	int64_t listener;               /* and what listens for such; -1: nothing does */
	int shared_by;                  /* AF_UNIX, bound where other cVMs can see it: STREAM_BY_NODE of a host volume, or STREAM_BY_NAME */
	uint32_t node_directory;        /* the volume's directory */
	char *shared_name;              /* and the path there, or the name under /cap; NULL: others cannot see it */
	struct address local, peer;
	struct binding binding;
	struct socket *other;           /* connected here: the other end, NULL when it is gone */
	struct channel in;
	struct socket *pending, *pending_last, *pending_next;   /* a listener's connections that wait for accept */
	unsigned pending_count, backlog;
	struct wait_queue queue;        /* woken when anything here changes */
	int lost;                       /* TCP: what was sent after the other end had closed; its answer, a reset, breaks the rest */
	int connect_told;               /* EINPROGRESS was said of a connection that stands: the next connect gives 0 */
	int64_t timeouts[2];            /* nanoseconds of SO_RCVTIMEO and SO_SNDTIMEO; 0: for ever */
	int64_t linger;
	struct credentials owner, peer_owner;
	struct option_value options[OPTIONS_MOST];
	unsigned option_count;
	uint64_t number;
	struct thread *poster;          /* connected to another cVM: who waits there with its buffer posted, maybe; what comes is that one's */
};

struct received {               /* what comes with data: rights are the caller's */
	struct address from;
	struct rights *rights;
	struct credentials credentials;
	int has_credentials;
	unsigned flags;
};

extern const struct file_operations socket_operations;  /* file.c */

/* socket.c */
struct socket *socket_of(const struct file *f);         /* NULL if the file is none (-ENOTSOCK) */
struct socket *socket_make(int domain, int type, int protocol);
void socket_free(struct socket *s);     /* not the file's: pending ones */
struct file *socket_file(struct socket *s, int flags);  /* takes s over, also on failure (NULL) */
int64_t socket_shutdown(struct socket *s, int how);
void socket_pair(struct socket *a, struct socket *b);
/* A datagram socket sends to another one, until that goes; or no more to anybody. */
void datagram_peer(struct socket *s, struct socket *other);
void datagram_part(struct socket *s);
/* Waits until the file says one of `events`, or with none until anything changes, whatever it says now: there may be data that is another
 * thread's, or room for less than a message. -EAGAIN when it must not wait, or waited for its time limit. */
int64_t socket_wait(struct file *f, unsigned events, int flags, int which);

/* connect.c */
int64_t socket_listen(struct socket *s, struct file *f, int backlog);
int64_t socket_accept(struct file *f, int flags, struct socket **taken);
int64_t socket_connect(struct file *f, const struct address *to);

/* transfer.c, channel.c, stream.c */
int64_t socket_send(struct file *f, const struct vectors *v, unsigned flags, const struct address *to, struct rights *rights);
int64_t socket_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r);
void channel_drop(struct channel *c);
uint64_t channel_waits(const struct socket *s);        /* bytes of a stream that can be read in turn */
int socket_at_mark(const struct socket *s);            /* SIOCATMARK */
void rights_release(struct rights *r);

/* host.c: the host side */
int64_t host_side_make(struct socket *s, struct file *f);
int64_t host_side_connect(struct socket *s, struct file *f, const struct address *to);
int64_t host_side_settle(struct socket *s);     /* a connection in progress: 0 connected, -EALREADY, or why not */
int64_t host_side_send(struct socket *s, const struct vectors *v, unsigned flags, const struct address *to);
int64_t host_side_receive(struct socket *s, const struct vectors *v, unsigned flags, struct received *r);
int port_take(struct socket *s, struct file *f);        /* a published port with the number it is bound to: 1 if there is a free one */
void port_release(const struct socket *s);
void address_from_host(struct socket *s, struct address *to, const struct host_address *from);

/* share.c: between cVMs */
int64_t shared_listen(struct socket *s);
void shared_drain(struct socket *s);
int shared_peer(const struct address *to);      /* the index in the boot block of the cVM with this address; -1: none */
int64_t shared_connect(struct socket *s, int peer, const struct address *to);
const char *shared_name(const struct address *a);       /* NAME of "/cap/NAME", else NULL */
int64_t shared_connect_name(struct socket *s, const char *name, const struct address *to);
int64_t shared_connect_node(struct socket *s, const struct place *place, const struct address *to);
int64_t shared_send(struct file *f, const struct vectors *v, unsigned flags);
int64_t shared_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r);
/* The same of a byte stream, from or to one place. */
int64_t shared_send_piece(struct file *f, uint64_t ref, uint64_t length);
int64_t shared_receive_piece(struct file *f, uint64_t ref, uint64_t length);
unsigned shared_ready(const struct socket *s);
int64_t shared_available(const struct socket *s);
void shared_close(struct socket *s);

/* names.c */
int address_is_network(const struct address *a);        /* any, or this cVM's own on the network of cVMs: others can reach it there */
int address_four(const struct address *a, uint32_t *four);      /* as IPv4, host byte order; 0: it is none */
struct address network_address(uint32_t four, uint16_t port);
int64_t name_node(const struct address *a, struct place *place);        /* AF_UNIX: where its node lies, links followed */

int64_t name_bind(struct socket *s, const struct address *a);
int64_t name_bind_any(struct socket *s);        /* a port, or an abstract name, that nobody has */
void name_release(struct socket *s);
/* The socket that a connect or a datagram of s's type to this address reaches: NULL and *error. */
struct socket *name_find(const struct socket *s, const struct address *to, int64_t *error);
int address_is_here(const struct address *a);   /* AF_INET, AF_INET6: an address of the cVM itself */
int address_is_any(const struct address *a);
void address_settle(struct address *a);         /* any address becomes the loopback's */
struct address address_as(int domain, const struct address *a); /* IPv4 as IPv6 maps it, where that is the domain */

/* option.c */
int64_t option_set(struct socket *s, int level, int name, struct user at, uint64_t length);
int64_t option_get(struct socket *s, int level, int name, struct user at, struct user length_at);
int option_value(const struct socket *s, int level, int name);
void options_replay(const struct socket *s);    /* to the host side */

static inline int channel_has(const struct channel *c)
{
	return c->put != c->taken || c->first != NULL;
}
static inline void rights_drop(struct rights *r)        /* mostly there are none */
{
	if (r)
		rights_release(r);
}
static inline int64_t error_take(struct socket *s)              /* as SO_ERROR: it is told once. 0: there is none */
{
	int error = s->error;

	s->error = 0;
	return -error;
}
static inline void socket_changed(struct socket *s, unsigned events)
{
	wait_wake_for(&s->queue, UINT32_MAX, events);
}
static inline int is_inet(const struct socket *s)
{
	return s->domain != AF_UNIX;
}
static inline uint16_t port_of(const struct address *a)         /* host byte order */
{
	return a->length ? __builtin_bswap16(a->in_port) : 0;
}
#endif
