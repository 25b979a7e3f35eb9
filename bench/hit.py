#!/usr/bin/python3
"""From a hit to the kernel: limetwig beside fail2ban and the recipe with sudo and a shell script.

    bench/hit.py [--build DIR] [--short]

Ours: from the final dot of a message to a trap, with the time of fdatasync on the same disk beside it; theirs: from
the line in the mail log, and from the start of the script. All until the kernel says that the address is in a
set of nftables. Then how many hits a second, and what others' policy queries wait meanwhile.
SPDX-License-Identifier: ISC
"""
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import peers
import rig

TRAP = "trap7@traps.example.org"
ENGINE_AIM, OTHERS_AIM = 5000, 2
OTHERS_RATE, OTHERS_HITS, OTHERS_FIRST = 200, 600, 100000  # hits a second and a round; addresses that no part before comes to
COLUMNS = [("p50_us", "p50 us", "%.0f", "spread"), ("p90_us", "p90 us", "%.0f", "spread"),
           ("p99_us", "p99 us", "%.0f", "spread"), ("max_us", "most us", "%.0f", "max"),
           ("p50_us", "p50, times ours", "%.1f", "ratio"), ("cpu_us", "CPU us a hit", "%.0f", "spread"),
           ("cpu_us", "CPU, times ours", "%.1f", "ratio")]
ANSWER = "firewall { backend = nftables offence = 1 action = answer }\ntarpit { port = 10725 }"
TABLE = "table inet recipe {\n\tset trapped {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t}\n}\n"
PLAIN = '#!/bin/sh\nexec nft add element inet recipe trapped "{ $1 timeout 24h }"\n'
RECIPE = """#!/bin/sh
case $1 in ''|*[!0-9.]*) echo "no address: $1" >&2; exit 1 ;; esac
sqlite3 %s "INSERT OR REPLACE INTO trapped VALUES ('$1', strftime('%%s', 'now'));" || exit 1
nft add element inet recipe trapped "{ $1 timeout 24h }"
"""
FAIL2BAN = {
    "fail2ban.local": "[Definition]\nlogtarget = {top}/log\nsocket = {top}/sock\npidfile = {top}/pid\ndbfile = {database}\n",
    "jail.local": "[trap]\nenabled = true\nbackend = pyinotify\nfilter = trap\nlogpath = {top}/mail.log\nmaxretry = 1\n"
                  "findtime = 600\nbantime = 86400\naction = nftables-allports[name=trap]\n",
    "filter.d/trap.conf": "[Definition]\nfailregex = RCPT from \\S*\\[<HOST>\\]: 550 .* to=<trap7@traps\\.example\\.org>\n"}


def ban(args, *words):
    done = subprocess.run([args.build + "/bench/ban_latency", *map(str, words)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise rig.BenchError("ban_latency: " + done.stderr.strip())
    return rig.fields(done.stdout)


class Fail2ban(rig.Server):
    def __init__(self, work, log, database="None"):
        self.top, self.log = tempfile.mkdtemp(dir=work), log
        shutil.copytree("/etc/fail2ban", self.top, dirs_exist_ok=True)
        shutil.rmtree(self.top + "/jail.d")
        for name, text in FAIL2BAN.items():
            with open("%s/%s" % (self.top, name), "w", encoding="ascii") as f:
                f.write(text.format(top=self.top, database=database))
        with open(self.top + "/mail.log", "w", encoding="ascii"):
            pass
        self.client = [peers.program("fail2ban-client"), "-c", self.top]
        self.start()

    def start(self):
        super().__init__(rig.pinned(1, peers.program("fail2ban-server"), "-c", self.top, "-f", "start"), self.log)
        rig.wait_for("fail2ban", lambda: subprocess.run(self.client + ["status", "trap"], capture_output=True,
                                                        check=False).returncode == 0, 30)

    def bans(self, args, first, count, how="log"):
        before = rig.cpu_s(self.pid)
        found = ban(args, first, count, how, self.top + "/mail.log")
        found["cpu_us"] = (rig.cpu_s(self.pid) - before) * 1e6 / count
        return found


class Script:
    """A script run for each hit; with sudo as nobody, who may run nothing else."""

    def __init__(self, work, name, text, is_sudo):
        path = "%s/%s" % (work, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, 0o755)
        peers.program("nft")
        self.words = ["run", path]
        if is_sudo:
            self.words = ["nobody", peers.program("sudo"), "-n", path]
            allow_sudo(path)

    def bans(self, args, first, count):
        return ban(args, first, count, *self.words)

    def stop(self):
        pass


def allow_sudo(path):
    """In our own mount namespace: as the package would be installed, which the unpacked one is not."""
    with open("/etc/sudoers", "w", encoding="ascii") as f:
        f.write("Defaults !syslog\nroot ALL=(ALL:ALL) ALL\nnobody ALL=NOPASSWD: %s\n" % path)
    os.chmod("/etc/sudoers", 0o440)
    for name in ["/etc/sudoers", *glob.glob("/etc/sudo*.conf"), *glob.glob("/usr/libexec/sudo*"),
                 *glob.glob("/usr/libexec/sudo/*"), peers.program("sudo")]:
        os.chown(name, 0, 0)
    os.chmod(peers.program("sudo"), 0o4755)


def start_plain(work, _):
    return Script(work, "plain", PLAIN, False)


def start_recipe(work, _):
    program, database = peers.program("sqlite3"), work + "/recipe.db"
    subprocess.run([program, database, "CREATE TABLE trapped (address TEXT PRIMARY KEY, at INTEGER);"], check=True)
    if not os.path.ismount("/etc"):
        raise peers.Missing("no overlay of /etc here, so no sudoers of our own")
    return Script(work, "recipe", RECIPE % database, True)


class Ours:
    def __init__(self, args, work, log, name="hit", firewall="nftables"):
        self.daemon = rig.Daemon(args.build, os.path.join(work, name), log, 1000, 0, firewall)
        self.daemon.enforce("full")
        self.recipient = rig.wait_for("the alias map", self.aliased, 30)

    def aliased(self):
        top = self.daemon.top
        return subprocess.run(["postmap", "-c", top + "/postfix", "-q", TRAP, "lmdb:%s/postfix/limetwig_virtual" % top],
                              capture_output=True, text=True, check=False).stdout.strip()

    def hits(self, args, count, rate, first, folder):
        return [args.build + "/bench/hit_latency", self.daemon.socket("policy"), self.daemon.socket("lmtp"), TRAP, self.recipient,
                folder, str(count), str(rate), str(first)]

    def active(self):
        return self.daemon.armed(0)["blocks"]["active"]

    def bans(self, args, first, count):
        """(the kernel, the 250, fdatasync before, fdatasync after)"""
        before = rig.cpu_s(self.daemon.process.pid)
        done = subprocess.run(rig.pinned(0, *self.hits(args, count, 100, first, self.daemon.top + "/lib")), capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise rig.BenchError("hit_latency: " + done.stderr.strip() + done.stdout)
        used = (rig.cpu_s(self.daemon.process.pid) - before) * 1e6 / count
        out = [rig.fields(line) for line in done.stdout.splitlines()]
        rows = [{k.partition("_")[2]: v for k, v in out[n].items()} for n in (3, 4, 0, 1)]
        rows[0]["cpu_us"] = used
        return rows


PEERS = (("sh, nft", ("nftables",), start_plain), ("sudo, sh, sqlite3, nft", ("sudo", "sqlite3"), start_recipe),
         ("fail2ban, pyinotify, nftables-allports", ("fail2ban",), Fail2ban))


def latency(args, work, log, ours):
    """Round after round; each has its own addresses."""
    name, what = "latency", "limetwig: final dot to kernel element"
    rounds, each, theirs = (2, 50, 5) if args.short else (3, 300, 25)
    rig.table(name, "One hit after the other", COLUMNS, "%d rounds of %d hits of ours, 100 a second, and %d of each other; theirs are "
              "as fast as each is done." % (rounds, each, theirs))
    subprocess.run(["nft", "-f", "-"], input=TABLE, text=True, check=True)
    found, started, mine, first = {}, [], [], 0
    try:
        for label, packages, start in PEERS:
            try:
                started.append((label, start(work, log)))
            except (peers.Missing, rig.BenchError, OSError, subprocess.CalledProcessError) as e:
                rig.missing(name, label, e)
                continue
            found[label] = []
            for package in packages:
                rig.version(package, peers.version(package))
        for _ in range(rounds):
            mine.append(ours.bans(args, first, each))
            first += each
            for label, server in started:
                found[label].append(server.bans(args, first, theirs))
                first += theirs
                rig.say("%s: p50 %.0f us" % (label, found[label][-1]["p50_us"]))
        rig.row(name, what, [m[0] for m in mine], what)
        rig.row(name, "limetwig: final dot to 250, durable", [m[1] for m in mine], what)
        for label, rows in found.items():
            rig.row(name, label, rows, what)
        rig.row(name, "fdatasync of 4 kB on the same disk", [row for m in mine for row in m[2:]])
        beside_durable(found, [m[1] for m in mine])
        burst(args, started, first)
    finally:
        for _, server in started:
            server.stop()
    kernel = statistics.median(m[0]["p99_us"] for m in mine)
    limit = 1000 + 2 * statistics.median(max(m[2]["p99_us"], m[3]["p99_us"]) for m in mine)
    rig.aim("final dot to kernel element, p99", "%.0f us" % kernel, "1 ms + 2 fdatasync p99 = %.0f us" % limit, kernel <= limit)


def beside_durable(found, ours):
    """The recipe writes its database before the element; our element comes before the store is durable, the 250 after it."""
    for label, rows in found.items():
        if "sqlite3" in label:
            ratio = statistics.median(r["p50_us"] / o["p50_us"] for r, o in zip(rows, ours))
            rig.note("latency", "%s: in its database before the element; beside our durable 250 its p50 is %.1f times ours" % (label, ratio))


def answerer(args, work, log):
    """With our own SMTP server for blocked hosts: the element leads the next SYN there."""
    ours = Ours(args, work, log, "answer", ANSWER)
    try:
        rounds = [ours.bans(args, n * 300, 300)[0] for n in range(1 if args.short else 2)]
    finally:
        ours.daemon.stop()
    rig.row("latency", "limetwig, action = answer: final dot to kernel element", rounds)


def burst(args, started, first):
    """Lines written at once; the scripts cannot run side by side without a lock, so they have no row."""
    for label, server in started:
        if isinstance(server, Fail2ban):
            seen = server.bans(args, first, 50 if args.short else 300, "burst")
            rig.note("latency", "%s, %.0f lines at once: %.0f bans a second, p50 %.0f ms, the last after %.0f ms" % (
                label, seen["bans"], seen["per_s"], seen["p50_us"] / 1000, seen["max_us"] / 1000))


def rates(args, ours):
    name = "rates"
    rig.table(name, "Hits a second", [("hits_per_s", "hits/s", "%.0f", "spread"), ("cpu_us", "CPU us a hit", "%.0f", "spread")],
              "The engine alone: hosts never seen before, each stored, blocked, made an element, and acknowledged when it "
              "is durable; its made-up peers are in its CPU time.")
    rounds, hits = (1, 5000) if args.short else (5, 10000)
    alone = []
    for _ in range(rounds):
        done = subprocess.run([args.build + "/bench/engine_hits", str(hits)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise rig.BenchError("engine_hits: " + done.stderr.strip() + done.stdout)
        alone.append(rig.fields(done.stdout))
    rig.row(name, "the engine alone", alone)
    rate = statistics.median(r["hits_per_s"] for r in alone)
    rig.aim("hits a second, the engine alone", "%.0f" % rate, "at least %d" % ENGINE_AIM, rate >= ENGINE_AIM)


def others(args, ours):
    """What policy queries of others wait while 200 hits a second come."""
    name, idle, busy, rates_seen = "others", [], [], []
    rig.table(name, "Queries of others while %d hits a second come" % OTHERS_RATE,
              [("p50_us", "p50 us", "%.0f", "spread"), ("p99_us", "p99 us", "%.0f", "spread"),
               ("p99_us", "p99, times idle", "%.2f", "ratio")], "4 connections; beside them hits, each of a host never seen before "
              "that is blocked for it and becomes an element.")
    for n in range(1 if args.short else 3):
        before = ours.active()
        idle.append(rig.policy_load(args.build, ours.daemon, ours.daemon.socket("policy"), 2, [], 4))
        began = time.monotonic()
        command = ours.hits(args, OTHERS_HITS, OTHERS_RATE, OTHERS_FIRST + n * OTHERS_HITS, "-")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as hits:
            busy.append(rig.policy_load(args.build, ours.daemon, ours.daemon.socket("policy"), 2, [], 4))
        rates_seen.append(OTHERS_HITS / (time.monotonic() - began))
        if hits.returncode or ours.active() - before != OTHERS_HITS:
            raise rig.BenchError("hit_latency ended with status %d; %d blocks of %d hits" % (
                hits.returncode, ours.active() - before, OTHERS_HITS))
    rig.row(name, "idle", idle, "idle")
    rig.row(name, "while hits come", busy, "idle")
    ratio, rate = statistics.median(b["p99_us"] / i["p99_us"] for i, b in zip(idle, busy)), statistics.median(rates_seen)
    rig.note(name, "%.0f hits, and as many new blocks, a second" % rate)
    rig.aim("p99 of others' queries while %d hits a second come, beside idle" % OTHERS_RATE, "%.2f, at %.0f hits" % (ratio, rate),
            "at most %d" % OTHERS_AIM, ratio <= OTHERS_AIM and rate >= 0.9 * OTHERS_RATE)


def hit(args, work, log):
    ours = Ours(args, work, log)
    try:
        latency(args, work, log, ours)
        others(args, ours)
    finally:
        ours.daemon.stop()
    answerer(args, work, log)
    rates(args, ours)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), hit))
