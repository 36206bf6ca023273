/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that move data of open files.
 */
#include "libos/net/socket.h"
#include "libos/sys/sys.h"

#define VECTORS_MOST 1024
#define BOUNCE       65536u

/* Inline: the shortest system calls are these. */
static inline __attribute__((always_inline)) int64_t transfer_inline(struct file *f, int writes, struct user at, uint64_t n, int64_t offset)
{
	struct memory memory;

	if ((f->flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY))
		return -EBADF;
	if (user_memory(at, &n, &memory))
		return -EFAULT;
	int64_t (*move)(struct file *, struct memory, uint64_t, int64_t) = writes ? f->operations->write : f->operations->read;
	if (!move)
		return -EINVAL;
	int64_t done = move(f, memory, n, offset);
	if (done == -EPIPE && writes)
		signal_thread(thread_current(), signal_plain(13));
	return done;
}

static int64_t transfer(struct file *f, int writes, struct user at, uint64_t n, int64_t offset)
{
	return transfer_inline(f, writes, at, n, offset);
}

int64_t sys_read(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return transfer_inline(f, 0, USER(1), a[2], -1);
}

int64_t sys_write(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return transfer_inline(f, 1, USER(1), a[2], -1);
}

static int64_t at_offset(const uint64_t a[6], int writes)
{
	FILE_ARGUMENT(f, 0);
	if ((int64_t)a[3] < 0)
		return -EINVAL;
	return f->operations->seek ? transfer(f, writes, USER(1), a[2], (int64_t)a[3]) : -ESPIPE;
}

int64_t sys_pread64(const uint64_t a[6])
{
	return at_offset(a, 0);
}

int64_t sys_pwrite64(const uint64_t a[6])
{
	return at_offset(a, 1);
}

int64_t vectors_get(struct user at, uint64_t count, struct vectors *v)
{
	uint64_t pair[2];

	v->count = 0;
	v->length = 0;
	for (uint64_t i = 0; i < count && v->count < HOST_VECTORS_MOST; i++) {
		struct memory memory;
		if (user_get(pair, (struct user){at.at + i * 16}, 16))
			return -EFAULT;
		if ((int64_t)pair[1] < 0)
			return -EINVAL;
		if (!pair[1])
			continue;
		if (user_memory((struct user){pair[0]}, &pair[1], &memory))
			return -EFAULT;
		v->list[v->count++] = (struct host_vector){memory.ref, pair[1]};
		v->length += pair[1];
	}
	return 0;
}

static int64_t at_once(struct file *f, struct user at, uint64_t count, int writes)
{
	struct vectors v;
	int64_t error = vectors_get(at, count, &v);

	if (error)
		return error;
	int64_t done = f->operations->vector(f, v.list, v.count, writes);
	if (done == -EPIPE && writes)
		signal_thread(thread_current(), signal_plain(13));
	return done;
}

/* Each piece is its own transfer, so a pipe's readers may see a boundary; what a file gets is the same. */
static int64_t vectors(const uint64_t a[6], int writes, int64_t offset)
{
	uint64_t total = 0, v[2];
	FILE_ARGUMENT(f, 0);

	if ((f->flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY))
		return -EBADF;
	if (a[2] > VECTORS_MOST)
		return -EINVAL;
	if (offset >= 0 && !f->operations->seek)
		return -ESPIPE;
	/* All lengths are looked at before anything moves, as Linux does it. */
	for (uint64_t i = 0; i < a[2]; i++) {
		if (user_get(v, (struct user){a[1] + i * 16}, 16))
			return -EFAULT;
		if ((int64_t)v[1] < 0)
			return -EINVAL;
	}
	if (f->operations->vector && offset < 0)
		return at_once(f, (struct user){a[1]}, a[2], writes);
	for (uint64_t i = 0; i < a[2]; i++) {
		if (user_get(v, (struct user){a[1] + i * 16}, 16))
			return total ? (int64_t)total : -EFAULT;
		if (!v[1])
			continue;
		int64_t n = transfer(f, writes, (struct user){v[0]}, v[1], offset < 0 ? -1 : offset + (int64_t)total);
		if (n < 0)
			return total ? (int64_t)total : n;
		total += (uint64_t)n;
		if ((uint64_t)n < v[1])
			break;
	}
	return (int64_t)total;
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

int64_t sys_preadv2(const uint64_t a[6])
{
	return a[5] ? -EOPNOTSUPP : (int64_t)a[3] < -1 ? -EINVAL : vectors(a, 0, (int64_t)a[3]);
}

int64_t sys_pwritev2(const uint64_t a[6])
{
	return a[5] ? -EOPNOTSUPP : (int64_t)a[3] < -1 ? -EINVAL : vectors(a, 1, (int64_t)a[3]);
}

/* Copies between two files through a buffer of the library OS's. Offsets: -1 is the file's own position. `once`: what one read gives. */
static int64_t copy(struct file *from, int64_t from_at, struct file *to, int64_t to_at, uint64_t n, int once)
{
	uint8_t *bounce = heap_allocate(BOUNCE);
	int64_t total = 0, error = bounce ? 0 : -ENOMEM;

	while (!error && (uint64_t)total < n) {
		uint64_t piece = n - (uint64_t)total < BOUNCE ? n - (uint64_t)total : BOUNCE;
		int64_t in = from->operations->read(from, own_memory(bounce), piece, from_at < 0 ? -1 : from_at + total), done = 0;
		if (in <= 0) {
			error = in;
			break;
		}
		while (done < in) {
			int64_t out = to->operations->write(to, own_memory(bounce + done), (uint64_t)(in - done),
							    to_at < 0 ? -1 : to_at + total + done);
			if (out <= 0) {
				error = out ? out : -EIO;
				break;
			}
			done += out;
		}
		/* What was read and could not be written is given back. */
		if (done < in && from_at < 0 && from->operations->seek)
			from->operations->seek(from, done - in, 1);
		total += done;
		if (once)
			break;
	}
	heap_free(bounce, BOUNCE);
	if (error == -EPIPE)
		signal_thread(thread_current(), signal_plain(13));
	return total ? total : error;
}

int64_t sys_sendfile(const uint64_t a[6])
{
	int64_t offset = -1;
	HELD struct file *to = file_hold((int)a[0]);
	HELD struct file *from = file_hold((int)a[1]);

	if (!to || !from || ((to->flags | from->flags) & O_PATH) || (to->flags & O_ACCMODE) == O_RDONLY ||
	    (from->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (!from->operations->seek || !from->operations->read || !to->operations->write)
		return -EINVAL;
	if (a[2] && (user_get(&offset, USER(2), 8)))
		return -EFAULT;
	if (a[2] && offset < 0)
		return -EINVAL;
	if (!file_plain(from))       /* from a terminal it would read on and on, also past an end of file */
		return -EINVAL;
	/* Between two files of the host the data need not come here. */
	if (from->handle >= 0 && to->handle >= 0 && !(to->flags & O_APPEND)) {
		int64_t sent;
		host_position_back(from);
		host_position_back(to);
		for (;;) {
			sent = HOST_BLOCKING(file_send, to->handle, from->handle, offset, a[3] < 0x7ffff000 ? a[3] : 0x7ffff000);
			if (sent != -EAGAIN || (to->flags & O_NONBLOCK))
				break;
			if ((sent = file_wait(to, READY_OUT, FOR_EVER)))
				break;
		}
		if (sent == -EPIPE)
			signal_thread(thread_current(), signal_plain(13));
		if (sent > 0 && a[2]) {
			offset += sent;
			return user_put(USER(2), &offset, 8) ? -EFAULT : sent;
		}
		if (sent != -EINVAL)
			return sent;
	}
	int64_t n = copy(from, offset, to, -1, a[3] < 0x7ffff000 ? a[3] : 0x7ffff000, 0);
	if (n > 0 && a[2]) {
		offset += n;
		if (user_put(USER(2), &offset, 8))
			return -EFAULT;
	}
	return n;
}

#define SPLICE_NONBLOCK 2

/* One side is a pipe. What is there now is moved, a pipe's capacity at most. */
int64_t sys_splice(const uint64_t a[6])
{
	int64_t at[2] = {-1, -1};
	HELD struct file *from = file_hold((int)a[0]);
	HELD struct file *to = file_hold((int)a[2]);
	struct file *both[2] = {from, to};
	struct host_stat s;
	int pipes = 0;

	if (!from || !to || ((to->flags | from->flags) & O_PATH) || (to->flags & O_ACCMODE) == O_RDONLY ||
	    (from->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if ((a[5] & ~15ull) || !from->operations->read || !to->operations->write || (to->flags & O_APPEND))
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		int pipe = !both[i]->operations->stat(both[i], &s) && TYPE_OF(s.mode) == S_IFIFO;
		pipes += pipe;
		if (a[1 + 2 * i] && pipe)
			return -ESPIPE;
		if (a[1 + 2 * i] && (!both[i]->operations->seek || user_get(&at[i], USER(1 + 2 * i), 8)))
			return both[i]->operations->seek ? -EFAULT : -EINVAL;
		if (a[1 + 2 * i] && at[i] < 0)
			return -EINVAL;
	}
	if (!pipes)
		return -EINVAL;
	if ((a[5] & SPLICE_NONBLOCK) && !(file_ready(from) & READY_IN) && from->handle < 0)
		return -EAGAIN;
	/* What the pipe to fill has no room for must not be read; a pipe that is read gives what it has. */
	uint64_t n = a[4] < BOUNCE ? a[4] : BOUNCE;
	int64_t error = file_wait(to, READY_OUT, a[5] & SPLICE_NONBLOCK ? now() : FOR_EVER);
	if (error)
		return error == -ETIMEDOUT ? -EAGAIN : error;
	int64_t room = to->operations->room ? to->operations->room(to) : (int64_t)n;
	int64_t moved = n ? copy(from, at[0], to, at[1], (int64_t)n < room ? n : (uint64_t)room, 1) : 0;
	for (int i = 0; moved > 0 && i < 2; i++) {
		at[i] += moved;
		if (a[1 + 2 * i] && user_put(USER(1 + 2 * i), &at[i], 8))
			return -EFAULT;
	}
	return moved;
}

int64_t sys_copy_file_range(const uint64_t a[6])
{
	int64_t at[2] = {-1, -1};
	HELD struct file *from = file_hold((int)a[0]);
	HELD struct file *to = file_hold((int)a[2]);
	struct host_stat s;

	if (!to || !from || ((to->flags | from->flags) & O_PATH) || (to->flags & O_ACCMODE) == O_RDONLY ||
	    (from->flags & O_ACCMODE) == O_WRONLY || (to->flags & O_APPEND))
		return -EBADF;
	if (a[5] || !from->operations->read || !to->operations->write)
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		struct file *f = i ? to : from;
		if (f->operations->stat(f, &s) || TYPE_OF(s.mode) != S_IFREG)
			return TYPE_OF(s.mode) == S_IFDIR ? -EISDIR : -EINVAL;
		if (a[1 + 2 * i] && user_get(&at[i], USER(1 + 2 * i), 8))
			return -EFAULT;
		if (a[1 + 2 * i] && at[i] < 0)
			return -EINVAL;
	}
	int64_t n = copy(from, at[0], to, at[1], a[4] < 0x7ffff000 ? a[4] : 0x7ffff000, 0);
	for (int i = 0; n > 0 && i < 2; i++) {
		at[i] += n;
		if (a[1 + 2 * i] && user_put(USER(1 + 2 * i), &at[i], 8))
			return -EFAULT;
	}
	return n;
}

int64_t sys_lseek(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->operations->seek ? f->operations->seek(f, (int64_t)a[1], (int)a[2]) : -ESPIPE;
}

int64_t sys_ftruncate(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	if ((int64_t)a[1] < 0 || (f->flags & O_ACCMODE) == O_RDONLY || !f->operations->truncate)
		return -EINVAL;
	return f->operations->truncate(f, a[1]);
}

int64_t sys_fsync(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->handle >= 0 ? HOST(sync, f->handle, 0) : f->operations->seek ? 0 : -EINVAL;
}

int64_t sys_fdatasync(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return f->handle >= 0 ? HOST(sync, f->handle, 1) : f->operations->seek ? 0 : -EINVAL;
}

CONSTANT(sync, 0)

int64_t sys_syncfs(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return 0;
}

int64_t sys_sync_file_range(const uint64_t a[6])
{
	return sys_fdatasync(a);
}

int64_t sys_readahead(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return 0;
}

int64_t sys_fadvise64(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return !f->operations->seek ? -ESPIPE : a[3] > 5 ? -EINVAL : 0;
}

int64_t sys_getdents64(const uint64_t a[6])
{
	struct memory memory;
	uint64_t n = (unsigned)a[2];
	FILE_ARGUMENT(f, 0);

	if (user_memory(USER(1), &n, &memory))
		return -EFAULT;
	return f->operations->list ? f->operations->list(f, memory, n) : -ENOTDIR;
}
