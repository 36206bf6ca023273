#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Forked windows whose contents come later (native/snapshot.c).
exec build/tests/escape/snapshot "${1:-1}"
