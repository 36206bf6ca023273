#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Capabilities and CP_Files of several cVMs against a model. The seed is printed; SEED=N repeats a run.
. tests/share/machine.sh
exec $run $share/model ${SEED:+"$SEED"}
