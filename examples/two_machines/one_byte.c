/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What only CHERI shows: a capability to the 13 bytes of a text, derived from the program's own DDC, is read byte by byte. The byte behind
 * the last one is the program's own memory, like all around it, and traps all the same. (The instructions: include/isa/cheri_riscv64/
 * carrel/encodings.h.)
 */
#include <carrel/encodings.h>
#include <stdint.h>
#include <stdio.h>

static char text[32] = "hello, byte!\nSECRET";
#define LENGTH 13ul

int main(void)
{
	printf("a capability to %lu bytes at %p: ", LENGTH, (void *)text);
	fflush(stdout);
	for (unsigned long n = 0;; n++) {
		unsigned long byte;
		__asm__ volatile(CGETDDC("t0") CSETADDR("t0", "t0", "%1") CSETBOUNDSEXACT("t0", "t0", "%2") CINCOFFSET("t0", "t0", "%3")
				 CLOADBYTE("%0", "t0") : "=r"(byte) : "r"(text), "r"(LENGTH), "r"(n) : "t0");
		putchar((int)byte);
		fflush(stdout);
	}
}
