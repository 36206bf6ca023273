#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams while ends are used by several threads, and closed under them.
exec build/tests/share/stream_storm "$@"
