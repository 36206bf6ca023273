/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS against every host call that takes a ref: out of the window, over its end, lengths that
 * overflow, the other window, text and unmapped pages. A refusal is -EFAULT and nothing is written.
 */
#include "rows.h"
	start
	no_strings



row "a page to use", EXACT, OK, HOST_memory_map, M, 0x2000, 3

row "random: ref 0", EXACT, -EFAULT, HOST_random, 0, 16
row "random: low guard", EXACT, -EFAULT, HOST_random, 0xfff8, 16
row "random: unmapped", EXACT, -EFAULT, HOST_random, 0x60000000, 16
row "random: own text", EXACT, -EFAULT, HOST_random, LIBOS_TEXT, 16
row "random: program text", EXACT, -EFAULT, HOST_random, PROGRAM_ENTRY, 16
row "random: runs into unmapped", EXACT, -EFAULT, HOST_random, M+0x3000, 16
row "random: over the end", EXACT, -EFAULT, HOST_random, END-8, 16
row "random: high guard", EXACT, -EFAULT, HOST_random, END, 16
row "random: our own gate table", EXACT, -EFAULT, HOST_random, GATES+8, 16
row "random: the program's gate table", EXACT, -EFAULT, HOST_random, REF_PROGRAM+GATES+8, 16
row "random: last page", EXACT, -EFAULT, HOST_random, 0xfffffff0, 16
row "random: around the end", EXACT, -EFAULT, HOST_random, 0xfffffff8, 16
row "random: program's end", EXACT, -EFAULT, HOST_random, REF_PROGRAM+0xfffffff0, 16
row "random: bit 33", EXACT, -EFAULT, HOST_random, 0x200000000+M, 16
row "random: bits 33 and 32", EXACT, -EFAULT, HOST_random, 0x300000000+M, 16
row "random: sign bit", EXACT, -EFAULT, HOST_random, 0x8000000000000000+M, 16
row "random: -8", EXACT, -EFAULT, HOST_random, -8, 16
row "random: a host address", EXACT, -EFAULT, HOST_random, 0x7ffff7dd0000, 16
row "random: length overflows", EXACT, -EFAULT, HOST_random, M, -1
row "random: length overflows to 16", EXACT, -EFAULT, HOST_random, M, 16-M-0x100000000
row "random: length 4 GiB", EXACT, -EFAULT, HOST_random, M, 0x100000000
row "random: length 2^63", EXACT, -EFAULT, HOST_random, M, 0x8000000000000000

row "write: unmapped", EXACT, -EFAULT, HOST_write, 1, 0x60000000, 16, -1
row "write: high guard", EXACT, -EFAULT, HOST_write, 1, END, 16, -1
row "write: last page", EXACT, -EFAULT, HOST_write, 1, 0xfffff000, 16, -1
row "write: a host address", EXACT, -EFAULT, HOST_write, 1, 0x7ffff7dd0000, 16, -1
row "write: length overflows", EXACT, -EFAULT, HOST_write, 1, M, -1, -1
row "read: text", EXACT, -EFAULT, HOST_read, 0, LIBOS_TEXT, 16, -1
row "write: gate table", EXACT, -EFAULT, HOST_write, 1, GATES, 16, -1
row "read: gate table", EXACT, -EFAULT, HOST_read, 0, GATES, 16, -1
row "read: last page", EXACT, -EFAULT, HOST_read, 0, 0xfffff000, 16, -1
row "read: length overflows", EXACT, -EFAULT, HOST_read, 0, M, -0x1000, -1

row "clock_get: text", EXACT, -EFAULT, HOST_clock_get, 1, LIBOS_TEXT
row "clock_get: end", EXACT, -EFAULT, HOST_clock_get, 1, END-8
row "clock_get: unmapped", EXACT, -EFAULT, HOST_clock_get, 1, 0x60000000
row "clock_get: page edge", EXACT, -EFAULT, HOST_clock_get, 1, M+0x1ff8
row "clock_get: bad clock", EXACT, -EINVAL, HOST_clock_get, 0x7fffffff, M
row "clock_resolution: text", EXACT, -EFAULT, HOST_clock_resolution, 1, PROGRAM_ENTRY
row "clock_sleep: unmapped", EXACT, -EFAULT, HOST_clock_sleep, 1, 0, 0x60000000
row "usage: text", EXACT, -EFAULT, HOST_usage, LIBOS_TEXT
row "usage: end", EXACT, -EFAULT, HOST_usage, END-8
row "stat: result into text", EXACT, -EFAULT, HOST_stat, 1, 0, 0, LIBOS_TEXT
row "stat: result at the end", EXACT, -EFAULT, HOST_stat, 1, 0, 0, END-8
row "stat: result unmapped", EXACT, -EFAULT, HOST_stat, 1, 0, 0, 0x60000000
row "stat_filesystem: text", EXACT, -EFAULT, HOST_stat_filesystem, 1, LIBOS_TEXT
row "poll: array unmapped", EXACT, -EFAULT, HOST_poll, 0x60000000, 1, 0
row "poll: array over the end", EXACT, -EFAULT, HOST_poll, END-8, 2, 0
row "poll: array in text", EXACT, -EFAULT, HOST_poll, LIBOS_TEXT, 1, 0
row "trace: unmapped, and nothing is traced", EXACT, OK, HOST_trace, 0x60000000, 8
row "report: unmapped", EXACT, -EFAULT, HOST_report, 0x60000000, 8
row "report: a host address", EXACT, -EFAULT, HOST_report, 0x7ffff7dd0000, 8
row "report: last page", EXACT, -EFAULT, HOST_report, 0xfffff000, 8

/* ---- handles ---- */
.macro bad_handle handle
row "write: handle \handle", EXACT, -EBADF, HOST_write, \handle, M, 1, -1
row "read: handle \handle", EXACT, -EBADF, HOST_read, \handle, M, 1, -1
row "seek: handle \handle", EXACT, -EBADF, HOST_seek, \handle, 0, 0
row "stat: handle \handle", EXACT, -EBADF, HOST_stat, \handle, 0, 0, M
row "truncate: handle \handle", EXACT, -EBADF, HOST_truncate, \handle, 0
row "sync: handle \handle", EXACT, -EBADF, HOST_sync, \handle, 0
row "directory_read: handle \handle", EXACT, -EBADF, HOST_directory_read, \handle, M, 0x1000
row "open: handle \handle", EXACT, -EBADF, HOST_open, \handle, LIBOS_TEXT, 1, 0, 0
row "link_read: handle \handle", EXACT, -EBADF, HOST_link_read, \handle, LIBOS_TEXT, 1, M, 0x100
row "directory_make: handle \handle", EXACT, -EBADF, HOST_directory_make, \handle, LIBOS_TEXT, 1, 0
row "unlink: handle \handle", EXACT, -EBADF, HOST_unlink, \handle, LIBOS_TEXT, 1, 0
row "mode_set: handle \handle", EXACT, -EBADF, HOST_mode_set, \handle, 0, 0, 0
row "times_set: handle \handle", EXACT, -EBADF, HOST_times_set, \handle, 0, 0, 0
row "lock: handle \handle", EXACT, -EBADF, HOST_lock, \handle, 0, 0, 0, 0
row "terminal: handle \handle", EXACT, -EBADF, HOST_terminal, \handle, 0x5401, M
row "stat_filesystem: handle \handle", EXACT, -EBADF, HOST_stat_filesystem, \handle, M
row "allocate: handle \handle", EXACT, -EBADF, HOST_allocate, \handle, 0, 0, 1
row "access: handle \handle", EXACT, -EBADF, HOST_access, \handle, LIBOS_TEXT, 1, 0
row "owner_set: handle \handle", EXACT, -EBADF, HOST_owner_set, \handle, 0, 0, 0, 0
row "close: handle \handle", EXACT, -EBADF, HOST_close, \handle
.endm
bad_handle 3
bad_handle 77
bad_handle 0x7fffffff
bad_handle 0xffffffff
bad_handle 0x100000001
bad_handle 0x8000000000000001
bad_handle -1
bad_handle -4096

/* ---- stale ---- */
row "close: handle 2", EXACT, OK, HOST_close, 2
row "write: the stale handle", EXACT, -EBADF, HOST_write, 2, M, 1, -1
row "close: the stale handle", EXACT, -EBADF, HOST_close, 2

/* ---- numbers and numbers' neighbours ---- */
row "no call 10 + 2^16", EXACT, -ENOSYS, 0x1000a
row "memory_object: nothing", EXACT, -EINVAL, HOST_memory_object, 0
row "memory_object: half a page", EXACT, -EINVAL, HOST_memory_object, 0x800
row "memory_object: 4 GiB", EXACT, -EINVAL, HOST_memory_object, 0x100000000
row "memory_object: -4096", EXACT, -EINVAL, HOST_memory_object, -0x1000
row "memory_object: honest", KEEP, 0, HOST_memory_object, 0x2000
row "memory_object: does not grow by a write", EXACT, -EPERM, HOST_write, ANY_HANDLE, M, 16, 0x2000
row "memory_object: mapped executable", EXACT, -EINVAL, HOST_memory_map_file, 0x51000000, 0x1000, 0x105, ANY_HANDLE, 0
row "memory_object: mapped", EXACT, OK, HOST_memory_map_file, 0x51000000, 0x2000, 0x103, ANY_HANDLE, 0
row "memory_object: closed", EXACT, OK, HOST_close, ANY_HANDLE
row "memory_object: the mapping stays", EXACT, 16, HOST_random, 0x51000000, 16
row "memory_object: nearly all", KEEP, 0, HOST_memory_object, 0xbff00000
row "memory_object: more than all", EXACT, -ENOMEM, HOST_memory_object, 0xbff00000
row "memory_object: given back", EXACT, OK, HOST_close, ANY_HANDLE
row "memory_object: again", KEEP, 0, HOST_memory_object, 0xbff00000
row "memory_object: given back again", EXACT, OK, HOST_close, ANY_HANDLE
row "timer: beyond time", EXACT, -EINVAL, HOST_timer, -1
row "timer: far away", EXACT, OK, HOST_timer, 0x7fffffffffffffff
row "timer: none", EXACT, OK, HOST_timer, 0
row "no call 500", EXACT, -ENOSYS, 500
row "no call 2^32 + 50", EXACT, -ENOSYS, 0x100000032, M, 16
row "no call -1", EXACT, -ENOSYS, -1
row "no call 2^63", EXACT, -ENOSYS, 0x8000000000000000

/* ---- entries ---- */
row "entry_set: not a landing pad", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, LIBOS_TEXT+4
row "entry_set: data that is not a marker", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, LIBOS_DATA+8
row "entry_set: in the boot block", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, LIBOS_BOOT
row "entry_set: the program's entry", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, PROGRAM_ENTRY
row "entry_set: end of the window", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, 0xfffffffe
row "entry_set: a host address", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, 0x7ffff7dd0000
row "entry_set: high half set", EXACT, -EINVAL, HOST_entry_set, 0, 0, 0, LIBOS_TEXT+0x200000000
row "entry_set: no such kind", EXACT, -EINVAL, HOST_entry_set, 3, 0, 0, LIBOS_TEXT
row "entry_set: interruptions into data", EXACT, -EINVAL, HOST_entry_set, 2, 0, 0, LIBOS_DATA+8
row "entry_set: kind with a high half", EXACT, -EINVAL, HOST_entry_set, 0x100000000, 0, 0, LIBOS_TEXT
row "fix-up: not a landing pad", EXACT, -EINVAL, HOST_entry_set, 1, LIBOS_TEXT, LIBOS_TEXT+16, LIBOS_TEXT+4
row "fix-up: turned round", EXACT, -EINVAL, HOST_entry_set, 1, LIBOS_TEXT+16, LIBOS_TEXT, LIBOS_TEXT
row "fix-up: end has a high half", EXACT, -EINVAL, HOST_entry_set, 1, LIBOS_TEXT, 0x7ffff7dd0000, LIBOS_TEXT
row "fix-up: an honest one", EXACT, OK, HOST_entry_set, 1, LIBOS_TEXT, LIBOS_TEXT+16, LIBOS_TEXT

row "program_enter: not a landing pad", EXACT, -EINVAL, HOST_program_enter, PROGRAM_ENTRY_OFFSET+1, 0x50000000
row "program_enter: a page of random data", EXACT, -EINVAL, HOST_program_enter, 0x50000000, 0x50000000
row "program_enter: unmapped", EXACT, -EINVAL, HOST_program_enter, 0x60000000, 0x50000000
row "program_enter: end of the window", EXACT, -EINVAL, HOST_program_enter, 0xfffffffe, 0x50000000
row "program_enter: high half", EXACT, -EINVAL, HOST_program_enter, 0x7ffff7dd0000, 0x50000000
row "program_enter: a ref", EXACT, -EINVAL, HOST_program_enter, PROGRAM_ENTRY, 0x50000000
row "program_enter: stack with a high half", EXACT, -EINVAL, HOST_program_enter, PROGRAM_ENTRY_OFFSET, 0x7ffff7dd0000

/* ---- threads and windows ---- */
row "thread_start: not interrupted", EXACT, -EAGAIN, HOST_thread_start, -1, LIBOS_TEXT, M, 0
row "thread_start: not a landing pad", EXACT, -EINVAL, HOST_thread_start, -1, LIBOS_TEXT+4, M, 0
row "thread_start: the program's entry", EXACT, -EINVAL, HOST_thread_start, -1, PROGRAM_ENTRY, M, 0
row "thread_start: stack with a high half", EXACT, -EINVAL, HOST_thread_start, -1, LIBOS_TEXT, 0x7ffff7dd0000, 0
row "thread_start: no such window", EXACT, -EBADF, HOST_thread_start, 1, LIBOS_TEXT, M, 0
row "thread_start: a window beyond the table", EXACT, -EBADF, HOST_thread_start, 0x100000000, LIBOS_TEXT, M, 0
row "thread_exit: the word in the program's window", EXACT, -EFAULT, HOST_thread_exit, REF_PROGRAM+M
row "thread_exit: misaligned", EXACT, -EFAULT, HOST_thread_exit, M+2
row "thread_exit: over the end", EXACT, -EFAULT, HOST_thread_exit, END
row "thread_kick: nobody", EXACT, -ESRCH, HOST_thread_kick, 1
row "thread_kick: beyond the table", EXACT, -ESRCH, HOST_thread_kick, 0x100000000
row "thread_registers: over the end", EXACT, -EFAULT, HOST_thread_registers, END-8
row "thread_registers: the program's window", EXACT, -EFAULT, HOST_thread_registers, REF_PROGRAM+M
row "thread_resume: not interrupted", EXACT, -EINVAL, HOST_thread_resume, M, 0
row "thread_resume: no such way", EXACT, -EINVAL, HOST_thread_resume, M, 2
row "thread_resume: unmapped", EXACT, -EFAULT, HOST_thread_resume, 0x60000000, 0
row "window_close: no such window", EXACT, -EBADF, HOST_window_close, 1
row "window_close: beyond the table", EXACT, -EBADF, HOST_window_close, -1
row "window_enter: no such window", EXACT, -EBADF, HOST_window_enter, 1, LIBOS_TEXT, 0
row "window_enter: not a landing pad", EXACT, -EINVAL, HOST_window_enter, 0, LIBOS_TEXT+4, 0
row "window_image: no such handle", EXACT, -EBADF, HOST_window_image, 0, 77, M
row "window_image: not a regular file", EXACT, -EACCES, HOST_window_image, 0, 0, M
row "memory_copy: into itself", EXACT, -EINVAL, HOST_memory_copy, 0, M, 0x1000, 3
row "memory_copy: no such window", EXACT, -EBADF, HOST_memory_copy, 1, M, 0x1000, 3
row "a second window", KEEP, 0, HOST_window_open
row "memory_copy: over the arena", EXACT, -EINVAL, HOST_memory_copy, ANY_HANDLE, ARENA_END-0x1000, 0x2000, 3
row "memory_copy: over the end", EXACT, -EINVAL, HOST_memory_copy, ANY_HANDLE, END-0x1000, 0x2000, 3
row "memory_copy: executable", EXACT, -EINVAL, HOST_memory_copy, ANY_HANDLE, M, 0x1000, 5
row "memory_copy: what was never touched", EXACT, OK, HOST_memory_copy, ANY_HANDLE, 0x60000000, 0x1000, 3
row "thread_start: another window without the frames' images", EXACT, -EINVAL, HOST_thread_start, ANY_HANDLE, LIBOS_TEXT, M, 0
row "map: in the second window", EXACT, OK, HOST_memory_map, 0x300000000+M, 0x1000, 3
row "window_close: honest", EXACT, OK, HOST_window_close, ANY_HANDLE
row "map: in the window that was closed", EXACT, -EINVAL, HOST_memory_map, 0x300000000+M, 0x1000, 3
row "window_close: stale", EXACT, -EBADF, HOST_window_close, ANY_HANDLE
row "window_copy: honest", KEEP, 0, HOST_window_copy
row "window_close: the copy", EXACT, OK, HOST_window_close, ANY_HANDLE
/* ---- futexes ---- */
row "futex: misaligned", EXACT, -EINVAL, HOST_futex, M+2, 0, 0, 0
row "futex: the last page", EXACT, -EFAULT, HOST_futex, 0xfffff000, 1, 1, 0
row "futex: a host address", EXACT, -EFAULT, HOST_futex, 0x7ffff7dd0000, 1, 1, 0
row "futex: a lock operation", EXACT, -ENOSYS, HOST_futex, M, 6, 0, 0
row "futex: requeue", EXACT, -ENOSYS, HOST_futex, M, 3, 1, 1, 0x7ffff7dd0000, 0
row "futex: wake_op", EXACT, -ENOSYS, HOST_futex, M, 5, 1, 1, 0x7ffff7dd0000, 0
row "futex: the time in text", EXACT, -EFAULT, HOST_futex, M, 0, 0, 0x60000000
