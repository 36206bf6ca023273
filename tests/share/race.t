#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Revocation is exact while other cVMs' threads use what is revoked.
. tests/share/machine.sh
exec $run $share/race $((slowness > 1 ? 15 : 4))
