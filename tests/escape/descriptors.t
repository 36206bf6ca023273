#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# No host call that fails, wherever in its middle, keeps a descriptor (native/descriptors.c).
folder=$(mktemp -d "${TMPDIR:-/tmp}/carrel-test.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cp build/tests/escape/program/control "$folder/image"
mkfifo "$folder/fifo"
ln -s image "$folder/link"
build/tests/escape/descriptors build/tests/escape/libos/plain build/tests/escape/program/hello "$folder"
