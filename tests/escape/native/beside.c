/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Runs a hostile cVM between two innocent ones in one process. Afterwards: no address of the three is unmapped, none is
 * writable and executable, nothing but arenas is executable, the gate tables are read-only, the innocent ones'
 * memory is byte for byte what it was, and they run and say hello. Exits as the hostile one did; 70: something was not as
 * it must be. A test's tool, not trusted.
 *
 *   beside [-l LIBOS] [-m BYTES] [-v HOST:GUEST[:ro]] [-r] [-z] INNOCENT INNOCENT_LIBOS HOSTILE [ARGUMENT]...
 *
 * -z: the hostile one is made first, so its program's window is the one at address 0; else that is an innocent one's.
 * -r: while the hostile one runs, another thread maps and unmaps a page that its host calls name (RACE_AT).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/isa.h>
#include <carrel/window.h>
#include "intravisor/cvm/cvm.h"

_Static_assert(offsetof(struct carrel_boot, program) == 1316, "BOOT_PROGRAM of tests/escape/libos/host_calls.h");

#define RACE_AT 0x50000000u

static uint64_t canary[512];
static int bad;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
	__builtin_va_list arguments;

	bad = 1;
	fputs("beside: ", stderr);
	__builtin_va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	__builtin_va_end(arguments);
	fputc('\n', stderr);
}

/* FNV-1a of all that is readable in a window. Along the way, what must hold of every mapping there. */
static uint64_t tile_judge(const struct window *window, const char *name)
{
	uint64_t base = (uint64_t)window->base, low = base + WINDOW_LOW_GUARD, high = base + WINDOW_SIZE, reached = low;
	uint64_t hash = 0xcbf29ce484222325u;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	unsigned long from, to;

	if (!maps) {
		wrong("no /proc/self/maps");
		return 0;
	}
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || to <= low || from >= high)
			continue;
		from = from < low ? low : from;
		to = to > high ? high : to;
		if (from != reached)
			wrong("%s: a hole at %#lx, %#lx bytes", name, reached - base, from - reached);
		reached = to;
		if (mode[1] == 'w' && mode[2] == 'x')
			wrong("%s: writable and executable at %#lx", name, from - base);
		if (mode[2] == 'x' && (from < base + WINDOW_ARENA_START || to > base + WINDOW_ARENA_END))
			wrong("%s: executable outside the arena at %#lx", name, from - base);
		if (mode[0] == 'r' && from < base + WINDOW_ARENA_START &&
		    !(from == base + WINDOW_GATES && to == from + 4096 && mode[1] == '-'))
			wrong("%s: readable guard at %#lx", name, from - base);
		if (mode[0] == 'r' && to > base + WINDOW_MEMORY_END)
			wrong("%s: readable high guard", name);
		if (mode[0] == 'r')
			for (const uint64_t *p = (uint64_t *)from; p < (uint64_t *)to; p++)
				hash = (hash ^ *p ^ (uint64_t)p) * 0x100000001b3u;
	}
	fclose(maps);
	if (reached != high)
		wrong("%s: a hole at the end", name);
	return hash;
}

static uint64_t judge(const struct cvm *cvm, const char *name)
{
	return tile_judge(cvm->programs[0], name) * 31 + tile_judge(&cvm->libos, name);
}

/* Nothing a guest can read may be an address of the process's own memory: only of windows and of the gate page, the one
 * anonymous executable mapping. Window pools are the large reservations. Also judges the gate tables word by word. */
struct host_range {
	uint64_t from, to;
	int gates;
};

/* Core dumps leave windows out: each mapping of one says so (smaps: dd). */
static void core_judge(const struct window *window, const char *name)
{
	uint64_t low = (uint64_t)window->base;
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512], mode[8] = "";
	unsigned long from = 0, to = 0, next, next_to;

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4[-rwxsp]", &next, &next_to, mode) == 3) {
			from = next;
			to = next_to;
		} else if (!strncmp(line, "VmFlags:", 8) && from >= low && to <= low + WINDOW_SIZE && mode[0] == 'r' &&
			   !strstr(line, " dd"))
			wrong("%s: %#lx would be in a core dump", name, from - low);
	if (maps)
		fclose(maps);
}

static size_t host_ranges(struct host_range *ranges, size_t most)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	unsigned long from, to, inode;
	size_t n = 0;

	while (maps && n < most && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &from, &to, mode, &inode) == 4 && (mode[0] == 'r' || mode[1] == 'w'))
			ranges[n++] = (struct host_range){from, to, mode[2] == 'x' && !inode && !strchr(line, '[')};
	if (maps)
		fclose(maps);
	return n;
}

static int in_windows(struct cvm *const *cvms, uint64_t address)
{
	for (int i = 0; i < 3; i++)
		if (address - (uint64_t)cvms[i]->programs[0]->base < WINDOW_SIZE ||
		    address - (uint64_t)cvms[i]->libos.base < WINDOW_SIZE)
			return 1;
	return 0;
}

static void secrets_judge(const struct window *window, struct cvm *const *cvms, const char *name)
{
	static struct host_range ranges[65536];
	size_t count = host_ranges(ranges, 65536), gates = 0;
	uint64_t low = (uint64_t)window->base;

	for (size_t i = 0; i < count; i++)
		gates += ranges[i].gates;
	if (gates != 1)
		wrong("%zu anonymous executable mappings, not the gate page alone", gates);
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].from < low || ranges[i].from >= low + WINDOW_SIZE)
			continue;
		for (const uint64_t *p = (uint64_t *)ranges[i].from; p < (uint64_t *)ranges[i].to; p++) {
			if (*p < 0x10000 || *p >> 47 || in_windows(cvms, *p))
				continue;
			for (size_t k = 0; k < count; k++)
				if (!ranges[k].gates && *p >= ranges[k].from && *p < ranges[k].to && !in_windows(cvms, ranges[k].from))
					wrong("%s: an address of the host's at offset %#lx", name, (unsigned long)((uint64_t)p - low));
		}
	}
}

static struct cvm *make(const struct cvm_config *config)
{
	struct cvm *cvm;
	struct cvm_error error;

	if (!cvm_create(config, &cvm, &error))
		return cvm;
	fprintf(stderr, "carrel: %s\n", error.text);
	exit(126);
}

static int output_open(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	if (fd < 0)
		exit(70);
	return fd;
}

static void innocent_run(struct cvm *cvm, int output, const char *name)
{
	char text[16] = "";
	int status = cvm_run(cvm);
	ssize_t n = pread(output, text, sizeof text, 0);

	if (status || n != 6 || memcmp(text, "hello\n", 6))
		wrong("%s: ended with %#x after %zd bytes", name, status, n);
	cvm_destroy(cvm);
}

static void volume_add(struct cvm_config *config, char *text)
{
	char *guest = strchr(text, ':'), *mode = guest ? strchr(guest + 1, ':') : NULL;

	if (!guest || config->mount_count == BOOT_MOUNTS)
		exit(2);
	*guest++ = 0;
	if (mode)
		*mode = 0;
	int fd = open(text, O_PATH | O_CLOEXEC), directory = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	config->mounts[config->mount_count++] = (struct cvm_mount){
		.guest_path = guest, .host_fd = directory >= 0 ? directory : fd, .read_only = mode != NULL, .upper_fd = -1};
}

struct race {
	uint8_t *at;
	atomic_int stop;
	unsigned long rounds;
};

static void *race_run(void *argument)
{
	struct race *race = argument;

	while (!race->stop) {
		mmap(race->at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		mmap(race->at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		race->rounds++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct cvm_mount mounts[BOOT_MOUNTS];
	char *none[] = {NULL}, *libos = NULL, *innocent_argv[] = {"innocent", NULL};
	int option, racing = 0, first = 0;
	struct cvm_grant granted = {GRANT_FILE, "mine", GRANT_CREATE | GRANT_READ | GRANT_WRITE};
	struct cvm_config hostile = {.image_fd = -1, .envp = none, .mounts = mounts, .working_directory = "/", .hostname = "h",
				     .standard_fds = {0, 1, 2}, .grants = &granted, .grant_count = 1}, innocent;
	struct cvm_error error;

	while ((option = getopt(argc, argv, "+l:m:v:rz")) != -1)
		switch (option) {
		case 'l': libos = optarg; break;
		case 'm': hostile.memory_limit = strtoull(optarg, NULL, 0); break;
		case 'v': volume_add(&hostile, optarg); break;
		case 'r': racing = 1; break;
		case 'z': first = 1; break;
		default: return 2;
		}
	if (argc - optind < 3)
		return 2;
	innocent = hostile;
	innocent.mount_count = innocent.memory_limit = 0;
	innocent.image_path = argv[optind];
	innocent.libos_path = argv[optind + 1];
	innocent.argc = 1;
	innocent.argv = innocent_argv;
	hostile.image_path = argv[optind + 2];
	hostile.libos_path = libos ? libos : argv[optind + 1];
	hostile.argc = argc - optind - 2;
	hostile.argv = argv + optind + 2;
	if (intravisor_init(&error)) {
		fprintf(stderr, "carrel: %s\n", error.text);
		return 125;
	}
	for (size_t i = 0; i < 512; i++)
		canary[i] = i * 0x9e3779b97f4a7c15u;
	struct cvm_config below_config = innocent, above_config = innocent;
	int below_output = below_config.standard_fds[1] = output_open(), above_output = above_config.standard_fds[1] = output_open();
	struct cvm *middle = first ? make(&hostile) : NULL, *below = make(&below_config);
	middle = first ? middle : make(&hostile);
	struct cvm *above = make(&above_config);
	if (ISA_WINDOW_AT_ZERO && (first ? middle : below)->programs[0]->base)
		wrong("no window at 0");
	uint64_t below_before = judge(below, "below"), above_before = judge(above, "above");
	judge(middle, "hostile, before");

	struct race race = {.at = middle->libos.base + RACE_AT};
	pthread_t racer;
	if (racing && pthread_create(&racer, NULL, race_run, &race))
		return 70;
	int status = cvm_run(middle);
	if (racing) {
		race.stop = 1;
		pthread_join(racer, NULL);
		fprintf(stderr, "beside: raced\n");
		if (race.rounds < 100)
			wrong("only %lu rounds of the race", race.rounds);
	}
	judge(middle, "hostile");
	struct cvm *all[] = {below, middle, above};
	core_judge(middle->programs[0], "hostile program");
	core_judge(&middle->libos, "hostile library OS");
	secrets_judge(middle->programs[0], all, "hostile program");
	secrets_judge(&middle->libos, all, "hostile library OS");
	secrets_judge(above->programs[0], all, "above");
	if (judge(below, "below") != below_before || judge(above, "above") != above_before)
		wrong("a neighbour's memory changed");
	for (size_t i = 0; i < 512; i++)
		if (canary[i] != i * 0x9e3779b97f4a7c15u)
			wrong("the process's own memory changed");
	cvm_destroy(middle);
	/* As a kick that came too late for it would be. */
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), MACHINE_KICK);
	innocent_run(below, below_output, "below");
	innocent_run(above, above_output, "above");
	fflush(NULL);
	if (bad)
		return 70;
	fprintf(stderr, "beside: intact\n");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
