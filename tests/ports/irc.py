# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# ZNC and the IRC server it talks to (irc.cc), in two cVMs of one project or both natively; and a client.
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import ports
import services

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/demo"))
import processes  # noqa: E402

COMPILERS = {"carrel": ["build/bin/carrel-c++"], "native": ["ports/native-c++"]}
BUILDS = {"carrel": "carrel", "native": "native"}
HEAD = """Version = 1.8.2
AnonIPLimit = 0
ConnectDelay = 0
ServerThrottle = 0
MaxBufferSize = 10000
LoadModule = webadmin
<Listener clients>
Port = PORT
IPv4 = true
IPv6 = false
SSL = false
</Listener>
"""
USER = """<User NAME>
Admin = true
Nick = NAME
AltNick = NAME_
Ident = NAME
RealName = The user NAME
Buffer = 100
AutoClearChanBuffer = true
TimestampFormat = [time]
<Pass password>
Method = SHA256
Hash = HASH
Salt = salt
</Pass>
<Network test>
FloodRate = 1000
FloodBurst = 10000
JoinDelay = 0
Server = SERVER
<Chan #room>
</Chan>
</Network>
</User>
"""


def compile_server(variant, file):
    subprocess.run([*COMPILERS[variant], "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "tests/ports/irc.cc", "-o", file], check=True)
    return file


def configuration(users, number, server):
    """The text of znc.conf; every user's password is `secret`."""
    digest = hashlib.sha256(b"secretsalt").hexdigest()
    each = USER.replace("HASH", digest).replace("SERVER", server)
    return HEAD.replace("PORT", str(number)) + "".join(each.replace("NAME", user) for user in users)


def tree(variant):
    return os.path.abspath(f"build/ports/znc/{BUILDS[variant]}/znc")


def not_root():
    """What makes a command's user another than root, whom ZNC lets wait for half a minute."""
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    works = os.geteuid() == 0 and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if works else []


class Started:
    """What `pair` has started: `clients` and `peers` are the ports of ZNC and of the IRC server, `process` is who answers for ZNC."""
    log = ""

    def __init__(self):
        self.processes = []

    def seconds(self):
        """Processor time so far, of all of them and of their children."""
        return sum(processes.processor_seconds([pid for process in self.processes for pid in processes.tree(process.pid)]))

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()


@contextlib.contextmanager
def pair(variant, folder, server, users, status=0, stop=True):
    """ZNC with these users, whose state lies in folder/state, and `server`, which compile_server has made. ZNC must end with `status`
    when asked to, or by itself if not `stop`."""
    state = folder + "/state"
    started = Started()
    started.clients, started.peers, started.log = services.free_port(), services.free_port(), folder + ".log"
    os.makedirs(state + "/configs", exist_ok=True)
    inside, address = (7000, "irc 6667") if variant == "carrel" else (started.clients, f"127.0.0.1 {started.peers}")
    if users:
        with open(state + "/configs/znc.conf", "w") as file:
            file.write(configuration(users, inside, address))
    options = ["--foreground", "--no-color", "--allow-root", "--datadir"]
    with contextlib.ExitStack() as stack, open(started.log, "wb") as log:
        def start(command):
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            started.processes.append(process)
            return process
        if variant == "carrel":
            zones = ["/usr/share/zoneinfo:/usr/share/zoneinfo:ro"] if os.path.exists("/usr/share/zoneinfo") else []
            project = {"project": f"irc-{os.getpid()}", "cvms": {
                "irc": {"image": server, "args": ["0.0.0.0", "6667"], "network": "project", "publish": [f"{started.peers}:6667"],
                        "healthcheck": {"tcp": 6667, "interval": "50ms", "timeout": "2s", "retries": 100}},
                "znc": {"image": tree(variant) + "/bin/znc", "args": [*options, "/state"], "network": "project",
                        # The tree a second time where the image's own name says, by which ZNC starts itself anew.
                        "volumes": [tree(variant) + ":/znc:ro", f"{tree(variant)}:{tree(variant)}:ro", state + ":/state", *zones],
                        "tmpfs": ["/tmp"], "user": "1000", "first_window": True,
                        "publish": [f"{started.clients}:{inside}"], "depends_on": {"irc": "healthy"}}}}
            with open(folder + "/carrel.yaml", "w") as file:
                json.dump(project, file)
            started.process = start([ports.CARREL, "up", folder + "/carrel.yaml"])
        else:
            start([server, "127.0.0.1", str(started.peers)])
            started.process = start([*not_root(), tree(variant) + "/bin/znc", *options, state])
        for number in (started.peers, started.clients):
            for _ in range(3000):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
                    break
                if started.process.poll() is not None:
                    raise RuntimeError(f"ZNC ({variant}) ended: " + started.text()[-1500:])
                time.sleep(0.02)
        yield started
        if stop:
            started.process.send_signal(signal.SIGTERM)
        got = started.process.wait(30)
        if got != status:
            raise RuntimeError(f"ZNC ({variant}) ended with {got}: " + started.text()[-1500:])


class Client(services.Lines):
    """An IRC client; with a password one of ZNC's."""

    def __init__(self, number, nick, password=None, user=None):
        super().__init__(number)
        if password:
            self.say("PASS " + password)
        self.say(f"NICK {nick}", f"USER {user or nick} 0 * :{nick}")

    def say(self, *lines):
        self.send("".join(line + "\r\n" for line in lines).encode())

    def text(self):
        return self.line().decode()

    def until(self, *words):
        """The lines up to one that has all these words, and with it."""
        lines = []
        while True:
            lines.append(self.text())
            if all(word in lines[-1] for word in words):
                return lines
