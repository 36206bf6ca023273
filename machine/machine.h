/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The one interface a machine port fills: how DDC, PCC, CInvoke and the control stack are realised. Everything
 * else in the Intravisor is the same on every ISA. A port that lacks an operation fails to link: never a no-op.
 * Trusted.
 */
#ifndef MACHINE_H
#define MACHINE_H
#include <stddef.h>
#include <stdint.h>

#include <carrel/registers.h>
#include "machine/stored.h"

struct machine_thread;
struct machine_fault {
	int signal;             /* SIGSEGV... */
	uint64_t address;       /* faulting data address as the guest's pointers are, if it may be told */
	int address_in_window;  /* 1: it lies in one of the thread's windows */
	int address_known;      /* 1: it is there, wherever it lies: where pointers are absolute the guest had it */
	char violation[48];     /* what capability hardware says: "length violation through DDC"; else empty */
	uint64_t pc;            /* window offset of the instruction (or of the gate's caller) */
	int compartment;        /* MACHINE_PROGRAM or MACHINE_LIBOS */
	const char *reason;     /* a fixed sentence: "control stack exhausted", "not a landing pad", NULL if plain */
	uint32_t backtrace[64]; /* return offsets, innermost first, from the control stack: exact */
	uint8_t  backtrace_compartment[64];
	size_t depth;
};
#define MACHINE_PROGRAM 0
#define MACHINE_LIBOS   1

struct machine_upcalls {
	/* A host call by the library OS of `thread`; runs on the host stack. */
	int64_t (*host_call)(struct machine_thread *thread, uint64_t number, const uint64_t arguments[6]);
	/* A host call by the fast gate: on the host stack, but with the *guest's* vector state. So this function and all it
	 * calls are compiled with MACHINE_FAST_FLAGS and do not touch it: no libc. */
	int64_t (*host_fast)(void *owner, uint64_t number, const uint64_t arguments[6]);
	/* Calls between cVMs (below). A program's GATE_CALL, of the fast kind, with what the gate says: what machine_call_enter gave, or an
	 * error. GATE_CALL_COPY, of the fast kind. GATE_SERVE. And after a call has ended without its callee: `thread` goes on, on the calling
	 * host thread, and that is another one than before. */
	int64_t (*call)(void *owner, const uint64_t arguments[8]);
	int64_t (*call_copy)(void *owner, uint64_t unused, const uint64_t arguments[6]);
	int64_t (*serve)(struct machine_thread *thread, uint64_t slot);
	void (*moved)(struct machine_thread *thread);
	/* A fault of the library OS, or one the library OS cannot be told of. Called on the signal stack with the host's thread
	 * pointer; must be async-signal-safe; when it returns the thread leaves the guest and machine_thread_run returns. */
	void (*fault)(struct machine_thread *thread, const struct machine_fault *fault);
	/* Guest code met this offset of the program's window inaccessible: 1 if it is there now, and the instruction is tried again.
	 * On the signal stack, the thread in guest code: it holds no lock. NULL: never. */
	int (*missing)(struct machine_thread *thread, uint32_t offset);
};
/* Once per process, before any window: gate page, host signal handlers. 0 or -errno. */
int machine_init(const struct machine_upcalls *upcalls);
/* 1: the host's kernel takes the time from a counter that guests can read too (x86-64: rdtsc), the same on all processors and of one
 * rate, so between two readings of the host's clocks a guest can work them out. Known since machine_init. */
extern int machine_ticks_steady;

/* ---- windows: base is WINDOW_SIZE-aligned, reserved PROT_NONE with its guards by the caller ---- */
int machine_window_open(void *base, int compartment);   /* makes its gate table; 0 or -errno */

/* ---- text: judged before it is ever mapped executable ---- */
struct machine_verdict {
	uint64_t offset;        /* of the first refused instruction, from the start of the text */
	uint8_t bytes[15];
	unsigned length;
	const char *rule;       /* short name, e.g. "memory-form" */
	char reason[160];       /* a sentence */
	uint64_t instructions;  /* decoded and accepted before that */
};
struct machine_text {
	const uint8_t *text;    /* private copy, whole pages, padded with ISA_TRAP_BYTE */
	size_t size;            /* bytes, a multiple of 4096 */
	uint64_t text_offset;   /* image-relative address of text[0] */
	uint64_t address;       /* of text[0] in its file's own terms: for what is printed, and nothing else */
	uint64_t image_span;    /* image-relative end; [0, span) is the image's own */
	int policy;             /* IMAGE_POLICY_* */
};
/* 0: every byte accepted; -EACCES: verdict says why; other -errno. No state kept, thread-safe. `each`, if not NULL, hears piece by piece
 * what was accepted, and what for: instructions (code 1), and bytes that are none. */
typedef void machine_piece(void *argument, uint64_t at, uint64_t length, int code, const char *what);
int machine_verify(const struct machine_text *text, struct machine_verdict *verdict, machine_piece *each, void *argument);
/* Is the word at `text + at` a landing pad? (text as in machine_verify; at + 4 <= size is checked) */
int machine_is_landing_pad(const uint8_t *text, size_t size, uint64_t at);

/* ---- threads: a host thread that runs guest code on a control stack of its own ---- */
struct machine_thread *machine_thread_create(void *program_window, void *libos_window, void *owner);
/* A thread whose control stack holds a copy of the frames of an interrupted one, so that resuming it goes on where that one was
 * interrupted, in `program_window`: the same, or another in which every image lies at the same offset. Called from a host call
 * of `from`. NULL: `from` is not interrupted, or no memory. */
struct machine_thread *machine_thread_copy(const struct machine_thread *from, void *program_window, void *owner);
void machine_thread_destroy(struct machine_thread *thread);
void *machine_thread_owner(const struct machine_thread *thread);
/* Runs the library OS at `entry` (offset of a landing pad) with data stack `stack` and `argument` as its first
 * argument, on the calling host thread, until machine_thread_leave, machine_thread_stop or a fault. Gives the leave value, or
 * -EFAULT after a fault was reported, -ECANCELED after a stop, -EINVAL when entry is not a landing pad. *left is the thread that has left,
 * which is another one where a call ended without its callee. */
int64_t machine_thread_run(struct machine_thread *thread, uint32_t entry, uint32_t stack, uint64_t argument, struct machine_thread **left);
/* From inside a host call only: abandon the guest, make machine_thread_run return `value`. */
__attribute__((noreturn)) void machine_thread_leave(struct machine_thread *thread, int64_t value);
/* May guest code be entered there: is it a landing pad in the window's code arena? If the page is data a jump there faults. */
int machine_entry_ok(const void *window, uint32_t entry);
/* From inside HOST_program_enter only: throw away the guest frames and start the program. Returns (-EINVAL) only when
 * `entry` is not a landing pad. */
int machine_thread_program(struct machine_thread *thread, uint32_t entry, uint32_t stack);
/* From inside a host call: throw away all guest frames, take another program window, go on in the library OS at `entry`, which
 * machine_entry_ok said yes to, with its one argument. */
__attribute__((noreturn)) void machine_thread_window(struct machine_thread *thread, void *program_window, uint32_t entry,
						      uint64_t argument);
/* HOST_entry_set: where system calls (0) and interruptions (2) enter the library OS; where a fault of library-OS text in
 * [start, end) on program memory goes (1). -EINVAL if the target is not a landing pad of the library OS. */
int machine_thread_entry_set(struct machine_thread *thread, uint64_t which, uint32_t start, uint32_t end, uint32_t target);

/* ---- interruptions: a program is taken to its library OS at an instruction's border, all registers kept ---- */
#define MACHINE_KICK  16                /* the host signal that interrupts (SIGSTKFLT, which the kernel never sends) */
#define MACHINE_FATAL (1ull << 32)      /* in `code`: the frames are gone, nothing can be resumed */
/* Where the registers go: a struct carrel_registers in the library OS's window, or NULL. */
void machine_thread_registers(struct machine_thread *thread, void *registers);
/* Interrupts the thread, which may be this one: it enters the interrupt entry with (what, code, address), at once if it is in
 * its program, else on its way there; a blocking host call ends with -EINTR. what: 0 for a kick, else the signal of a fault. */
void machine_thread_kick(struct machine_thread *thread);
/* As a kick, but the thread leaves its guest wherever it is; call again until it has left. */
void machine_thread_stop(struct machine_thread *thread);
/* From inside a host call of the interrupted thread: back to the program. Returns only on error: -EINVAL for no interruption,
 * a pc that is neither the interrupted one nor a landing pad. */
int machine_thread_resume(struct machine_thread *thread, const struct carrel_registers *registers, uint64_t how);
/* The fault behind the last interruption that was one. */
const struct machine_fault *machine_thread_fault(const struct machine_thread *thread);
/* A host system call that kicks end, also before it begins. Its result or -errno. */
int64_t machine_blocking(struct machine_thread *thread, long number, long a, long b, long c, long d, long e, long f);

/* ---- calls between cVMs: the caller's host thread goes along (docs/architecture.md, CP_Call). Those marked F are of the fast kind ---- */
struct machine_buffer {                 /* memory of the caller's that the callee may copy from and to */
	struct machine_range memory;    /* at the call by the caller's window, at the callee by `stored` */
	uint64_t rights;                /* CALL_READ is CAP_LOAD, CALL_WRITE is CAP_STORE */
	struct machine_stored stored;   /* tagged while the call lasts, and no longer */
};
#define MACHINE_BUFFERS 4
/* From the serve upcall: lets calls of `id` into the thread's program at `entry`, a landing pad, as long as *service, which is never
 * unmapped, is that; id < 2^58. Gives -EINTR for a kick, -EBADF when the service has ended (machine_call_look). */
int64_t machine_call_serve(struct machine_thread *thread, const uint64_t *service, uint64_t id, uint32_t entry);
/* F: from the call upcall: `callee` runs on this host thread from now on; what the upcall is to give. -EAGAIN: it does not wait for a call
 * of `id`, or the caller is to be interrupted first; nothing has happened. limit: a time (machine_call_expire), 0: none. */
int64_t machine_call_enter(struct machine_thread *caller, struct machine_thread *callee, uint64_t id, uint64_t limit,
			   const struct machine_buffer *buffers, unsigned count);
/* F: by a callee: buffer `index` of its call stays the caller's memory until the release, whatever happens; NULL: no such, or no call. */
const struct machine_buffer *machine_call_hold(struct machine_thread *callee, uint64_t index);
void machine_call_release(struct machine_thread *callee);
/* The call of this thread that is to be over by time `now`, ends for its caller with -ETIMEDOUT. 1: it has a call with a limit. */
int machine_call_expire(struct machine_thread *callee, uint64_t now);
void machine_call_look(struct machine_thread *callee);  /* F: what it serves has ended */
int machine_thread_home(const struct machine_thread *thread);   /* the host thread (gettid) that timers of this thread are to signal */

/* ---- for fast host calls (upcalls above): all of these leave vector state as it is ---- */
/* A host system call that no kick ends. Its result or -errno. */
int64_t machine_system(long number, long a, long b, long c, long d, long e, long f);
/* As the copies below, either way. */
int machine_copy(void *to, const void *from, size_t length);
/* As machine_copy, between bytes that somebody was granted, which is all that is read and written: an access outside of a range is an error
 * of the Intravisor's own and ends the process. Where there are capabilities, each access goes by those that the ranges are by, so it
 * is the access that traps, and -EBADF says that one of them has been cleared: what was copied until then was granted until then. Not on the
 * signal stack. */
int machine_copy_ranges(const struct machine_range *to, uint64_t to_offset, const struct machine_range *from, uint64_t from_offset,
			uint64_t length);
/* clock_gettime into seconds and nanoseconds; 0 or -errno. */
int machine_clock(uint64_t clock, int64_t time[2]);
void machine_relax(void);               /* a moment of a loop that waits for another processor */

/* ---- memory of guests: copies that survive a fault. 0 or -EFAULT. host = window base + checked offset ---- */
int machine_copy_in(void *to, const void *guest, size_t length);
int machine_copy_out(void *guest, const void *from, size_t length);

#endif
