/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The memory host calls (hostcall.def 3-9). All take a cVM's own references. Trusted.
 */
#ifndef INTRAVISOR_MEMORY_H
#define INTRAVISOR_MEMORY_H
#include "intravisor/cvm/cvm.h"

int64_t cvm_memory_map(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection);
int64_t cvm_memory_unmap(struct cvm *cvm, uint64_t ref, uint64_t length);
int64_t cvm_memory_protect(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection);
/* fd: the host descriptor behind the handle; `writable` says whether the handle may write. */
int64_t cvm_memory_map_file(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection_flags, int fd, int writable,
			    uint64_t offset);
int64_t cvm_memory_discard(struct cvm *cvm, uint64_t ref, uint64_t length);
int64_t cvm_memory_move(struct cvm *cvm, uint64_t old_ref, uint64_t old_length, uint64_t new_ref, uint64_t new_length);
int64_t cvm_memory_sync(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t flags);
#endif
