#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Verified text is shared by contents, and what was verified is what runs (native/sealed.c).
exec build/tests/escape/sealed build/tests/escape/program/hello build/tests/escape/libos/plain
