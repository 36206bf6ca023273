#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# How CP_Streams end, by threads that sleep now and then anywhere in the middle of it.
. tests/share/machine.sh
[ $# -gt 0 ] || set -- $((400 / slowness))
exec $run $share/stream_ends "$@"
