/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * As upstream's, but objects come as whole images: see the end.
 */
#define LDSO_ARCH "x86_64"

#define REL_SYMBOLIC    R_X86_64_64
#define REL_OFFSET32    R_X86_64_PC32
#define REL_GOT         R_X86_64_GLOB_DAT
#define REL_PLT         R_X86_64_JUMP_SLOT
#define REL_RELATIVE    R_X86_64_RELATIVE
#define REL_COPY        R_X86_64_COPY
#define REL_DTPMOD      R_X86_64_DTPMOD64
#define REL_DTPOFF      R_X86_64_DTPOFF64
#define REL_TPOFF       R_X86_64_TPOFF64
#define REL_TLSDESC     R_X86_64_TLSDESC

#define CRTJMP(pc,sp) __asm__ __volatile__( \
	"mov %1,%%rsp ; jmp *%0" : : "r"(pc), "r"(sp) : "memory" )

#define GETFUNCSYM(fp, sym, got) __asm__ ( \
	".hidden " #sym "\n" \
	"	lea " #sym "(%%rip),%0\n" \
	: "=r"(*fp) : : "memory" )

#define CARREL_SPARE_TLS 32768         /* of each thread, for objects that dlopen brings (ports/musl/late-tls.patch) */

/* ldso/dynlink.c alone (it says SYSCALL_NO_TLS) maps objects, first the whole file and then segment by segment over it. Here the first
 * request, as code, gives the whole image with all its segments in place and zeros behind its data; the others find them there. */
#ifdef SYSCALL_NO_TLS
#include <sys/mman.h>
static inline void *carrel_map(void *at, size_t length, int protection, int flags, int fd, long offset)
{
	if (flags & MAP_FIXED)
		return at;
	char *base = mmap(0, length, PROT_READ | PROT_EXEC, flags, fd, offset);
	return base == MAP_FAILED ? MAP_FAILED : base + (size_t)at;
}
#define mmap(...) carrel_map(__VA_ARGS__)
#endif
