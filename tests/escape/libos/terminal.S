/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS whose handle 0 is a terminal, which is the process's own: references out of bounds for each request that goes
 * there, requests that are none of those, and how much each writes. terminal.t compares what the terminal is like afterwards.
 */
#include "rows.h"
	start
	with_strings
.set TCGETS, 0x5401
.set TCSETS, 0x5402
.set TCSETSW, 0x5403
.set TCSETSF, 0x5404
.set TIOCGPGRP, 0x540f
.set TIOCSPGRP, 0x5410
.set TIOCGWINSZ, 0x5413
.set FIONREAD, 0x541b
.set ONCE, 0                            /* what FUTEX_WAIT's answer tells of a word: ETIMEDOUT, it is that; EAGAIN, it is another */

text tiny, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"

row "a page to use", EXACT, OK, HOST_memory_map, M, 0x2000, 3
row "the program's", EXACT, OK, HOST_memory_map, REF_PROGRAM+M, 0x1000, 3

.macro nowhere request
row "\request: ref 0", EXACT, -EFAULT, HOST_terminal, 0, \request, 0
row "\request: low guard", EXACT, -EFAULT, HOST_terminal, 0, \request, 0xfff8
row "\request: unmapped", EXACT, -EFAULT, HOST_terminal, 0, \request, 0x60000000
row "\request: over the page's end", EXACT, -EFAULT, HOST_terminal, 0, \request, M+0x1ffe
row "\request: over the end", EXACT, -EFAULT, HOST_terminal, 0, \request, END-2
row "\request: high guard", EXACT, -EFAULT, HOST_terminal, 0, \request, END
row "\request: last page", EXACT, -EFAULT, HOST_terminal, 0, \request, 0xfffff000
row "\request: around the end", EXACT, -EFAULT, HOST_terminal, 0, \request, 0xfffffffe
row "\request: program's end", EXACT, -EFAULT, HOST_terminal, 0, \request, REF_PROGRAM+0xfffffffe
row "\request: program, unmapped", EXACT, -EFAULT, HOST_terminal, 0, \request, REF_PROGRAM+0x60000000
row "\request: bit 33", EXACT, -EFAULT, HOST_terminal, 0, \request, 0x200000000+M
row "\request: bits 33 and 32", EXACT, -EFAULT, HOST_terminal, 0, \request, 0x300000000+M
row "\request: sign bit", EXACT, -EFAULT, HOST_terminal, 0, \request, 0x8000000000000000+M
row "\request: -8", EXACT, -EFAULT, HOST_terminal, 0, \request, -8
row "\request: a host address", EXACT, -EFAULT, HOST_terminal, 0, \request, 0x7ffff7dd0000
.endm
.macro no_place request
nowhere \request
row "\request: own text", EXACT, -EFAULT, HOST_terminal, 0, \request, LIBOS_TEXT
row "\request: program text", EXACT, -EFAULT, HOST_terminal, 0, \request, PROGRAM_ENTRY
.endm
nowhere TCSETS
nowhere TCSETSW
nowhere TCSETSF
no_place TCGETS
no_place TIOCGPGRP
no_place TIOCGWINSZ
no_place FIONREAD

/* Nothing was written by any of them, nor is by an honest one behind what it says. */
.macro words_are_zero at, from, to
.set here, \from
.rept (\to-\from)/4
row "a word behind it", EXACT, -ETIMEDOUT, HOST_futex, M+\at+here, ONCE, 0, S_tiny
.set here, here+4
.endr
.endm
words_are_zero 0x1ff0, 0, 16
row "TCGETS", EXACT, OK, HOST_terminal, 0, TCGETS, M
words_are_zero 0, 36, 80
row "its first word came", EXACT, -EAGAIN, HOST_futex, M+8, ONCE, 0, S_tiny
row "TIOCGWINSZ", EXACT, OK, HOST_terminal, 0, TIOCGWINSZ, M+0x100
row "24 rows, 80 columns", EXACT, -ETIMEDOUT, HOST_futex, M+0x100, ONCE, 24+80*0x10000, S_tiny
words_are_zero 0x100, 4, 64
row "FIONREAD", EXACT, OK, HOST_terminal, 0, FIONREAD, M+0x200
words_are_zero 0x200, 0, 64
row "TIOCGPGRP", EXACT, OK, HOST_terminal, 0, TIOCGPGRP, M+0x300
row "a process group came", EXACT, -EAGAIN, HOST_futex, M+0x300, ONCE, 0, S_tiny
words_are_zero 0x300, 4, 64
row "TCGETS into the program", EXACT, OK, HOST_terminal, 0, TCGETS, REF_PROGRAM+M
row "TCSETS from there", EXACT, OK, HOST_terminal, 0, TCSETS, REF_PROGRAM+M
row "TCGETS at the page's end", EXACT, OK, HOST_terminal, 0, TCGETS, M+0x2000-36
row "TCSETSW from there", EXACT, OK, HOST_terminal, 0, TCSETSW, M+0x2000-36
row "TIOCGWINSZ to the page's end", EXACT, OK, HOST_terminal, 0, TIOCGWINSZ, M+0x2000-8
row "FIONREAD to the page's end", EXACT, OK, HOST_terminal, 0, FIONREAD, M+0x2000-4
row "TIOCGPGRP to the page's end", EXACT, OK, HOST_terminal, 0, TIOCGPGRP, M+0x2000-4
row "TCGETS a byte too far", EXACT, -EFAULT, HOST_terminal, 0, TCGETS, M+0x2000-35
row "TCSETSW a byte too far", EXACT, -EFAULT, HOST_terminal, 0, TCSETSW, M+0x2000-35
row "TIOCGWINSZ a byte too far", EXACT, -EFAULT, HOST_terminal, 0, TIOCGWINSZ, M+0x2000-7
row "FIONREAD a byte too far", EXACT, -EFAULT, HOST_terminal, 0, FIONREAD, M+0x2000-3
row "TIOCSPGRP looks at no reference", EXACT, OK, HOST_terminal, 0, TIOCSPGRP, 0x7ffff7dd0000

/* Numbers beside the list, and what would be worse: to type, to take the terminal, to talk to its driver. */
.macro none_such requests:vararg
.irp request, \requests
row "no request \request", EXACT, -ENOTTY, HOST_terminal, 0, \request, M
.endr
.endm
none_such 0, 0x5400, 0x5405, 0x5406, 0x5407, 0x5408, 0x5409, 0x540a, 0x540b, 0x540c, 0x540d, 0x540e, 0x5411, 0x5412, 0x5414, 0x5415, 0x5416
none_such 0x5417, 0x5418, 0x541a, 0x541c, 0x541d, 0x5420, 0x5421, 0x5422, 0x5423, 0x5424, 0x5425, 0x5429, 0x5450, 0x5451, 0x5452
none_such 0x100005401, 0x8000000000005401, 0x7fffffff00005412, 0x105413, -1, 0x802c542a, 0x402c542b, 0x80045430, 0x40045431, 0x5441
.macro elsewhere handle, error
row "handle \handle", EXACT, -\error, HOST_terminal, \handle, TCGETS, M
row "handle \handle, nowhere", EXACT, -\error, HOST_terminal, \handle, TCGETS, 0x7ffff7dd0000
.endm
elsewhere 1, ENOTTY
elsewhere 3, ENOTTY                     /* the dynamic linker */
elsewhere 77, EBADF
elsewhere 0x100000000, EBADF
