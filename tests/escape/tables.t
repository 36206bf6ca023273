#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Gate tables while another guest writes where they come to lie (native/tables.c).
exec build/tests/escape/tables
