/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that forges the frames of its signal handlers: what it returns with is its own affair and never its library OS's. Each
 * attempt is a child process, which ends by a signal or exits; the parent lives on and says so.
 */
#include "direct.h"

static int which;

/* Offsets in the frame from its ucontext_t: libos/machine/x86_64/frame.c. */
#define WORD(context, offset) (*(unsigned long *)((char *)(context) + (offset)))
#define PC 168
#define SHOWN 424
#define TRUE_PC 432
#define POINTER 440
#define RESTART 448
#define CALLED 456

static void handler(int signal, void *info, void *context)
{
	(void)signal;
	switch (which) {
	case 0: /* start the return itself again, for ever */
		WORD(context, RESTART) = 1;
		WORD(context, CALLED) = 15;
		WORD(context, CALLED + 8) = (unsigned long)info;
		break;
	case 1:
		WORD(context, PC) = 0x50000000;
		break; /* no landing pad */
	case 2:
		WORD(context, RESTART) = 0;
		WORD(context, TRUE_PC) = 0x100001;
		break; /* where it was not */
	case 3:
		WORD(context, RESTART) = 0;
		WORD(context, POINTER) = 0xfffffff0;
		break; /* the thread pointer is the program's own number */
	case 4:
		WORD(context, RESTART) = 0;
		WORD(context, POINTER) = 0x7fff00000000;
		break;
	case 5:
		WORD(context, PC) = 0x7fff00000000;
		break;
	case 6: /* another call than the one that was interrupted: its own right */
		WORD(context, CALLED) = 231;
		WORD(context, CALLED + 8) = 7;
		break;
	case 7: /* vector state of noise; and the call does not start again */
		for (int i = 544; i < 544 + 832; i += 8)
			WORD(context, i) = 0xfffffffffffffffful;
		WORD(context, RESTART) = 0;
		break;
	}
}

/* A child whose read of an empty pipe a signal ends, once. Its status as wait(2) shows it. */
static long attempt(int n, int fd)
{
	unsigned long action[4] = {(unsigned long)handler, 0x14000004, 0, 0}, once[4] = {0, 0, 0, 5000};
	int status = -1;
	char byte;
	long child = CALL(57, 0);

	if (child)
		return child > 0 && CALL(61, child, &status, 0, 0) == child ? status : -1;
	which = n;
	CALL(13, 14, action, 0, 8);
	CALL(38, 0, once, 0);
	CALL(0, fd, &byte, 1);
	leave(9);
}

int run(int argc, char **argv)
{
	int fds[2];

	(void)argc;
	(void)argv;
	CALL(22, fds);
	expect("a return that starts itself again", attempt(0, fds[0]), 9 << 8);
	expect("a pc in data", attempt(1, fds[0]), 11);
	expect("a pc that is no landing pad", attempt(2, fds[0]), 11);
	expect("a thread pointer at the edge", attempt(3, fds[0]), 9 << 8);
	expect("a thread pointer outside", attempt(4, fds[0]), 9 << 8);
	expect("a pc outside", attempt(5, fds[0]), 11);
	expect("another call than was interrupted", attempt(6, fds[0]), 7 << 8);
	expect("vector state of noise", attempt(7, fds[0]), 9 << 8);
	if (!wrong)
		say("answered\n");
	return wrong;
}
