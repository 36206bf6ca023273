/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host of the unit tests as an ISA: its one thread's struct lies in fake_stack.
 */
#include <stdint.h>

#define MACHINE_NAME     "fake"
#define MACHINE_RELATIVE 0
int64_t host_fast(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
extern char fake_stack[];
static inline uintptr_t machine_stack(void)
{
	return (uintptr_t)fake_stack;
}
static inline uint64_t machine_own_base(void)
{
	return 0;
}
static inline uint64_t machine_program_base(void)
{
	return 0;
}
