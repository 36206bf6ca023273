/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that makes every system call with hostile arguments: boundary values, pointers into nothing, text, page
 * ends, lengths that overflow, names that exist and that do not. The library OS answers each; it never faults, and the
 * program goes on. argv[1]: a seed digit.
 */
#include "direct.h"

#define ROUNDS 300000
enum { EXIT = 60, EXIT_GROUP = 231, PAUSE = 34, NANOSLEEP = 35, CLOCK_NANOSLEEP = 230, POLL = 7, PPOLL = 271, SELECT = 23, PSELECT = 270,
       FUTEX = 202, KILL = 62, TKILL = 200, TGKILL = 234, SIGSUSPEND = 130, SIGTIMEDWAIT = 128, EPOLL_WAIT = 232, EPOLL_PWAIT = 281,
       FCNTL = 72, FLOCK = 73, WRITE = 1, WRITEV = 20, PWRITEV = 296, PWRITEV2 = 328, SENDFILE = 40, MMAP = 9, MPROTECT = 10, MUNMAP = 11,
       MREMAP = 25, MADVISE = 28, BRK = 12, READ = 0, READV = 19, ALARM = 37, SETITIMER = 38, RT_SIGACTION = 13, PREADV2 = 327,
       RT_SIGPROCMASK = 14, ARCH_PRCTL = 158, COPY_FILE_RANGE = 326, SPLICE = 275, GETRANDOM = 318, TIMER_SETTIME = 223,
       RT_SIGRETURN = 15, RT_SIGQUEUEINFO = 129, RT_TGSIGQUEUEINFO = 297, PREAD = 17, PREADV = 295, CLOSE = 3, DUP2 = 33,
       DUP3 = 292, CLOSE_RANGE = 436 };

static char page[3 * 4096] __attribute__((aligned(4096)));
static uint64_t state;

static uint64_t random_word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static long hostile(void)
{
	uint64_t r = random_word();

	switch (r >> 32 & 15) {
	case 0: return (long)random_word();
	case 1: return -1;
	case 2: return -(long)(r & 4095);
	case 3: return (long)(r & 7);
	case 4: return (long)page;
	case 5: return (long)page + (long)(r & 8191);
	case 6: return (long)page + 2 * 4096 - (long)(r & 15);
	case 7: return (long)0xfffbffff - (long)(r & 4095);
	case 8: return (long)0xfffffff0 + (long)(r & 31);
	case 9: return 1L << (r & 63);
	case 10: return (1L << (r & 63)) - 1;
	case 11: return 0x1000;
	case 12: return (long)(r & 0xffff);
	case 13: return -100;
	case 14: return (long)0x100000000 + (long)page;
	default: return 0;
	}
}

/* Ends, blocks, or takes the ground from under us (our own memory: that fault would be ours, not the library OS's). */
static int left_out(long number)
{
	switch (number) {
	case EXIT: case EXIT_GROUP: case 56: case 57: case 58: /* clone fork vfork */ case PAUSE: case NANOSLEEP: case CLOCK_NANOSLEEP: case POLL: case PPOLL: case SELECT: case PSELECT:
	case FUTEX: case KILL: case TKILL: case TGKILL: case SIGSUSPEND: case SIGTIMEDWAIT: case EPOLL_WAIT: case EPOLL_PWAIT:
	case FCNTL: case FLOCK: case WRITE: case WRITEV: case PWRITEV: case PWRITEV2: case SENDFILE: case MUNMAP: case MREMAP: case ALARM:
	case SETITIMER: case RT_SIGACTION: case COPY_FILE_RANGE: case SPLICE: case TIMER_SETTIME: case RT_SIGRETURN: case RT_SIGQUEUEINFO:
	case RT_TGSIGQUEUEINFO: case MMAP: case MPROTECT: case MADVISE: case ARCH_PRCTL:
	/* our own output */
	case CLOSE: case DUP2: case DUP3: case CLOSE_RANGE:
	/* these may write gigabytes into our own memory, which is allowed and slow */
	case READ: case READV: case PREAD: case PREADV: case PREADV2: case GETRANDOM:
		return 1;
	default:
		return 0;
	}
}

int run(int argc, char **argv)
{
	state = 0x9e3779b97f4a7c15 + (argc > 1 ? (uint64_t)argv[1][0] : 0);
	for (int i = 0; i < 4; i++) {
		static const char names[][3] = {"f0", "f1", "d2", "d3"};
		if (i < 2)
			CALL(2, names[i], 0102, 0644);
		else if (!CALL(83, names[i], 0755))
			CALL(2, names[i], 0200000, 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		long number = (long)(random_word() >> 20 & 511);
		if (left_out(number))
			continue;
		/* A path that may be there, one that is not, or a structure of noise. */
		for (int k = 0; !(i & 7) && k < 256; k++)
			page[k] = (char)(i >> 3 & 1 ? 0x41 : random_word());
		if (i & 1) {
			uint64_t r = random_word();
			page[0] = r & 1 ? 'f' : 'd';
			page[1] = (char)('0' + (r >> 1 & 3));
			page[2] = r & 8 ? '/' : 0;
			page[3] = r & 16 ? 'f' : '.';
			page[4] = r & 32 ? '.' : '0';
			page[5] = r & 64 ? '/' : 0;
			page[6] = 0;
		}
		call(number, hostile(), hostile(), hostile(), hostile(), hostile(), hostile());
	}
	CALL(1, 1, "answered\n", 9);
	return 0;
}
