/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the parts of the library OS share. Untrusted by the Intravisor; it protects itself from its program, whose every
 * argument is hostile: a user address is a type of its own and is only read and written by the copies below.
 */
#ifndef LIBOS_H
#define LIBOS_H
#include <stddef.h>
#include <stdint.h>

#include <asm/errno.h>
#include <carrel/boot.h>
#include <carrel/host.h>
#include <carrel/window.h>
#include "libos/machine/machine.h"

struct user {
	uint64_t at;    /* as the program gave it: any 64 bits */
};

/* Where data goes to or comes from: what host calls take as `ref`. Made from a user address by user_memory, which is the
 * range check, or from an object of the library OS's own by own_memory. */
struct memory {
	uint64_t ref;
};

/* ---- machine/<isa>/entry.S ---- */
int64_t host_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
/* Those calls that are fast, unless this time they cannot be. */
static inline int64_t host_quick(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	int64_t result = host_fast(number, a, b, c, d, e, f);

	return __builtin_expect(result == HOST_SLOW, 0) ? host_call(number, a, b, c, d, e, f) : result;
}
int user_copy_from(void *to, uint32_t from, size_t n);
int user_copy_to(uint32_t to, const void *from, size_t n);
int user_fill(uint32_t to, size_t n);
int64_t user_exchange_word(uint32_t at, uint32_t old, uint32_t new);
int64_t user_string_from(char *to, uint32_t from, size_t room);
/* Where the ISA's pointers are absolute, windows have bases: of the library OS's own, and of the current thread's program's. Host calls
 * take offsets, and so does all that is done with a program's address space. */
static inline uint64_t own_ref(const volatile void *p)
{
	return (uintptr_t)p - machine_own_base();
}
static inline void *own_pointer(uint64_t ref)
{
	return (void *)(uintptr_t)(ref + machine_own_base());
}
static inline uint64_t program_offset(uint64_t address)
{
	return address - machine_program_base();
}
static inline uint64_t program_address(uint64_t offset)
{
	return offset + machine_program_base();
}
/* A kick ends host calls that may wait with -EINTR, also where they would not have waited: it is noted, and the call made again. Who waits
 * looks at it before (process.h: HOST_BLOCKING, wait.c), and makes a call that a kick ends. */
int64_t host_steady(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);   /* process/lock.c */
#define HOST(name, ...) HOST_PICK(host_steady, HOST_##name __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define HOST_KICKABLE(name, ...) HOST_PICK(host_call, HOST_##name __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define HOST_FAST(name, ...) HOST_FAST_PICK(HOST_##name __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define HOST_FAST_PICK(number, a, b, c, d, e, f, ...)                                                                   \
	host_quick(number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define HOST_PICK(way, number, a, b, c, d, e, f, ...)                                                                   \
	way(number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

/* ---- user memory: 0 or -EFAULT. No bytes are anywhere ---- */
static inline int user_ok(struct user u, uint64_t n)
{
	uint64_t offset = program_offset(u.at);

	return !n || (offset <= UINT32_MAX && n <= UINT32_MAX + 1ull - offset);
}
static inline int user_get(void *to, struct user from, size_t n)
{
	return user_ok(from, n) ? user_copy_from(to, (uint32_t)from.at, n) : -EFAULT;
}
static inline int user_put(struct user to, const void *from, size_t n)
{
	return user_ok(to, n) ? user_copy_to((uint32_t)to.at, from, n) : -EFAULT;
}
/* Atomically, where the word is `old`: 1 if it was, 0 with what it is in *old if not. */
static inline int user_exchange(struct user at, uint32_t *old, uint32_t new)
{
	int64_t found = user_ok(at, 4) ? user_exchange_word((uint32_t)at.at, *old, new) : -EFAULT;
	int done = found == (int64_t)*old;

	if (found >= 0)
		*old = (uint32_t)found;
	return found < 0 ? -EFAULT : done;
}
/* A NUL-terminated string: length, -EFAULT, or -ENAMETOOLONG when it does not end within room. */
int64_t user_string(char *to, struct user from, size_t room);
/* The memory at a user address, with the length cut to what one transfer may move and the window holds. */
#define TRANSFER_MOST 0x7ffff000u       /* as Linux bounds one transfer */
static inline int user_memory(struct user from, uint64_t *length, struct memory *memory)
{
	uint64_t offset = program_offset(from.at);

	if (*length > TRANSFER_MOST)
		*length = TRANSFER_MOST;
	if (offset < WINDOW_MEMORY_END && *length > WINDOW_MEMORY_END - offset)
		*length = WINDOW_MEMORY_END - offset;
	memory->ref = (uint32_t)offset | REF_PROGRAM;
	return user_ok(from, *length) ? 0 : -EFAULT;
}
static inline struct memory own_memory(void *p)
{
	return (struct memory){own_ref(p)};
}
static inline struct memory memory_after(struct memory m, uint64_t n)
{
	return (struct memory){m.ref + n};
}
int memory_get(void *to, struct memory from, size_t n);
int memory_put(struct memory to, const void *from, size_t n);
int memory_zero(struct memory to, size_t n);

/* ---- string.c, format.c ---- */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
void *memchr(const void *s, int c, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Minimal formatting: %s %d %u %x %o %c (with l for 64 bits). Gives the length it wanted. */
size_t format(char *to, size_t room, const char *text, ...) __attribute__((format(printf, 3, 4)));
/* As format, behind what is there already: gives the new end, at most room - 1. */
size_t format_more(char *to, size_t at, size_t room, const char *text, ...) __attribute__((format(printf, 4, 5)));

/* ---- mem/heap.c: the library OS's own memory; NULL without ---- */
void *heap_allocate(size_t size);       /* zeroed */
void heap_free(void *p, size_t size);   /* size as given to heap_allocate */
char *heap_text(const char *text);      /* a copy; freed with strlen + 1 */
void heap_text_free(char *text);

/* ---- mem/space.c, mem/map.c: the program's address space ---- */
struct file;
struct space;
struct space *space_current(void);      /* the calling thread's */
struct space *space_make(uint64_t limit, int64_t window);
void space_hold(struct space *s);
void space_release(struct space *s);
int space_shared_key(const struct space *s, uint64_t at, uint64_t *object, uint64_t *offset);
int64_t space_window(const struct space *s);
uint64_t space_serial(const struct space *s);   /* never another one's */
int64_t space_copy(struct space *from, struct space *to);       /* for fork; `from` is the caller's */
/* file: a host file, whose handle is mapped; NULL: anonymous memory. */
int64_t space_map(uint64_t hint, uint64_t length, int protection, int flags, struct file *file, uint64_t offset);
int64_t space_unmap(uint64_t start, uint64_t length);
int64_t space_protect(uint64_t start, uint64_t length, int protection);
int64_t space_remap(uint64_t start, uint64_t length, uint64_t new_length, int flags, uint64_t new_start);
int64_t space_lock(uint64_t start, uint64_t length, int locked);
void space_lock_all(int now, int later);        /* now: 0, 1, or -1 as it is */
uint64_t space_locked(uint64_t start, uint64_t end);    /* bytes */
void space_synced(uint64_t start, uint64_t end);        /* files of the library OS's own that are mapped there for writing have changed */
int64_t space_break(uint64_t to);
int space_mapped(uint64_t start, uint64_t length);
uint64_t space_total(void);
uint64_t space_total_of(const struct space *s);
/* Range i in ascending order: 0 behind the last. */
int space_range(size_t i, uint64_t *start, uint64_t *end);
/* The program's stack: mapped, with a gap below that the library OS gives to nobody. */
#define SPACE_SHIFT_MOST 0x100000u      /* its top, like where mappings and the break begin, is chosen at random, up to so far from its limit */
#define SPACE_STACK_SIZE 0x800000u      /* 8 MiB, mapped lazily by the host */
#define SPACE_STACK_MOST (WINDOW_MEMORY_END - 0x10000u)
uint64_t space_stack_top(void);         /* a multiple of 16 */
#define SPACE_STACK_GAP  0x100000u      /* as Linux keeps below a stack */

/* ---- start.c ---- */
extern struct carrel_boot *boot;
static inline const char *boot_string(uint32_t offset)
{
	return (const char *)boot + offset;
}

void die(const char *why) __attribute__((noreturn));
#endif
