#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# memcmp, memcpy, memmove and memset of Carrel's musl: tests/ports/strings.c in a cVM.
folder=$(mktemp -d "${TMPDIR:-/tmp}/carrel-strings.XXXXXX") && trap 'rm -rf "$folder"' EXIT
build/bin/carrel-cc -O2 -fno-builtin -Wall -Wextra -Werror tests/ports/strings.c -o "$folder/strings" || exit 1
build/bin/carrel run "$folder/strings"
