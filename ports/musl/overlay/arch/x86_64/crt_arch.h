/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The first instructions of a program in a cVM: the data stack is r15, argc lies on top of it.
 */
__asm__(
".text \n"
".global " START " \n"
".type " START ",@function \n"
START ": \n"
"	.carrel_delta 0 \n"
"	xor %ebp,%ebp \n"
"	mov %r15,%rdi \n"
#ifdef __PIC__          /* who relocates itself needs it */
".hidden _DYNAMIC \n"
"	lea _DYNAMIC(%rip),%rsi \n"
#endif
"	and $-16,%r15 \n"
"	call " START "_c \n"
"	hlt \n"
);
