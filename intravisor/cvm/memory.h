/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What other files need of the memory host calls (hostcall.def 3-9). Trusted.
 */
#ifndef INTRAVISOR_MEMORY_H
#define INTRAVISOR_MEMORY_H
#include "intravisor/cvm/cvm.h"

#define MAP_FILE_SHARED 0x100
/* memory_map_file on a cVM's own reference. fd: the host descriptor behind the handle; `writable` says whether the handle may write. */
int64_t cvm_memory_map_file(struct caller *caller, uint64_t ref, uint64_t length, uint64_t protection_flags, int fd, int writable,
			    uint64_t offset);
/* Page-aligned, not empty, inside [WINDOW_MEMORY_START, WINDOW_MEMORY_END)? */
int memory_range_ok(uint64_t offset, uint64_t length);
/* mmap over a range of a window whose lock is held, or which nobody else knows; a failure leaves no hole. 0 or -errno. */
int memory_replace(uint8_t *at, uint64_t length, uint64_t protection, int flags, int fd, uint64_t offset);
/* The same with fresh anonymous memory; PROT_NONE: a reservation. */
int memory_fresh(uint8_t *at, uint64_t length, uint64_t protection);
#endif
