/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How streams come about: a cVM listens under a name it was granted, on a port of its own network, or at a socket's node of a volume that both
 * sides were granted; another connects. Trusted.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/stream.h"

#define LISTENERS_BACKLOG 4096u
_Static_assert(STREAM_RECEIVES == GRANT_READ && STREAM_SENDS == GRANT_WRITE, "one set of bits");

/* Where somebody listens. Two are the same if all words are, so what is not used is zero. */
struct stream_address {
	uint64_t kind;                  /* STREAM_BY_* */
	const void *network;            /* of a name: the project; of a port: the cVM; of a node: NULL */
	uint64_t number[2];             /* port, or device and inode */
	char name[64];
};

struct listener {
	struct share share;             /* first */
	struct listener *next;
	struct stream_address address;
	struct cvm *cvm;                /* valid while table is */
	int node;                       /* BY_NODE: an open descriptor, so that its number is not another file's meanwhile; else -1 */
	struct share_table *table;      /* NULL: gone */
	struct ring_point point;
	struct end *first, *last;       /* connected, not accepted: their second ends */
	unsigned pending, backlog;
	int messages, waits;
};

/* All of every listener but its share is under it. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct listener *listeners;

/* ---- pairs ---- */
/* What has been a pair is never anything else, for a thread may still be about to lock a half of it (end_lock). Under registry_lock. */
static struct pair *spare_pairs;

#define PAIR_MEMORY (2 * STREAM_RING + 4 * ISA_STORED)
static void end_destroy(struct share *share)
{
	struct pair *pair = ((struct end *)share)->pair;

	if (__atomic_sub_fetch(&pair->ends_left, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < 2; i++)
		machine_stored_clear(pair->half[i].stored);
	munmap(pair->memory, PAIR_MEMORY);
	pthread_mutex_lock(&registry_lock);
	pair->next = spare_pairs;
	spare_pairs = pair;
	pthread_mutex_unlock(&registry_lock);
}

/* All but what a late thread may look at: of which pair it is, the locks. */
static void end_clear(struct end *end)
{
	memset(&end->table, 0, sizeof *end - offsetof(struct end, table));
	end->share = (struct share){.kind = SHARE_STREAM, .references = 1, .left = stream_end_left, .destroy = end_destroy};
	end->point.owner = &end->share;
}

static void half_clear(struct half *h)
{
	memset(h, 0, offsetof(struct half, in));
	memset(&h->hope, 0, offsetof(struct half, out) - offsetof(struct half, hope));
	memset(&h->flows, 0, sizeof *h - offsetof(struct half, flows));
}

static struct pair *pair_make(int messages)
{
	uint8_t *memory = mmap(NULL, PAIR_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct pair *pair = memory == MAP_FAILED ? NULL : spare_pairs;

	if (memory == MAP_FAILED)
		return NULL;
	if (pair)
		spare_pairs = pair->next;
	else if (!(pair = aligned_alloc(_Alignof(struct pair), sizeof *pair))) {
		munmap(memory, PAIR_MEMORY);
		return NULL;
	} else {
		memset(pair, 0, sizeof *pair);
		for (unsigned i = 0; i < 2; i++) {
			pair->end[i].pair = pair;
			pair->end[i].other = &pair->end[!i];
			pair->end[i].in = &pair->half[i];
			pair->end[i].out = &pair->half[!i];
		}
	}
	pair->memory = memory;
	pair->messages = messages;
	pair->ends_left = 2;
	for (unsigned i = 0; i < 2; i++) {
		end_clear(&pair->end[i]);
		half_clear(&pair->half[i]);
		pair->half[i].stored = (struct machine_stored *)(pair->memory + 2 * STREAM_RING) + 2 * i;
		pair->half[i].ring = (struct machine_range){pair->memory + i * STREAM_RING, STREAM_RING, pair->half[i].stored};
		machine_stored_make(pair->half[i].stored, pair->half[i].ring.at, STREAM_RING);
	}
	return pair;
}

/* From now on the end can ring its holder. */
static int64_t end_take(struct share_table *table, struct end *end, uint32_t rights)
{
	__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
	int64_t handle = share_add(table, &end->share, rights, &end->point);
	/* By another thread that guesses handles it may be closed already. */
	fast_lock(&end->pair->lock);
	if (!end->gone)
		end->table = table;
	fast_unlock(&end->pair->lock);
	share_put(&end->share);
	return handle;
}

static void end_drop(struct end *end)
{
	stream_end_left(&end->share);
	share_put(&end->share);
}

/* ---- addresses ---- */
/* A socket's node in a volume: whoever may open the volume's directory and write there may listen or connect, as on Linux. */
static int64_t node_find(struct caller *caller, uint64_t handle, uint64_t ref, uint64_t length, struct stream_address *address, int *node)
{
	struct path path;
	struct stat status;
	int64_t error = path_copy(caller, &path, ref, length);
	HELD *directory = error ? NULL : resource_get(caller, handle, CAP_LOOKUP | CAP_STORE, NULL, &error);

	if (!directory)
		return error;
	int fd = path_open(directory, &path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	/* A listener keeps it, so it is one of those that cVMs share, and none of the Intravisor's own. */
	error = fstat(fd, &status) ? -errno : !S_ISSOCK(status.st_mode) ? -ECONNREFUSED : node && host_descriptor_kept(fd) ? -EMFILE : 0;
	if (error || !node)
		close(fd);
	else
		*node = fd;
	address->number[0] = status.st_dev;
	address->number[1] = status.st_ino;
	return error;
}

/* a: kind, then name ref and length; or port (to connect: peer, port); or directory handle, path ref, path length. node: who listens gets
 * a descriptor there; NULL: to connect. */
static int64_t address_decode(struct caller *caller, const uint64_t a[6], struct stream_address *address, int *node)
{
	int connects = !node;
	const struct cvm_config *config = caller->cvm->config;
	int64_t error;

	memset(address, 0, sizeof *address);
	address->kind = a[0];
	switch (a[0]) {
	case STREAM_BY_NAME:
		if ((error = share_name(caller, address->name, a[1], a[2])))
			return error;
		address->network = config->network_id;
		if (connects && !(a[3] & (GRANT_READ | GRANT_WRITE)))
			return -EINVAL;
		return share_granted(caller->cvm, GRANT_STREAM, address->name, connects ? (uint32_t)a[3] & (GRANT_READ | GRANT_WRITE) : GRANT_CREATE)
			       ? 0 : -EACCES;
	case STREAM_BY_PORT:
		if (!config->network_id || !config->address || a[connects ? 2 : 1] > 65535 || (connects && a[1] >= config->peer_count))
			return -ENETUNREACH;
		/* The network's cVMs are told apart by their addresses there. */
		address->network = config->network_id;
		address->number[0] = connects ? config->peers[a[1]].address : config->address;
		address->number[1] = a[connects ? 2 : 1];
		return 0;
	case STREAM_BY_NODE:
		return node_find(caller, a[1], a[2], a[3], address, node);
	default:
		return -EINVAL;
	}
}

static struct listener *listener_find(const struct stream_address *address)
{
	struct listener *l = listeners;

	while (l && memcmp(&l->address, address, sizeof *address))
		l = l->next;
	return l;
}

/* ---- listening ---- */
static void listener_destroy(struct share *share)
{
	if (((struct listener *)share)->node >= 0)
		close(((struct listener *)share)->node);
	free(share);
}

static void listener_left(struct share *share)
{
	struct listener *l = (struct listener *)share, **link = &listeners;
	struct end *pending;

	pthread_mutex_lock(&registry_lock);
	while (*link && *link != l)
		link = &(*link)->next;
	if (*link)
		*link = l->next;
	if (l->table)
		bell_forget(l->table, &l->point);
	l->table = NULL;
	pending = l->first;
	l->first = NULL;
	pthread_mutex_unlock(&registry_lock);
	for (struct end *next; pending; pending = next) {
		next = pending->pending_next;
		fast_lock(&pending->pair->lock);
		half_over(pending->in, HALF_REFUSED);   /* first: who has heard of a reset cannot send any more */
		half_over(pending->out, HALF_RESET);
		fast_unlock(&pending->pair->lock);
		end_drop(pending);
	}
}

int64_t host_stream_listen(struct caller *caller, const uint64_t a[6])
{
	struct stream_address address;
	int node = -1;
	int64_t error = address_decode(caller, a, &address, &node);
	struct listener *l = error ? NULL : calloc(1, sizeof *l);

	if (!l) {
		if (node >= 0)
			close(node);
		return error ? error : -ENOMEM;
	}
	*l = (struct listener){.share = {.kind = SHARE_LISTENER, .references = 1, .left = listener_left, .destroy = listener_destroy},
			       .address = address, .node = node, .cvm = caller->cvm, .table = caller->cvm->shares,
			       .messages = a[5] & STREAM_MESSAGES ? 1 : 0,
			       .backlog = a[4] < LISTENERS_BACKLOG ? (unsigned)a[4] + 1 : LISTENERS_BACKLOG};
	l->point.owner = &l->share;
	pthread_mutex_lock(&registry_lock);
	if (listener_find(&address))
		error = -EADDRINUSE;
	else {
		l->next = listeners;
		listeners = l;
	}
	pthread_mutex_unlock(&registry_lock);
	if (error) {
		listener_destroy(&l->share);
		return error;
	}
	return share_add(caller->cvm->shares, &l->share, CAP_LOAD, &l->point);
}

int64_t host_stream_connect(struct caller *caller, const uint64_t a[6])
{
	struct stream_address address;
	int64_t error = address_decode(caller, a, &address, NULL);

	if (error || (error = cvm_charge(caller->cvm, STREAM_RING)))
		return error;
	pthread_mutex_lock(&registry_lock);
	struct listener *l = listener_find(&address);
	/* A full backlog refuses, as it does where nobody is left to send anew. */
	int messages = a[5] & STREAM_MESSAGES ? 1 : 0;
	struct pair *pair = NULL;
	if (!l || !l->table)
		error = -ECONNREFUSED;
	else if (l->messages != messages)
		error = -EPROTOTYPE;
	else if (l->pending >= l->backlog || cvm_charge(l->cvm, STREAM_RING))
		error = -EAGAIN;
	else if (!(pair = pair_make(messages))) {
		cvm_uncharge(l->cvm, STREAM_RING);
		error = -ENOMEM;
	} else {
		struct end *end = &pair->end[1];
		pair->end[0].charged = caller->cvm;
		end->charged = l->cvm;
		end->peer = (struct stream_peer){.address = caller->cvm->config->address, .port = (uint16_t)a[4]};
		*(l->first ? &l->last->pending_next : &l->first) = end;
		l->last = end;
		l->pending++;
		if (l->waits) {
			l->waits = 0;
			bell_ring(l->table, &l->point);
		}
	}
	pthread_mutex_unlock(&registry_lock);
	if (error) {
		cvm_uncharge(caller->cvm, STREAM_RING);
		return error;
	}
	uint32_t rights = address.kind != STREAM_BY_NAME ? CAP_LOAD | CAP_STORE
							 : (a[3] & GRANT_READ ? CAP_LOAD : 0) | (a[3] & GRANT_WRITE ? CAP_STORE : 0);
	return end_take(caller->cvm->shares, &pair->end[0], rights);
}

/* stream_accept(listener, ref): a handle for the next connection, its struct stream_peer to ref if that is not 0. -EAGAIN: none; the next one
 * rings. */
int64_t host_stream_accept(struct caller *caller, const uint64_t a[6])
{
	int64_t error = 0;
	struct listener *l = (struct listener *)share_get(caller, a[0], SHARE_LISTENER, CAP_LOAD, &error);
	void *to = a[1] ? cvm_reference(caller, a[1], sizeof(struct stream_peer)) : NULL;

	if (!l || (a[1] && !to)) {
		if (l)
			share_put(&l->share);
		return l ? -EFAULT : error;
	}
	pthread_mutex_lock(&registry_lock);
	struct end *end = l->first;
	if (end) {
		l->first = end->pending_next;
		l->pending--;
	} else
		l->waits = 1;
	pthread_mutex_unlock(&registry_lock);
	share_put(&l->share);
	if (!end)
		return -EAGAIN;
	if (to && machine_copy_out(to, &end->peer, sizeof end->peer)) {
		end_drop(end);
		share_sweep();
		return -EFAULT;
	}
	return end_take(caller->cvm->shares, end, CAP_LOAD | CAP_STORE);
}
