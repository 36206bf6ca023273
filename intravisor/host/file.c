/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls on open files: data, position, size, attributes, locks. The kernel reads and writes guest memory itself, in
 * ranges checked here; a bad page gives EFAULT. No lock is held meanwhile. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include <carrel/host.h>
#include <carrel/window.h>
#include "cap/cap.h"
#include "intravisor/cvm/memory.h"
#include "intravisor/host/host.h"

#define GET(name, need) RESOURCE(name, need, RESOURCE_FILE)
#define RESULT(call)                                                                     \
	do {                                                                                 \
		int64_t result = (int64_t)(call);                                                \
		return result < 0 ? -errno : result;                                             \
	} while (0)
/* What may wait: ends with -EINTR when the thread is interrupted. */
#define BLOCKING(number, a, b, c, d) machine_blocking(caller->thread, number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

int64_t host_read(struct caller *caller, const uint64_t a[6])
{
	GET(file, CAP_LOAD);
	void *to = cvm_reference(caller, a[1], a[2]);
	if (!to)
		return -EFAULT;
	if (a[3] == UINT64_MAX)
		return BLOCKING(SYS_read, file->fd, to, a[2], 0);
	return BLOCKING(SYS_pread64, file->fd, to, a[2], a[3]);
}

int64_t host_write(struct caller *caller, const uint64_t a[6])
{
	GET(file, CAP_STORE);
	const void *from = cvm_reference(caller, a[1], a[2]);
	if (!from)
		return -EFAULT;
	if (a[3] == UINT64_MAX)
		return BLOCKING(SYS_write, file->fd, from, a[2], 0);
	return BLOCKING(SYS_pwrite64, file->fd, from, a[2], a[3]);
}

int64_t host_seek(struct caller *caller, const uint64_t a[6])
{
	GET(file, 0);
	RESULT(lseek(file->fd, (off_t)a[1], (int)a[2]));
}

int64_t host_truncate(struct caller *caller, const uint64_t a[6])
{
	GET(file, CAP_STORE);
	RESULT(ftruncate(file->fd, (off_t)a[1]));
}

int64_t host_sync(struct caller *caller, const uint64_t a[6])
{
	GET(file, 0);
	RESULT(a[1] ? fdatasync(file->fd) : fsync(file->fd));
}

int64_t host_allocate(struct caller *caller, const uint64_t a[6])
{
	GET(file, CAP_STORE);
	if (a[1] & ~(uint64_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	RESULT(fallocate(file->fd, (int)a[1], (off_t)a[2], (off_t)a[3]));
}

int64_t host_lock(struct caller *caller, const uint64_t a[6])
{
	static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
	static const int whole[] = {LOCK_SH, LOCK_EX, LOCK_UN};
	GET(file, 0);
	if (a[1] >= LOCK_HOST_WHOLE && a[1] - LOCK_HOST_WHOLE <= 2 && a[4] < 2)
		return BLOCKING(SYS_flock, file->fd, whole[a[1] - LOCK_HOST_WHOLE] | (a[4] ? 0 : LOCK_NB), 0, 0);
	if (a[1] > 2 || a[4] > 2)
		return -EINVAL;
	struct flock lock = {.l_type = types[a[1]], .l_whence = SEEK_SET, .l_start = (off_t)a[2], .l_len = (off_t)a[3]};
	error = BLOCKING(SYS_fcntl, file->fd, a[4] == 2 ? F_OFD_GETLK : a[4] ? F_OFD_SETLKW : F_OFD_SETLK, &lock, 0);
	if (error)
		return error;
	return a[4] == 2 ? (lock.l_type == F_RDLCK ? 0 : lock.l_type == F_WRLCK ? 1 : 2) : 0;
}

int64_t host_terminal(struct caller *caller, const uint64_t a[6])
{
	/* The kernel's struct termios, 36 bytes on this ABI; struct winsize; or a number. All pass through a copy. */
	const size_t size = a[1] == TIOCGWINSZ ? sizeof(struct winsize) : a[1] == TIOCGPGRP || a[1] == FIONREAD ? sizeof(int) : 36;
	char kernel[64] = {0};
	int64_t error = 0;
	HELD *file = resource_get(caller, a[0], 0, NULL, &error);

	if (!file)
		return error;
	if (file->kind != RESOURCE_FILE && (file->kind != RESOURCE_SOCKET || a[1] != FIONREAD))
		return -ENOTTY;
	switch (a[1]) {
	case TCSETS: case TCSETSW: case TCSETSF:
		if (cvm_copy_in(caller, kernel, a[2], size))
			return -EFAULT;
		return BLOCKING(SYS_ioctl, file->fd, a[1], kernel, 0);  /* some wait for the output to drain */
	case TCGETS: case TIOCGWINSZ: case TIOCGPGRP: case FIONREAD:
		if (ioctl(file->fd, a[1], kernel))
			return -errno;
		return cvm_copy_out(caller, a[2], kernel, size);
	case TIOCSPGRP:         /* the terminal's group stays this process's; its signals are sorted inside (carrel run: SIGTSTP) */
		if (ioctl(file->fd, TIOCGPGRP, kernel))
			return -errno;
		__atomic_store_n(&caller->cvm->job_control, 1, __ATOMIC_RELAXED);
		return 0;
	default:
		return -ENOTTY;
	}
}

int64_t host_poll(struct caller *caller, const uint64_t a[6])
{
	struct host_poll guest[256];
	struct pollfd polled[256];
	int64_t error;

	if (a[1] > 256)
		return -EINVAL;
	void *at = cvm_reference(caller, a[0], a[1] * sizeof *guest);
	if (!at || machine_copy_in(guest, at, a[1] * sizeof *guest))
		return -EFAULT;
	struct resource *held[256];
	for (uint64_t i = 0; i < a[1]; i++) {
		held[i] = resource_get(caller, guest[i].handle, 0, NULL, &error);
		polled[i] = (struct pollfd){.fd = held[i] ? held[i]->fd : -1, .events = (short)guest[i].events};
	}
	struct timespec timeout = {.tv_sec = (time_t)(a[2] / 1000000000u), .tv_nsec = (long)(a[2] % 1000000000u)};
	int64_t ready = BLOCKING(SYS_ppoll, polled, a[1], a[2] == UINT64_MAX ? NULL : &timeout, NULL);
	for (uint64_t i = 0; i < a[1]; i++) {
		guest[i].revents = held[i] ? (uint16_t)polled[i].revents : POLLNVAL;
		resource_put(&held[i]);
	}
	if (ready < 0)
		return ready;
	return machine_copy_out(at, guest, a[1] * sizeof *guest) ? -EFAULT : ready;
}

int64_t host_stat_filesystem(struct caller *caller, const uint64_t a[6])
{
	struct statfs status;
	GET(file, 0);
	if (fstatfs(file->fd, &status))
		return -errno;
	struct host_statfs out = {(uint64_t)status.f_type, (uint64_t)status.f_bsize, status.f_blocks, status.f_bfree, status.f_bavail,
				  status.f_files, status.f_ffree, (uint64_t)status.f_namelen, 0};
	return cvm_copy_out(caller, a[1], &out, sizeof out);
}

int64_t host_memory_map_file(struct caller *caller, const uint64_t b[6])
{
	struct statfs status;
	uint32_t permissions;
	int64_t error = 0;
	HELD *file = resource_get(caller, b[3], CAP_LOAD, &permissions, &error);

	if (!file)
		return error;
	/* Of huge pages the kernel maps whole ones, beyond the range that was asked for and checked. */
	if (file->kind != RESOURCE_FILE || fstatfs(file->fd, &status) || status.f_type == HUGETLBFS_MAGIC)
		return -ENODEV;
	return cvm_memory_map_file(caller, b[0], b[1], b[2], file->fd, (permissions & CAP_STORE) != 0, b[4]);
}

/* A mapping keeps an object's memory when its handle is closed, but counts by itself then (quota.c); sealed, so that no write or
 * truncation through the handle changes how much there is, or makes it more. */
int64_t host_memory_object(struct caller *caller, const uint64_t a[6])
{
	struct cvm *cvm = caller->cvm;

	if (!a[0] || a[0] % 4096 || a[0] > WINDOW_MEMORY_END - WINDOW_MEMORY_START)
		return -EINVAL;
	if (cvm_charge(cvm, a[0]))
		return -ENOMEM;
	int fd = memfd_create("carrel-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)a[0]) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL | (a[1] == 1 ? 0 : F_SEAL_SHRINK))) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		cvm_uncharge(cvm, a[0]);
		return error;
	}
	return resource_make(cvm, fd, CAP_LOAD | CAP_STORE, 0, a[0]);
}
