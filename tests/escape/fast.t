#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What runs behind GATE_HOST_FAST has the guest's thread pointer and vector state: its machine code must use neither, and call nothing
# but its like.
. tests/tap.sh

objects=$(ls build/obj/intravisor/share/fast_*.o build/obj/machine/*/fast_*.o build/obj/cap/access.o)
for object in $objects; do
	check "$object: no thread-local storage, no vector or x87 register" 0 "" \
		sh -c '! objdump -d --no-show-raw-insn "$1" | grep -E "%fs:|%[xyz]?mm[0-9]|%st|\bfld|\bfst|fsbase"' sh "$object"
done
allowed='machine_copy machine_relax machine_system'
for symbol in $(nm -u $objects | awk '$1 == "U" {print $2}' | sort -u); do
	case " $allowed $(nm --defined-only $objects | awk '$2 == "T" {print $3}' | tr '\n' ' ') " in
	*" $symbol "*) ;;
	*) strange="$strange $symbol" ;;
	esac
done
check "they call nothing else than each other and the machine's three (${strange:-none})" 0 "" test -z "$strange"
finish
