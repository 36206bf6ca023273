/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The kernel's struct sigaction on riscv64 has no restorer: upstream's common one puts the mask behind one.
 */
struct k_sigaction {
	void (*handler)(int);
	unsigned long flags;
	unsigned mask[2];
	void (*restorer)(void);         /* not the kernel's */
};

hidden void __restore(), __restore_rt();
