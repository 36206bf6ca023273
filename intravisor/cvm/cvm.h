/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A cVM: two windows, two verified images, one capability table, and the host threads inside. Trusted.
 * Everything here is called by the owner of the process (CLI); guests reach it only through host calls.
 */
#ifndef INTRAVISOR_CVM_H
#define INTRAVISOR_CVM_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "intravisor/cvm/fast_lock.h"
#include "machine/machine.h"
#include <carrel/boot.h>
#include <carrel/host.h>
#include <carrel/window.h>

/* Why something failed, for one line on a terminal: "carrel: <text>". */
struct cvm_error {
	char text[512];
};

struct cvm_mount {
	char *guest_path;       /* absolute, normalised; owned by the config */
	int host_fd;            /* O_PATH or O_DIRECTORY descriptor of the host object; -1 for a tmpfs */
	int read_only;
	int overlay;            /* changes do not reach host_fd: they go to a tmpfs, or to upper_fd if that is not -1 */
	int upper_fd;
};

struct cvm_port {
	int fd;                 /* a socket bound in the host, O_NONBLOCK; not taken over */
	uint16_t port;          /* in the cVM */
	uint16_t protocol;      /* 6: TCP, 17: UDP */
};

/* What a cVM may do with a shared name (CP_File, CP_Call, CP_Stream). */
enum cvm_grant_kind { GRANT_FILE, GRANT_CALL, GRANT_STREAM };
#define GRANT_CREATE     1u     /* may make the name */
#define GRANT_READ       2u     /* may open it to read, to receive */
#define GRANT_WRITE      4u     /* to write, to send */
#define GRANT_CALL_RIGHT 8u     /* to call it */
struct cvm_grant {
	enum cvm_grant_kind kind;
	const char *name;       /* 1..63 of [A-Za-z0-9._-] */
	uint32_t rights;        /* GRANT_CREATE... */
};

struct cvm_peer {               /* a cVM on the same virtual network */
	const char *name;       /* its host name */
	uint32_t address;       /* IPv4, host byte order */
};

struct image;
struct cvm_config {
	const char *name;               /* what reports call it; NULL: image_path */
	const char *image_path;         /* host path of the program's image */
	int image_fd;                   /* open for reading, or -1 to open image_path */
	struct image *image, *libos;    /* both judged before (cvm_images_get), and used instead of what the paths name; NULL: not */
	const char *libos_path;         /* host path of the library OS image */
	int interpreter_fd;             /* the dynamic linker programs get that find none in their namespace; 0 or -1: none. Not taken over. */
	int argc;
	char **argv;
	char **envp;                    /* NULL-terminated "K=V" */
	struct cvm_mount *mounts;
	size_t mount_count;             /* <= BOOT_MOUNTS */
	struct cvm_port *ports;
	size_t port_count;              /* <= BOOT_PORTS */
	uint32_t handles_most;          /* 0: as many as there can be (host.h), of the one pool of descriptors that all cVMs share */
	uint32_t mappings_most;         /* 0: CVM_MAPPINGS_MOST; of the one limit of the process, likewise */
	int network;                    /* 1: it may reach the host's network, but for the host's loopback */
	struct host_address resolvers[3];       /* name servers it may reach at port 53 wherever they are; length 0: none */
	const char *working_directory;  /* guest path */
	const char *hostname;
	uint64_t memory_limit;          /* bytes, 0: none */
	int elsewhere;                  /* 1: none of its programs gets the window at address 0 (window.c), which another is to have */
	int standard_fds[3];            /* host descriptors for handles 0, 1, 2; -1: closed. Not taken over. */
	int trace;
	uint32_t uid, gid;
	uint32_t file_mode_mask;        /* umask(2) of the first process */
	struct cvm_grant *grants;
	size_t grant_count;
	struct cvm_peer *peers;
	size_t peer_count;              /* <= BOOT_PEERS */
	uint32_t address;               /* its own on the virtual network, host byte order; 0: it is on none */
	const void *network_id;         /* cVMs with the same one see each other */
	/* What became of an order (order.h): called from a guest's host call, with no lock held. May be NULL. */
	void (*order_done)(const struct cvm_config *config, uint32_t id, int status);
};

/* Sealed copies of images that a cVM was the first to use, and images it is reading now: each takes memory and a descriptor for as long
 * as somebody uses it. What another paid for costs nothing; what nobody uses any more goes first. Atomic. */
struct image_budget {
	uint64_t bytes, bytes_most;
	uint64_t count;
};
#define CVM_IMAGES_MOST 512             /* copies */
#define CVM_IMAGE_BYTES (2ull << 30)    /* where --memory does not say less */

#define WINDOW_IMAGES_MOST 256
/* Host mappings of all windows of a cVM (quota.c), and what each window and thread takes besides. Atomic. */
struct mapping_budget {
	uint64_t used, most;
};
#define MAPPINGS_OF_WINDOW 3
#define MAPPINGS_OF_THREAD 5            /* control stack, signal stack, host stack and their guards */

struct window_image {
	struct image *image;    /* held */
	uint32_t base;          /* window offset */
};

#define WINDOW_CALLS 64
struct cap_table;
struct window {
	uint8_t *base;          /* first; it may be 0 (window.c) */
	int open;
	struct machine_stored memory;   /* all of it: what everything that anybody is granted there is derived from */
	uint64_t calls[WINDOW_CALLS];   /* exports its program made or opened (intravisor/share/call.h); atomic, changed under a lock there */
	int again;              /* it may serve another cVM when it is over (window_open_image) */
	pthread_mutex_t lock;   /* guards all below, and every change of the window's mappings */
	uint64_t mapped;        /* bytes the guest has mapped now (quota) */
	uint64_t image_bytes;   /* of images, which are never unmapped; both together at most `limit`, if that is not 0 */
	uint64_t limit;
	uint64_t mappings;      /* host mappings that can at most have come of it */
	struct mapping_budget *budget;  /* of the cVM; NULL: this window's alone are bounded, by CVM_MAPPINGS_MOST */
	uint64_t counted;       /* what this window has in the budget: mappings, and what a call in progress may add */
	struct quota *quota;    /* which pages those are (quota.c) */
	uint64_t missing;       /* pages whose contents are still in the snapshot (snapshot.c) */
	struct snapshot *snapshot;
	uint32_t arena_next;    /* next never-used offset of the code arena */
	unsigned image_count, image_whole;      /* image_whole: of those, mapped to the end */
	struct window_image images[WINDOW_IMAGES_MOST];
	unsigned references;    /* guarded by the cVM's lock: the table's, each thread's, each call's in progress */
	struct cap_table *capabilities; /* of the program in it (intravisor/share/capability.c); atomic; NULL: none yet */
};
#define CVM_MAPPINGS_MOST 16384
#define HANDLES_MOST 65536
#define CVM_PROGRAMS_MOST 256   /* processes at once, as one memory each */
#define CVM_THREADS_MOST  1024

struct cvm_statistics {
	uint64_t verified_bytes;        /* machine code judged for this cVM's images (cache hits not counted) */
	uint64_t text_bytes;            /* machine code mapped */
	uint64_t verify_ns;
	uint64_t host_calls;
};

struct guest_thread;
struct share_table;
struct end;

struct cvm {
	struct window libos;
	struct cap_table *capabilities; /* host resources by handle (intravisor/host) */
	struct fast_lock handles;       /* guards capabilities; innermost, and never held while guest memory is touched */
	const struct cvm_config *config;
	uint64_t memory_limit;
	uint64_t object_bytes;          /* of memory objects that handles name; atomic */
	struct image_budget images;
	uint64_t watches;               /* epoll sets and what they watch; atomic */
	struct mapping_budget mappings;
	struct share_table *shares;     /* what it shares with other cVMs (intravisor/share) */
	uint32_t program_base, libos_base, libos_entry; /* window offsets of the first images */

	pthread_mutex_t lock;           /* guards all below; no other lock but `handles` is taken under it */
	pthread_cond_t left;            /* a thread has left */
	struct window *programs[CVM_PROGRAMS_MOST];     /* 0: the first program's */
	struct guest_thread *threads[CVM_THREADS_MOST]; /* 0: the first */
	unsigned thread_count;
	int ending;                     /* set once, also read without the lock */
	int exit_status;                /* as wait(2): code << 8 | signal */
	int job_control;                /* set once, atomic: the library OS knows whom the terminal's signals are for */
	uint64_t host_signals;          /* sent to it from outside, not taken yet; bit number - 1 */
	struct order *orders;           /* from outside, not taken yet, oldest first */
	struct machine_fault fault;     /* what ended it, if signal != 0 */
	struct cvm_statistics statistics;
};

/* Memory that the Intravisor keeps for a cVM outside its windows: bounded by its limit, or by a window's size. 0 or -ENOMEM. */
static inline int cvm_charge(struct cvm *cvm, uint64_t bytes)
{
	if (__atomic_add_fetch(&cvm->object_bytes, bytes, __ATOMIC_RELAXED) <= (cvm->memory_limit ? cvm->memory_limit : WINDOW_SIZE))
		return 0;
	__atomic_sub_fetch(&cvm->object_bytes, bytes, __ATOMIC_RELAXED);
	return -12;     /* -ENOMEM */
}
static inline void cvm_uncharge(struct cvm *cvm, uint64_t bytes)
{
	__atomic_sub_fetch(&cvm->object_bytes, bytes, __ATOMIC_RELAXED);
}

/* Who makes a host call: authority is this argument. */
struct caller {
	struct cvm *cvm;
	struct window *program;         /* the window its thread's program runs in; the thread holds a reference */
	struct machine_thread *thread;
	uint64_t serves;                /* the export whose calls it serves (intravisor/share/call.c), or 0 */
	struct end *posted;             /* the stream that may copy into its window (intravisor/share/stream.h); NULL: none */
};

/* Once per process. 0, or -errno with the error filled in. */
int intravisor_init(struct cvm_error *error);

/* Judges the images of a configuration once, for every cVM that is made by it from then on. 0 or -errno + error. */
int cvm_images_get(struct cvm_config *config, struct cvm_error *error);
void cvm_images_release(struct cvm_config *config);

/* Makes a cVM ready to run: windows, images, boot block, handles. 0 or -errno + error. */
int cvm_create(const struct cvm_config *config, struct cvm **cvm, struct cvm_error *error);
/* Runs it to its end, its first thread on the calling one; gives the wait(2)-style status. */
int cvm_run(struct cvm *cvm);
/* A signal from outside for its first process: any thread, any time between cvm_create and cvm_destroy. */
void cvm_signal(struct cvm *cvm, int signal);
/* Interrupts one of its threads, so that its library OS looks for signals and orders. */
void cvm_kick(struct cvm *cvm);
/* Those that its library OS has not taken yet; bit number - 1. */
uint64_t cvm_signals_waiting(struct cvm *cvm);
/* All its threads leave; the first status counts. Does not wait. */
void cvm_end(struct cvm *cvm, int status);
void cvm_destroy(struct cvm *cvm);
/* What a person reads when a cVM was ended by a fault. `program`: the window of the program at fault, whose objects are told apart;
 * NULL: not known. */
void cvm_report_fault(const struct cvm *cvm, struct window *program, const struct machine_fault *fault);

/* A window reference of a guest, turned into a host pointer after the only range check there is. NULL: outside.
 * [ref, ref + length) must lie in [WINDOW_ARENA_START, WINDOW_MEMORY_END) of the caller's own windows. */
void *cvm_reference(const struct caller *caller, uint64_t ref, uint64_t length);
/* That check alone, for fast host calls: they are not made while something of the program's window is missing (share_fast). */
static inline void *cvm_reference_plain(const struct caller *caller, uint64_t ref, uint64_t length)
{
	const struct window *window = ref >> 32 == 0 ? &caller->cvm->libos : ref >> 32 == 1 ? caller->program : NULL;
	uint64_t offset = (uint32_t)ref;

	if (!window || offset < WINDOW_ARENA_START || offset > WINDOW_MEMORY_END || length > WINDOW_MEMORY_END - offset)
		return NULL;
	return window->base + offset;
}
/* The same as a range; `at` NULL: outside. */
static inline struct machine_range cvm_range(const struct caller *caller, uint64_t ref, uint64_t length)
{
	return (struct machine_range){cvm_reference_plain(caller, ref, length), length,
				      ref >> 32 ? &caller->program->memory : &caller->cvm->libos.memory};
}
/* Copies from or to where cvm_reference says: 0 or -EFAULT. Where a bad reference must be refused before something that cannot be
 * undone, take the reference first and copy by it. */
int cvm_copy_in(const struct caller *caller, void *to, uint64_t ref, uint64_t length);
int cvm_copy_out(const struct caller *caller, uint64_t ref, const void *from, uint64_t length);

/* Program windows by number; both take a reference that window_release gives back. -errno or NULL. The first with an image in it, at
 * *base, if `image` is not NULL. */
int64_t cvm_window_add(struct cvm *cvm, struct image *image, uint32_t *base, struct window **window);
#define WINDOW_OWN UINT64_MAX           /* as a number: the one the caller runs in */
struct window *cvm_window_hold(const struct caller *caller, uint64_t number);
void cvm_window_release(struct cvm *cvm, struct window *window);
/* The table's reference goes. 0 or -EBADF. */
int cvm_window_drop(struct cvm *cvm, uint64_t number);

#endif
