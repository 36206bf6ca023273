# What a shell does all day: expansions, pipes, subshells, here-documents, functions, traps, jobs, redirections.
set -u
i=0
while [ $i -lt 200 ]; do i=$((i + 1)); done
echo "counted $i"
f() { local x=$1; echo "f: $x $#"; return 4; }
f a b c || echo "status $?"
echo "$(echo nested $(echo deeper $(echo deepest)))"
for w in one two three; do echo "$w"; done | while read -r w; do echo "<$w>"; done
cat() { while IFS= read -r line; do printf '%s\n' "$line"; done; }
cat <<END
here $i
END
(cd / && pwd; exit 3); echo "subshell $?"
trap 'echo caught' USR1
kill -USR1 $$
trap - USR1
( trap 'echo bye' EXIT; exit 0 )
echo one > file; echo two >> file; cat < file
{ echo out; echo err >&2; } 2>&1 | cat
x=abcabc; echo "${x#*b} ${x##*b} ${x%b*} ${x%%b*} ${#x} ${y:-none}"
set -- "a b" c; for p in "$@"; do echo "[$p]"; done
case $x in abc*) echo matched;; *) echo not;; esac
n=0; for i in 1 2 3 4 5 6 7 8 9 10; do ( exit $i ); n=$((n + $?)); done; echo "children $n"
: & wait $!; echo "waited $?"
( exit 9 ) & wait $!; echo "waited $?"
read -r a b <<END
first second third
END
echo "$b"
umask 027; umask
eval 'echo $((7 * 6))'
exec 3> third; echo three >&3; exec 3>&-; cat < third
exit 11
