#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The host's network: published ports, the way out, and what neither gives.
. tests/tap.sh
cat > $work/n.c <<'C'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
static struct sockaddr_in at(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}
static int fail(const char *what) { printf("%s: %s\n", what, strerror(errno)); return 1; }
int main(int argc, char **argv)
{
	char b[65536];
	long n;
	setbuf(stdout, NULL);
	if (!strcmp(argv[1], "echo")) {         /* PORT: every connection's data comes back, by epoll, until "stop" */
		struct sockaddr_in a = at("0.0.0.0", argv[2]);
		int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), e = epoll_create1(0), one = 1;
		setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(l, (void *)&a, sizeof a) || listen(l, 511)) return fail("listen");
		struct epoll_event ev = {.events = EPOLLIN, .data.fd = l}, got[64];
		epoll_ctl(e, EPOLL_CTL_ADD, l, &ev);
		puts("listening");
		for (;;) {
			int k = epoll_wait(e, got, 64, -1);
			if (k < 0) return fail("epoll_wait");
			for (int i = 0; i < k; i++) {
				int fd = got[i].data.fd;
				if (fd == l) {
					struct sockaddr_in peer; socklen_t length = sizeof peer;
					int s = accept4(l, (void *)&peer, &length, SOCK_NONBLOCK);
					if (s < 0) { if (errno == EAGAIN) continue; return fail("accept"); }
					if (length != sizeof peer || peer.sin_family != AF_INET || !peer.sin_port) return fail("peer");
					struct epoll_event v = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = s};
					epoll_ctl(e, EPOLL_CTL_ADD, s, &v);
					continue;
				}
				n = read(fd, b, sizeof b);
				if (n <= 0) { close(fd); continue; }
				if (n >= 4 && !memcmp(b, "stop", 4)) return 0;
				if (n >= 4 && !memcmp(b, "file", 4)) {
					int f = open(argv[3], O_RDONLY);
					off_t o = 0;
					while ((n = sendfile(fd, f, &o, 1 << 20)) > 0 || (n < 0 && errno == EAGAIN)) {
						struct pollfd p = {fd, POLLOUT, 0};
						poll(&p, 1, 1000);
					}
					close(f), close(fd);
					continue;
				}
				for (long done = 0, w; done < n; done += w > 0 ? w : 0)
					if ((w = write(fd, b + done, n - done)) < 0) {
						if (errno != EAGAIN) break;
						struct pollfd p = {fd, POLLOUT, 0};
						poll(&p, 1, 1000);
					}
			}
		}
	}
	if (!strcmp(argv[1], "poll")) {         /* PORT: the same by poll; every descriptor is there twice */
		static struct pollfd p[4096];
		struct sockaddr_in a = at("0.0.0.0", argv[2]);
		int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), k = 2;
		if (bind(l, (void *)&a, sizeof a) || listen(l, 511)) return fail("listen");
		p[0] = p[1] = (struct pollfd){l, POLLIN, 0};
		puts("listening");
		for (;;) {
			if (poll(p, k, -1) <= 0) return fail("poll");
			for (int i = k - 2; i > 0; i -= 2) {
				if (p[i + 1].revents & POLLOUT) return fail("asked for nothing");
				if (!p[i].revents) continue;
				if ((n = read(p[i].fd, b, sizeof b)) >= 4 && !memcmp(b, "stop", 4)) return 0;
				if (n > 0) { write(p[i].fd, b, n); continue; }
				close(p[i].fd);
				p[i] = p[k - 2], p[i + 1] = p[k - 1], k -= 2;
			}
			int s = p[0].revents ? accept(l, NULL, NULL) : -1;
			if (s >= 0) p[k] = (struct pollfd){s, POLLIN, 0}, p[k + 1] = (struct pollfd){s, 0, 0}, k += 2;
		}
	}
	if (!strcmp(argv[1], "linger")) {       /* PORT: leaves with much unsent, and a long time to linger */
		struct sockaddr_in a = at("0.0.0.0", argv[2]);
		struct linger longer = {1, 30000};
		int l = socket(AF_INET, SOCK_STREAM, 0), s;
		if (bind(l, (void *)&a, sizeof a) || listen(l, 5)) return fail("listen");
		puts("listening");
		if ((s = accept4(l, NULL, NULL, SOCK_NONBLOCK)) < 0 || setsockopt(s, SOL_SOCKET, SO_LINGER, &longer, sizeof longer)) return fail("linger");
		while (write(s, b, sizeof b) > 0) ;
		puts("left");
		return 0;
	}
	if (!strcmp(argv[1], "udp")) {          /* PORT: one datagram's answer */
		struct sockaddr_in a = at("0.0.0.0", argv[2]);
		socklen_t length = sizeof a;
		int s = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(s, (void *)&a, sizeof a)) return fail("bind");
		puts("bound");
		n = recvfrom(s, b, sizeof b, 0, (void *)&a, &length);
		return n < 0 || sendto(s, b, n, 0, (void *)&a, length) != n ? fail("answer") : 0;
	}
	if (!strcmp(argv[1], "connect")) {      /* IP PORT: says hello, shows what comes; "n" first: without blocking */
		struct sockaddr_in a = at(argv[2], argv[3]);
		int flags = argc > 4 ? SOCK_NONBLOCK : 0, s = socket(AF_INET, SOCK_STREAM | flags, 0), error = 0;
		socklen_t length = sizeof error;
		if (connect(s, (void *)&a, sizeof a)) {
			if (errno != EINPROGRESS) return fail("connect");
			struct pollfd p = {s, POLLOUT, 0};
			if (poll(&p, 1, 5000) != 1 || getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length)) return fail("poll");
			errno = error;
			if (error) return fail("connect");
			fcntl(s, F_SETFL, 0);
		}
		struct sockaddr_in me; length = sizeof me;
		if (getsockname(s, (void *)&me, &length) || !me.sin_port) return fail("getsockname");
		write(s, "hello", 5);
		shutdown(s, SHUT_WR);
		while ((n = read(s, b, sizeof b)) > 0) fwrite(b, 1, n, stdout);
		return n < 0 ? fail("read") : 0;
	}
	if (!strcmp(argv[1], "datagram")) {
		struct sockaddr_in a = at(argv[2], argv[3]);
		int s = socket(AF_INET, SOCK_DGRAM, 0);
		if (sendto(s, "hello", 5, 0, (void *)&a, sizeof a) < 0) return fail("sendto");
		struct pollfd p = {s, POLLIN, 0};
		if (poll(&p, 1, 5000) != 1) return fail("nothing");
		n = recv(s, b, sizeof b, 0);
		fwrite(b, 1, n, stdout);
		return 0;
	}
	if (!strcmp(argv[1], "resolve")) {
		struct addrinfo *r;
		int error = getaddrinfo(argv[2], NULL, NULL, &r);
		puts(error ? gai_strerror(error) : inet_ntop(r->ai_family, &((struct sockaddr_in *)r->ai_addr)->sin_addr, b, 64));
		return error != 0;
	}
	return 9;
}
C
$cc -O2 $work/n.c -o $work/n || exit 1
cat > $work/c.py <<'P'
import socket, sys, os, threading
what, port = sys.argv[1], int(sys.argv[2])
def to(): return socket.create_connection(("127.0.0.1", port), 10)
def whole(s):
    parts = []
    while True:
        b = s.recv(1 << 20)
        if not b: return b"".join(parts)
        parts.append(b)
if what == "echo":
    s = to(); s.sendall(b"through the port"); print(s.recv(100).decode())
elif what == "many":        # a thousand at once, each heard
    socks = [to() for _ in range(1000)]
    for i, s in enumerate(socks): s.sendall(b"%d" % i)
    print(sum(s.recv(100) == b"%d" % i for i, s in enumerate(socks)))
elif what == "turns":       # each heard before the next one comes, and again the other way round
    socks, good = [], 0
    for n in range(600):
        socks.append(to())
        socks[-1].sendall(b"%d" % n); good += socks[-1].recv(100) == b"%d" % n
    for s in reversed(socks):
        s.sendall(b"again"); good += s.recv(100) == b"again"
    print(good)
elif what == "large":
    s = to(); data = os.urandom(8 << 20); got = []
    def reader():
        n = 0
        while n < len(data):
            b = s.recv(1 << 20)
            if not b: break
            got.append(b); n += len(b)
    t = threading.Thread(target=reader); t.start(); s.sendall(data); t.join()
    print(b"".join(got) == data)
elif what == "file":
    s = to(); s.sendall(b"file"); sys.stdout.buffer.write(whole(s))
elif what == "stuck":       # reads nothing, until its standard input ends
    s = to(); sys.stdin.read()
elif what == "stop":
    to().sendall(b"stop")
elif what == "refused":
    try: to(); print("connected")
    except ConnectionRefusedError: print("refused")
elif what == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
    s.sendto(b"datagram", ("127.0.0.1", port)); print(s.recv(100).decode())
elif what == "serve":       # one connection on all addresses: tells what it got
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind(("0.0.0.0", port)); l.listen(5); print("serving", flush=True)
    c, _ = l.accept(); c.sendall(b"got " + whole(c)); c.close()
elif what == "serve-udp":
    l = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); l.bind(("0.0.0.0", port)); print("serving", flush=True)
    b, a = l.recvfrom(100); l.sendto(b"got " + b, a)
P
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { for _ in $(seq 200); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.05; done; }

port=$(free_port)
head -c 3000000 /dev/urandom > $work/large
timeout 120 $carrel run -p $port:7777 -v $work/large:/large:ro $work/n echo 7777 /large > $work/out 2>&1 &
wait_for $work/out listening
check "a published port is reached" 0 "through the port" python3 $work/c.py echo $port
check "a thousand connections at once" 0 "1000" python3 $work/c.py many $port
check "8 MB there and back" 0 "True" python3 $work/c.py large $port
python3 $work/c.py file $port > $work/got
cmp -s $work/got $work/large; say $? "sendfile from a volume to a connection"
python3 $work/c.py stop $port
wait; say 0 "the server ends when it wants to"
check "nobody listens inside: refused" 0 "refused" python3 $work/c.py refused $port

timeout 120 $carrel run -p $port:7777 $work/n poll 7777 > $work/out 2>&1 &
wait_for $work/out listening
check "six hundred connections, by poll" 0 "1200" python3 $work/c.py turns $port
check "a thousand at once" 0 "1000" python3 $work/c.py many $port
python3 $work/c.py stop $port
wait; say 0 "which ends when it wants to"

timeout 60 $carrel run -p $port:7777 $work/n echo 7778 > $work/out 2>&1 &
pid=$!
wait_for $work/out listening
check "a port that is not published is not reached" 0 "refused" python3 $work/c.py refused $port
check "the host's port 7778 has nothing to do with it" 0 "refused" python3 $work/c.py refused 7778
kill $pid; wait $pid 2>/dev/null

timeout 60 $carrel run -p $port:53/udp $work/n udp 53 > $work/out 2>&1 &
wait_for $work/out bound
check "a published UDP port answers" 0 "datagram" python3 $work/c.py udp $port
wait

timeout 60 $carrel run -p $port:7777 $work/n linger 7777 > $work/out 2>&1 &
pid=$!
wait_for $work/out listening
mkfifo $work/until
python3 $work/c.py stuck $port < $work/until &
exec 8> $work/until
start=$SECONDS
wait $pid; status=$?
exec 8>&-
[ $status = 0 ] && grep -q left $work/out && [ $((SECONDS - start)) -lt 20 ]; say $? "a cVM that would linger for hours ends"
wait

check "a taken port is one clear error" 125 "cannot be had: Address already in use" bash -c "python3 -c 'import socket,subprocess,sys; s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind((\"127.0.0.1\",$port)); s.listen(); sys.exit(subprocess.call(sys.argv[1:]))' $carrel run -p $port:1 $work/n echo 1"
check "what is no port is one, too" 125 "ports from 1 to 65535" $carrel run -p 70000:1 $work/n
check "nor an address" 125 "is not an address" $carrel run -p 1.2.3:80:80 $work/n
check "nor a protocol" 125 "is not tcp or udp" $carrel run -p 80:80/sctp $work/n
check "--net takes what it says" 125 "none or host-out" $carrel run --net all $work/n

# Out.
me=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("192.0.2.1", 9)); print(s.getsockname()[0])' 2>/dev/null || hostname -I | awk '{ print $1 }')
check "without --net there is no way out" 1 "connect: Network unreachable" $carrel run $work/n connect 192.0.2.1 $port
check "nor to the host's loopback: the cVM has its own" 1 "connect: Connection refused" $carrel run --net host-out $work/n connect 127.0.0.1 $port
if [ -n "$me" ]; then
	for mode in "" n; do
		timeout 60 python3 $work/c.py serve $port > $work/served & server=$!
		wait_for $work/served serving
		check "out to an address of the host ${mode:+without blocking}" 0 "got hello" $carrel run --net host-out $work/n connect "$me" $port $mode
		wait $server
	done
	check "refused is refused" 1 "connect: Connection refused" $carrel run --net host-out $work/n connect "$me" $port
	check "also without blocking" 1 "connect: Connection refused" $carrel run --net host-out $work/n connect "$me" $port n
	timeout 60 python3 $work/c.py serve-udp $port > $work/served2 & server=$!
	wait_for $work/served2 serving
	check "a datagram out, and its answer" 0 "got hello" $carrel run --net host-out $work/n datagram "$me" $port
	wait $server
else
	for t in "out" "out without blocking" "refused is refused" "also without blocking" "a datagram"; do say 0 "$t # SKIP the host has no address but its loopback's"; done
fi
check "names of /etc/hosts" 0 "127.0.0.1" $carrel run --net host-out $work/n resolve localhost
finish
