/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a person reads when a cVM was ended by a fault. Trusted.
 */
#ifndef INTRAVISOR_REPORT_H
#define INTRAVISOR_REPORT_H
#include "intravisor/cvm/cvm.h"

/* `program`: the window of the program at fault, whose objects are told apart; NULL: not known. */
void cvm_report_fault(const struct cvm *cvm, struct window *program, const struct machine_fault *fault);
#endif
