/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities for programs in a cVM (CAP-VMs, OSDI 2022; operations as in CHERI ISAv9, sections 2.3-2.5): the right to some bytes
 * of memory, its own or another cVM's, or to seal with an object type. A capability is a number that means something in this
 * process alone; the Intravisor keeps what it stands for. Capability CAP_OWN is all of the process's own memory, in which an offset
 * is an address; everything else is derived from it, from cap_type's, or from a CP_File that another cVM published (cap_of_file,
 * carrel/cp_file.h).
 *
 *   units      bytes; offsets count from the capability's first byte.
 *   ownership  a capability belongs to the process that made or got it. A fork's child has none of them, exec drops them, and what
 *              was derived from a process's memory, by whomever, ends with that memory. At most 65,536 in a process.
 *   blocking   only cap_revoke waits: until accesses under way elsewhere have ended, a copy of 1 MiB each at most.
 *   ordering   a load or store is some copying of bytes in no order that is promised; what is 8 bytes long and aligned on both
 *              sides is whole. Order between cVMs comes by cp_file_notify and cp_file_wait, or by a CP_Call or CP_Stream.
 *   errors     -1 and errno: EBADF no capability of this process, or not any more (while a copy went on, part of it is done); EPERM
 *              its permissions forbid it, or it is sealed; EINVAL bounds beyond those it has; ERANGE an access beyond its bounds;
 *              EFAULT there is no memory in its range (any more) or at the buffer; ENOSPC too many; ENOMEM.
 */
#ifndef CARREL_CAP_H
#define CARREL_CAP_H
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <carrel/host.h>
#include <carrel/rights.h>

#define CAP_OWN 0

/* Each gives a new capability, derived from `cap`: bytes [offset, offset + length) of it; the same with those of `permissions`
 * (CAP_LOAD, CAP_STORE, CAP_INVOKE, CAP_GRANT) that it has. Nothing grows. */
static inline long cap_bounds(long cap, size_t offset, size_t length)
{
	return syscall(4160, cap, CAPABILITY_BOUNDS, offset, length);
}
static inline long cap_permissions(long cap, unsigned permissions)
{
	return syscall(4160, cap, CAPABILITY_PERMISSIONS, (long)permissions, 0L);
}
/* A capability for bytes of one's own. */
static inline long cap_memory(const void *start, size_t length)
{
	return cap_bounds(CAP_OWN, (size_t)start, length);
}

/* The authority over a new object type, which nobody else has: to seal with it (CAP_SEAL) and to unseal (CAP_UNSEAL). */
static inline long cap_type(void)
{
	return syscall(4160, 0L, CAPABILITY_TYPE, 0L, 0L);
}
/* A sealed copy, which gives no access and cannot be derived from, and back. */
static inline long cap_seal(long cap, long authority)
{
	return syscall(4160, cap, CAPABILITY_SEAL, authority, 0L);
}
static inline long cap_unseal(long cap, long authority)
{
	return syscall(4160, cap, CAPABILITY_UNSEAL, authority, 0L);
}
/* CInvoke's conditions: both sealed with one type, both with CAP_INVOKE. 0, or EPERM. */
static inline int cap_invoke_check(long code, long data)
{
	return (int)syscall(4160, code, CAPABILITY_INVOKE, data, 0L);
}

/* The capability and everything derived from it, in whatever process or cVM, is no more. When this returns no access by any of it
 * is under way and none will begin. EBADF: it is none any more; another revoke may be waiting for the last access just then. EPERM
 * for CAP_OWN. */
static inline int cap_revoke(long cap)
{
	return (int)syscall(4161, cap);
}

/* Bytes (or object types); CAP_*; the object type, or -1 and EPERM when it is not sealed. Of CAP_OWN once another was derived. */
static inline long cap_length(long cap)
{
	return syscall(4162, cap, CAPABILITY_LENGTH);
}
static inline long cap_rights(long cap)
{
	return syscall(4162, cap, CAPABILITY_RIGHTS);
}
static inline long cap_object_type(long cap)
{
	return syscall(4162, cap, CAPABILITY_OBJECT_TYPE);
}

/* Copy n bytes through a capability, all of them or an error: from it, to it, and between two. The two sides must not overlap. */
static inline int cap_load(long cap, size_t offset, void *to, size_t n)
{
	return syscall(4163, cap, offset, to, n) < 0 ? -1 : 0;
}
static inline int cap_store(long cap, size_t offset, const void *from, size_t n)
{
	return syscall(4164, cap, offset, from, n) < 0 ? -1 : 0;
}
static inline int cap_copy(long to, size_t to_offset, long from, size_t from_offset, size_t n)
{
	return syscall(4165, to, to_offset, from, from_offset, n) < 0 ? -1 : 0;
}

/* What another cVM (or this one) published as a CP_File, as a capability of this process, with the descriptor's rights; derived
 * from the published one, so it ends with the file. EPERM: it was published without CAP_GRANT; ENODEV: it has ended. */
static inline long cap_of_file(int fd)
{
	return syscall(4166, fd);
}
#endif
