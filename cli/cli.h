/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The commands, one per file. Each gets its own argv (argv[0] is the command's name) and gives an exit status.
 */
#ifndef CLI_H
#define CLI_H
#include <stddef.h>

#define EXIT_CARREL 125         /* Carrel itself failed, as docker and podman say it */
#define EXIT_NOT_RUNNABLE 126   /* the image is there but cannot run */
#define EXIT_NOT_FOUND 127

struct cvm_port;
struct host_address;
/* network.c: [ADDRESS:]PORT:GUEST[/udp], bound; 0, or -1 and why. */
int port_publish(const char *text, struct cvm_port *port, char *why, size_t room);
/* The host's name servers, at most three. */
void resolvers_read(struct host_address *resolvers);

/* machine.c: is this build that machine? */
int machine_is_this(const char *name);
/* Runs another machine's carrel with these words, the command first, in place of this process. */
void machine_enter(const char *name, char **words, int count) __attribute__((noreturn));
/* A file of this installation: FOLDER/NAME beside the folder this program lies in. */
const char *beside(const char *folder, const char *name);

int command_run(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_doctor(int argc, char **argv);

#endif
