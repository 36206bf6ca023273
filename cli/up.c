/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel up: the cVMs that a file describes, in one Intravisor.
 */
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/deploy/runtime.h"
#include "cli/deploy/supervisor.h"

enum { KEY_CHECK = 256, KEY_PROJECT, KEY_TRACE, KEY_MACHINE };

static const struct argp_option options[] = {
	{"detach", 'd', NULL, 0, "return when all cVMs have been started, and leave them running", 0},
	{"check", KEY_CHECK, NULL, 0, "only check the file and what it names", 0},
	{"project", KEY_PROJECT, "NAME", 0, "the project's name (default: the file's `project:`, or its directory's name)", 0},
	{"machine", KEY_MACHINE, "NAME", 0, "run on another machine: cheri (CHERI-RISC-V, emulated), x86_64 (default: the file's `machine:`)", 0},
	{"trace", KEY_TRACE, NULL, 0, "print each system call and CP_Call, with the cVM's name", 0},
	{0},
};

struct up {
	const char *file, *project;
	int detach, check, trace;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct up *up = state->input;

	switch (key) {
	case 'd':
		up->detach = 1;
		return 0;
	case KEY_CHECK:
		up->check = 1;
		return 0;
	case KEY_TRACE:
		up->trace = 1;
		return 0;
	case KEY_MACHINE:
		machine_option(argument, state, "up");
		return 0;
	case KEY_PROJECT:
		if (!name_ok(argument))
			argp_failure(state, EXIT_CARREL, 0, "--project %s: not a name (1 to 63 letters, digits, '.', '_' and '-', the first one a letter or digit)", argument);
		up->project = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (up->file)
			argp_failure(state, EXIT_CARREL, 0, "up: one file; see `carrel up --help`");
		up->file = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The parent waits for the child's word that all have started; the child goes on as the supervisor, away from the terminal. */
static int detach(int *announce)
{
	unsigned char status = EXIT_CARREL;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		perror("carrel: pipe");
		_exit(EXIT_CARREL);
	}
	pid_t child = fork();
	if (child < 0) {
		perror("carrel: fork");
		_exit(EXIT_CARREL);
	}
	if (child) {
		close(ends[1]);
		if (read(ends[0], &status, 1) != 1) {
			int how;
			status = waitpid(child, &how, 0) == child && WIFEXITED(how) ? (unsigned char)WEXITSTATUS(how) : EXIT_CARREL;
		}
		return status;
	}
	setsid();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	close(ends[0]);
	*announce = ends[1];
	return -1;
}

int command_up(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "[FILE.yaml]",
		"Starts the cVMs that the file (default: carrel.yaml) describes, in the order of what they depend on, in one Intravisor, and "
		"shows what they print. Ctrl-C stops them in reverse order. docs/deploy.md describes the file.", NULL, NULL, NULL};
	struct up up = {.file = NULL};
	struct project project = {.file = NULL};
	int lock = -1, announce = -1, status;

	argv[0] = "carrel up";
	argp_err_exit_status = EXIT_CARREL;
	argp_parse(&argp, argc, argv, 0, NULL, &up);
	if (up.project)
		snprintf(project.name, sizeof project.name, "%s", up.project);
	status = project_load(&project, up.file ? up.file : "carrel.yaml");
	if (status > 0) {
		argv[0] = "up";
		machine_enter(project.machine, argv, argc);
	}
	if (status)
		return EXIT_CARREL;
	if (up.check)
		return 0;
	if (host_lacks())
		return EXIT_CARREL;
	files_most();
	for (size_t i = 0; i < project.count; i++) {
		project.services[i].config.file_mode_mask = umask(0);
		project.services[i].config.trace = up.trace;
	}
	if (up.detach && (status = detach(&announce)) >= 0)
		return status;
	int listener = runtime_claim(project.name, &lock);
	if (listener < 0 || project_publish(&project))
		return EXIT_CARREL;
	return supervise(&project, listener, lock, announce);
}
