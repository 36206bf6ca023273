/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A project: what FILE.yaml describes, checked, with everything opened that its cVMs are granted. docs/deploy.md is the schema.
 */
#ifndef DEPLOY_PROJECT_H
#define DEPLOY_PROJECT_H
#include "cli/cli.h"
#include "intravisor/cvm/cvm.h"

#define PROJECT_CVMS_MOST 256
#define DEPENDS_MOST      64
#define GRANTS_MOST       64
#define PROJECT_NAME_MOST 63

struct position {               /* in the file; 1 is the first */
	size_t line, column;
};

struct depend {
	char *name;
	int healthy;            /* 1: when its health check succeeds; 0: when it has started */
	struct position at;
	size_t index;           /* which cVM of the project */
};

enum restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct health {
	char **command;         /* NULL: none */
	int argc;
	unsigned port;          /* TCP; 0: none */
	int64_t interval, timeout;      /* nanoseconds */
	unsigned retries;
};

struct published {
	char *text;
	struct position at;
};

struct service {                /* one cVM of the project */
	char *name;
	struct position at;
	struct cvm_config config;       /* its pointers lead into this struct, or to memory that stays */
	struct cvm_mount mounts[BOOT_MOUNTS];
	struct cvm_port ports[BOOT_PORTS];
	struct cvm_peer peers[BOOT_PEERS];
	struct cvm_grant grants[GRANTS_MOST];
	struct position grant_at[GRANTS_MOST];
	struct environment environment;
	struct published publish[BOOT_PORTS];
	size_t publish_count;
	struct depend depends[DEPENDS_MOST];
	size_t depend_count;
	unsigned cpus;          /* 0: all */
	int first_window;       /* 1: its programs alone may have the window at address 0 */
	struct position first_window_at;
	int on_network;         /* the project's own */
	enum restart restart;
	unsigned restart_most;  /* of RESTART_ON_FAILURE; 0: any number */
	struct health health;
	int stop_signal;
	int64_t stop_timeout;   /* nanoseconds */
};

struct project {
	const char *file;       /* as it was typed */
	char name[PROJECT_NAME_MOST + 1];
	char *machine;          /* what the file says, or NULL */
	struct service *services;
	size_t count;
	size_t order[PROJECT_CVMS_MOST];        /* dependencies first */
};

/* "carrel: FILE:LINE:COLUMN: ..." on stderr; -1. */
int complain(const struct project *p, struct position at, const char *text, ...) __attribute__((format(printf, 3, 4)));
int name_ok(const char *name);          /* 1..63 of [A-Za-z0-9._-], first a letter or digit */

/* schema.c: reads, checks and opens all but published ports. 0, or -1 and said why. The working directory becomes the file's. 1: the
 * file is for another machine, whose carrel there is; nothing was done. */
int project_load(struct project *p, const char *file);
/* check.c: what only shows when all cVMs are known; fills order, peers and addresses. */
int project_check(struct project *p);
/* Binds the published ports. 0, or -1 and said why. */
int project_publish(struct project *p);
/* The name of a project whose file lies in this directory, or "". */
void project_name_default(char name[PROJECT_NAME_MOST + 1], const char *directory);
#endif
