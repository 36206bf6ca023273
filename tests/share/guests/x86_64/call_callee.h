/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call_server.c's part on x86-64: a function that keeps what it finds, and one that leaves as much as it can.
 */
#include "call_registers.h"

struct found found;
__asm__(".globl dump\n.type dump,@function\ndump: endbr64\n" DUMP_GENERAL("0") DUMP_VECTORS DUMP_ENVIRONMENT DUMP_MM "xor %eax,%eax\n ret\n");
long dump(long, long, long, long, long, long);

/* Returns with every register full of what is not the caller's to see, exceptions unmasked and pending. */
__asm__(".globl spoil\n.type spoil,@function\nspoil: endbr64\n"
	"mov $0x5ec7e7, %ebx\n mov %rbx,%rbp\n mov %rbx,%r12\n mov %rbx,%r13\n mov %rbx,%r14\n mov %rbx,%rcx\n mov %rbx,%rdx\n mov %rbx,%rsi\n"
	"mov %rbx,%rdi\n mov %rbx,%r8\n mov %rbx,%r9\n mov %rbx,%r10\n vmovq %rbx,%xmm0\n vinsertf128 $1,%xmm0,%ymm0,%ymm0\n"
	"vmovaps %ymm0,%ymm5\n vmovaps %ymm0,%ymm15\n movl $0x1f00, found(%rip)\n ldmxcsr found(%rip)\n"
	"movq %rbx,%mm3\n emms\n movw $0x360, found+8(%rip)\n fldcw found+8(%rip)\n fld1\n fldz\n fdivrp\n mov $77,%eax\n ret\n");
long spoil(long, long, long, long, long, long);
