# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Which machine the projects of up*.t run on: this one, or the one that MACHINE names. After tests/tap.sh. $up starts a project; all other
# commands find its machine themselves. Host ports differ, so that both may run at once; $deaf is a
# library OS that takes no orders.
carrel=$PWD/$carrel
case ${MACHINE:-} in
'') machine=x86_64 up="$carrel up" db_port=18379 cache_port=18380 deaf=$PWD/build/tests/escape/libos/deaf ;;
cheri)
	machine=cheri up="$carrel --machine cheri up" cc="$cc --machine=cheri"
	db_port=18381 cache_port=18382 deaf=$PWD/build/tests/cheri/libos/deaf
	;;
*) echo "MACHINE=$MACHINE: there is no such machine" >&2; exit 2 ;;
esac
