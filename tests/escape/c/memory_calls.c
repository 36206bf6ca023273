/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program against its own text, by every memory call Linux has: make it writable, throw it away, move it, map over
 * it, make data executable. After all of them the text runs as before and is not writable, and the marker page made
 * of data still cannot run (it is the last attack: it must end in a fault).
 */
#include "direct.h"

enum { EPERM_ = -1, EACCES_ = -13 };
enum { MMAP = 9, MPROTECT = 10, MUNMAP = 11, BRK = 12, MREMAP = 25, MADVISE = 28, SHMAT = 30, PKEY_MPROTECT = 329,
       REMAP_FILE_PAGES = 216, USERFAULTFD = 323, MEMFD_CREATE = 319, PROCESS_VM_WRITEV = 311, PTRACE = 101, MODIFY_LDT = 154,
       ARCH_PRCTL = 158, PERSONALITY = 135, MSEAL = 462, PROCESS_MADVISE = 440, IO_URING_SETUP = 425, BPF = 321,
       INIT_MODULE = 175, SECCOMP = 317, MAP_SHADOW_STACK = 453, IOPL = 172, KEXEC_LOAD = 246 };

extern char _start[];
static char page[8192] __attribute__((aligned(4096)));

__attribute__((noinline)) static int forty_two(void)
{
	__asm__ volatile("");
	return 42;
}

/* Any error: which one is the library OS's business; that it is one is ours. */
static void refused(const char *what, long got)
{
	if (got < 0 && got > -4096)
		return;
	wrong = 1;
	say(what);
	say(": went through\n");
}

int run(int argc, char **argv)
{
	long text = (long)_start & -4096;
	int (*volatile function)(void) = forty_two;

	(void)argc;
	refused("mprotect text RW", CALL(MPROTECT, text, 4096, 3));
	refused("mprotect text RWX", CALL(MPROTECT, text, 4096, 7));
	expect("mprotect data RX", CALL(MPROTECT, page, 4096, 5), EACCES_);
	expect("mprotect data RWX", CALL(MPROTECT, page, 4096, 7), EACCES_);
	expect("mmap RWX", CALL(MMAP, 0, 4096, 7, 0x22, -1, 0), EPERM_);
	expect("mmap X", CALL(MMAP, 0, 4096, 4, 0x22, -1, 0), EPERM_);
	refused("mmap fixed over text", CALL(MMAP, text, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed in the low guard", CALL(MMAP, 0x1000, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed at 0", CALL(MMAP, 0, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed in the arena's free part", CALL(MMAP, 0x3ffff000, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed in the high guard", CALL(MMAP, 0xfffc0000, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed on the gate table", CALL(MMAP, 0x10000, 4096, 3, 0x32, -1, 0));
	refused("mprotect of the gate table", CALL(MPROTECT, 0x10000, 4096, 3));
	refused("munmap of the gate table", CALL(MUNMAP, 0x10000, 4096));
	refused("mmap fixed on the last page", CALL(MMAP, 0xfffff000, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed past 4 GiB", CALL(MMAP, 0x100000000, 4096, 3, 0x32, -1, 0));
	refused("mmap fixed far", CALL(MMAP, 0x7ffff0000000, 4096, 3, 0x32, -1, 0));
	refused("mmap across the end", CALL(MMAP, 0xfffb0000, 0x20000, 3, 0x32, -1, 0));
	refused("mmap length overflows", CALL(MMAP, 0x50000000, -4096, 3, 0x32, -1, 0));
	refused("mmap 2^63", CALL(MMAP, 0, 1L << 63, 3, 0x22, -1, 0));
	refused("mmap 4 GiB", CALL(MMAP, 0, 1L << 32, 3, 0x22, -1, 0));
	refused("munmap text", CALL(MUNMAP, text, 4096));
	refused("munmap everything", CALL(MUNMAP, 0, 1L << 32));
	refused("munmap overflows", CALL(MUNMAP, 0x50000000, -4096));
	refused("mremap text away", CALL(MREMAP, text, 4096, 4096, 3, 0x60000000));
	refused("mremap onto text", CALL(MREMAP, page, 4096, 4096, 3, text));
	refused("mremap old length 0", CALL(MREMAP, text, 0, 4096, 1, 0));
	refused("mremap grows over the end", CALL(MREMAP, page, 4096, 1L << 32, 1, 0));
	refused("madvise text away", CALL(MADVISE, text, 4096, 4));
	CALL(MADVISE, text, 4096, 9);           /* remove, free: whatever they answer, the text is there below */
	CALL(MADVISE, text, 4096, 8);
	refused("pkey_mprotect text", CALL(PKEY_MPROTECT, text, 4096, 3, -1));
	refused("remap_file_pages", CALL(REMAP_FILE_PAGES, text, 4096, 0, 0, 0));
	refused("process_vm_writev", CALL(PROCESS_VM_WRITEV, 1, page, 1, page, 1, 0));
	refused("ptrace", CALL(PTRACE, 16, 1, 0, 0));
	refused("modify_ldt", CALL(MODIFY_LDT, 1, page, 16));
	refused("arch_prctl set gs", CALL(ARCH_PRCTL, 0x1001, 0x40000000));
	refused("arch_prctl set fs far", CALL(ARCH_PRCTL, 0x1002, 0x7fff00000000));
	refused("shmat on text", CALL(SHMAT, 0, text, 040000));
	refused("userfaultfd", CALL(USERFAULTFD, 0));
	refused("io_uring_setup", CALL(IO_URING_SETUP, 8, page));
	refused("bpf", CALL(BPF, 0, page, 64));
	refused("init_module", CALL(INIT_MODULE, page, 64, page));
	refused("map_shadow_stack", CALL(MAP_SHADOW_STACK, 0, 4096, 0));
	refused("iopl", CALL(IOPL, 3));
	refused("kexec_load", CALL(KEXEC_LOAD, 0, 0, 0, 0));
	expect("text still runs", function(), 42);
	expect("read into text", CALL(318, text, 16, 0), -14);
	if (wrong)
		return 66;
	say("every call was refused\n");
	if (argv[1] && argv[1][0] == '1') {
		/* unmapped and mapped again: a page that once held data, now with a marker and a ret */
		long at = CALL(MMAP, 0, 4096, 3, 0x22, -1, 0);
		CALL(MUNMAP, at, 4096);
		expect("mapped at the same place", CALL(MMAP, at, 4096, 3, 0x32, -1, 0), at);
		volatile uint32_t below = 0xfa1e0ff2;   /* text may not hold the marker's bytes */
		*(volatile uint32_t *)at = below + 1;
		*(volatile uint32_t *)(at + 4) = 0xc3c3c3c3;
		CALL(MPROTECT, at, 4096, 1);
		((void (*)(void))at)();
		say("escape: data ran\n");
		return 66;
	}
	return 0;
}
