/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What lies behind a handle; of the fast kind. A library OS controls the number. Trusted.
 */
#include <errno.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"

#define ANY_KIND (-1)

static struct resource *get(struct caller *caller, uint64_t handle, uint32_t need, int kind, uint32_t *permissions, int64_t *error)
{
	struct resource *resource = NULL;

	fast_lock(&caller->cvm->handles);
	const struct cap *cap = cap_get(caller->cvm->capabilities, handle);
	if (!cap || cap->otype != CAP_UNSEALED || !cap->object)
		*error = -EBADF;
	else {
		uint32_t missing = need & ~cap->permissions;
		resource = cap->object;
		if (missing)
			*error = resource->read_only && !(missing & CAP_LOAD) ? -EROFS : missing & CAP_MODIFY ? -EPERM : -EBADF;
		else if (kind != ANY_KIND && (int)resource->kind != kind)
			*error = kind == RESOURCE_SOCKET ? -ENOTSOCK : -EINVAL;
		else {
			__atomic_add_fetch(&resource->references, 1, __ATOMIC_RELAXED);
			if (permissions)
				*permissions = cap->permissions;
			*error = 0;
		}
		resource = *error ? NULL : resource;
	}
	fast_unlock(&caller->cvm->handles);
	return resource;
}

struct resource *resource_get(struct caller *caller, uint64_t handle, uint32_t need, uint32_t *permissions, int64_t *error)
{
	return get(caller, handle, need, ANY_KIND, permissions, error);
}

struct resource *resource_get_kind(struct caller *caller, uint64_t handle, uint32_t need, enum resource_kind kind, int64_t *error)
{
	return get(caller, handle, need, (int)kind, NULL, error);
}

struct resource *resources_left;

void resource_put_later(struct resource *resource)
{
	if (__atomic_sub_fetch(&resource->references, 1, __ATOMIC_ACQ_REL))
		return;
	resource->left = __atomic_load_n(&resources_left, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&resources_left, &resource->left, resource, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}
