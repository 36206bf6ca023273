#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Images that are mapped while their handle is closed and their file is replaced (native/replaced.c).
folder=$(mktemp -d "${TMPDIR:-/tmp}/carrel-test.XXXXXX")
trap 'rm -rf "$folder"' EXIT
build/tests/escape/replaced build/tests/escape/libos/plain build/tests/escape/program/hello build/tests/escape/program/control "$folder"
