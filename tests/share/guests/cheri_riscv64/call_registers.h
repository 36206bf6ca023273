/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a called function finds in its registers, and what a caller finds in its own afterwards (call_callee.h, call_caller.h), on
 * CHERI-RISC-V: also whether one is a capability.
 */
#ifndef CALL_REGISTERS_H
#define CALL_REGISTERS_H
#include <stdint.h>

#include <carrel/encodings.h>

struct found {
	uint64_t general[32];
	uint64_t floating[32];
	uint64_t status;        /* fcsr */
	uint64_t tags;          /* how many of x1, x5, x8-x31 are capabilities: all that the gates do not set themselves */
};
extern struct found found;
__attribute__((noipa, unused)) static long frames(void) { return 102; }        /* there is no such gate, and no control stack */
#define FRAMES_OF_CALLEE 102
#define AT(offset) ((void *)(((uintptr_t)&found & ~0xfffffffful) + (offset)))  /* a pointer to an offset of the own window */
#define SPOIL_RESULT 77

/* x6, t1, which the gate leaves behind as the address of code, is what the rest is stored by, and x7 what counts. */
#define DUMP_INTEGER                                                                                                        \
	"lla t1, found\n .irp n, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n" \
	"sd x\\n, (\\n * 8)(t1)\n .endr\n"
#define DUMP_FLOATING                                                                                                       \
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n" \
	"fsd f\\n, (256 + \\n * 8)(t1)\n .endr\n frcsr t2\n sd t2, 512(t1)\n"
#define DUMP_TAGS                                                                                                           \
	"li t2, 0\n .irp n, 1, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n" \
	CGETTAG("x\\n", "x\\n") "add t2, t2, x\\n\n .endr\n sd t2, 520(t1)\n"
#define ALL_FLOATS "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"
#endif
