/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on sockets: what socket.c (their life and names), socket_data.c (data) and socket_control.c (control
 * messages) share.
 */
#ifndef LIBOS_SYS_SOCKET_H
#define LIBOS_SYS_SOCKET_H
#include "libos/net/socket.h"
#include "libos/sys/sys.h"

#define SOCKET_ARGUMENT(f, s)                                                                                            \
	HELD struct file *f = file_hold((int)a[0]);                                                                       \
	struct socket *s = f ? socket_of(f) : NULL;                                                                       \
	if (!s)                                                                                                           \
		return f && !(f->flags & O_PATH) ? -ENOTSOCK : -EBADF

/* socket.c: 0 or -errno. An AF_UNIX path ends at its NUL, an abstract name at its length. */
int64_t address_get(struct address *to, struct user at, uint64_t length);
/* As much of it as there is room for; the whole length is told. */
int64_t address_put(const struct address *a, struct user at, struct user length_at);

struct message_header {         /* struct msghdr */
	uint64_t name;
	uint32_t name_length, pad;
	uint64_t vectors, count, control, control_length;
	uint32_t flags, pad2;
};

/* socket_control.c */
/* The descriptors of the control messages: *rights is the caller's. */
int64_t control_get(const struct socket *s, const struct message_header *m, struct rights **rights);
/* What came with the data, as far as there is room; descriptors that there is none for are closed. */
int64_t control_put(const struct socket *s, struct message_header *m, struct received *r, unsigned flags);
#endif
