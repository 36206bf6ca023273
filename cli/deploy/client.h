/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The commands that talk to a running project.
 */
#ifndef DEPLOY_CLIENT_H
#define DEPLOY_CLIENT_H
#include <stddef.h>

struct message {
	char text[65536];
	size_t length;
};
void message_add(struct message *m, const char *text);  /* too long: said so, and the end */
/* The supervisor of a project: of `name`, or if that is NULL of the directory's, or of the only one there is. -1 and said why. */
int client_connect(const char *name);
/* With descriptors 0, 1 and 2 if `streams`. 0, or -1 and said why. */
int client_send(int fd, const struct message *m, int streams);
/* Prints what comes until the exit status, which it gives. `signals` >= 0: a signalfd whose signals go along. */
int client_wait(int fd, int signals);
#endif
