/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The layout of a window: the 4 GiB piece of the shared address space that is a compartment's DDC and PCC.
 * Both sides read this file. All values are offsets from the window's base, in bytes; a guest's pointers are
 * such offsets, zero-extended to 64 bits (but a program's stack pointer on x86-64: carrel/gate.h). Freestanding. Usable from assembly.
 */
#ifndef CARREL_WINDOW_H
#define CARREL_WINDOW_H

#define WINDOW_SIZE          0x100000000 /* 4 GiB, and every base is a multiple of it */

#define WINDOW_LOW_GUARD     0x00010000  /* [0, 64 KiB): never mapped */
#define WINDOW_GATES         0x00010000  /* x86-64: its gate table (carrel/gate.h), one page, read-only */
#define WINDOW_ARENA_START   0x00020000  /* code arena: images only; each address holds one image once in a life */
#define WINDOW_ARENA_FIRST   0x00100000  /* where the first image goes */
#define WINDOW_ARENA_END     0x40000000
#define WINDOW_MEMORY_START  0x40000000  /* [1 GiB, 4 GiB - 256 KiB): memory the library OS hands out */
#define WINDOW_MEMORY_END    0xfffc0000
#define WINDOW_HIGH_GUARD    0x00040000  /* the last 256 KiB: never mapped */

/* A library OS window only: what the Intravisor maps there before the library OS starts. */
#define LIBOS_BOOT           0x40000000  /* struct carrel_boot and the strings behind it, read-write */
#define LIBOS_BOOT_MAX       0x00400000  /* 4 MiB: 1 MB of arguments and environment fit */
#define LIBOS_STACK_TOP      0x40800000  /* the first thread's library-OS stack grows down from here */
#define LIBOS_STACK_SIZE     0x00040000  /* 256 KiB, the page below it stays unmapped */
#define LIBOS_HEAP_START     0x41000000  /* free for the library OS's own use from here to WINDOW_MEMORY_END */

#endif
