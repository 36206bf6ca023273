/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a person reads when a cVM was ended by a fault. Trusted.
 */
#ifndef INTRAVISOR_REPORT_H
#define INTRAVISOR_REPORT_H
#include "intravisor/cvm/cvm.h"

void cvm_report_fault(const struct cvm *cvm, const struct machine_fault *fault);
#endif
