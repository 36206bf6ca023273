/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Files: buffers shared between cVMs, each a capability behind a name (include/carrel/cp_file.h). Under /cap they are files of a
 * fixed length, so that programs that know nothing of them read, write, poll and map them: a write counts as a notify, and a file
 * is readable to poll when one has come since it was last read. Whoever may create a name makes it by O_CREAT and ftruncate, as
 * with shm_open.
 */
#include <linux/mman.h>

#include "libos/fs/shared.h"
#include "libos/process/bell.h"
#include "libos/sys/sys.h"

#define PAGE 4096u
#define UNLOCKED 16384u                 /* longer copies are made without the kernel lock */
#define KIND_FILE 0                     /* enum cvm_grant_kind */
#define KIND_STREAM 2
#define GRANT_CREATE 1u
#define GRANT_READ   2u
#define GRANT_WRITE  4u

struct shared {
	int64_t handle;                 /* -1: not made yet (`name`), or ended */
	uint64_t length, seen;          /* seen: the number of notifies when it was last read */
	int64_t capability;             /* of the process with `serial`, to be revoked with the file; 0: none */
	uint64_t serial;
	struct wait_queue queue;
	char name[64];                  /* of one that is not made yet */
};

static struct shared *of(const struct file *f)
{
	return f->object;
}

int64_t shared_handle(const struct file *f)
{
	return of(f)->handle;
}

int shared_any(void)
{
	char name[64];

	return HOST(grant_describe, 0, (uintptr_t)name) >= 0;
}

/* What is granted of a name of one kind, or 0. */
static unsigned granted(const char *name, int kind)
{
	char other[64];
	int64_t grant;
	unsigned rights = 0;

	for (uint64_t i = 0; (grant = HOST(grant_describe, i, (uintptr_t)other)) >= 0; i++)
		if (grant >> 8 == kind && !strcmp(name, other))
			rights |= (unsigned)grant & 0xff;
	return rights;
}

int64_t shared_state(struct file *f, unsigned what)
{
	return of(f)->handle < 0 ? -ENODEV : HOST_FAST(file_state, of(f)->handle, what);
}

int64_t shared_move(struct file *f, uint64_t offset, struct memory memory, uint64_t n, int writes)
{
	struct shared *s = of(f);

	if (s->handle < 0)
		return -ENODEV;
	if (n <= UNLOCKED)
		return HOST_FAST(file_transfer, s->handle, offset, memory.ref, n, writes);
	kernel_unlock();
	int64_t done = HOST_FAST(file_transfer, s->handle, offset, memory.ref, n, writes);
	kernel_lock();
	return done;
}

static int64_t file_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct shared *s = of(f);
	int64_t now = s->name[0] ? 0 : shared_state(f, FILE_SEQUENCE);
	int64_t done = now < 0 || s->name[0] ? now : shared_move(f, offset < 0 ? f->position : (uint64_t)offset, to, n, 0);

	if (done >= 0)
		s->seen = (uint64_t)now;
	if (done > 0 && offset < 0)
		f->position += (uint64_t)done;
	return done;
}

static int64_t file_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct shared *s = of(f);
	uint64_t at = f->flags & O_APPEND ? s->length : offset < 0 ? f->position : (uint64_t)offset;
	int64_t done = s->name[0] ? 0 : shared_move(f, at, from, n, 1);

	if (!done && n)
		return -ENOSPC;
	if (done < 0)
		return done;
	if (offset < 0)
		f->position = at + (uint64_t)done;
	int64_t now = shared_state(f, FILE_NOTIFY);
	if (now == (int64_t)s->seen + 1)        /* its own is no news */
		s->seen = (uint64_t)now;
	return done;
}

static int64_t file_seek(struct file *f, int64_t offset, int whence)
{
	return tmpfs_seek_in(f, offset, whence, of(f)->length);
}

static int64_t file_stat(struct file *f, struct host_stat *st)
{
	const struct shared *s = of(f);
	int access = f->flags & O_ACCMODE;

	*st = stat_now(S_IFREG | (access != O_WRONLY ? 0400 : 0) | (access != O_RDONLY ? 0200 : 0), DEVICE_SHARED);
	st->ino = (uint64_t)(s->handle + 2);
	st->size = s->length;
	st->blocks = (s->length + 511) / 512;
	return 0;
}

static unsigned file_poll(struct file *f)
{
	const struct shared *s = of(f);
	int64_t now = s->name[0] ? 0 : shared_state(f, FILE_ARM);
	int access = f->flags & O_ACCMODE;

	if (now < 0)
		return READY_IN | READY_OUT | READY_ERROR | READY_HANGUP;
	return ((uint64_t)now != s->seen && access != O_WRONLY ? READY_IN : 0) | (access != O_RDONLY ? READY_OUT : 0);
}

static struct wait_queue *file_queue(struct file *f)
{
	return &of(f)->queue;
}

int64_t shared_revoke(struct file *f)
{
	struct shared *s = of(f);
	int64_t handle = s->handle;

	if (handle < 0)
		return -ENODEV;
	s->handle = -1;
	bell_detach(handle);
	HOST(share_close, handle);      /* it waits for who is copying just now, which needs no lock */
	if (s->capability && s->serial == space_serial(space_current()))
		HOST(capability_revoke, s->capability);
	wait_wake(&s->queue, UINT32_MAX);
	return 0;
}

static void file_close(struct file *f)
{
	shared_revoke(f);
	heap_free(of(f), sizeof(struct shared));
}

static int64_t adopt(struct shared *s, int64_t handle)
{
	int64_t error = handle < 0 ? handle : bell_attach(handle, &s->queue);

	if (error) {
		if (handle >= 0)
			HOST(share_close, handle);
		return error;
	}
	s->handle = handle;
	s->length = (uint64_t)HOST_FAST(file_state, handle, FILE_LENGTH);
	s->seen = (uint64_t)HOST_FAST(file_state, handle, FILE_SEQUENCE);
	s->name[0] = 0;
	return 0;
}

static int64_t object_create(struct shared *s, const char *name, uint64_t length, unsigned permissions)
{
	int64_t object = HOST(memory_object, (length + PAGE - 1) & ~(uint64_t)(PAGE - 1), 1);

	if (object < 0)
		return object;
	int64_t handle = HOST(file_create, (uintptr_t)name, strlen(name), object, permissions | FILE_OBJECT);
	HOST(close, object);
	return adopt(s, handle);
}

static int64_t file_truncate(struct file *f, uint64_t length)
{
	struct shared *s = of(f);

	if (s->name[0])
		return length ? object_create(s, s->name, length, 3) : 0;
	return s->handle < 0 ? -ENODEV : length == s->length ? 0 : -EINVAL;
}

const struct file_operations shared_operations = {
	.read = file_read, .write = file_write, .seek = file_seek, .stat = file_stat, .truncate = file_truncate, .poll = file_poll,
	.queue = file_queue, .close = file_close,
};

static struct file *make(int flags)
{
	struct file *f = file_make(&shared_operations, flags);

	if (!f || !(f->object = heap_allocate(sizeof(struct shared)))) {
		heap_free(f, sizeof *f);
		return NULL;
	}
	of(f)->handle = -1;
	return f;
}

int64_t shared_create(const char *name, int64_t capability, uint64_t start, uint64_t length, unsigned permissions,
		      struct file **made)
{
	struct file *f = make(O_RDWR);
	int64_t error = f ? 0 : -ENOMEM;

	if (error)
		return error;
	struct shared *s = of(f);
	if (capability < 0)
		error = object_create(s, name, length, permissions);
	else {
		if (length) {
			s->serial = space_serial(space_current());
			s->capability = HOST(capability_derive, 0, CAPABILITY_BOUNDS, start, length);
			error = s->capability < 0 ? s->capability : 0;
			capability = s->capability;
		}
		if (!error)
			error = adopt(s, HOST(file_create, (uintptr_t)name, strlen(name), capability, permissions));
	}
	if (error) {
		if (s->capability > 0)
			HOST(capability_revoke, s->capability);
		file_release(f);
	} else
		*made = f;
	return error;
}

int64_t shared_wait(struct file *f, uint64_t sequence, int64_t deadline)
{
	struct waiter w = {0};
	int64_t now = shared_state(f, FILE_SEQUENCE);

	if (now < 0 || (uint64_t)now != sequence)
		return now;
	wait_begin(&w, &of(f)->queue);
	int64_t error = 0;
	while ((now = shared_state(f, FILE_ARM)) >= 0 && (uint64_t)now == sequence && !error)
		error = wait_sleep_listening(deadline);
	wait_end(&w);
	return now < 0 || (uint64_t)now != sequence ? now : error;
}

/* ---- /cap ---- */
static int64_t mount_list(struct file **f)
{
	char list[8192], name[64];
	size_t at = sizeof "/.\0/..";
	int64_t grant;

	memcpy(list, "/.\0/..", at);
	for (uint64_t i = 0; (grant = HOST(grant_describe, i, (uintptr_t)name)) >= 0; i++)
		if (grant >> 8 == KIND_FILE && at + sizeof name < sizeof list)
			at += format(list + at, sizeof name, "%s", name) + 1;
	*f = names_file(list, at);
	return *f ? 0 : -ENOMEM;
}

static int64_t mount_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	int access = flags & O_ACCMODE;
	unsigned wants = (access != O_WRONLY ? GRANT_READ : 0) | (access != O_RDONLY ? GRANT_WRITE : 0);

	(void)m;
	(void)mode;
	if (!*name)
		return access != O_RDONLY ? -EISDIR : mount_list(f);
	if (strlen(name) > 63 || strchr(name, '/'))
		return -ENOENT;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	unsigned rights = granted(name, KIND_FILE);
	if (!rights)
		return granted(name, KIND_STREAM) ? -ENXIO : flags & O_CREAT ? -EACCES : -ENOENT;
	struct file *made = make(flags & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	if (!made)
		return -ENOMEM;
	int64_t error = -EEXIST;
	if ((flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		error = adopt(of(made), HOST(file_open, (uintptr_t)name, strlen(name), wants));
	int creates = (flags & O_CREAT) && (rights & GRANT_CREATE) && access == O_RDWR;
	if (creates && (error == -ENOENT || error == -EEXIST || error == -EACCES)) {
		memcpy(of(made)->name, name, strlen(name) + 1);
		error = 0;
	}
	if (error)
		file_release(made);
	else
		*f = made;
	return error;
}

static int64_t mount_stat(const struct mount *m, const char *name, struct host_stat *st)
{
	struct file *f;

	if (!*name) {
		*st = stat_now(S_IFDIR | 0555, DEVICE_SHARED);
		return 0;
	}
	unsigned rights = granted(name, KIND_FILE);
	if (!rights && granted(name, KIND_STREAM)) {
		*st = stat_now(S_IFSOCK | 0600, DEVICE_SHARED);
		return 0;
	}
	int64_t error = mount_open(m, name, (rights & (GRANT_READ | GRANT_WRITE)) == GRANT_WRITE ? O_WRONLY : O_RDONLY, 0, &f);
	if (error)
		return error;
	error = f->operations->stat(f, st);
	if (rights & GRANT_WRITE)
		st->mode |= 0200;
	file_release(f);
	return error;
}

static int64_t mount_statistics(const struct mount *m, const char *name, struct host_statfs *s)
{
	return tmpfs_mount.statistics(m, name, s);
}

const struct mount_operations shared_mount = {.open = mount_open, .stat = mount_stat, .statistics = mount_statistics};
