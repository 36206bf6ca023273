#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The mapping quota against /proc/self/maps (native/quota.c).
exec build/tests/escape/quota "${1:-1}"
