/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The checked indirect branch of a program, and the jump through a table (docs/architecture.md): their steps in bytes. Trusted.
 */
#ifndef UNIT_H
#define UNIT_H
#include <stddef.h>
#include <stdint.h>

#include <carrel/gate.h>

#define UNIT_NONE 16            /* no register */
#define UNIT_LOOK TEXT_END      /* bytes unit_find may look at, on either side */
#define TABLE_MOST 4096u        /* places of a table, 8 bytes each */

/* The steps' encodings for T = t and S = s; each gives its length. to has room for 16. */
size_t unit_load_program(uint8_t *to, unsigned t, unsigned s);
size_t unit_load_libos(uint8_t *to, unsigned t, unsigned s);
size_t unit_add(uint8_t *to, unsigned s);
size_t unit_rebase_program(uint8_t *to, unsigned t);
size_t unit_rebase_libos(uint8_t *to, unsigned t);

/* A jump through a table: and $K,%Td, or movzbl %Rb,%Td; lea TABLE(%rip),%S; add (%S,%T,8),%S; jmp *%S. */
int unit_mask(const uint8_t *text, size_t n, unsigned t, uint32_t *mask);       /* are these n bytes the first of T? At most K < TABLE_MOST */
size_t unit_table(uint8_t *to, unsigned s);                                     /* the lea's first bytes */
#define UNIT_TABLE 7u                                                           /* its length */
size_t unit_index(uint8_t *to, unsigned t, unsigned s);

/* `at` is where an instruction of verified text begins, or lies outside of text: behind its end too, where what is interrupted has fallen
 * off. There the bytes from `at` on are whatever a page of data holds, and those before are traps (TEXT_END), so nothing is found.
 * An interruption at `at` in verified program text of `size` bytes: inside a unit, behind its first step? Gives T, and how many
 * bytes before `at` the load (of a jump through a table: what bounds T) begins; UNIT_NONE outside of a unit. Resuming there with T's
 * upper half cleared is sound whatever the registers hold: T is then an offset, S is loaded anew, and the steps behind check
 * again; of a table's jump, the first bounds T anew and S is made of it alone. (It says the same again as long as the byte is none of S: the
 * compiler's affair.) */
unsigned unit_find(const uint8_t *text, size_t size, size_t at, unsigned *back);
#endif
