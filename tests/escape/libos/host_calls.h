/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host calls' numbers for assembly, from the one table, and the Linux constants the rows name.
 */
#define HOST_CALL(number, name, args, text) .set HOST_##name, number
#include <carrel/hostcall.def>
#undef HOST_CALL

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define SHARED 0x100
#define BOOT_PROGRAM 1060       /* offset of struct boot_image in struct carrel_boot (checked by escape.t) */

#define EPERM 1
#define EINTR 4
#define ENOENT 2
#define ESRCH 3
#define ENOEXEC 8
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENOTTY 25
#define EROFS 30
#define ENAMETOOLONG 36
#define ENOSYS 38
#define ELOOP 40
#define ENOTSOCK 88
#define ETIMEDOUT 110

/* The program's first argument as a number, in ebx. boot.argv: argc strings one after another; the first is its name. */
.macro argument_number
	mov $(LIBOS_BOOT + 8), %r11d
	mov (%r14,%r11), %esi
	add $LIBOS_BOOT, %esi
1:	mov %esi, %r11d
	movzbl (%r14,%r11), %eax
	add $1, %esi
	test %eax, %eax
	jne 1b
	xor %ebx, %ebx
2:	mov %esi, %r11d
	movzbl (%r14,%r11), %eax
	sub $'0', %eax
	cmp $9, %eax
	ja 3f
	imul $10, %ebx, %ebx
	add %eax, %ebx
	add $1, %esi
	jmp 2b
3:
.endm
