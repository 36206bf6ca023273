#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Where an interruption in a jump through a table goes back to (native/units.c).
exec build/tests/escape/units
