/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Where running projects are found: a directory of the user's own with a socket and a lock for each.
 */
#ifndef DEPLOY_RUNTIME_H
#define DEPLOY_RUNTIME_H
#include <stddef.h>

#define RUNTIME_PATH_MOST 108           /* what a socket's address holds */

/* The directory, made if need be; refused if it is not this user's alone. 0, or -1 and said why. */
int runtime_directory(char *path, size_t room);
/* The socket of a project, listening, and its lock, held until the process ends; both close on exec. -1 and said why. */
int runtime_claim(const char *project, int *lock);
void runtime_release(const char *project);
/* Connects to a project's supervisor: the descriptor, -ECONNREFUSED when none is there, -1 and said why. */
int runtime_connect(const char *project);
/* The one project that runs; 0, or how many there are if not one (name untouched). */
int runtime_only(char *name, size_t room, char *all, size_t all_room);
#endif
