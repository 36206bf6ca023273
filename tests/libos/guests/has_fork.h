/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What guests that run on both machines ask about theirs.
 */
#ifndef HAS_FORK_H
#define HAS_FORK_H
/* Is there a fork? On CHERI-RISC-V pointers are absolute, so a copy of a window cannot go on elsewhere (docs/caveats.md): what needs one is
 * left out there. vfork, posix_spawn and exec are everywhere. */
#ifdef __riscv
#define FORKS 0
#else
#define FORKS 1
#endif
#endif
