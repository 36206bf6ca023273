/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on open files.
 */
#include <asm/ioctls.h>
#include <linux/falloc.h>
#include <linux/uio.h>

#include "libos/sys/sys.h"

#define VECTORS_MOST 1024

static int64_t pipe_broken(int64_t result)
{
	return result == -EPIPE ? signal_self(13) ? -EPIPE : -EPIPE : result;
}

static int64_t transfer(struct file *f, int writes, struct user at, uint64_t n, int64_t offset)
{
	int access = f->flags & O_ACCMODE;

	if (access == (writes ? O_RDONLY : O_WRONLY))
		return -EBADF;
	if ((int64_t)n < 0)
		return -EINVAL;
	return writes ? pipe_broken(f->operations->write(f, at, n, offset)) : f->operations->read(f, at, n, offset);
}

int64_t sys_read(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return transfer(f, 0, USER(1), a[2], -1);
}

int64_t sys_write(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return transfer(f, 1, USER(1), a[2], -1);
}

int64_t sys_pread64(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return (int64_t)a[3] < 0 ? -EINVAL : transfer(f, 0, USER(1), a[2], (int64_t)a[3]);
}

int64_t sys_pwrite64(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return (int64_t)a[3] < 0 ? -EINVAL : transfer(f, 1, USER(1), a[2], (int64_t)a[3]);
}

static int64_t vectors(const uint64_t a[6], int writes, int64_t offset)
{
	int64_t total = 0;
	FILE_ARGUMENT(f, 0);

	if (a[2] > VECTORS_MOST)
		return -EINVAL;
	for (uint64_t i = 0; i < a[2]; i++) {
		uint64_t v[2];
		if (user_get(v, (struct user){a[1] + i * 16}, 16))
			return total ? total : -EFAULT;
		if ((int64_t)v[1] < 0)
			return total ? total : -EINVAL;
		if (!v[1])
			continue;
		int64_t n = transfer(f, writes, (struct user){v[0]}, v[1], offset < 0 ? -1 : offset + total);
		if (n < 0)
			return total ? total : n;
		total += n;
		if ((uint64_t)n < v[1])
			break;
	}
	return total;
}

int64_t sys_readv(const uint64_t a[6])
{
	return vectors(a, 0, -1);
}

int64_t sys_writev(const uint64_t a[6])
{
	return vectors(a, 1, -1);
}

int64_t sys_preadv(const uint64_t a[6])
{
	return (int64_t)a[3] < 0 ? -EINVAL : vectors(a, 0, (int64_t)a[3]);
}

int64_t sys_pwritev(const uint64_t a[6])
{
	return (int64_t)a[3] < 0 ? -EINVAL : vectors(a, 1, (int64_t)a[3]);
}

int64_t sys_lseek(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->operations->seek ? f->operations->seek(f, (int64_t)a[1], (int)a[2]) : -ESPIPE;
}

int64_t sys_close(const uint64_t a[6])
{
	return descriptor_close((int)a[0]);
}

int64_t sys_ftruncate(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	if ((int64_t)a[1] < 0 || (f->flags & O_ACCMODE) == O_RDONLY || !f->operations->truncate)
		return -EINVAL;
	return f->operations->truncate(f, a[1]);
}

int64_t sys_fallocate(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0)
		return -EINVAL;
	return f->handle >= 0 ? HOST(allocate, f->handle, a[1], a[2], a[3]) : -EOPNOTSUPP;
}

int64_t sys_fsync(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->handle >= 0 ? HOST(sync, f->handle, 0) : 0;
}

int64_t sys_fdatasync(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->handle >= 0 ? HOST(sync, f->handle, 1) : 0;
}

int64_t sys_sync(const uint64_t a[6])
{
	(void)a;
	return 0;
}

int64_t sys_flock(const uint64_t a[6])
{
	return file_get((int)a[0]) ? 0 : -EBADF;
}

int64_t sys_getdents64(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->operations->list ? f->operations->list(f, USER(1), a[2]) : -ENOTDIR;
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
	return a[0] == a[1] ? (int64_t)a[1] : descriptor_put(f, (int)a[1], 0);
}

int64_t sys_dup3(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	if (a[0] == a[1] || (a[2] & ~(uint64_t)O_CLOEXEC))
		return -EINVAL;
	return f ? descriptor_put(f, (int)a[1], (int)a[2]) : -EBADF;
}

struct lock {           /* struct flock, 64-bit */
	int16_t type, whence;
	int32_t pad;
	int64_t start, length;
	int32_t pid, pad2;
};

static int64_t record_lock(struct file *f, uint64_t command, struct user at)
{
	struct lock l;
	int get = command == F_GETLK || command == 36, wait = command == F_SETLKW || command == 38;
	int64_t from;

	if (user_get(&l, at, sizeof l))
		return -EFAULT;
	if (l.type < 0 || l.type > 2 || l.whence < 0 || l.whence > 2)
		return -EINVAL;
	if (f->handle < 0) {
		l.type = 2;
		return get ? user_put(at, &l, sizeof l) : 0;
	}
	from = l.whence == 1 ? f->operations->seek(f, 0, 1) : 0;
	if (l.whence == 2) {
		struct host_stat s;
		from = f->operations->stat(f, &s) ? 0 : (int64_t)s.size;
	}
	int64_t result = HOST(lock, f->handle, l.type, from + l.start, l.length, get ? 2 : wait);
	if (!get || result < 0)
		return result;
	l.type = (int16_t)result;
	l.pid = 0;
	return user_put(at, &l, sizeof l);
}

int64_t sys_fcntl(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	if (!f)
		return -EBADF;
	switch (a[1]) {
	case F_DUPFD:
	case 1030:              /* F_DUPFD_CLOEXEC */
		if (a[2] >= descriptor_limit)
			return -EINVAL;
		f->references++;
		return descriptor_add(f, (int)a[2], a[1] != F_DUPFD);
	case F_GETFD:
		return descriptor_flags((int)a[0], 0, 0) ? 1 : 0;
	case F_SETFD:
		descriptor_flags((int)a[0], 1, (int)a[2] & 1);
		return 0;
	case F_GETFL:
		return f->flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC);
	case F_SETFL:
		f->flags = (f->flags & ~(O_APPEND | O_NONBLOCK)) | ((int)a[2] & (O_APPEND | O_NONBLOCK));
		return 0;
	case F_GETLK: case F_SETLK: case F_SETLKW: case 36: case 37: case 38:
		return record_lock(f, a[1], USER(2));
	case F_SETOWN: case F_GETOWN:
		return 0;
	default:
		return -EINVAL;
	}
}

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
	const uint64_t b[6] = {a[0], 0};

	return sys_pipe2(b);
}

int64_t sys_ioctl(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	if (a[1] == FIONBIO) {
		int on;
		if (user_get(&on, USER(2), sizeof on))
			return -EFAULT;
		f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	}
	if (a[1] == FIOCLEX || a[1] == FIONCLEX) {
		descriptor_flags((int)a[0], 1, a[1] == FIOCLEX);
		return 0;
	}
	if (f->handle < 0)
		return -ENOTTY;
	if (!user_ok(USER(2), 64))
		return -EFAULT;
	return HOST(terminal, f->handle, a[1], a[2] | REF_PROGRAM);
}

int64_t sys_sendfile(const uint64_t a[6])
{
	(void)a;
	return -EINVAL;         /* callers then copy by read and write */
}

int64_t sys_copy_file_range(const uint64_t a[6])
{
	(void)a;
	return -EXDEV;
}

int64_t sys_memfd_create(const uint64_t a[6])
{
	struct file *f = tmpfs_anonymous(O_RDWR);

	return f ? descriptor_add(f, 0, (int)a[1] & 1) : -ENOMEM;
}

static unsigned ready(struct file *f, unsigned wanted)
{
	unsigned now = f->operations->poll ? f->operations->poll(f) : 5;

	return now & (wanted | 8 | 16);
}

/* Until something is ready: host files are waited for in the host, the rest is ready or never will be. */
static int64_t poll_wait(struct host_poll *list, const int *fds, uint32_t count, int64_t timeout)
{
	struct host_poll waited[256];

	for (;;) {
		uint32_t found = 0, hosts = 0;
		for (uint32_t i = 0; i < count; i++) {
			struct file *f = fds[i] < 0 ? NULL : file_get(fds[i]);
			list[i].revents = fds[i] < 0 ? 0 : f ? (uint16_t)ready(f, list[i].events) : 0x20;
			found += list[i].revents != 0;
			if (f && f->handle >= 0 && hosts < 256)
				waited[hosts++] = (struct host_poll){(uint32_t)f->handle, list[i].events, 0};
		}
		if (found || !timeout)
			return found;
		int64_t n = HOST(poll, (uintptr_t)waited, hosts, timeout);
		if (n < 0)
			return n;
		if (!n)
			timeout = 0;
	}
}

static int64_t poll_files(struct user at, uint64_t count, int64_t timeout)
{
	static struct host_poll list[FILES_MOST];
	static int fds[FILES_MOST];
	struct {
		int fd;
		uint16_t events, revents;
	} one;

	if (count > FILES_MOST)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		if (user_get(&one, (struct user){at.at + i * 8}, 8))
			return -EFAULT;
		fds[i] = one.fd;
		list[i].events = one.events;
	}
	int64_t n = poll_wait(list, fds, (uint32_t)count, timeout);
	for (uint64_t i = 0; n >= 0 && i < count; i++)
		if (user_put((struct user){at.at + i * 8 + 6}, &list[i].revents, 2))
			return -EFAULT;
	return n;
}

int64_t sys_poll(const uint64_t a[6])
{
	return poll_files(USER(0), a[1], (int)a[2] < 0 ? -1 : (int)a[2] * 1000000ll);
}

static int64_t timespec_get(struct user at, int64_t *ns, int64_t unit)
{
	int64_t t[2];

	*ns = -1;
	if (!at.at)
		return 0;
	if (user_get(t, at, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0 || t[1] >= 1000000000 / unit)
		return -EINVAL;
	*ns = t[0] > 1ll << 32 ? -1 : t[0] * 1000000000 + t[1] * unit;
	return 0;
}

int64_t sys_ppoll(const uint64_t a[6])
{
	int64_t timeout, error = timespec_get(USER(2), &timeout, 1);

	return error ? error : poll_files(USER(0), a[1], timeout);
}

static int64_t select_files(const uint64_t a[6], int64_t timeout)
{
	static struct host_poll list[FILES_MOST];
	static int fds[FILES_MOST];
	static const uint16_t events[3] = {1, 4, 2}, answers[3] = {1 | 8 | 16, 4 | 8, 2};
	uint64_t sets[3][FILES_MOST / 64] = {0};
	uint32_t count = 0, n = (uint32_t)a[0];
	size_t bytes = (n + 63) / 64 * 8;
	int64_t found = 0;

	if (n > FILES_MOST)
		return -EINVAL;
	for (int k = 0; k < 3; k++)
		if (a[1 + k] && user_get(sets[k], USER(1 + k), bytes))
			return -EFAULT;
	for (uint32_t fd = 0; fd < n; fd++) {
		uint16_t wanted = 0;
		for (int k = 0; k < 3; k++)
			wanted |= (sets[k][fd / 64] >> fd % 64 & 1) ? events[k] : 0;
		if (!wanted)
			continue;
		if (!file_get((int)fd))
			return -EBADF;
		fds[count] = (int)fd;
		list[count++].events = wanted;
	}
	int64_t error = poll_wait(list, fds, count, timeout);
	if (error < 0)
		return error;
	memset(sets, 0, sizeof sets);
	for (uint32_t i = 0; i < count; i++)
		for (int k = 0; k < 3; k++)
			if ((list[i].revents & answers[k]) && (list[i].events & events[k])) {
				sets[k][fds[i] / 64] |= 1ull << fds[i] % 64;
				found++;
			}
	for (int k = 0; k < 3; k++)
		if (a[1 + k] && user_put(USER(1 + k), sets[k], bytes))
			return -EFAULT;
	return found;
}

int64_t sys_select(const uint64_t a[6])
{
	int64_t timeout, error = timespec_get(USER(4), &timeout, 1000);

	return error ? error : select_files(a, timeout);
}

int64_t sys_pselect6(const uint64_t a[6])
{
	int64_t timeout, error = timespec_get(USER(4), &timeout, 1);

	return error ? error : select_files(a, timeout);
}
