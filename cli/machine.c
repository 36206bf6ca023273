/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * --machine NAME: another machine's carrel, which lies beside this one as an installation of its own (lib/carrel/NAME), run by the
 * program that is that machine (bin/carrel-NAME). All words after it go there as they are.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <carrel/isa.h>
#include "cli/cli.h"

int machine_is_this(const char *name)
{
	return !strcmp(name, ISA_MACHINE);
}

/* FOLDER/NAME of this installation. */
static char *installed(const char *folder, const char *name)
{
	char path[PATH_MAX], *whole;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	path[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
	}
	if (asprintf(&whole, "%s/%s/%s", path, folder, name) < 0)
		exit(EXIT_CARREL);
	return whole;
}

void machine_enter(const char *name, char **words, int count)
{
	char *machine, *carrel, **argv = calloc((size_t)count + 5, sizeof *argv);

	if (!argv || asprintf(&machine, "carrel-%s", name) < 0 || asprintf(&carrel, "%s/bin/carrel", name) < 0)
		exit(EXIT_CARREL);
	argv[0] = machine;
	argv[1] = "--argv0";
	argv[2] = "carrel";
	argv[3] = installed("lib/carrel", carrel);
	memcpy(argv + 4, words, (size_t)count * sizeof *argv);
	if (strchr(name, '/') || access(argv[3], R_OK))
		fprintf(stderr, "carrel: --machine %s: there is no such machine here (%s is missing)\n", name, argv[3]);
	else {
		execv(installed("bin", machine), argv);
		fprintf(stderr, "carrel: --machine %s: %s: %s\n", name, installed("bin", machine), strerror(errno));
	}
	exit(EXIT_CARREL);
}
