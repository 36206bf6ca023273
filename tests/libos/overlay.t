#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Overlays: what lies below shows through and never changes; what is above stays there.
. tests/tap.sh
busybox=build/ports/busybox/carrel/busybox
mkdir $work/bin && cp $busybox $work/bin/busybox
for applet in cat tr grep stat rm ls rmdir mv mkdir find touch; do ln -s busybox $work/bin/$applet; done
mkdir -p $work/low/d/sub $work/low/full $work/up
echo below > $work/low/f; echo one > $work/low/d/1; echo two > $work/low/d/2; echo x > $work/low/full/x; ln -s f $work/low/link; echo deep > $work/low/d/sub/deep
chmod 640 $work/low/f
cp -a $work/low $work/before
printf '#!/bin/sh\nexec %s run -v %s:/bin:ro -v "%s:/v:$1" -w /v %s sh -c "$2"\n' $PWD/$carrel $work/bin $work/low $busybox > $work/run
chmod +x $work/run
for kind in overlay "overlay=$work/up"; do
	where=${kind%%=*}; [ "$kind" = overlay ] && where="in memory" || where="in a directory"
	check "$where: what is below is read" 0 "below" $work/run "$kind" 'cat link'
	check "written, it is another file" 0 "belowabove" $work/run "$kind" 'printf above >> f; tr -d "\n" < f; stat -c %a f | grep -q 640 && ls -l f > /dev/null'
	check "removed, it is gone" 1 "No such file" $work/run "$kind" 'rm d/1 && ls d; ls d | grep -q 1 && echo STILL; cat d/1'
	check "and can come back" 0 "new" $work/run "$kind" 'rm -f d/1; echo new > d/1; cat d/1; ls d | tr "\n" " "'
	check "a directory is merged" 0 "1 2 3 sub" $work/run "$kind" 'echo > d/3; [ -e d/1 ] || echo > d/1; echo $(ls d)'
	check "and empty only when both are" 1 "not empty" $work/run "$kind" 'rmdir full'
	check "removed with all that is in it" 0 "[]" $work/run "$kind" 'rm -r full && mkdir full && echo "[$(ls full)]"'
	check "renamed over what is below" 0 "fromd2" $work/run "$kind" 'echo fromd2 > n; mv n d/2; cat d/2; [ ! -e n ]'
	check "a file from below is renamed" 0 "deep" $work/run "$kind" 'mv d/sub/deep moved && cat moved && ! [ -e d/sub/deep ]'
	check "a directory from below is moved by copying" 0 "ok" $work/run "$kind" 'mkdir -p e/q && echo 1 > e/q/1 && mv e e2 && [ -f e2/q/1 ] && mv d/sub s2 && [ -d s2 ] && ! [ -d d/sub ] && echo ok; rm -r e2 s2'
	check "the marks are nobody's names" 0 "[]" $work/run "$kind" 'echo "[$(find . -name ".wh*")]"; ! touch .wh.f'
	diff -r $work/before $work/low > $work/diff && [ "$(stat -c %a $work/low/f)" = 640 ]
	say $? "nothing below has changed"
done
check "what is above in a directory stays" 0 "belowabove" bash -c "tr -d '\n' < $work/up/f"
check "for the next cVM" 0 "fromd2" $work/run "overlay=$work/up" 'cat d/2; ls moved'
check "an overlay needs a directory" 125 "an overlay needs a directory" $carrel run -v "$work/low/f:/f:overlay" $busybox true
check "and its upper one" 125 "No such file" $carrel run -v "$work/low:/v:overlay=$work/none" $busybox true
finish
