/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Memory that a system call names: the one place where a user address becomes a reference. The program chose the address
 * and the length, both any 64 bits.
 */
#include "libos/libos.h"

int64_t user_string(char *to, struct user from, size_t room)
{
	uint64_t most = UINT32_MAX + 1ull - program_offset(from.at);

	if (!user_ok(from, 1))
		return -EFAULT;
	int64_t n = user_string_from(to, (uint32_t)from.at, room < most ? room : most);
	return n == (int64_t)room ? -ENAMETOOLONG : n == (int64_t)most ? -EFAULT : n;
}

static struct user referred(struct memory m)
{
	return (struct user){program_address(m.ref & ~REF_PROGRAM)};
}

int memory_get(void *to, struct memory from, size_t n)
{
	if (from.ref & REF_PROGRAM)
		return user_get(to, referred(from), n);
	memcpy(to, own_pointer(from.ref), n);
	return 0;
}

int memory_put(struct memory to, const void *from, size_t n)
{
	if (to.ref & REF_PROGRAM)
		return user_put(referred(to), from, n);
	memcpy(own_pointer(to.ref), from, n);
	return 0;
}

int memory_zero(struct memory to, size_t n)
{
	if (to.ref & REF_PROGRAM)
		return user_ok(referred(to), n) ? user_fill((uint32_t)to.ref, n) : -EFAULT;
	memset(own_pointer(to.ref), 0, n);
	return 0;
}
