/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Files: how they come, are found by name, are mapped, and end (capability.h). An attacker controls names, ranges, and what its
 * threads and those of the other side do meanwhile. Trusted.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/host/host.h"
#include "intravisor/share/capability.h"

static struct segment *files;   /* under tree_lock */

static struct segment **link_find(const char *name, const void *network)
{
	struct segment **link = &files;

	while (*link && ((*link)->network != network || strcmp((*link)->name, name)))
		link = &(*link)->next;
	return link;
}

static void holder_destroy(struct share *share)
{
	struct segment *segment = ((struct holder *)share)->segment;

	free(share);
	if (__atomic_sub_fetch(&segment->references, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_mutex_lock(&tree_lock);
	cap_table_destroy(segment->table, NULL);
	pthread_mutex_unlock(&tree_lock);
	free(segment);
}

/* Its creator ends it, or never got it to begin. */
static void segment_end(struct segment *segment)
{
	pthread_mutex_lock(&tree_lock);
	struct segment **link = link_find(segment->name, segment->network);
	if (*link == segment)
		*link = segment->next;
	pthread_mutex_unlock(&tree_lock);
	/* When its memory is going with its window just now, that waits for the last access, and this for that. */
	if (segment->table && capability_end(segment->table, 0))
		while (__atomic_load_n(&segment->table->in_use, __ATOMIC_RELAXED))
			sched_yield();
	/* Nobody copies to or from the object any more, or is about to map it. */
	if (segment->base) {
		if (ftruncate(segment->object->fd, 0))  /* every mapping of it, wherever it is, is empty from here on */
			abort();
		machine_stored_clear(&segment->memory);
		munmap(segment->base, segment->length);
		quota_give(&segment->cvm->mappings, 1);
	}
	resource_put(&segment->object);
}

static void segment_left(struct share *share)
{
	struct holder *holder = (struct holder *)share;
	struct segment *segment = holder->segment;
	struct holder **link = &segment->holders;

	fast_lock(&segment->lock);
	while (*link != holder)
		link = &(*link)->next;
	*link = holder->next;
	if (holder->table)
		bell_forget(holder->table, &holder->point);
	holder->gone = 1;
	fast_unlock(&segment->lock);
	if (holder->owner)
		segment_end(segment);
}

static struct holder *holder_make(struct segment *segment, uint32_t rights, int owner)
{
	struct holder *holder = calloc(1, sizeof *holder);

	if (!holder)
		return NULL;
	*holder = (struct holder){.share = {.kind = SHARE_SEGMENT, .references = 2, .left = segment_left, .destroy = holder_destroy},
				  .segment = segment, .rights = rights, .owner = owner};
	holder->point.owner = &holder->share;
	__atomic_add_fetch(&segment->references, 1, __ATOMIC_RELAXED);
	fast_lock(&segment->lock);
	holder->next = segment->holders;
	segment->holders = holder;
	fast_unlock(&segment->lock);
	return holder;
}

/* A handle for it, from when on it can ring; or its end, for an error. */
static int64_t holder_take(const struct caller *caller, struct holder *holder, int64_t error)
{
	if (error < 0) {
		segment_left(&holder->share);
		share_put(&holder->share);
	} else
		error = share_add(caller->cvm->shares, &holder->share, holder->rights, &holder->point);
	fast_lock(&holder->segment->lock);
	if (!holder->gone)      /* closed already, by another thread that guesses handles */
		holder->table = caller->cvm->shares;
	fast_unlock(&holder->segment->lock);
	share_put(&holder->share);
	share_sweep();
	return error;
}

/* The object is the caller's to give away, and a memory object: it never grows again. */
static int64_t object_take(struct caller *caller, struct segment *segment, uint64_t handle, struct cap *cap)
{
	struct stat status;
	int64_t error = 0;

	if (!(segment->object = resource_get_kind(caller, handle, CAP_LOAD | CAP_STORE, RESOURCE_FILE, &error)))
		return error;
	int seals = fcntl(segment->object->fd, F_GET_SEALS);
	if (seals < 0 || (seals & (F_SEAL_GROW | F_SEAL_SHRINK)) != F_SEAL_GROW || fstat(segment->object->fd, &status))
		return -EINVAL;
	if (quota_take_more(&caller->cvm->mappings, 1))
		return -ENOMEM;
	size_t size = (size_t)status.st_size;
	uint8_t *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, segment->object->fd, 0);
	if (base == MAP_FAILED) {
		quota_give(&caller->cvm->mappings, 1);
		return -ENOMEM;
	}
	madvise(base, size, MADV_DONTDUMP);
	segment->base = base;
	machine_stored_make(&segment->memory, base, size);
	segment->length = cap->length = size;
	segment->cvm = caller->cvm;
	return 0;
}

int64_t host_file_create(struct caller *caller, const uint64_t a[6])
{
	struct segment *segment = calloc(1, sizeof *segment), **link;
	struct holder *holder = segment ? holder_make(segment, CAP_LOAD | CAP_STORE, 1) : NULL;
	uint32_t permissions = (uint32_t)a[3] & (CAP_LOAD | CAP_STORE | CAP_INVOKE | CAP_GRANT);
	struct cap cap = {.permissions = permissions, .otype = CAP_UNSEALED, .object = segment};
	struct cap_table *from = capabilities_of(caller);

	if (!holder) {
		free(segment);
		return -ENOMEM;
	}
	segment->network = caller->cvm->config->network_id;
	int64_t error = share_name(caller, segment->name, a[0], a[1]);
	if (!error && !share_granted(caller->cvm, GRANT_FILE, segment->name, GRANT_CREATE))
		error = -EACCES;
	if (!error && (!from || !(segment->table = cap_table_create(1))))
		error = -ENOMEM;
	if (!error && (a[3] & FILE_OBJECT))
		error = object_take(caller, segment, a[2], &cap);
	if (error)
		return holder_take(caller, holder, error);
	segment->table->lost = segment_lost;
	segment->table->lost_argument = segment;
	pthread_mutex_lock(&tree_lock);
	link = link_find(segment->name, segment->network);
	error = *link ? -EEXIST
		: segment->object ? cap_root(segment->table, &cap, &segment->memory) : cap_grant(from, a[2], segment->table, permissions);
	if (!error)
		*link = segment;
	pthread_mutex_unlock(&tree_lock);
	return holder_take(caller, holder, error);
}

int64_t host_file_open(struct caller *caller, const uint64_t a[6])
{
	char name[64];
	uint32_t rights = (a[2] & GRANT_READ ? CAP_LOAD : 0) | (a[2] & GRANT_WRITE ? CAP_STORE : 0);
	int64_t error = share_name(caller, name, a[0], a[1]);
	struct holder *holder = NULL;

	if (error || !rights)
		return error ? error : -EINVAL;
	if (!share_granted(caller->cvm, GRANT_FILE, name, a[2] & (GRANT_READ | GRANT_WRITE)))
		return -EACCES;
	pthread_mutex_lock(&tree_lock);
	struct segment *segment = *link_find(name, caller->cvm->config->network_id);
	const struct cap *cap = segment ? cap_get(segment->table, 0) : NULL;
	error = !cap ? -ENOENT : (cap->permissions & rights) != rights ? -EACCES : 0;
	if (!error && !(holder = holder_make(segment, rights, 0)))
		error = -ENOMEM;
	pthread_mutex_unlock(&tree_lock);
	return error ? error : holder_take(caller, holder, 0);
}

int64_t host_file_capability(struct caller *caller, const uint64_t a[6])
{
	int64_t result = -ENOMEM;
	struct cap_table *table = capabilities_of(caller);
	struct holder *holder = table ? holder_get(caller, a[0], 0, &result) : NULL;

	if (!holder)
		return result;
	pthread_mutex_lock(&tree_lock);
	result = cap_grant(holder->segment->table, 0, table, holder->rights | CAP_INVOKE | CAP_GRANT);
	pthread_mutex_unlock(&tree_lock);
	share_put(&holder->share);
	return result == -EBADF ? -ENODEV : result;
}

/* What may not be written is mapped privately: shared as long as it is not written, and then the writer's alone. */
int64_t host_file_map(struct caller *caller, const uint64_t a[6])
{
	uint32_t rights = CAP_LOAD | (a[5] ? CAP_STORE : 0);
	uint64_t protection = (a[3] & ~(uint64_t)MAP_FILE_SHARED) | (a[5] ? MAP_FILE_SHARED : 0);
	struct cap_held held;
	int64_t error = 0;
	struct holder *holder = holder_get(caller, a[0], rights, &error);

	if (!holder)
		return error;
	struct segment *segment = holder->segment;
	error = cap_hold(segment->table, 0, rights, &held);     /* the object stays meanwhile */
	if (!error)
		error = !segment->base ? -ENODEV : cvm_memory_map_file(caller, a[1], a[2], protection, segment->object->fd, 1, a[4]);
	cap_release(&held);
	share_put(&holder->share);
	return error == -EBADF ? -ENODEV : error;
}

int64_t host_grant_describe(struct caller *caller, const uint64_t a[6])
{
	const struct cvm_config *config = caller->cvm->config;
	const struct cvm_grant *grant = a[0] < config->grant_count ? &config->grants[a[0]] : NULL;
	void *to = cvm_reference(caller, a[1], 64);

	if (!grant)
		return -ENOENT;
	if (!to || machine_copy_out(to, grant->name, strnlen(grant->name, 63) + 1))
		return -EFAULT;
	return (int64_t)grant->kind << 8 | grant->rights;
}
