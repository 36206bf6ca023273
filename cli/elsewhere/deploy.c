/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * In place of cli/deploy, up.c and ask.c on machines whose C library has no libyaml: projects are deployed on the first machine.
 */
#include <stdio.h>

#include "cli/cli.h"

static int not_here(char **argv)
{
	fprintf(stderr, "carrel: `carrel %s` is not there on this machine: projects run on x86-64 (docs/caveats.md)\n", argv[0]);
	return EXIT_CARREL;
}

int command_up(int argc, char **argv)
{
	(void)argc;
	return not_here(argv);
}

int command_down(int argc, char **argv)
{
	(void)argc;
	return not_here(argv);
}

int command_ps(int argc, char **argv)
{
	(void)argc;
	return not_here(argv);
}

int command_logs(int argc, char **argv)
{
	(void)argc;
	return not_here(argv);
}

int command_exec(int argc, char **argv)
{
	(void)argc;
	return not_here(argv);
}
