#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams that come and go under threads which use their handles, and are put to sleep anywhere in the middle of it.
. tests/share/machine.sh
[ $# -gt 0 ] || set -- $((slowness > 1 ? 15 : 6))
exec $run $share/stream_reuse "$@"
