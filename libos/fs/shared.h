/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Files as files (shared.c): /cap/NAME, and what <carrel/cp_file.h> asks for.
 */
#ifndef LIBOS_SHARED_H
#define LIBOS_SHARED_H
#include "libos/process/process.h"

struct shared;                  /* a file's object */
extern const struct file_operations shared_operations;
extern const struct mount_operations shared_mount;

int shared_any(void);           /* was any name granted? */
/* Publishes: `length` bytes of the process's memory at `start`; or, where length is 0, its capability `capability`; or, where that
 * is -1, a memory object of `length` bytes. Takes over nothing. */
int64_t shared_create(const char *name, int64_t capability, uint64_t start, uint64_t length, unsigned permissions, struct file **f);
/* As many bytes as there are; -ENODEV when the file has ended. */
int64_t shared_move(struct file *f, uint64_t offset, struct memory memory, uint64_t n, int writes);
/* The number of notifies (what FILE_SEQUENCE, FILE_ARM or FILE_NOTIFY), or -ENODEV. */
int64_t shared_state(struct file *f, unsigned what);
int64_t shared_wait(struct file *f, uint64_t sequence, int64_t deadline);
int64_t shared_revoke(struct file *f);
int64_t shared_handle(const struct file *f);    /* the Intravisor's, or -1 */
#endif
