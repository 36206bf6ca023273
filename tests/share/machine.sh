# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Which machine the tests of this folder run on: this one, or the one that MACHINE names. $run starts a program of its machine, $share
# is where its programs lie; what takes long is done $slowness times less; forks: 1 where there is a fork.
case ${MACHINE:-} in
'') run= share=build/tests/share slowness=1 forks=1 ;;
cheri) run=build/bin/carrel-cheri share=build/tests/cheri/share slowness=20 forks=0 ;;
*) echo "MACHINE=$MACHINE: there is no such machine" >&2; exit 2 ;;
esac
