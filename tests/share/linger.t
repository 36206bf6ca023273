#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams as in streams.t, by threads that sleep now and then anywhere in the middle of sending and receiving.
. tests/share/machine.sh
[ $# -gt 0 ] || set -- $((slowness > 1 ? 15 : 4))
exec $run $share/stream_linger "$@"
