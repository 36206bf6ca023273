/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The memory host calls (hostcall.def 3-9). All take a cVM's own references. Trusted.
 */
#ifndef INTRAVISOR_MEMORY_H
#define INTRAVISOR_MEMORY_H
#include "intravisor/cvm/cvm.h"

int64_t cvm_memory_map(struct caller *caller, uint64_t ref, uint64_t length, uint64_t protection);
int64_t cvm_memory_unmap(struct caller *caller, uint64_t ref, uint64_t length);
int64_t cvm_memory_protect(struct caller *caller, uint64_t ref, uint64_t length, uint64_t protection);
#define MAP_FILE_SHARED 0x100
/* fd: the host descriptor behind the handle; `writable` says whether the handle may write. */
int64_t cvm_memory_map_file(struct caller *caller, uint64_t ref, uint64_t length, uint64_t protection_flags, int fd, int writable,
			    uint64_t offset);
int64_t cvm_memory_discard(struct caller *caller, uint64_t ref, uint64_t length);
int64_t cvm_memory_move(struct caller *caller, uint64_t old_ref, uint64_t length, uint64_t new_ref);
int64_t cvm_memory_sync(struct caller *caller, uint64_t ref, uint64_t length, uint64_t flags);
/* Page-aligned, not empty, inside [WINDOW_MEMORY_START, WINDOW_MEMORY_END)? */
int memory_range_ok(uint64_t offset, uint64_t length);
/* mmap over a range of a window whose lock is held; a failure leaves no hole. 0 or -errno. */
int memory_replace(uint8_t *at, uint64_t length, uint64_t protection, int flags, int fd, uint64_t offset);
#endif
