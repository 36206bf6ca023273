/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Numbers and records of the host calls (hostcall.def). Freestanding; the same on every ISA.
 */
#ifndef CARREL_HOST_H
#define CARREL_HOST_H
#include <stdint.h>

#define REF_PROGRAM (1ull << 32)
#define MEMORY_COPY_ALL 0x100           /* memory_copy: pages of files too */
#define LOCK_HOST_WHOLE 4               /* lock, with a type: flock's */

#define HOST_SLOW (-4096)               /* of GATE_HOST_FAST: this time by GATE_HOST_CALL, please */

enum host_call {
#define HOST_CALL(number, name, args, text) HOST_##name = number,
#include <carrel/hostcall.def>
#undef HOST_CALL
};

struct host_stat {
	uint64_t dev, ino, rdev;
	uint32_t mode, nlink, uid, gid;
	uint64_t size, blocks;          /* bytes; 512-byte units */
	uint32_t blksize, reserved;
	int64_t atime_sec, mtime_sec, ctime_sec;
	uint32_t atime_nsec, mtime_nsec, ctime_nsec, reserved2;
};

struct host_poll {
	uint32_t handle;
	uint16_t events, revents;       /* Linux POLL* */
};

struct host_vector {
	uint64_t ref, length;
};
#define HOST_VECTORS_MOST 64

struct host_address {
	uint32_t length;                /* of what is used of bytes; 0: none */
	uint8_t bytes[28];              /* Linux' struct sockaddr_in or sockaddr_in6 */
};

struct host_received {
	uint32_t flags;                 /* MSG_TRUNC, MSG_CTRUNC... */
	struct host_address from;
};

struct host_event {
	uint64_t data;
	uint32_t events, reserved;      /* Linux EPOLL* */
};
#define HOST_EVENTS_MOST 256

/* CP_Streams. Where they are listened for, and how they are connected: */
#define STREAM_BY_NAME 0                /* a name granted to both sides */
#define STREAM_BY_PORT 1                /* a TCP port on the cVMs' own network */
#define STREAM_BY_NODE 2                /* a socket's node in a volume that both have */
#define STREAM_RECEIVES 2u              /* rights asked for with a name: GRANT_READ, */
#define STREAM_SENDS    4u              /* GRANT_WRITE */
#define STREAM_MESSAGES 1u              /* flag: each send is one message, received whole */
#define STREAM_RING 131072ull           /* bytes under way in one direction, at most; a message, its 4-byte length included */
#define STREAM_PEEK 1u                  /* stream_receive: what is read stays */
#define STREAM_POST 2u                  /* and if nothing is there it waits a moment; a buffer of 8 KiB and more is posted: the sender copies straight into it */
/* stream_state */
#define STREAM_READABLE 1
#define STREAM_WRITABLE 2
#define STREAM_FINISHED 4               /* the other end sends no more */
#define STREAM_REFUSED  8               /* it takes no more */
#define STREAM_GONE     16              /* it is closed */
#define STREAM_RESET    32              /* and had not read everything */
struct stream_peer {                    /* who connected by port: IPv4 address and port, host byte order */
	uint32_t address;
	uint16_t port, reserved;
};
/* What comes from outside (order_take). Strings follow: argc arguments, envc of the environment, each with its NUL. */
struct host_order {
	uint32_t kind, id;              /* id: for order_done */
	uint32_t value;                 /* HOST_ORDER_SIGNAL: its number; HOST_ORDER_PROBE: the port */
	uint32_t handles[3];            /* HOST_ORDER_EXECUTE: the new process's standard streams */
	uint32_t argc, envc, length;    /* length: of all strings, in bytes */
};
#define HOST_ORDER_EXECUTE 0            /* a process of its own, looked for along PATH; done when it has ended, with its status */
#define HOST_ORDER_SIGNAL  1            /* for the process, and its group, that order `id` started */
#define HOST_ORDER_PROBE   2            /* done at once: status 0 when a program listens on that TCP port */
#define HOST_ORDER_MOST    65536
#define HOST_ORDER_WAITS   (1ull << 62) /* in what signals_take gives: there is an order */

/* capability_derive, capability_describe, file_state */
enum { CAPABILITY_BOUNDS, CAPABILITY_PERMISSIONS, CAPABILITY_SEAL, CAPABILITY_UNSEAL, CAPABILITY_TYPE, CAPABILITY_INVOKE };
enum { CAPABILITY_LENGTH, CAPABILITY_RIGHTS, CAPABILITY_OBJECT_TYPE };
enum { FILE_SEQUENCE, FILE_ARM, FILE_NOTIFY, FILE_LENGTH, FILE_RIGHTS };
#define FILE_OBJECT 0x100u              /* beside CAP_* */

struct host_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, flags;
};

#endif
