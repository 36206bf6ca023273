/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What programs in different cVMs share with each other, all of it: capabilities, CP_File, CP_Call, CP_Stream.
 */
#ifndef CARREL_CP_H
#define CARREL_CP_H
#include <carrel/cap.h>
#include <carrel/cp_call.h>
#include <carrel/cp_file.h>
#include <carrel/cp_stream.h>
#endif
