/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Numbers of CHERI-RISC-V that the same code on every ISA needs. Freestanding.
 */
#ifndef CARREL_ISA_H
#define CARREL_ISA_H

#define ISA_ELF_MACHINE  243            /* EM_RISCV: images are plain riscv64 code */
#define ISA_NAME         "riscv64"
#define ISA_MACHINE      "cheri"        /* as --machine says it */
#define ISA_POOL_SLOTS   8              /* windows reserved at once: the machine's address space has 256 */
#define ISA_WINDOW_AT_ZERO 0
#define ISA_TRAP_BYTE    0              /* what text is padded with: 0000 is no instruction, by definition */
#define ISA_STORED       16             /* bytes that a capability takes in memory (machine/stored.h) */

/* The window offset of what a program's pointer, a number here, names: pointers are absolute. More than 32 bits: none. */
#define ISA_OFFSET(window_base, pointer) ((pointer) - (uint64_t)(window_base))

#endif
