/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What the loader tells the system calls, and what a fork must hold.
 */
#ifndef EMULATOR_SYSTEM_STATE_H
#define EMULATOR_SYSTEM_STATE_H

#include <stdbool.h>
#include <stdint.h>

void system_program_path(const char *path);	/* what /proc/self/exe is */
const char *system_program(void);
void system_brk_set(uint64_t start);
void system_memory_lock(void);
void system_memory_unlock(void);
bool proc_is_map(const char *path);	/* of a process of this emulator's, its maps or smaps */
int proc_map_open(const char *path, int flags);

#endif
