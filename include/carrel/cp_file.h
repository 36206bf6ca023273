/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_File (CAP-VMs, OSDI 2022, section 4.1): an asynchronous read and write interface to a buffer that cVMs of one Intravisor share
 * under a name that each was granted. The buffer is any range of bytes of its creator's memory, or memory made for it, which can be
 * mapped too. A CP_File is a descriptor: dup, fork, exec's close-on-exec (set), poll, epoll and close treat it like others. A
 * program that knows nothing of this has /cap/NAME: a file of fixed length; there a write counts as a notify, and poll finds it
 * readable when a notify has come since the last read.
 *
 *   rights     to create needs `create` of the name, to open for reading `read`, for writing `write`. Nobody gets more than what
 *              the creator publishes (`permissions`: CAP_LOAD, CAP_STORE; with CAP_GRANT cap_of_file makes a capability of it,
 *              CAP_INVOKE as there).
 *   ownership  the file lasts as long as its creator's descriptor (and copies of that), and not longer than the memory: it ends
 *              when the creator's process closes it, revokes it, exits, executes another program, crashes or is killed.
 *   the end    reads, writes and waits give ENODEV then, at once, also those that wait already; poll says POLLIN, POLLOUT, POLLERR
 *              and POLLHUP. Once cp_file_revoke, close or the creator's end has come about, no access is under way. Mappings are
 *              empty then, the creator's too: touching one is SIGBUS. Mappings are of whole pages; everything else is exact to the
 *              byte.
 *   blocking   only cp_file_wait does, and for what is copied just then cp_file_revoke and close of the creator (1 MiB at most).
 *   ordering   reads and writes are copies, in no order that is promised and not atomic: a reader may see half of a write. Whole is
 *              what is 8 bytes long and aligned on both sides, nothing else. What was written before a notify is seen by who has
 *              seen its number (cp_file_wait, cp_file_sequence).
 *   errors     -1 and errno as said, and EBADF, EINVAL (no CP_File), EFAULT.
 */
#ifndef CARREL_CP_FILE_H
#define CARREL_CP_FILE_H
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include <carrel/cap.h>

/* Publishes [start, start + length) of this process's memory under a name of 1..63 characters. A descriptor. EACCES not granted,
 * EEXIST somebody has it. */
static inline int cp_file_create(const char *name, void *start, size_t length, unsigned permissions)
{
	if (!length) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(4167, name, 0L, start, length, (long)permissions);
}
/* The same for a capability that has CAP_GRANT, whoever's memory it is: revoking it ends the file. */
static inline int cp_file_publish(const char *name, long cap, unsigned permissions)
{
	return (int)syscall(4167, name, cap, 0L, 0L, (long)permissions);
}
/* A buffer of its own for cp_file_map; length is made whole pages, and counts against the creator's memory limit. */
static inline int cp_file_create_mappable(const char *name, size_t length, unsigned permissions)
{
	return (int)syscall(4167, name, -1L, 0L, length, (long)permissions);
}

/* Opens one: flags O_RDONLY, O_WRONLY or O_RDWR, as granted (EACCES). ENOENT: nobody has created it. */
static inline int cp_file_open(const char *name, int flags)
{
	char path[80];

	if (snprintf(path, sizeof path, "/cap/%s", name) >= (int)sizeof path) {
		errno = ENOENT;
		return -1;
	}
	return open(path, (flags & O_ACCMODE) | O_CLOEXEC);
}

/* Copy n bytes at an offset: how many there were, fewer than n only at the file's end. EBADF: not opened for that. No notify. */
static inline ssize_t cp_file_read(int fd, void *to, size_t n, size_t offset)
{
	return syscall(4168, fd, to, n, offset);
}
static inline ssize_t cp_file_write(int fd, const void *from, size_t n, size_t offset)
{
	return syscall(4169, fd, from, n, offset);
}

/* All of it in this process's memory: for loads and stores without a copy. Writable if the descriptor is open for reading and
 * writing; what is only read must not be made writable (a write would go to a copy). Unmap it by munmap. MAP_FAILED and ENODEV: it
 * was not created mappable. */
static inline void *cp_file_map(int fd, size_t length)
{
	int writes = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;

	return mmap(NULL, length, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
}

/* The number of notifies so far. Any side may notify. */
static inline long cp_file_sequence(int fd)
{
	return syscall(4172, fd);
}
/* One more, and everybody who waits or polls wakes up. Gives the new number. */
static inline long cp_file_notify(int fd)
{
	return syscall(4171, fd);
}
/* Waits as long as the number is `sequence`; at most `timeout`, if that is not NULL. The number, or -1: ETIMEDOUT, EINTR,
 * ENODEV. */
static inline long cp_file_wait(int fd, long sequence, const struct timespec *timeout)
{
	return syscall(4170, fd, sequence, timeout);
}

/* Of the creator: ends the file now, whatever descriptors there are. Of others: ends this descriptor's use of it. */
static inline int cp_file_revoke(int fd)
{
	return (int)syscall(4173, fd);
}
#endif
