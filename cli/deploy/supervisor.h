/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The supervisor of a project: decides what starts, stops and starts again when, keeps what the cVMs print, and answers the
 * commands. It runs no cVM's code. One thread, one poll loop (supervisor.c); no function here waits for anything.
 */
#ifndef DEPLOY_SUPERVISOR_H
#define DEPLOY_SUPERVISOR_H
#include "cli/deploy/engine.h"

#define NEVER INT64_MAX

enum state { STATE_WAITING, STATE_STARTING, STATE_RUNNING, STATE_BACKING_OFF, STATE_ENDED, STATE_FAILED };
enum condition { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct log {                    /* what a cVM printed last, whole lines */
	char *text;
	size_t length;
	char part[2][4096];     /* standard output's and error's line that has not ended */
	size_t part_length[2];
};
#define LOG_MOST 1048576u

struct unit {                   /* a service as it runs */
	struct service *service;
	struct supervisor *supervisor;
	uint32_t index, generation;
	int output[2];          /* pipes: standard output, error */
	struct log log;
	enum state state;
	int64_t began, until;   /* monotonic ns: since when it runs; STATE_BACKING_OFF: until when */
	int64_t backoff;
	unsigned restarts;
	int status;             /* wait(2)-style, of the last end */
	int ever_started;
	int stopping;           /* it has got its stop signal */
	int64_t kill_at;
	enum condition health;
	unsigned failures;
	int64_t check_at, check_until;
	uint32_t check_id;      /* 0: none under way */
	uint64_t memory;        /* bytes, of the last look */
};

struct reply {
	struct reply *next;
	size_t length;
	char bytes[];
};

struct client {
	struct client *next;
	int fd;
	int dead;               /* to be closed when all replies are sent */
	struct reply *first, *last;
	size_t waiting;         /* bytes */
	int wants_memory;       /* a ps that waits for figures; 2: as JSON */
	int wants_end;          /* a down */
	int follows;            /* a logs -f: unit + 1 */
	uint32_t order;         /* an exec's, of unit order_unit; 0: none */
	uint32_t order_unit, order_generation;
};

struct supervisor {
	struct project *project;
	struct unit *units;
	int engine, engine_log, engine_alive;
	pid_t engine_pid;
	int listener, null;
	struct log own;
	struct client *clients;
	uint32_t ids;
	int ready;              /* the engine is */
	int stop;               /* 1: all are to end; 2: at once */
	int failed;             /* status of the first cVM that ended with one and stays ended */
	int announce;           /* -1, or where "all have started" is said (up -d) */
	int quiet, terminal, colour;
};

int64_t clock_now(void);
void command_send(struct supervisor *s, const struct engine_command *command, const char *text, const int fds[3]);
void say(struct supervisor *s, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* log.c: takes what a pipe has; lines go to the terminal, the followers and the log. 1; -1 when it has
 * nothing now; 0 at its end. */
int output_take(struct supervisor *s, struct unit *u, int which);
void output_end(struct supervisor *s, struct unit *u);      /* the unit has ended */
int engine_log_take(struct supervisor *s);
/* unit.c: what is due, now; gives when something is next. */
int64_t units_step(struct supervisor *s);
void unit_event(struct supervisor *s, const struct engine_event *event);
int units_over(const struct supervisor *s);
const char *state_name(const struct unit *u);
const char *health_name(const struct unit *u);
/* control.c */
void client_accept(struct supervisor *s);
void client_take(struct supervisor *s, struct client *c);
void client_flush(struct client *c);
void client_say(struct client *c, char kind, const char *text, size_t length);
void clients_sweep(struct supervisor *s);
void clients_memory(struct supervisor *s);      /* the figures are there */
int clients_done(struct supervisor *s, const struct engine_event *event);       /* an exec's end; 0: not one's */
void clients_unit_ended(struct supervisor *s, const struct unit *u);
void clients_end(struct supervisor *s);
/* status.c */
char *status_text(const struct supervisor *s, int json);
void memory_look(struct supervisor *s, const uint64_t (*windows)[2], size_t count);

/* supervisor.c: everything, to the end; the exit status. */
int supervise(struct project *p, int listener, int lock, int announce);
#endif
