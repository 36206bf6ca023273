/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * carrel-cheri: the command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "emulator/fault.h"
#include "emulator/float.h"
#include "emulator/load.h"
#include "emulator/memory.h"
#include "emulator/translate/translate.h"
#include "emulator/world.h"

struct settings settings = {.cheri = true, .translate = true, .hot = 8};
static struct cpu first __attribute__((aligned(64)));
static char *kept[16];

static const char usage[] =
	"Usage: carrel-cheri [OPTION]... PROGRAM [ARGUMENT]...\n"
	"Runs a static riscv64 Linux program on an emulated RV64IMAFDC machine with CHERI capabilities (Xcheri, ISAv9, "
	"hybrid mode).\n"
	"\n"
	"  --interpret      only the interpreter, no translation to host code\n"
	"  --cheri-off      without capabilities: their instructions are illegal, DDC and PCC bound nothing\n"
	"  --trace          each instruction and system call to standard error (implies --interpret)\n"
	"  --stats          counts to standard error at the end\n"
	"  --argv0 NAME     the program's argv[0]\n"
	"  --help           this\n"
	"\n"
	"Exit status: the program's; 128 + N by way of signal N; 127 no such program, 126 not one to run, 125 a "
	"mistake on this line.\n";

int main(int count, char **arguments, char **environment)
{
	const char *name = NULL;
	static char self[4096];
	int at = 1;
	for (; at < count && arguments[at][0] == '-' && arguments[at][1]; at++) {
		const char *option = arguments[at];
		if (!strcmp(option, "--")) {
			at++;
			break;
		}
		if (!strcmp(option, "--help")) {
			fputs(usage, stdout);
			return 0;
		}
		if (!strcmp(option, "--argv0") && at + 1 < count) {
			name = arguments[++at];
			continue;
		}
		if (!strcmp(option, "--trace"))
			settings.trace = true;
		else if (!strcmp(option, "--stats"))
			settings.stats = true;
		else if (!strcmp(option, "--cheri-off"))
			settings.cheri = false;
		else if (!strcmp(option, "--interpret"))
			settings.translate = false;
		else if (!strcmp(option, "--eager")) /* for tests: translate every block at once */
			settings.hot = 1;
		else {
			fprintf(stderr, "carrel-cheri: no option %s; see carrel-cheri --help\n", option);
			return 125;
		}
		if (settings.option_count < 15)
			kept[settings.option_count++] = arguments[at];
	}
	if (at >= count) {
		fprintf(stderr, "carrel-cheri: which program? See carrel-cheri --help\n");
		return 125;
	}
	if (settings.trace)
		settings.translate = false;
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	settings.self = length > 0 ? self : arguments[0];
	settings.options = kept;
	memory_init();
	cpu_init(&first);
	first.thread_id = getpid();
	world_add(&first);
	cpu_current = &first;
	pthread_sigmask(SIG_SETMASK, NULL, &first.mask);
	int status = load_program(&first, arguments[at], name ? name : arguments[at], count - at, arguments + at,
				  environment);
	if (status)
		return status;
	fault_init();
	if (settings.translate)
		settings.translate = translate_init();
	_mm_setcsr(0x1f80);
	cpu_run(&first);
}
