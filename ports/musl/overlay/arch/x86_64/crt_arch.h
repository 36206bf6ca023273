/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The first instructions of a program in a cVM: argc lies on top of the data stack.
 */
__asm__(
".text \n"
".global " START " \n"
".type " START ",@function \n"
START ": \n"
"	.carrel_delta 0 \n"
"	xor %ebp,%ebp \n"
"	mov %rsp,%rdi \n"
#ifdef __PIC__          /* who relocates itself needs it */
".hidden _DYNAMIC \n"
"	lea _DYNAMIC(%rip),%rsi \n"
#endif
"	and $-16,%rsp \n"
"	call " START "_c \n"
"	hlt \n"
);
