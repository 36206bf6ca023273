#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Who gets the window at address 0, and when there is none (native/zero.c).
exec build/tests/escape/zero
