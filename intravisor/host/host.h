/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host resources of a cVM: capabilities whose object is a host descriptor, and the host calls on them. Trusted.
 */
#ifndef INTRAVISOR_HOST_H
#define INTRAVISOR_HOST_H
#include "intravisor/cvm/cvm.h"

#define WATCHES_MOST 131072     /* of all epoll sets of a cVM, which are counted too */
#define DESCRIPTORS_KEPT 256    /* of the process's, at most: no cVM's handle gets them, the Intravisor's own calls do */

enum resource_kind { RESOURCE_FILE, RESOURCE_NETWORK, RESOURCE_SOCKET, RESOURCE_EVENTS };
/* What each call looks at lies in one line of a processor's cache. */
struct resource {
	_Alignas(64) int fd;
	enum resource_kind kind;
	int outgoing;           /* a socket made through a network: it may be connected */
	unsigned references;    /* the capability's, and each call's in progress: the descriptor stays open meanwhile */
	uint64_t bytes, *charged;       /* memory, or watches of a set, that counts against *charged while this lives; NULL: none */
	struct peers *peers;            /* whom a published UDP port may answer (socket.c) */
	int read_only;          /* a read-only volume's: writes are EROFS, not EACCES */
	int directory;
	struct resource *left;          /* of resources_left */
};

/* The capability table with handles 0, 1, 2 from the configuration. 0 or -errno + error. */
int host_table_create(struct cvm *cvm, struct cvm_error *error);
void host_table_destroy(struct cvm *cvm);
/* Once per process, before it gives up its rights: how many descriptors there are. */
void host_init(void);
int host_descriptor_kept(int fd);        /* is it one of those that no cVM gets? */
/* A new handle for a copy of fd with permissions CAP_*. */
int64_t host_handle_make(struct cvm *cvm, int fd, uint32_t permissions, int read_only);
/* What a cVM may do with a stream that it is handed: what the descriptor was opened for, and never change the object behind it. */
uint32_t host_stream_permissions(int fd);
int64_t host_call_dispatch(struct caller *caller, uint64_t number, const uint64_t a[6]);
/* After start-up: no system call but those the host calls of all these cVMs need, and recvmsg on `control` if that is not -1.
 * 0 or -errno. */
int host_lockdown(const struct cvm_config *const *configs, size_t count, int control);
/* The handles of a configuration's ports and network, into the boot block. 0 or -errno. */
int host_network_grant(struct cvm *cvm, struct carrel_boot *boot);

/* Within the Intravisor: the resource behind a handle if it has all of `need`, and what it may; else NULL and *error. Held until
 * resource_put, so that no other thread's close gives its descriptor to something else: declare it HELD. */
#define HELD __attribute__((cleanup(resource_put))) struct resource
struct resource *resource_get(struct caller *caller, uint64_t handle, uint32_t need, uint32_t *permissions, int64_t *error);
void resource_put(struct resource **resource);
/* Takes fd over, and the charge of `bytes` that was made to the cVM's objects; also on failure. */
int64_t resource_make(struct cvm *cvm, int fd, uint32_t permissions, int read_only, uint64_t bytes);
/* The same for what is not a file. */
int64_t resource_make_kind(struct cvm *cvm, int fd, enum resource_kind kind);
enum socket_reach { SOCKET_OUTGOING = 1, SOCKET_ANSWERS };      /* 0: none but who connected */
int64_t resource_make_socket(struct cvm *cvm, int fd, enum socket_reach reach);
struct peers *peers_make(void);
/* resource_get, of one kind only: else -ENOTSOCK, or -EINVAL. */
struct resource *resource_get_kind(struct caller *caller, uint64_t handle, uint32_t need, enum resource_kind kind, int64_t *error);
/* Both are of the fast kind (fast_table.c), and this is: a socket that nobody holds any more then is closed by the next slow call. Nothing
 * that counts against a cVM (`charged`), which might have gone by then. */
void resource_put_later(struct resource *socket);
extern struct resource *resources_left;
/* At the head of a host call: `name` is the resource behind its first argument, held; or the error is the call's. */
#define RESOURCE(name, need, kind)                                                             \
	int64_t error = 0;                                                                     \
	HELD *name = resource_get_kind(caller, a[0], need, kind, &error);                      \
	if (!name)                                                                             \
		return error
/* Of send(2) and recv(2), those that a library OS may ask for. */
#define SOCKET_SEND_FLAGS    (MSG_OOB | MSG_MORE | MSG_EOR)
#define SOCKET_RECEIVE_FLAGS (MSG_OOB | MSG_PEEK | MSG_TRUNC)
/* So that closing it waits for nobody. */
void socket_hurry(int fd);

/* A path copied once out of a guest: relative, no NUL, at most 4095 bytes. */
struct path {
	char text[4096];
	size_t length;
};
int path_copy(struct caller *caller, struct path *path, uint64_t ref, uint64_t length);
/* Opens the path beneath the directory, following no link: descriptor or -errno. flags as openat's. */
int path_open(const struct resource *directory, const struct path *path, int flags, unsigned mode);
/* -EACCES when what was opened lies in a file system through which the process itself can be changed (procfs...). */
int path_filesystem_refused(int fd);
/* Opens the parent of the path's last component; *name points at that component: never empty, "." or "..". */
int path_parent(const struct resource *directory, const struct path *path, const char **name);

/* One function per host call, as the table names them; arguments as there. */
#define HOST_CALL(number, name, arguments, text) int64_t host_##name(struct caller *caller, const uint64_t a[6]);
#include <carrel/hostcall.def>
#undef HOST_CALL
#endif
