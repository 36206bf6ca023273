/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The note that makes an ELF file a Carrel image (include/carrel/image.h). POLICY comes from the build.
 */
#include <carrel/image.h>
	.section .note.carrel, "a", @note
	.balign 4
	.long	7, 8, IMAGE_NOTE_TYPE
	.asciz	IMAGE_NOTE_NAME
	.balign 4
	.long	IMAGE_ABI, POLICY
	.section .note.GNU-stack, "", @progbits
