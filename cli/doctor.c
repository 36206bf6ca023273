/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel doctor: what the host has, what is missing, what to do.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "machine/machine.h"

int command_doctor(int argc, char **argv)
{
	struct machine_check checks[32];
	size_t count = machine_doctor(checks, 32);
	int missing = 0;

	if (argc > 1) {
		puts("Usage: carrel doctor\nChecks that this host has what Carrel needs. Exit status 0: it has; 1: something is missing.");
		return strcmp(argv[1], "--help") != 0;
	}
	for (size_t i = 0; i < count; i++) {
		printf("%-14s %s\n", checks[i].name, checks[i].ok ? "ok" : "MISSING");
		if (!checks[i].ok)
			printf("               %s\n", checks[i].advice);
		missing |= !checks[i].ok;
	}
	return missing;
}
