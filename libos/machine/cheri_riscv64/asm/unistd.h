/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * riscv64's system call numbers, and for those of the table (libos/sys/table.def) that it has not, numbers that no program uses.
 */
#ifndef LIBOS_CHERI_UNISTD_H
#define LIBOS_CHERI_UNISTD_H
#include_next <asm/unistd.h>
#define CARREL_MISSING(n) (0x40000000 + (n))
#define __NR_open CARREL_MISSING(0)
#define __NR_creat CARREL_MISSING(1)
#define __NR_stat CARREL_MISSING(2)
#define __NR_lstat CARREL_MISSING(3)
#define __NR_access CARREL_MISSING(4)
#define __NR_readlink CARREL_MISSING(5)
#define __NR_mkdir CARREL_MISSING(6)
#define __NR_mknod CARREL_MISSING(7)
#define __NR_rmdir CARREL_MISSING(8)
#define __NR_unlink CARREL_MISSING(9)
#define __NR_rename CARREL_MISSING(10)
#define __NR_renameat CARREL_MISSING(11)
#define __NR_link CARREL_MISSING(12)
#define __NR_symlink CARREL_MISSING(13)
#define __NR_chmod CARREL_MISSING(14)
#define __NR_chown CARREL_MISSING(15)
#define __NR_lchown CARREL_MISSING(16)
#define __NR_futimesat CARREL_MISSING(17)
#define __NR_utimes CARREL_MISSING(18)
#define __NR_utime CARREL_MISSING(19)
#define __NR_dup2 CARREL_MISSING(20)
#define __NR_pipe CARREL_MISSING(21)
#define __NR_eventfd CARREL_MISSING(22)
#define __NR_epoll_create CARREL_MISSING(23)
#define __NR_epoll_wait CARREL_MISSING(24)
#define __NR_signalfd CARREL_MISSING(25)
#define __NR_poll CARREL_MISSING(26)
#define __NR_select CARREL_MISSING(27)
#define __NR_getpgrp CARREL_MISSING(28)
#define __NR_fork CARREL_MISSING(29)
#define __NR_vfork CARREL_MISSING(30)
#define __NR_alarm CARREL_MISSING(31)
#define __NR_pause CARREL_MISSING(32)
#define __NR_arch_prctl CARREL_MISSING(33)
#define __NR_time CARREL_MISSING(34)
#endif
