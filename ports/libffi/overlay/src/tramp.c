/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Entries of closures, in place of libffi's own tramp.c, which maps a page of them again and again: in a cVM no code is mapped twice. So there
 * are as many as unix64.S has, and the next closure is NULL. An entry that was freed is given out again last, so that a late call is likely
 * to be a fault.
 */
#include <pthread.h>
#include <stddef.h>
#include <tramp.h>

#define SLOTS   1024

struct slot {           /* as long as an entry */
	void *closure;
	struct slot *next;
};

extern const char trampoline_code_table[] __attribute__((visibility("hidden"))), ffi_tramp_table_end[] __attribute__((visibility("hidden")));
struct slot ffi_tramp_slots[SLOTS] __attribute__((visibility("hidden")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* of what follows, and of `next` */
static struct slot *first, *last;       /* of those freed */
static size_t begun;                    /* so many have ever been given out */

int ffi_tramp_is_supported(void)
{
	return ffi_tramp_table_end - trampoline_code_table == sizeof ffi_tramp_slots;
}

void *ffi_tramp_alloc(int flags)
{
	struct slot *slot = NULL;

	if (flags)
		return NULL;
	pthread_mutex_lock(&lock);
	if (begun < SLOTS)
		slot = &ffi_tramp_slots[begun++];
	else if (first) {
		slot = first;
		first = slot->next;
	}
	pthread_mutex_unlock(&lock);
	return slot;
}

/* Where a call goes on is the cif's affair: unix64.S. */
void ffi_tramp_set_parms(void *tramp, void *target, void *closure)
{
	struct slot *slot = tramp;

	(void)target;
	slot->closure = closure;
}

void *ffi_tramp_get_addr(void *tramp)
{
	return (char *)trampoline_code_table + ((char *)tramp - (char *)ffi_tramp_slots);
}

void ffi_tramp_free(void *tramp)
{
	struct slot *slot = tramp;

	slot->closure = NULL;
	slot->next = NULL;
	pthread_mutex_lock(&lock);
	if (first)
		last->next = slot;
	else
		first = slot;
	last = slot;
	pthread_mutex_unlock(&lock);
}
