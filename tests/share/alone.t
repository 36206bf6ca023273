#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Streams and sockets between cVMs on one processor, where nobody looks whether something comes but sleeps at once.
exec taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" tests/share/sockets.t
