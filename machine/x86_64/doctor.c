/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What an x86-64 host must have (carrel doctor), and whether its clock is the counter of ticks.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/window.h>
#include "machine/machine.h"
#include "machine/x86_64/thread.h"

#define HWCAP2_FSGSBASE_BIT (1 << 1)

static int has_fsgsbase(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_FSGSBASE) && (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT);
}

static int has_windows(void)
{
	void *all = mmap(NULL, 8 * (size_t)WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return 0;
	munmap(all, 8 * (size_t)WINDOW_SIZE);
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

/* The gates are copied to a page that is then made executable. */
static int has_gate_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ok = page != MAP_FAILED && !mprotect(page, 4096, PROT_READ | PROT_EXEC);

	if (page != MAP_FAILED)
		munmap(page, 4096);
	return ok;
}

static int has_openat2(void)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOSYS;
}

static int has_procfs(void)
{
	return !access("/proc/self/fd", X_OK) && !access("/proc/self/exe", R_OK);
}

/* The filter's own actions are asked for: ENOSYS without seccomp(2), EOPNOTSUPP without the action. */
static int has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
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

int clock_is_tsc(void)
{
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	char name[8] = "";
	int is = file && fgets(name, sizeof name, file) && !strcmp(name, "tsc\n");

	if (file)
		fclose(file);
	return is;
}

size_t machine_doctor(struct machine_check *checks, size_t most)
{
	const struct machine_check all[] = {
		{"fsgsbase", has_fsgsbase(), 1, "needs a processor with FSGSBASE (Intel Ivy Bridge, AMD Excavator or later) and Linux 5.9 "
						"or later without the nofsgsbase option"},
		{"procfs", has_procfs(), 1, "/proc is missing or closed: mount -t proc proc /proc"},
		{"sealed text", has_sealed_text(), 1, "memfd_create with seals, mapped executable, must work: Linux 3.17 or later, no policy "
						      "against executable memfds (vm.memfd_noexec), and no `ulimit -f` below an image's "
						      "size"},
		{"gate page", has_gate_page(), 1, "a page must become executable once it is filled: no policy against it (SELinux' execmem, "
						  "systemd's MemoryDenyWriteExecute)"},
		{"openat2", has_openat2(), 1, "needs Linux 5.6 or later (confined path resolution), and no sandbox around that hides openat2"},
		{"seccomp", has_seccomp(), 1, "needs Linux 4.14 or later with CONFIG_SECCOMP_FILTER: `carrel run` allows itself only the system "
					      "calls of host calls"},
		{"windows", has_windows(), 0, "cannot reserve 32 GiB of address space: raise `ulimit -v` or vm.overcommit_memory"},
		{"mappings", has_mappings(), 0, "vm.max_map_count is low: sysctl vm.max_map_count=65530 or more"},
	};
	size_t count = sizeof all / sizeof *all;

	for (size_t i = 0; i < count && i < most; i++)
		checks[i] = all[i];
	return count < most ? count : most;
}
