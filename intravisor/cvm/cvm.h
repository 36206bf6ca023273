/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A cVM: two windows, two verified images, one capability table, and the host threads inside. Trusted.
 * Everything here is called by the owner of the process (CLI); guests reach it only through host calls.
 */
#ifndef INTRAVISOR_CVM_H
#define INTRAVISOR_CVM_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine/machine.h"
#include <carrel/boot.h>

/* Why something failed, for one line on a terminal: "carrel: <text>". */
struct cvm_error {
	char text[512];
};

struct cvm_mount {
	char *guest_path;       /* absolute, normalised; owned by the config */
	int host_fd;            /* O_PATH or O_DIRECTORY descriptor of the host object; -1 for a tmpfs */
	int read_only;
};

struct cvm_config {
	const char *image_path;         /* host path of the program's image */
	int image_fd;                   /* open for reading, or -1 to open image_path */
	const char *libos_path;         /* host path of the library OS image */
	int argc;
	char **argv;
	char **envp;                    /* NULL-terminated "K=V" */
	struct cvm_mount *mounts;
	size_t mount_count;             /* <= BOOT_MOUNTS */
	const char *working_directory;  /* guest path */
	const char *hostname;
	uint64_t memory_limit;          /* bytes, 0: none */
	int standard_fds[3];            /* host descriptors for handles 0, 1, 2; -1: closed. Not taken over. */
	int trace;
	uint32_t uid, gid;
};

struct window {
	uint8_t *base;          /* NULL: not there */
	uint64_t mapped;        /* bytes the guest has mapped now (quota) */
	uint64_t mappings;      /* host mappings that can at most have come of it, bounded by CVM_MAPPINGS_MOST */
	struct quota *quota;    /* which pages those are (quota.c) */
	uint32_t arena_next;    /* next never-used offset of the code arena */
};
#define CVM_MAPPINGS_MOST 16384

struct cvm_statistics {
	uint64_t verified_bytes;        /* machine code judged for this cVM's images (cache hits not counted) */
	uint64_t text_bytes;            /* machine code mapped */
	uint64_t verify_ns, load_ns, run_ns;
	uint64_t host_calls;
};

struct cap_table;
struct image;

struct cvm {
	struct window program, libos;
	struct cap_table *capabilities; /* host resources by handle (intravisor/host) */
	const struct cvm_config *config;
	struct machine_thread *thread;  /* the first one */
	uint64_t memory_limit;
	int exit_status;                /* as wait(2): code << 8 | signal */
	uint32_t program_base, libos_base, libos_entry; /* window offsets */
	const struct image *program_image;
	struct machine_fault fault;     /* what ended it, if signal != 0 */
	struct cvm_statistics statistics;
};

/* Once per process. 0, or -errno with the error filled in. */
int intravisor_init(struct cvm_error *error);

/* Makes a cVM ready to run: windows, images, boot block, handles. 0 or -errno + error. */
int cvm_create(const struct cvm_config *config, struct cvm **cvm, struct cvm_error *error);
/* Runs it to its end on the calling thread; gives the wait(2)-style status. */
int cvm_run(struct cvm *cvm);
void cvm_destroy(struct cvm *cvm);

/* A window reference of a guest, turned into a host pointer after the only range check there is. NULL: outside.
 * [ref, ref + length) must lie in [WINDOW_LOW_GUARD, WINDOW_MEMORY_END). */
void *cvm_reference(struct cvm *cvm, uint64_t ref, uint64_t length);
struct window *cvm_reference_window(struct cvm *cvm, uint64_t ref);

#endif
