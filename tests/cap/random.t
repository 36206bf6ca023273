#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Provenance, integrity and monotonicity of the capability table by randomised testing. The seed is printed; SEED=N repeats a run.
exec build/tests/cap/random ${SEED:+"$SEED"}
