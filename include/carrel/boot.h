/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a library OS finds at LIBOS_BOOT when its first thread starts. Written by the Intravisor once, read by the
 * library OS; a library OS may change its copy as it likes. Offsets count from LIBOS_BOOT; strings end with NUL.
 */
#ifndef CARREL_BOOT_H
#define CARREL_BOOT_H
#include <stdint.h>

#define BOOT_ABI        4
#define BOOT_MOUNTS     64      /* most volumes */
#define BOOT_PORTS      64      /* most published ports */
#define BOOT_PEERS      64      /* most cVMs on one virtual network, but for this one */

/* Handles every cVM has at start. */
#define HANDLE_STDIN    0
#define HANDLE_STDOUT   1
#define HANDLE_STDERR   2

struct boot_mount {
	uint32_t guest_path;    /* where it appears, absolute and normalised ("/", "/data") */
	uint32_t handle;        /* host-resource capability: a directory, or a single file */
	uint32_t read_only;     /* 1: writes give EROFS (the capability lacks the right too) */
	uint32_t kind;          /* BOOT_MOUNT_* */
	uint32_t upper;         /* handle */
};
#define BOOT_MOUNT_HOST 0       /* handle is a host directory or file */
#define BOOT_MOUNT_TMPFS 1      /* no handle: an empty tmpfs of the library OS */
#define BOOT_MOUNT_OVERLAY 2    /* handle is a directory that is only read; what changes lies in a tmpfs above */
#define BOOT_MOUNT_OVERLAY_HOST 3       /* or in the directory `upper` */

struct boot_port {              /* a published port: what the program binds there is reached from outside */
	uint16_t port;          /* in the cVM, host byte order */
	uint16_t protocol;      /* 6: TCP, 17: UDP */
	uint32_t handle;        /* a socket bound in the host, not listening yet */
};

struct boot_peer {              /* another cVM on the virtual network */
	uint32_t name;          /* its host name */
	uint32_t address;       /* IPv4, host byte order */
};

struct boot_image {             /* a verified image already mapped in the program's window */
	uint32_t base;          /* what is added to its file's addresses: 0, where they are offsets of the window already */
	uint32_t span;          /* bytes from base to its end, whole pages */
	uint32_t entry;         /* offset of its entry, a landing pad; 0: a shared object without one */
	uint32_t phdr;          /* offset of its program headers (mapped), for AT_PHDR */
	uint32_t phnum;
};

struct carrel_boot {
	uint32_t abi;           /* BOOT_ABI */
	uint32_t argc;
	uint32_t argv;          /* argc strings one after another */
	uint32_t envc;
	uint32_t envp;          /* envc strings one after another, "K=V" */
	uint32_t image_path;    /* what AT_EXECFN says */
	uint32_t working_directory;
	uint32_t hostname;
	uint32_t mount_count;
	struct boot_mount mounts[BOOT_MOUNTS];  /* sorted by guest_path, parents first */
	struct boot_image program;
	uint32_t port_count;
	struct boot_port ports[BOOT_PORTS];
	uint32_t network;       /* the handle that makes host sockets; 0: no way out */
	uint64_t memory_limit;  /* bytes of memory the program may map; 0: no limit but the window */
	uint32_t uid, gid;      /* who the program is, inside */
	uint32_t trace;         /* 1: report each system call by HOST_trace */
	uint32_t file_mode_mask;        /* umask(2) of the first process */
	uint64_t hwcap, hwcap2; /* AT_HWCAP, AT_HWCAP2 as the machine says */
	uint8_t  random[16];    /* for AT_RANDOM */
	uint32_t interpreter;   /* handle of the dynamic linker for programs that name one their namespace does not have; 0: none */
	uint32_t address;       /* on the virtual network, IPv4, host byte order; 0: it is on none */
	uint32_t peer_count;
	struct boot_peer peers[BOOT_PEERS];
	uint32_t ticks;         /* machine_ticks_steady: what BOOT_AT_TICKS says to a program */
};

/* In a program's auxiliary vector, beside Linux' own: 1 where its libc may work out the time from the processor's counter. */
#define BOOT_AT_TICKS   0x43415201
#endif
