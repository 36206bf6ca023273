/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * libgcc's unwinder on the dual stack (docs/architecture.md): return addresses lie on the control stack alone, and GATE_CONTROL_MARK
 * tells them; call frame information tells the rest. What libgcc's configure would write, and what ../unwind-dw2.c is patched with.
 */
#ifndef CARREL_TCONFIG_H
#define CARREL_TCONFIG_H

#define IN_GCC
#define IN_LIBGCC2
#define USED_FOR_TARGET
#define HAVE_CC_TLS 1
#define HAVE_LD_EH_FRAME_HDR 1
#define TARGET_DL_ITERATE_PHDR 1
#define SUPPORTS_WEAK 1
#define GTHREAD_USE_WEAK 0              /* musl has no weak ones */
#define CARREL_HERE 0xffffffff          /* CONTROL_HERE of carrel/gate.h */
#define DWARF_REG_TO_UNWIND_COLUMN(number) (number)

/* depth (at most the caller's own; 8 less is one call further out) -> where that call returns to; ra = 0: there is none. control.s */
struct carrel_mark {
	unsigned long depth;
	void *ra;
} __carrel_mark(unsigned long depth);

/* As glibc's, which libgcc prefers: what it would do by itself keeps a cache that relies on dl_iterate_phdr's lock, and musl holds none
 * while it calls back. 0 and where the header of the call frame information lies of the object that pc is in, or -1. find_object.c */
#define DLFO_STRUCT_HAS_EH_DBASE 0
struct dl_find_object {
	void *dlfo_eh_frame;
};
int _dl_find_object(void *pc, struct dl_find_object *result) __attribute__((visibility("hidden")));

/* A landing pad and what it finds there. */
struct carrel_landing {
	unsigned long rbx, rbp, r12, r13, r14, sp, pc, rax, rdx, depth;
};
void __carrel_land(const struct carrel_landing *) __attribute__((noreturn));

/* context describes the caller of what it described. */
#define carrel_caller(context) \
	((context)->depth -= 8, (context)->ra = __carrel_mark((context)->depth).ra)

/* Registers by their numbers in DWARF (psABI, figure 3.36). */
#define carrel_land(target) do { \
	struct carrel_landing landing = { \
		.rbx = _Unwind_GetGR(target, 3), .rbp = _Unwind_GetGR(target, 6), \
		.r12 = _Unwind_GetGR(target, 12), .r13 = _Unwind_GetGR(target, 13), .r14 = _Unwind_GetGR(target, 14), \
		.sp = (unsigned long)(target)->cfa + (target)->args_size, .pc = (unsigned long)(target)->ra, \
		.rax = _Unwind_GetGR(target, __builtin_eh_return_data_regno(0)), \
		.rdx = _Unwind_GetGR(target, __builtin_eh_return_data_regno(1)), .depth = (target)->depth, \
	}; \
	__carrel_land(&landing); \
} while (0)

#endif
