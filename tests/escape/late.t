#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What a fast host call holds stays what it was (native/late.c).
exec build/tests/escape/late
