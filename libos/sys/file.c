/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on descriptors: copies, flags, locks, terminals, new kinds of file.
 */
#include <asm/ioctls.h>
#include <asm/sockios.h>

#include "libos/fs/tmpfs.h"
#include "libos/net/socket.h"
#include "libos/sys/sys.h"

int64_t sys_close(const uint64_t a[6])
{
	return descriptor_close((int)a[0]);
}

int64_t sys_close_range(const uint64_t a[6])
{
	uint32_t last = (uint32_t)a[1] < FILES_MOST ? (uint32_t)a[1] : FILES_MOST - 1;

	if ((uint32_t)a[0] > (uint32_t)a[1] || (a[2] & ~6ull))
		return -EINVAL;
	for (uint32_t fd = (uint32_t)a[0]; fd <= last; fd++)
		if (!file_get((int)fd))
			continue;
		else if (a[2] & 4)      /* CLOSE_RANGE_CLOEXEC */
			descriptor_flags((int)fd, 1, 1);
		else
			descriptor_close((int)fd);
	return 0;
}

int64_t sys_dup(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	if (!f)
		return -EBADF;
	f->references++;
	return descriptor_add(f, 0, 0);
}

int64_t sys_dup2(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	if (!f)
		return -EBADF;
	return (int)a[0] == (int)a[1] ? (int)a[1] : descriptor_put(f, (int)a[1], 0);
}

int64_t sys_dup3(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	if ((int)a[0] == (int)a[1] || (a[2] & ~(uint64_t)O_CLOEXEC))
		return -EINVAL;
	return f ? descriptor_put(f, (int)a[1], a[2] != 0) : -EBADF;
}

int64_t sys_fallocate(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0)
		return -EINVAL;
	if (f->handle >= 0)
		return HOST(allocate, f->handle, a[1], a[2], a[3]);
	return f->node ? node_allocate(f->node, (unsigned)a[1], a[2], a[3]) : f->operations->seek ? -ENODEV : -ESPIPE;
}

/* ---- locks ---- */
#define OFD_GETLK  36
#define OFD_SETLK  37
#define OFD_SETLKW 38

struct lock {           /* struct flock, 64-bit */
	int16_t type, whence;
	int32_t pad;
	int64_t start, length;
	int32_t pid, pad2;
};

/* Start and length from the file's start, both not negative. */
static int64_t lock_range(struct file *f, struct lock *l)
{
	struct host_stat s;
	int64_t from = 0;

	if (l->whence == 1 && f->operations->seek)
		from = f->operations->seek(f, 0, 1);
	else if (l->whence == 2)
		from = f->operations->stat(f, &s) ? 0 : (int64_t)s.size;
	if (from < 0 || __builtin_add_overflow(l->start, from, &l->start))
		return -EOVERFLOW;
	if (l->length < 0) {
		if (__builtin_add_overflow(l->start, l->length, &l->start))
			return -EINVAL;
		l->length = -l->length;
	}
	l->whence = 0;
	return l->start < 0 || l->length < 0 ? -EINVAL : 0;
}

static int64_t record_lock(struct file *f, unsigned command, struct user at)
{
	struct lock l;
	int get = command == F_GETLK || command == OFD_GETLK, wait = command == F_SETLKW || command == OFD_SETLKW;
	int pid = -1;
	int64_t result;

	if (user_get(&l, at, sizeof l))
		return -EFAULT;
	if (l.type < 0 || l.type > 2 || l.whence < 0 || l.whence > 2 || (get && l.type == 2))
		return -EINVAL;
	if ((result = lock_range(f, &l)))
		return result;
	enum lock_kind kind = command < OFD_GETLK ? LOCK_PROCESS : LOCK_FILE;
	result = get ? lock_test(f, kind, l.type, &l.start, &l.length, &pid) : lock_set(f, kind, l.type, l.start, l.length, wait);
	if (!get || result < 0)
		return result;
	if (result == 2)
		l.type = 2;
	else {
		l.type = (int16_t)result;
		l.pid = pid;
	}
	return user_put(at, &l, sizeof l);
}

int64_t sys_flock(const uint64_t a[6])
{
	int operation = (int)a[1] & ~4, wait = !(a[1] & 4);
	FILE_ARGUMENT(f, 0);

	if (operation != 1 && operation != 2 && operation != 8)
		return -EINVAL;
	return lock_set(f, LOCK_WHOLE, operation == 1 ? 0 : operation == 2 ? 1 : 2, 0, 0, wait);
}

int64_t sys_fcntl(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);
	unsigned command = (unsigned)a[1];

	if (!f)
		return -EBADF;
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if ((int)a[2] < 0 || (uint32_t)a[2] >= descriptor_limit())
			return -EINVAL;
		f->references++;
		return descriptor_add(f, (int)a[2], command != F_DUPFD);
	case F_GETFD:
		return descriptor_flags((int)a[0], 0, 0) ? 1 : 0;
	case F_SETFD:
		descriptor_flags((int)a[0], 1, (int)a[2] & 1);
		return 0;
	case F_GETFL:
		return f->flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC);
	}
	if (f->flags & O_PATH)
		return -EBADF;
	switch (command) {
	case F_SETFL:
		f->flags = (f->flags & ~(O_APPEND | O_NONBLOCK)) | ((int)a[2] & (O_APPEND | O_NONBLOCK));
		return 0;
	case F_GETLK: case F_SETLK: case F_SETLKW: case OFD_GETLK: case OFD_SETLK: case OFD_SETLKW:
		return record_lock(f, command, USER(2));
	case F_SETOWN: case F_GETOWN:
		return 0;
	case F_GETPIPE_SZ:
		return pipe_room(f, 0);
	case F_SETPIPE_SZ:
		return (int)a[2] < 0 ? -EINVAL : pipe_room(f, (uint32_t)a[2] ? (uint32_t)a[2] : 1);
	default:
		return -EINVAL;
	}
}

/* ---- new kinds ---- */
int64_t sys_pipe2(const uint64_t a[6])
{
	int fds[2];
	int64_t error;

	if (a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	error = pipe_make((int)a[1], fds);
	if (!error && user_put(USER(0), fds, sizeof fds)) {
		descriptor_close(fds[0]);
		descriptor_close(fds[1]);
		return -EFAULT;
	}
	return error;
}

int64_t sys_pipe(const uint64_t a[6])
{
	const uint64_t b[6] = {a[0]};

	return sys_pipe2(b);
}

int64_t sys_eventfd2(const uint64_t a[6])
{
	return a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | 1) ? -EINVAL : event_make((uint32_t)a[0], (int)a[1]);
}

int64_t sys_eventfd(const uint64_t a[6])
{
	return event_make((uint32_t)a[0], 0);
}

int64_t sys_memfd_create(const uint64_t a[6])
{
	char name[256];
	int64_t length = user_string(name, USER(0), 250);

	if (length < 0)
		return length == -ENAMETOOLONG ? -EINVAL : length;
	if (a[1] & ~3ull)
		return -EINVAL;
	struct file *f = tmpfs_anonymous(O_RDWR);
	if (!f)
		return -ENOMEM;
	f->node->mode = S_IFREG | 0777;
	return descriptor_add(f, 0, (int)a[1] & 1);
}

/* The host's job control knows one group, the cVM; which of ours is in front is our affair. */
static int64_t foreground_set(struct file *f, struct user at)
{
	const struct process *p = processes;
	int group;

	if (user_get(&group, at, sizeof group))
		return -EFAULT;
	int64_t error = HOST(terminal, f->handle, TIOCSPGRP, 0);
	if (error)
		return error;
	while (p && (p->group != group || p->session != process_current()->session))
		p = p->next;
	if (!p)
		return group < 0 ? -EINVAL : -EPERM;
	foreground_group = group;
	return 0;
}

int64_t sys_ioctl(const uint64_t a[6])
{
	unsigned request = (unsigned)a[1];
	int on = 0;
	FILE_ARGUMENT(f, 0);

	switch (request) {
	case FIONBIO:
		if (user_get(&on, USER(2), sizeof on))
			return -EFAULT;
		f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	case FIOASYNC:          /* as with F_SETOWN: nobody is ever told */
		if (user_get(&on, USER(2), sizeof on))
			return -EFAULT;
		return f->object ? 0 : -ENOTTY;
	case FIOCLEX: case FIONCLEX:
		descriptor_flags((int)a[0], 1, request == FIOCLEX);
		return 0;
	}
	if (request == SIOCATMARK && socket_of(f) && !socket_of(f)->reaches_out) {
		on = socket_at_mark(socket_of(f));
		return user_put(USER(2), &on, sizeof on);
	}
	if (f->operations->control && request != FIONREAD)
		return f->operations->control(f, request, USER(2));
	switch (request) {
	case TIOCSPGRP:
		return f->handle >= 0 ? foreground_set(f, USER(2)) : -ENOTTY;
	}
	if (f->handle < 0 && request == FIONREAD && f->operations->available) {
		int64_t n = f->operations->available(f);
		on = (int)n;
		return n < 0 ? n : user_put(USER(2), &on, sizeof on);
	}
	if (f->handle < 0)
		return -ENOTTY;
	if (!user_ok(USER(2), 64))
		return -EFAULT;
	const uint64_t ref = program_offset(a[2]) | REF_PROGRAM;
	int drains = request == TCSETSW || request == TCSETSF;  /* waits until what was written has gone */
	int64_t result = drains ? HOST_BLOCKING(terminal, f->handle, request, ref) : HOST(terminal, f->handle, request, ref);
	if (request == TIOCGPGRP && !result) {
		on = foreground_group ? foreground_group : process_current()->group;
		return user_put(USER(2), &on, sizeof on);
	}
	return result;
}
