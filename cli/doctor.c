/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel doctor: what the host has, what is missing, what to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/isa.h>
#include <carrel/window.h>
#include "cli/cli.h"

static int has_windows(void)
{
	void *all = mmap(NULL, 8 * (size_t)WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return 0;
	munmap(all, 8 * (size_t)WINDOW_SIZE);
	return 1;
}

/* intravisor/cvm/window.c takes it if it can. */
static int has_window_at_zero(void)
{
	void *at = (void *)WINDOW_LOW_GUARD;

	if (!ISA_WINDOW_AT_ZERO)
		return 1;
	if (mmap(at, WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != at)
		return 0;
	munmap(at, WINDOW_SIZE);
	return 1;
}

/* As images are kept and mapped: sealed, by a descriptor for reading, executable and shared. */
static int has_sealed_text(void)
{
	int fd = memfd_create("doctor", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char self[32];

	if (fd < 0)
		return 0;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int sealed = ftruncate(fd, 4096) || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
			     ? -1 : open(self, O_RDONLY | O_CLOEXEC);
	close(fd);
	if (sealed < 0)
		return 0;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, sealed, 0);
	if (page != MAP_FAILED)
		munmap(page, 4096);
	close(sealed);
	return page != MAP_FAILED;
}

static int has_openat2(void)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOSYS;
}

/* The youngest of the system calls that host calls make. Asked for no futex at all, it waits for none. */
static int has_futex_waitv(void)
{
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno == EINVAL;
}

static int has_procfs(void)
{
	return !access("/proc/self/fd", X_OK) && !access("/proc/self/exe", R_OK);
}

static int has_mappings(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	long n = 0;
	int ok = file && fscanf(file, "%ld", &n) == 1 && n >= 65530;

	if (file)
		fclose(file);
	return ok;
}

/* The machine's own needs first. */
static size_t checks_make(struct machine_check *checks, size_t most)
{
	const struct machine_check all[] = {
		{"procfs", has_procfs(), 1, "/proc is missing or closed: mount -t proc proc /proc"},
		{"sealed text", has_sealed_text(), 1, "memfd_create with seals, mapped executable, must work: Linux 3.17 or later, no policy "
						      "against executable memfds (vm.memfd_noexec), and no `ulimit -f` below an image's "
						      "size"},
		{"openat2", has_openat2(), 1, "needs Linux 5.6 or later (confined path resolution), and no sandbox around that hides openat2"},
		{"futex_waitv", has_futex_waitv(), 1, "needs Linux 5.16 or later, and no sandbox around that hides futex_waitv"},
		{"windows", has_windows(), 0, "cannot reserve 32 GiB of address space: raise `ulimit -v` or vm.overcommit_memory"},
		{"window at 0", has_window_at_zero(), 0, "a program is slower by some per cent without: sysctl vm.mmap_min_addr=65536 or less"},
		{"mappings", has_mappings(), 0, "vm.max_map_count is low: sysctl vm.max_map_count=65530 or more"},
	};
	size_t count = machine_doctor(checks, most);

	for (size_t i = 0; i < sizeof all / sizeof *all && count < most; i++)
		checks[count++] = all[i];
	return count;
}

/* What nothing can run without is asked for first: some of it would show only in the middle of the program, or as a crash. */
int host_lacks(void)
{
	struct machine_check checks[32];
	size_t count = checks_make(checks, 32);

	for (size_t i = 0; i < count; i++)
		if (checks[i].needed && !checks[i].ok) {
			fprintf(stderr, "carrel: this host lacks %s: %s; see `carrel doctor`\n", checks[i].name, checks[i].advice);
			return 1;
		}
	return 0;
}

int command_doctor(int argc, char **argv)
{
	struct machine_check checks[32];
	size_t count = checks_make(checks, 32);
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
