#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the Intravisor copies with a program's vector registers, it copies right, and the program has them again.
. tests/tap.sh

check "copies with and without them" 0 " 0 wrong" build/tests/share/wide
finish
