/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a CHERI-RISC-V host must have (carrel doctor).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/encodings.h>
#include <carrel/window.h>
#include "machine/machine.h"

/* That the instructions are there at all is not asked: without them this program could not have been told apart from a crash. DDC
 * must be this process's whole address space, with the permission to seal. */
static int has_capabilities(void)
{
	uint64_t tag, length, permissions;

	__asm__ volatile(CGETDDC("t0") CGETTAG("%0", "t0") CGETLEN("%1", "t0") CGETPERM("%2", "t0")
			 : "=&r"(tag), "=&r"(length), "=&r"(permissions) : : "t0");
	return tag && length == UINT64_MAX && (permissions & 0xfff) == 0xfff;
}

static int has_windows(void)
{
	void *all = mmap(NULL, 8 * (size_t)WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return 0;
	munmap(all, 8 * (size_t)WINDOW_SIZE);
	return 1;
}

static int has_sealed_text(void)
{
	int fd = memfd_create("doctor", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0)
		return 0;
	int ok = !ftruncate(fd, 4096) && !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	close(fd);
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

size_t machine_doctor(struct machine_check *checks, size_t most)
{
	const struct machine_check all[] = {
		{"capabilities", has_capabilities(), 1, "DDC must cover all addresses with all permissions: run this by carrel-cheri"},
		{"sealed text", has_sealed_text(), 1, "memfd_create with seals must work: Linux 3.17 or later"},
		{"openat2", has_openat2(), 1, "needs Linux 5.6 or later (confined path resolution), and no sandbox around that hides openat2"},
		{"windows", has_windows(), 1, "cannot reserve 32 GiB of address space: raise `ulimit -v` or vm.overcommit_memory"},
	};
	size_t count = sizeof all / sizeof *all;

	for (size_t i = 0; i < count && i < most; i++)
		checks[i] = all[i];
	return count < most ? count : most;
}
