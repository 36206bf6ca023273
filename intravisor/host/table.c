/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Handles, and the dispatch of host calls. A library OS controls the number and every argument. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <carrel/host.h>
#include "cap/cap.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/host/host.h"

/* The capability's reference goes, under the handles' lock. */
static void resource_drop(void *object)
{
	struct resource *resource = object;

	resource_put(&resource);
}

static void resource_free(struct resource *resource)
{
	if (resource->kind == RESOURCE_SOCKET)
		socket_hurry(resource->fd);
	close(resource->fd);
	if (resource->charged)
		__atomic_sub_fetch(resource->charged, resource->bytes, __ATOMIC_RELAXED);
	free(resource->peers);
	free(resource);
}

void resource_put(struct resource **held)
{
	struct resource *resource = *held;

	if (resource && __atomic_sub_fetch(&resource->references, 1, __ATOMIC_ACQ_REL) == 0)
		resource_free(resource);
}

/* What fast calls left. It counts against no cVM, which might have gone. */
static void resources_sweep(void)
{
	struct resource *resource, *next;

	if (!__atomic_load_n(&resources_left, __ATOMIC_RELAXED))
		return;
	for (resource = __atomic_exchange_n(&resources_left, NULL, __ATOMIC_ACQUIRE); resource; resource = next) {
		next = resource->left;
		resource_free(resource);
	}
}

static uint64_t descriptors_most = UINT64_MAX;

void host_init(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur != RLIM_INFINITY)
		descriptors_most = files.rlim_cur - (files.rlim_cur / 4 < DESCRIPTORS_KEPT ? files.rlim_cur / 4 : DESCRIPTORS_KEPT);
}

int host_descriptor_kept(int fd)
{
	return (uint64_t)fd >= descriptors_most;
}

/* Takes what *like describes over, with its descriptor and charge; also on failure. */
static int64_t resource_add(struct cvm *cvm, const struct resource *like, uint32_t permissions)
{
	/* Descriptors are given lowest first, so the number says how many are left. */
	struct resource *resource = (uint64_t)like->fd < descriptors_most ? aligned_alloc(_Alignof(struct resource), sizeof *resource) : NULL;

	if (!resource) {
		close(like->fd);
		free(like->peers);
		if (like->charged)
			__atomic_sub_fetch(like->charged, like->bytes, __ATOMIC_RELAXED);
		return (uint64_t)like->fd < descriptors_most ? -ENOMEM : -EMFILE;
	}
	*resource = *like;
	resource->references = 1;
	struct cap cap = {.length = UINT64_MAX, .permissions = permissions, .otype = CAP_UNSEALED, .object = resource};
	fast_lock(&cvm->handles);
	int64_t handle = cap_root(cvm->capabilities, &cap, NULL);
	fast_unlock(&cvm->handles);
	if (handle < 0) {
		resource_put(&resource);
		return handle == -ENOSPC ? -EMFILE : handle;
	}
	return handle;
}

int64_t resource_make(struct cvm *cvm, int fd, uint32_t permissions, int read_only, uint64_t bytes)
{
	struct stat status;

	if (fstat(fd, &status)) {
		int error = -errno;
		close(fd);
		cvm_uncharge(cvm, bytes);
		return error;
	}
	const struct resource like = {.fd = fd, .read_only = read_only, .bytes = bytes, .charged = bytes ? &cvm->object_bytes : NULL,
				      .directory = S_ISDIR(status.st_mode)};
	return resource_add(cvm, &like, permissions);
}

int64_t resource_make_kind(struct cvm *cvm, int fd, enum resource_kind kind)
{
	/* A set counts as its first watch (events.c). */
	const struct resource like = {.fd = fd, .kind = kind, .bytes = kind == RESOURCE_EVENTS,
				      .charged = kind == RESOURCE_EVENTS ? &cvm->watches : NULL};

	return resource_add(cvm, &like, 0);
}

int64_t resource_make_socket(struct cvm *cvm, int fd, enum socket_reach reach)
{
	const struct resource like = {.fd = fd, .kind = RESOURCE_SOCKET, .outgoing = reach == SOCKET_OUTGOING,
				      .peers = reach == SOCKET_ANSWERS ? peers_make() : NULL};

	return resource_add(cvm, &like, CAP_LOAD | CAP_STORE);
}

int64_t host_handle_make(struct cvm *cvm, int fd, uint32_t permissions, int read_only)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : resource_make(cvm, copy, permissions, read_only, 0);
}

/* To read and write as it was opened; never to change the object behind it: its mode, owner, times, or its names when it is a
 * directory. A shell hands over /dev/null and terminals without meaning to grant that. */
uint32_t host_stream_permissions(int fd)
{
	int flags = fcntl(fd, F_GETFL), access = flags < 0 ? O_RDWR : flags & O_ACCMODE;

	return (access != O_WRONLY ? CAP_LOAD : 0) | (access != O_RDONLY ? CAP_STORE : 0);
}

int host_table_create(struct cvm *cvm, struct cvm_error *error)
{
	cvm->capabilities = cap_table_create(cvm->config->handles_most ? cvm->config->handles_most : HANDLES_MOST);
	if (!cvm->capabilities) {
		snprintf(error->text, sizeof error->text, "no memory for a capability table");
		return -ENOMEM;
	}
	for (int i = 0; i < 3; i++) {
		int fd = cvm->config->standard_fds[i], null = -1;
		if (fd < 0 || fcntl(fd, F_GETFD) < 0)
			fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
		int64_t handle = host_handle_make(cvm, fd, host_stream_permissions(fd), 0);
		if (null >= 0)
			close(null);
		if (handle < 0) {
			snprintf(error->text, sizeof error->text, "cannot pass on standard stream %d: %s", i, strerror((int)-handle));
			return (int)handle;
		}
	}
	return 0;
}

void host_table_destroy(struct cvm *cvm)
{
	cap_table_destroy(cvm->capabilities, resource_drop);
	cvm->capabilities = NULL;
	resources_sweep();
}

int64_t host_close(struct caller *caller, const uint64_t a[6])
{
	int64_t error = 0;
	HELD *resource = resource_get(caller, a[0], 0, NULL, &error);   /* so that it is closed without the lock: that may take a while */

	if (!resource)
		return error;
	fast_lock(&caller->cvm->handles);
	/* If it is another's by now, that one's last reference might be the table's. */
	const struct cap *cap = cap_get(caller->cvm->capabilities, a[0]);
	error = cap && cap->object == resource ? cap_revoke(caller->cvm->capabilities, a[0], resource_drop) : -EBADF;
	fast_unlock(&caller->cvm->handles);
	return error;
}

int64_t host_call_dispatch(struct caller *caller, uint64_t number, const uint64_t a[6])
{
	__atomic_add_fetch(&caller->cvm->statistics.host_calls, 1, __ATOMIC_RELAXED);
	resources_sweep();
	switch (number) {
#define HOST_CALL(value, name, arguments, text) \
	case value:                             \
		return host_##name(caller, a);
/* By the slow gate what is missing of the program's memory comes first (snapshot.h): of some calls, only where their data is. */
#define HOST_FAST(value, name, arguments, text)               \
	case value:                                           \
		if (value == HOST_clock_get)                  \
			cvm_reference(caller, a[1], 16);      \
		else if (value == HOST_socket_put || value == HOST_socket_take) \
			cvm_reference(caller, a[1], a[2]);    \
		else                                          \
			snapshot_fetch_all(caller->program);  \
		return host_##name(caller, a);
#include <carrel/hostcall.def>
#undef HOST_CALL
	default:
		return -ENOSYS;
	}
}
