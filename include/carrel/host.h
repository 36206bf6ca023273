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

struct host_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, flags;
};

#endif
