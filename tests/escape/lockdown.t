#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the process may no longer do once a cVM runs (native/lockdown.c).
exec build/tests/escape/lockdown
