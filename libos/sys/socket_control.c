/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Control messages of sendmsg and recvmsg: descriptors and credentials, in and out of the program's memory.
 */
#include "libos/sys/socket.h"

struct control_header {         /* struct cmsghdr */
	uint64_t length;
	int32_t level, type;
};
#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define CONTROL_MOST    4096u
#define CONTROL_NEXT(n) (((n) + 7) & ~7ull)

int64_t control_get(const struct socket *s, const struct message_header *m, struct rights **rights)
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

int64_t control_put(const struct socket *s, struct message_header *m, struct received *r, unsigned flags)
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
