#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams while ends are used by several threads, and closed under them.
. tests/share/machine.sh
[ $# -gt 0 ] || set -- $((slowness > 1 ? 15 : 4))
exec $run $share/stream_storm "$@"
