/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The commands, one per file. Each gets its own argv (argv[0] is the command's name) and gives an exit status.
 */
#ifndef CLI_H
#define CLI_H

#define EXIT_CARREL 125         /* Carrel itself failed, as docker and podman say it */
#define EXIT_NOT_RUNNABLE 126   /* the image is there but cannot run */
#define EXIT_NOT_FOUND 127

int command_run(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_doctor(int argc, char **argv);

#endif
