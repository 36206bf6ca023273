/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pseudo-terminals: pairs of a master, which is where a terminal emulator sits, and a slave, which is the terminal of a session. What the
 * master writes goes through the line discipline (discipline.c) into `input`, what the slave writes into `output`.
 */
#ifndef LIBOS_TERMINAL_H
#define LIBOS_TERMINAL_H
#include <asm/ioctls.h>
#include <asm/termbits.h>

#include "libos/process/process.h"

#define TERMINAL_INPUT  4096u
#define TERMINAL_OUTPUT 8192u
#define TERMINAL_ECHO   512u    /* of the output, kept for echoes */
#define TERMINALS_MOST  64u
/* What `input` keeps beside a byte: a line ends with it; and the byte itself is none, but an end of file. */
#define MARK_LINE 0x100u
#define MARK_END  0x200u

struct terminal {
	struct terminal *next;
	unsigned number;
	struct termios settings;
	uint16_t size[4];               /* struct winsize */
	uint16_t input[TERMINAL_INPUT];
	uint32_t start, length, ready;  /* of input: ready bytes are whole lines */
	uint8_t output[TERMINAL_OUTPUT];
	uint32_t output_start, output_length;
	unsigned column, line_column;   /* where the output is; where the line that is being typed began */
	int literal, stopped;           /* VLNEXT was last; VSTOP */
	int locked;
	unsigned masters, slaves, opened;       /* open files; has the slave ever been open? */
	int session, group;             /* whose controlling terminal it is, or 0; who is in front */
	struct wait_queue master_queue, slave_queue;
};

/* terminal.c */
int64_t terminal_master(int flags, struct file **f);    /* a fresh pair */
int64_t terminal_slave(const char *number, int flags, struct file **f);
int64_t terminal_stat(const char *number, struct host_stat *s); /* NULL: /dev/ptmx */
struct file *terminal_names(void);                      /* /dev/pts */
struct terminal *terminal_of(int session);
void terminal_leader_gone(const struct process *p);     /* the leader of a session has ended */
int64_t terminal_open(struct terminal *t, int flags, struct file **f);

/* control.c */
int64_t terminal_control(struct file *f, unsigned request, struct user at);
int64_t terminal_background(const struct terminal *t, int signal);     /* may the caller's process do what this signal forbids to the background? */
void group_signal(int group, int signal);

/* discipline.c */
int terminal_receive(struct terminal *t, uint8_t c);    /* a byte typed; gives the signal it means, or 0 */
void terminal_print(struct terminal *t, uint8_t c);     /* a byte to be shown */
void terminal_typed(struct terminal *t, uint8_t c);     /* sent to the master as it is */
int terminal_full(const struct terminal *t);            /* no more input now */
uint32_t terminal_room(const struct terminal *t);       /* bytes of output that the slave may write for certain, whatever they become */
uint32_t terminal_readable(const struct terminal *t);
struct taken {
	uint32_t used;                  /* of the input, ends of file among it */
	int line;                       /* a line ends there */
};
uint32_t terminal_take(const struct terminal *t, uint8_t *to, uint32_t n, struct taken *taken); /* looks only; bytes */
void terminal_skip(struct terminal *t, const struct taken *taken);
void terminal_flush(struct terminal *t, int input, int output);
void terminal_set(struct terminal *t, const struct termios *settings);
#endif
