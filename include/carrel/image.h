/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What makes an ELF file a Carrel image: an ELF64, position-independent or linked at WINDOW_ARENA_FIRST, with one executable segment
 * (page-aligned, not writable, `ld -z separate-code`), and a PT_NOTE named "Carrel" of type 1 whose descriptor is struct
 * image_note. The note only says which policy to judge the text by; it grants nothing. A program that needs a dynamic linker
 * names it in a note of type 2, a path in its cVM; to the Intravisor that is nothing.
 */
#ifndef CARREL_IMAGE_H
#define CARREL_IMAGE_H

#define IMAGE_NOTE_NAME      "Carrel"
#define IMAGE_NOTE_TYPE      1
#define IMAGE_NOTE_INTERPRETER 2
#define IMAGE_INTERPRETER    "/lib/carrel/libc.so"      /* what carrel-cc writes there */
#define IMAGE_ABI            1      /* bumped when gates, window layout or accepted forms change */

#define IMAGE_POLICY_PROGRAM 0
#define IMAGE_POLICY_LIBOS   1

#ifndef __ASSEMBLER__
#include <stdint.h>
struct image_note {
	uint32_t abi;       /* IMAGE_ABI */
	uint32_t policy;    /* IMAGE_POLICY_* */
};
#endif
#endif
