#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What runs behind GATE_HOST_FAST has the guest's vector state: its machine code must not use it, and call nothing but its like. And fs
# is the host's always: nothing writes it.
. tests/tap.sh

objects=$(ls build/obj/intravisor/*/fast_*.o build/obj/machine/fast_*.o build/obj/machine/*/fast_*.o build/obj/cap/access.o)
for object in $objects; do
	check "$object: no vector or x87 register" 0 "" \
		sh -c '! objdump -d --no-show-raw-insn "$1" | grep -E "%[xyz]?mm[0-9]|%st|\bfld|\bfst"' sh "$object"
done
allowed='machine_copy machine_relax machine_system machine_clock'
for symbol in $(nm -u $objects | awk '$1 == "U" {print $2}' | sort -u); do
	case " $allowed $(nm --defined-only $objects | awk '$2 ~ /[TD]/ {print $3}' | tr '\n' ' ') " in
	*" $symbol "*) ;;
	*) strange="$strange $symbol" ;;
	esac
done
check "they name nothing else than each other and the machine's three (${strange:-none})" 0 "" test -z "$strange"
python3 -c 'import sys
for line in open("/proc/self/maps"):
    if "[vdso]" in line:
        low, high = (int(n, 16) for n in line.split()[0].split("-"))
        with open("/proc/self/mem", "rb") as memory:
            memory.seek(low)
            open(sys.argv[1], "wb").write(memory.read(high - low))' "$work/vdso"
check "the host's vDSO has a clock" 0 "__vdso_clock_gettime" objdump -T "$work/vdso"
check "that does not use it" 0 "" sh -c '! objdump -d --no-show-raw-insn "$1" |
	awk "/^[0-9a-f]+ <.*>:/ {skip = /getrandom|sgx/} !skip" | grep -E "%[xyz]?mm[0-9]|%st\\>"' sh "$work/vdso"
check "nothing of Carrel writes fs" 0 "" sh -c '! objdump -d --no-show-raw-insn build/bin/carrel | grep -E "wrfsbase|mov.*,%fs$|pop.*%fs"'
finish
