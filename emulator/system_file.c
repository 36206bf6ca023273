/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Calls on files and sockets whose structures differ between riscv64 and the host, or hold pointers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/system.h"
#include "emulator/system_state.h"

enum { VECTORS = 1024 };

static char program[4096];

void system_program_path(const char *path)
{
	char *real = realpath(path, NULL);
	strncpy(program, real ? real : path, sizeof program - 1);
	free(real);
}

const char *system_program(void)
{
	return program;
}

struct emulated_stat {
	uint64_t device, inode;
	uint32_t mode, links, user, group;
	uint64_t special, padding;
	int64_t size;
	int32_t block_size, padding_2;
	int64_t blocks, access, access_ns, change, change_ns, status, status_ns;
	uint32_t unused[2];
};

static int64_t stat_out(uint64_t to, const struct stat *s)
{
	struct emulated_stat e = {s->st_dev,
				  s->st_ino,
				  s->st_mode,
				  (uint32_t)s->st_nlink,
				  s->st_uid,
				  s->st_gid,
				  s->st_rdev,
				  0,
				  s->st_size,
				  (int32_t)s->st_blksize,
				  0,
				  s->st_blocks,
				  s->st_atim.tv_sec,
				  s->st_atim.tv_nsec,
				  s->st_mtim.tv_sec,
				  s->st_mtim.tv_nsec,
				  s->st_ctim.tv_sec,
				  s->st_ctim.tv_nsec,
				  {0}};
	return memory_copy_out(to, &e, sizeof e) ? 0 : -EFAULT;
}

static bool is_self_exe(uint64_t path)
{
	char text[16] = "";
	return memory_copy_in(text, path, 15) && !strncmp(text, "/proc/self/exe", 15);
}

SYSTEM(newfstatat)
{
	(void)cpu;
	struct stat s;
	uint64_t path = is_self_exe(in->a[1]) ? (uint64_t)program : system_pointer(in->a[1]);
	int64_t result = HOST(SYS_newfstatat, in->a[0], path, (uint64_t)&s, in->a[3]);
	return result < 0 ? result : stat_out(in->a[2], &s);
}

SYSTEM(fstat)
{
	(void)cpu;
	struct stat s;
	int64_t result = HOST(SYS_fstat, in->a[0], (uint64_t)&s);
	return result < 0 ? result : stat_out(in->a[1], &s);
}

SYSTEM(openat)
{
	char text[32] = ""; /* longer ones are other files */
	size_t n = memory_copy_in(text, in->a[1], 6) && !strncmp(text, "/proc/", 6) ? 6 : sizeof text;
	while (n < sizeof text - 1 && memory_copy_in(text + n, in->a[1] + n, 1) && text[n])
		n++;
	if (n < sizeof text && proc_is_map(text)) {
		int fd = proc_map_open(text, (int)in->a[2]);
		return fd < 0 ? -errno : fd;
	}
	uint64_t path = is_self_exe(in->a[1]) ? (uint64_t)program : system_pointer(in->a[1]);
	return HOST_BLOCK(cpu, SYS_openat, in->a[0], path, in->a[2], in->a[3]);
}

SYSTEM(openat2)
{
	return HOST_BLOCK(cpu, SYS_openat2, in->a[0], system_pointer(in->a[1]), system_pointer(in->a[2]), in->a[3]);
}

SYSTEM(readlinkat)
{
	(void)cpu;
	if (is_self_exe(in->a[1])) {
		size_t length = strlen(program);
		length = length < in->a[3] ? length : in->a[3];
		return memory_copy_out(in->a[2], program, length) ? (int64_t)length : -EFAULT;
	}
	if (!memory_pointer(in->a[2], in->a[3]))
		return -EFAULT;
	memory_forget_tags(in->a[2], in->a[3]);
	return HOST(SYS_readlinkat, in->a[0], system_pointer(in->a[1]), system_pointer(in->a[2]), in->a[3]);
}

SYSTEM(fcntl)
{
	uint64_t argument = in->a[2];
	switch (in->a[1]) {
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		argument = system_pointer(argument);
		break;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
	case F_SETFL:
	case F_SETOWN:
	case F_GETOWN:
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
	case F_ADD_SEALS:
	case F_GET_SEALS:
		break;
	default:
		return -EINVAL;
	}
	return HOST_BLOCK(cpu, SYS_fcntl, in->a[0], in->a[1], argument);
}

SYSTEM(ioctl)
{
	static const struct {
		uint64_t request, written;
	} known[] = {
		{FIONREAD, 4}, {FIONBIO, 0},    {TCGETS, 36},    {TCSETS, 0},    {TCSETSW, 0},
		{TCSETSF, 0},  {TIOCGWINSZ, 8}, {TIOCSWINSZ, 0}, {TIOCGPGRP, 4}, {TIOCSPGRP, 0},
	};
	(void)cpu;
	if (in->a[1] == FIOCLEX || in->a[1] == FIONCLEX)
		return HOST(SYS_ioctl, in->a[0], in->a[1], in->a[2]);
	for (unsigned n = 0; n < sizeof known / sizeof *known; n++)
		if (known[n].request == in->a[1]) {
			memory_forget_tags(in->a[2], known[n].written);
			return HOST(SYS_ioctl, in->a[0], in->a[1], system_pointer(in->a[2]));
		}
	return -ENOTTY;
}

/* A vector of the program's, its addresses turned into host pointers. Read once: the kernel sees this copy. */
static int64_t vector(struct iovec *to, uint64_t from, uint64_t count, bool written)
{
	struct {
		uint64_t base, size;
	} entry;
	if (count > VECTORS)
		return -EINVAL;
	for (uint64_t n = 0; n < count; n++) {
		if (!memory_copy_in(&entry, from + 16 * n, 16) || !memory_pointer(entry.base, entry.size))
			return -EFAULT;
		to[n] = (struct iovec){memory_host(entry.base), entry.size};
		if (written)
			memory_forget_tags(entry.base, entry.size);
	}
	return 0;
}

static void vector_written(const struct iovec *v, uint64_t count)
{
	for (uint64_t n = 0; n < count; n++)
		memory_forget_tags((uint64_t)v[n].iov_base - MEMORY_BASE, v[n].iov_len);
}

static int64_t vectored(struct cpu *cpu, const struct arguments *in, uint64_t number, bool written)
{
	struct iovec v[VECTORS];
	int64_t result = vector(v, in->a[1], in->a[2], written);
	if (result < 0)
		return result;
	result = HOST_BLOCK(cpu, number, in->a[0], (uint64_t)v, in->a[2], in->a[3], in->a[4]);
	if (written)
		vector_written(v, in->a[2]);
	return result;
}
SYSTEM(readv)
{
	return vectored(cpu, in, SYS_readv, true);
}
SYSTEM(writev)
{
	return vectored(cpu, in, SYS_writev, false);
}
SYSTEM(preadv)
{
	return vectored(cpu, in, SYS_preadv, true);
}
SYSTEM(pwritev)
{
	return vectored(cpu, in, SYS_pwritev, false);
}

static int64_t message(struct cpu *cpu, const struct arguments *in, uint64_t number, bool written)
{
	struct iovec v[VECTORS];
	struct msghdr header;
	uint64_t at = in->a[1];
	if (!memory_copy_in(&header, at, sizeof header))
		return -EFAULT;
	uint64_t count = header.msg_iovlen;
	int64_t result = vector(v, (uint64_t)header.msg_iov, count, written);
	if (result < 0)
		return result;
	if (!memory_pointer((uint64_t)header.msg_name, header.msg_namelen) ||
	    !memory_pointer((uint64_t)header.msg_control, header.msg_controllen))
		return -EFAULT;
	memory_forget_tags((uint64_t)header.msg_control, written ? header.msg_controllen : 0);
	memory_forget_tags((uint64_t)header.msg_name, written ? header.msg_namelen : 0);
	struct msghdr host = header;
	host.msg_name = (void *)system_pointer((uint64_t)header.msg_name);
	host.msg_control = (void *)system_pointer((uint64_t)header.msg_control);
	host.msg_iov = v;
	result = HOST_BLOCK(cpu, number, in->a[0], (uint64_t)&host, in->a[2]);
	if (written && result >= 0) {
		vector_written(v, count);
		header.msg_namelen = host.msg_namelen;
		header.msg_controllen = host.msg_controllen;
		header.msg_flags = host.msg_flags;
		if (!memory_copy_out(at, &header, sizeof header))
			return -EFAULT;
	}
	return result;
}
SYSTEM(sendmsg)
{
	return message(cpu, in, SYS_sendmsg, false);
}
SYSTEM(recvmsg)
{
	return message(cpu, in, SYS_recvmsg, true);
}

/* riscv64 does not pack its epoll_event. */
struct emulated_event {
	uint32_t events, padding;
	uint64_t data;
};

SYSTEM(epoll_ctl)
{
	(void)cpu;
	struct emulated_event e = {0};
	if (in->a[1] != EPOLL_CTL_DEL && !memory_copy_in(&e, in->a[3], sizeof e))
		return -EFAULT;
	struct epoll_event host = {.events = e.events, .data.u64 = e.data};
	return HOST(SYS_epoll_ctl, in->a[0], in->a[1], in->a[2], (uint64_t)&host);
}

static bool mask_in(struct cpu *cpu, uint64_t from)
{
	sigset_t mask;
	memset(&mask, 0, sizeof mask);
	if (!from)
		return true;
	if (!memory_copy_in(&mask, from, 8))
		return false;
	signal_mask_until_return(cpu, &mask);
	return true;
}

/* After a call with a mask of its own: with a signal due the mask stays until that is delivered. */
static int64_t mask_done(struct cpu *cpu, int64_t result)
{
	if (result != -EINTR)
		signal_mask_again(cpu);
	return result;
}

static int64_t wait_for_events(struct cpu *cpu, const struct arguments *in, long number, uint64_t timeout)
{
	struct epoll_event host[256];
	uint64_t most = in->a[2] > 256 ? 256 : in->a[2];
	if ((int32_t)in->a[2] <= 0)
		return -EINVAL;
	if (!mask_in(cpu, in->a[4]))
		return -EFAULT;
	int64_t result = mask_done(cpu, HOST_BLOCK(cpu, number, in->a[0], (uint64_t)host, most, timeout, 0, 8));
	for (int64_t n = 0; n < result; n++) {
		struct emulated_event e = {host[n].events, 0, host[n].data.u64};
		if (!memory_copy_out(in->a[1] + 16 * (uint64_t)n, &e, sizeof e))
			return -EFAULT;
	}
	return result;
}

SYSTEM(epoll_pwait)
{
	return wait_for_events(cpu, in, SYS_epoll_pwait, in->a[3]);
}

SYSTEM(epoll_pwait2)
{
	return wait_for_events(cpu, in, SYS_epoll_pwait2, system_pointer(in->a[3]));
}

SYSTEM(ppoll)
{
	if (in->a[1] > 65536 || !memory_pointer(in->a[0], in->a[1] * sizeof(struct pollfd)))
		return -EFAULT;
	if (!mask_in(cpu, in->a[3]))
		return -EFAULT;
	memory_forget_tags(in->a[0], in->a[1] * sizeof(struct pollfd));
	return mask_done(
		cpu, HOST_BLOCK(cpu, SYS_ppoll, system_pointer(in->a[0]), in->a[1], system_pointer(in->a[2]), 0, 8));
}

SYSTEM(pselect6)
{
	struct {
		uint64_t mask, size;
	} set = {0};
	if (in->a[5] && !memory_copy_in(&set, in->a[5], sizeof set))
		return -EFAULT;
	if (!mask_in(cpu, set.mask))
		return -EFAULT;
	for (int n = 1; n < 4; n++)
		memory_forget_tags(in->a[n], in->a[n] && in->a[0] < 1024 ? (in->a[0] + 7) / 8 : 0);
	return mask_done(cpu,
			 HOST_BLOCK(cpu, SYS_pselect6, in->a[0], system_pointer(in->a[1]), system_pointer(in->a[2]),
				    system_pointer(in->a[3]), system_pointer(in->a[4]), 0));
}
