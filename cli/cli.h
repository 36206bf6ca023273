/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The commands, one per file. Each gets its own argv (argv[0] is the command's name) and gives an exit status.
 */
#ifndef CLI_H
#define CLI_H
#include <stddef.h>
#include <stdint.h>

#define EXIT_CARREL 125         /* Carrel itself failed, as docker and podman say it */
#define EXIT_NOT_RUNNABLE 126   /* the image is there but cannot run */
#define EXIT_NOT_FOUND 127

struct cvm_config;
struct cvm_mount;
struct cvm_port;
struct host_address;
/* network.c: [ADDRESS:]PORT:GUEST[/udp], bound, or only judged when `port` is NULL; 0, or -1 and why. */
int port_publish(const char *text, struct cvm_port *port, char *why, size_t room);
/* The host's name servers, at most three. */
void resolvers_read(struct host_address *resolvers);

/* machine.c: is this build that machine? Is that one, or is its carrel here? Was it this machine's name that the command line said? */
int machine_is_this(const char *name);
int machine_known(const char *name);
int machine_said(void);
/* Runs another machine's carrel with these words, the command first, in place of this process; gives back only if it is this one. */
void machine_enter(const char *name, char **words, int count);
/* The same for an option --machine of this command that argp met. */
struct argp_state;
void machine_option(const char *name, struct argp_state *state, const char *command);
/* grant.c */
char *path_normalised(const char *path);        /* absolute, without "//", "." and ".."; NULL if it is not absolute */
int mounted(const struct cvm_config *config, const char *guest);
/* A host path, or NULL for a tmpfs, at a path of the cVM; config->mounts has room for BOOT_MOUNTS. NULL and why. */
struct cvm_mount *mount_add(struct cvm_config *config, const char *host, const char *guest, int read_only, char *why, size_t room);
int volume_grant(struct cvm_config *config, const char *text, char *why, size_t room);  /* HOST:GUEST[:ro...]; 0, or -1 and why */
int names_grant(struct cvm_config *config, char *why, size_t room);     /* for --net: names are resolved inside, at the host's servers */
int size_parse(const char *text, uint64_t *size);       /* 64M */
struct environment {
	char **list;            /* NULL-terminated, once there is one */
	size_t count;
};
void environment_add(struct environment *e, const char *given);         /* K=V, or K as it is here */
const char *beside(const char *name);   /* what was installed beside this program; static */
const char *libos_default(void);
/* limit.c */
void files_most(void);  /* as many open files as the owner may have: every one of a cVM is one of this process */
/* One of `count` cVMs gets its part of the open files and the mappings that this process may have. */
void limits_share(struct cvm_config *config, size_t count);
int host_lacks(void);   /* 1, and said so */

/* machine/ISA/doctor.c: what this machine needs of its host beside what any does (doctor.c). */
struct machine_check {
	const char *name;       /* what is needed, e.g. "fsgsbase" */
	int ok;
	int needed;             /* nothing can run without it; else much can */
	const char *advice;     /* what to do when it is missing */
};
/* Fills up to `most` checks, gives how many there are. Needs no machine_init. */
size_t machine_doctor(struct machine_check *checks, size_t most);
/* machine/ISA/instruction.c: the first one of these bytes, for people. */
void instruction_text(const uint8_t *bytes, size_t available, char *text, size_t room);

int command_run(int argc, char **argv);
int command_up(int argc, char **argv);
int command_down(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_logs(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_doctor(int argc, char **argv);

#endif
