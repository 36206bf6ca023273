/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The notes that make an ELF file a Carrel image (include/carrel/image.h). POLICY comes from the build, and for programs that are
 * linked dynamically INTERPRETER: where a cVM's dynamic linker is. And the trap bytes that a text has to end in: ld puts a section that
 * it does not know behind those like it.
 */
#include <carrel/image.h>
	.section .note.carrel, "a", @note
	.balign 4
	.long	7, 8, IMAGE_NOTE_TYPE
	.asciz	IMAGE_NOTE_NAME
	.balign 4
	.long	IMAGE_ABI, POLICY
#ifdef INTERPRETER
	.long	7, 2f - 1f, IMAGE_NOTE_INTERPRETER
	.asciz	IMAGE_NOTE_NAME
	.balign 4
1:	.asciz	IMAGE_INTERPRETER
2:	.balign 4
#endif
#ifdef __x86_64__
#include <carrel/gate.h>
	.section .carrel.end, "axR", @progbits
	.fill	TEXT_END, 1, 0xcc
#endif
	.section .note.GNU-stack, "", @progbits
