#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Files and capabilities between cVMs of one Intravisor (guests/file.c), and /cap for programs that know nothing of them.
. tests/tap.sh
. tests/share/machine.sh

file=$share/file
checks=$((50 + 3 * forks))
[ $slowness = 1 ] && later=1500 || later=6000  # ms, when the readers are dead
creator="-g file:control:c -g file:data:c -g file:constant:c -g file:pages:c -g file:secret:c server $file serve"
grants="-g file:control:rw -g file:data:rw -g file:constant:r -g file:pages:rw -g file:foreign:r"

several() {     # NAME COUNT COMMAND...: says each line of what it says, and that there were COUNT
	what=$1 count=$2
	shift 2
	# A pipe as standard output: poll has a file of the host that is not ready.
	{
		timeout 120 "$@" 2>&1
		echo $? >"$work/status"
	} | cat >"$work/out"
	sed 's/^/# /' "$work/out"
	retell "$work/out" "$what"
	say "$(cat "$work/status")" "$what: all of it ran"
	say "$(grep -c '^ok' "$work/out" | awk '{print $1 != '"$count"'}')" "$what: nothing was left out"
}

several "two cVMs" $checks $run $share/together $creator -- $grants client $file use
several "a killed creator" 3 $run $share/together $creator -- $grants client $file bereaved
several "a killed reader" $checks $run $share/together $creator -- $grants victim $file hold -- $grants victim2 $file hold -- -s $later $grants client $file use

several "three cVMs" 4 $run $share/together $creator -- -g file:data:rw -g file:relayed:c relay $file relay -- -g file:control:rw -g file:relayed:rw \
	third $file third
several "programs that know nothing of it" 10 $run $share/together -g file:news:crw maker $share/unaware make /cap/news 5000 -- \
	-g file:news:rw user $share/unaware use /cap/news
check "/cap lists what was granted" 0 ".
..
one
two" $run $share/together -g file:one:r -g file:two:cw -g stream:three:c lister $share/unaware list /cap
check "no grants, no /cap" 1 "" $run $share/together lister $share/unaware list /cap

trace=$($run $share/together $creator -- -t $grants client $file bereaved 2>&1)
for line in '"/cap/data"' 'cp_file_sequence(4) = ' 'cp_file_wait(4, 0, NULL) = -1 ENODEV' 'cp_file_write(3' 'cp_file_notify(3) = 1'; do
	printf '%s\n' "$trace" | grep -qF "$line"
	say $? "trace: a line for $line"
done
finish
