#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# ZNC in a cVM beside an IRC server in another, by way of the project's network: the same conversations as natively, modules that come
# and go and throw, its web pages, a crowd of clients, and its ways to end.
import concurrent.futures
import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, "tests/ports")
import irc  # noqa: E402
import ports  # noqa: E402
import services  # noqa: E402

# What modules throw goes through ZNC's frames and theirs: this one throws each kind that ZNC catches, and one of libstdc++'s own.
MODULE = r"""
#include <znc/Modules.h>
#include <regex>
class CThrower : public CModule {
  public:
    MODCONSTRUCTOR(CThrower) {}
    bool OnLoad(const CString &args, CString &message) override { message = "thrower is here: " + args; return args != "no"; }
    ~CThrower() override { PutModule("thrower goes"); }
    void OnModCommand(const CString &command) override
    {
        if (command == "unload")
            throw CModule::UNLOAD;
        try {
            PutModule(std::regex_search(std::string("a message"), std::regex(command)) ? "found" : "not found");
        } catch (const std::regex_error &error) {
            PutModule(CString("regex_error ") + CString(int(error.code() == std::regex_constants::error_brack)));
        }
    }
    EModRet OnUserTextMessage(CTextMessage &message) override
    {
        if (message.GetText() == "halt")
            return HALT;
        std::string text = message.GetText();
        try {
            message.SetText(text + " " + text.substr(20, 3));
        } catch (const std::out_of_range &) {
            message.SetText(text + " (short)");
        }
        return CONTINUE;
    }
};
NETWORKMODULEDEFS(CThrower, "Throws")
"""


def alike(variant, folder, lines):
    """What differs by right is replaced: paths, addresses, ports, times, widths of tables."""
    text = "\n".join(lines)
    if variant == "native":
        text = text.replace(irc.tree(variant), "/znc").replace(folder, "")
    for pattern, word in ((r"\b(irc(?![.\w])|127\.0\.0\.1|10\.77\.\d+\.\d+)", "ADDRESS"), (r"\b\d{4,5}\b", "NUMBER"),
                          (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[^,|\n]*20\d\d", "DATE"), (r"  +|--+", " ")):
        text = re.sub(pattern, word, text)
    return text.splitlines()


def status(client, *commands, module="status", end="missing"):
    """What a module answers to each of the commands."""
    heard = []
    for n, command in enumerate(commands):
        client.say(f"PRIVMSG *{module} :{command}", f"PING :{end}{n}")
        heard += client.until("PONG", f"{end}{n}")[:-1]
    # ZNC answers at once; what the IRC server says comes in between, or later.
    return [line for line in heard if line.startswith((":*", ":irc.znc.in", ":znc.in"))]


def joined(started, user):
    """A client of ZNC's user, who is in the room."""
    client = irc.Client(started.clients, user, f"{user}/test:secret")
    client.until(" 366 ", "#room")
    return client


def gone(client):
    """What it hears until the connection ends."""
    lines = []
    with contextlib.suppress(OSError, RuntimeError):
        while True:
            lines.append(client.text())
    client.close()
    return lines


def talk(started):
    """ZNC's users a and b, somebody who is at the IRC server itself, and everything that they hear."""
    a, b = joined(started, "a"), joined(started, "b")
    other = irc.Client(started.peers, "other")
    other.until(" 422 ")
    other.say("JOIN #room", "PRIVMSG #room :begin")
    a.until(" :begin"), b.until(" :begin")
    other.say("PRIVMSG #room :hello, room", "PRIVMSG a :hello, a", "NAMES #room")
    heard = other.until(" 366 ") + other.until(" 366 ") + a.until("PRIVMSG a ") + b.until("PRIVMSG #room")
    for n in range(200):
        a.say(f"PRIVMSG #room :{n} " + "x" * (n * 2))
    heard += other.until(" :199 ") + b.until(" :199 ")
    b.say("PRIVMSG #room :and back", "PRIVMSG nobody :is there", "JOIN nonsense", "MODE #room", "WHO #room", "BOGUS", "NICK bee")
    heard += a.until("NICK", "bee") + b.until("NICK", "bee") + other.until("NICK", "bee")
    # Who is away finds what was said when he is back.
    b.say("QUIT :later")
    gone(b)
    while "No clients" not in status(a, "listclients b")[0]:    # it is a little later that ZNC knows, too
        time.sleep(0.05)
    other.say(*(f"PRIVMSG #room :while you were away {n}" for n in range(150)))
    a.until("away 149")
    other.say("PRIVMSG bee :\001PING all\001")        # ZNC answers for who is away: so it has heard of all that was said to him
    other.until("NOTICE", "PING all")
    b = irc.Client(started.clients, "b", "b/test:secret")
    heard += b.until("Playback Complete")
    # Both clients of one user hear the same; one sees what the other says.
    second = joined(started, "a")
    a.say("PRIVMSG #room :from the first")
    heard += second.until("from the first") + other.until("from the first")
    heard += status(a, "help", "version", "listnetworks", "listchans", "listnicks #room", "listservers", "listusers", "listclients",
                    "listmods", "listavailmods", "bogus", "addnetwork other", "delnetwork other", "setbuffer #room 7", "detach #room",
                    "attach #room", "saveconfig")
    stranger = irc.Client(started.clients, "a", "a/test:wrong")
    heard += stranger.until("464")
    other.say("PART #room")
    heard += other.until("PART")
    heard += b.until("PART")
    for client in (a, b, second, stranger, other):
        client.close()
    return heard


def modules(started, variant, folder):
    """Modules are loaded, used, thrown out by what they throw, loaded again."""
    a = joined(started, "a")
    heard = status(a, "loadmod --type=user alias", "loadmod --type=network thrower no", "loadmod --type=network thrower first",
                   "loadmod --type=network thrower first", "loadmod nothing", "loadmod --type=user webadmin", "loadmod --type=network log")
    heard += status(a, "[a-m]essage", "[z]", "[z", module="thrower")
    other = irc.Client(started.peers, "other")
    other.until(" 422 ")
    other.say("JOIN #room")
    other.until(" 366 ")
    a.until("other!", "JOIN")
    a.say("PRIVMSG #room :short", "PRIVMSG #room :halt", "PRIVMSG #room :long enough for 20 letters")
    heard += other.until("long enough")
    heard += status(a, "create greet", "add greet PRIVMSG #room :greetings, %1% and ?2?", "dump", "create greet", "info nothing",
                    "delete nothing", "add greet QUOTE %nonsense%", module="alias")
    a.say("GREET you")
    heard += other.until("greetings")
    a.say("GREET", "PING :greeted")
    heard += [line for line in a.until("greeted") if "alias" in line]
    heard += status(a, "unload", module="thrower")
    heard += status(a, "listmods", "unloadmod thrower", "loadmod --type=network thrower second", "reloadmod thrower", "updatemod log")
    for n in range(20):
        heard += status(a, f"loadmod --type=network thrower {n}", "unloadmod thrower")
    # All of them at once.
    names = sorted(f[:-3] for f in os.listdir(irc.tree(variant) + "/lib/znc") if f.endswith(".so"))
    heard += status(a, *(f"loadmod {name} #nothing" for name in names), "listmods", *(f"unloadmod {name}" for name in names))
    other.say("QUIT :bye")
    a.until("QUIT"), a.close(), other.close()
    heard += [line.split("] ", 1)[1] for line in log_lines(folder)]
    return len(names), heard


def log_lines(folder):
    base = folder + "/state/users/a/networks/test/moddata/log/#room"
    return [line for name in sorted(os.listdir(base)) for line in open(f"{base}/{name}").read().splitlines()]


def pages(started):
    """Webadmin's pages, signed in: templates, forms and cookies."""
    heard, cookie = [], ""

    def ask(method, path, fields=None, **headers):
        nonlocal cookie
        code, kept, data = services.request(started.clients, method, path, {
            "Cookie": cookie, **({"Content-Type": "application/x-www-form-urlencoded"} if fields else {}), **headers},
            urllib.parse.urlencode(fields) if fields else None)
        if "set-cookie" in kept:
            cookie = kept.pop("set-cookie").split(";")[0]
        kept.pop("content-length", 0)
        check = re.search(rb'name="_CSRF_Check" value="(\w+)"', data)
        text = re.sub(r"[0-9a-f]{32,}", "TOKEN", data.decode("utf-8", "replace"))
        heard.append(f"{code} {kept} {text}")
        return check and check.group(1).decode()
    check = ask("GET", "/")
    ask("POST", "/login", {"user": "a", "pass": "wrong", "_CSRF_Check": check or "", "submitted": "1"})
    ask("POST", "/login", {"user": "a", "pass": "secret", "_CSRF_Check": check or "", "submitted": "1"})
    check = ask("GET", "/")
    ask("GET", "/mods/global/webadmin/listusers")
    ask("GET", "/mods/global/webadmin/edituser?user=a")
    ask("GET", "/mods/global/webadmin/settings")
    ask("GET", "/mods/global/webadmin/addnetwork?user=a")
    ask("GET", "/nothing/here")
    ask("GET", "/pub/_default_.css")
    ask("GET", "/mods/global/webadmin/deluser?user=b")
    ask("POST", "/mods/global/webadmin/deluser", {"user": "b", "_CSRF_Check": "forged"})
    return heard


def ends(started):
    """Restarted and shut down by a client: both are exceptions that main catches, and the first one ends in execvp."""
    heard = []
    for command in ("restart", "shutdown see you"):
        for _ in range(300):
            with contextlib.suppress(OSError, RuntimeError):
                a = joined(started, "a")
                break
            time.sleep(0.1)
        heard += status(a, "version")
        a.say("PRIVMSG *status :" + command)
        heard += gone(a)
    return heard


def wrong(variant, folder):
    """What it says of configurations that are no good."""
    heard, state = [], folder + "/bad"
    good = irc.configuration(["a"], 7000, "irc 6667")
    os.makedirs(state + "/configs")
    for text in ("", "nonsense\n", good.replace("</User>", "</Usr>"), good.replace("Method = SHA256", "Method = ROT13"), good + "<User a>\n</User>\n",
                 good.replace("webadmin", "nothing"), good.replace("Port = 7000", "Port = 0"), good.replace("Port = 7000", "Port 7000")):
        with open(state + "/configs/znc.conf", "w") as file:
            file.write(text)
        command = [irc.tree(variant) + "/bin/znc", "--foreground", "--no-color", "--allow-root", "--datadir"]
        command.append("/state" if variant == "carrel" else state)
        if variant == "carrel":
            command = [ports.CARREL, "run", "-v", irc.tree(variant) + ":/znc:ro", "-v", state + ":/state", *command]
        done = subprocess.run([*irc.not_root(), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        heard += [str(done.returncode), *done.stdout.decode().replace(state, "/state").splitlines()]
    return heard


def crowd(started, users, each, messages):
    """Many clients at once: each user's all hear the same of what somebody says in the room."""
    names = [user for user in users for _ in range(each)]
    clients = [joined(started, name) for name in names]
    other = irc.Client(started.peers, "crier")
    other.until(" 422 ")
    other.say("JOIN #room", *(f"PRIVMSG #room :cry {n} " + "y" * (n % 300) for n in range(messages)))

    def listen(client):
        got = [line for line in client.until(f"cry {messages - 1} ") if " PRIVMSG " in line]
        return got == [f":crier!crier@host PRIVMSG #room :cry {n} " + "y" * (n % 300) for n in range(messages)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        good = sum(pool.map(listen, clients))
    # And each of them says something, which all at the server hear once.
    for n, client in enumerate(clients):
        client.say(f"PRIVMSG #room :from {n}")
    left = {f"from {n}" for n in range(len(clients))}
    while left:
        left.discard(other.text().rsplit(":", 1)[1])
    for client in (*clients, other):
        client.close()
    return good, len(clients)


# The host's C++ library is native enough here, and one build of a C++ library less.
irc.BUILDS["native"], irc.COMPILERS["native"] = "glibc", ["g++"]
top, folders = ports.directories()
heard, servers, users = {}, {}, [f"u{n}" for n in range(10)]
for variant, folder in folders.items():
    servers[variant] = irc.compile_server(variant, f"{top.name}/irc-{variant}")
    os.makedirs(folder + "/state/modules")
    with open(folder + "/thrower.cpp", "w") as file:
        file.write(MODULE)
    subprocess.run([*irc.COMPILERS[variant], "-O2", "-fPIC", "-shared", "-I" + irc.tree(variant) + "/include", "-include", "znc/zncconfig.h",
                    folder + "/thrower.cpp", "-o", folder + "/state/modules/thrower.so"], check=True)
    told = {}
    for option in ("--version", "--help", "--bogus"):
        command = [irc.tree(variant) + "/bin/znc", option]
        if variant == "carrel":
            command = [ports.CARREL, "run", "--argv0", "znc", "-v", irc.tree(variant) + ":/znc:ro", *command]
        done = subprocess.run(command, capture_output=True, timeout=60)
        told[option] = done.returncode, done.stdout.decode().replace(irc.tree(variant) + "/bin/", "").replace(irc.tree(variant), "/znc")
    heard[variant, "options"] = [str(told)]
    with irc.pair(variant, folder, servers[variant], ["a", "b"]) as started:
        heard[variant, "talk"] = talk(started)
        heard[variant, "pages"] = pages(started)
        count, heard[variant, "modules"] = modules(started, variant, folder)
        heard[variant, "ends"] = ends(started)
    heard[variant, "ends"] += wrong(variant, folder)
    with open(folder + "/state/configs/znc.conf") as file:
        heard[variant, "configuration"] = file.read().splitlines()[8:]
    with irc.pair(variant, folder, servers[variant], users) as started:
        good, all_clients = crowd(started, users, 30, 200)
        ports.ok(good == all_clients, f"{all_clients} clients of {len(users)} users at once ({variant})", good)

for part, text in (("options", "its version and its help"), ("talk", "the same conversation"), ("modules", f"{count} modules and one that throws"),
                   ("pages", "its web pages"), ("ends", "its ends, and configurations that are no good"), ("configuration", "what it saves")):
    got = {variant: alike(variant, folder, heard[variant, part]) for variant, folder in folders.items()}
    different = [(n, x[:300], y[:300]) for n, (x, y) in enumerate(zip(got["carrel"], got["native"])) if x != y]
    ports.ok(len(got["carrel"]) == len(got["native"]) and not different and got["native"], f"{text} ({len(got['native'])} lines)",
             (len(got["carrel"]), len(got["native"]), different[:6]))
ports.done()
