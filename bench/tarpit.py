#!/usr/bin/python3
"""The tarpit: many held connections beside a bare epoll tarpit and endlessh.

    bench/tarpit.py [--build DIR] [--short] [--connections 100000] [PART...]

Parts: many (100,000 connections, more bytes asked for than it may send: how many in a fifth of a core; memory; then the bare one at the pace
that came of it), beside (15,000 connections, ours, the bare one and endlessh in turn), flood (how long new clients
wait meanwhile), and only when named: policy (CPU of a query beside it), memory (of clients that have talked).
Client addresses are local in its network namespace, and nf_conntrack_max reads as large enough.
SPDX-License-Identifier: ISC
"""
import os
import subprocess
import sys
import tempfile

import peers
import rig

PORT, SMTP, BARE_PORT, ENDLESSH_PORT = 10725, 25, 10726, 10727  # the kernel leads clients of 25 to the first
TARPIT = """firewall { backend = nftables action = tarpit }
tarpit { port = %d pace = %s connections = %d held = %d processes = %d each = 100 offence = 1 }
"""
CPU_AIM, CORES, SLOWEST_S, MEMORY_AIM, PAUSE_AIM_MS = 1.2, 0.2, 10, 256, 100
ASKED_S, ADAPT_S, WINDOW_S = 2, 30, 10  # it settles before it has said its whole greeting, 40 bytes or so
CPU_US, CPU_RATIO = ("cpu_us", "CPU us a byte", "%.2f", "spread"), ("cpu_us", "times the bare one", "%.2f", "ratio")
COLUMNS = [CPU_US, CPU_RATIO, ("beat_us", "CPU us a connection and pause", "%.2f", "spread"),
           ("beat_us", "times the bare one", "%.2f", "ratio"), ("memory", "bytes of its memory a connection", "%.0f", "max"),
           ("bytes_s", "bytes/s", "%.0f", "median"), ("cores", "cores", "%.3f", "spread"),
           ("connections", "connections", "%.0f", "median")]


def prepare(work):
    """Client addresses of make_store are local, and no table of connections is in the way."""
    for words in (["ip", "route", "add", "local", "0.0.0.0/1", "dev", "lo"],
                  ["ip", "-6", "route", "add", "local", "2001:db8::/32", "dev", "lo"]):
        subprocess.run(words, check=True)
    table = "/proc/sys/net/netfilter/nf_conntrack_max"
    if os.path.exists(table):
        with open(work + "/conntrack", "w", encoding="ascii") as f:
            f.write("4000000\n")
        subprocess.run(["mount", "--bind", work + "/conntrack", table], check=True)


def start(args, work, log, pace):
    top = tempfile.mkdtemp(dir=work)
    os.chmod(top, 0o755)
    daemon = rig.Daemon(args.build, top, log, 1000, 4 * args.addresses, TARPIT % (
        PORT, pace, args.connections * 11 // 10, args.connections * 11 // 10, args.processes))
    daemon.tarpits = tarpits(daemon)
    try:
        daemon.enforce("full")
        rig.wait_for("all blocks in the kernel", lambda: is_complete(daemon, 4 * args.addresses), 60)
    except rig.BenchError:
        daemon.stop()
        raise
    return daemon


def is_complete(daemon, blocks):
    return rig.json.loads(daemon.ctl("status", "--json"))["firewall"]["present"] >= blocks


def tarpits(daemon):
    found = []
    with open("/proc/%d/task/%d/children" % (daemon.process.pid, daemon.process.pid), encoding="ascii") as f:
        for pid in f.read().split():
            with open("/proc/%s/cmdline" % pid, "rb") as c:
                if b"tarpit" in c.read().split(b"\0")[2]:
                    found.append(int(pid))
    return found


def private_bytes(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Private_")) * 1024
    return total


def kernel_bytes():
    with open("/proc/meminfo", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("Slab:", "PageTables:"))) * 1024


def load(args, pids, port, seconds, *options, during=None, connections=None, warm_up=None):
    """Fields of tarpit_load, and what `during` gave while all connections stood."""
    command = [args.build + "/bench/tarpit_load", "-n", connections or args.connections, "-a", args.addresses, "-s",
               warm_up or args.warm_up, "-t", seconds, "-p", ",".join(map(str, pids)), *options, port]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        line = p.stderr.readline()
        seen = during() if during and "open" in line else None
        out, errors = p.communicate()
        if p.returncode != 0:
            raise rig.BenchError("tarpit_load: " + line + errors)
    return rig.fields(out), seen


class Bare(rig.Server):
    def __init__(self, args, log, pace_ms):
        super().__init__([args.build + "/bench/tarpit_bare", str(BARE_PORT), str(args.processes), str(pace_ms)], log)
        path = "/proc/%d/task/%d/children" % (self.pid, self.pid)

        def children():
            with open(path, encoding="ascii") as f:
                return list(map(int, f.read().split()))
        rig.wait_for("the bare tarpit", lambda: len(children()) == args.processes, 10)
        self.pids, self.port = children(), BARE_PORT


class Endlessh(rig.Server):
    """One process; a line of 3 bytes or a few more at a time."""

    def __init__(self, log, pace_ms):
        super().__init__([peers.program("endlessh"), "-p", str(ENDLESSH_PORT), "-d", str(pace_ms), "-l", "3", "-m", "19000"], log)
        self.pids, self.port = [self.pid], ENDLESSH_PORT


class Ours:
    def __init__(self, args, work, log, pace):
        self.daemon = start(args, work, log, pace)
        self.pids, self.port, self.stop = self.daemon.tarpits, SMTP, self.daemon.stop

    def wait_empty(self):
        rig.wait_for("the end of all connections", lambda: status(self.daemon)["connections"] == 0, 60)


def status(daemon):
    return rig.json.loads(daemon.ctl("status", "--json"))["tarpit"]


def measure(args, server, seconds, pace_s, connections, warm_up):
    """Fields of tarpit_load, with memory and what a connection costs from one byte to the next; pace_s: None: as it says."""
    before = private_bytes(server.pids)
    found, seen = load(args, server.pids, server.port, seconds, connections=connections, warm_up=warm_up,
                       during=lambda: (private_bytes(server.pids), pace_s or status(server.daemon)["pace_ms"] / 1000))
    if found["bytes_s"] * seen[1] * 4 < found["connections"]:
        raise rig.BenchError("%.0f bytes a second to %.0f connections: they have been told all there is to tell, or the machine "
                             "is too busy" % (found["bytes_s"], found["connections"]))
    found["memory"], found["pace_s"] = (seen[0] - before) / found["connections"], seen[1]
    found["beat_us"] = found["cores"] * 1e6 * seen[1] / found["connections"]
    rig.say(" ".join("%s=%g" % (k, round(v, 4)) for k, v in found.items()))
    return found


def many(args, work, log):
    """Ours finds its pace; the bare one is given the same."""
    ours, seconds = Ours(args, work, log, "%ds" % ASKED_S), 2 * ASKED_S if args.short else WINDOW_S
    try:
        mine = measure(args, ours, seconds, None, args.connections, 2 if args.short else ADAPT_S)
    finally:
        ours.stop()
    pace_ms = int(mine["pace_s"] * 1000)
    bare = Bare(args, log, pace_ms // 50 * 50)
    try:
        beside = measure(args, bare, seconds, mine["pace_s"], args.connections, pace_ms // 1000 + 1)
    finally:
        bare.stop()
    rig.table("many", "%d connections" % args.connections, COLUMNS,
              "%d processes each; %d s between bytes were asked of ours, %.1f came of it, and the bare one does the "
              "same. From many addresses, half IPv6, ours through its nftables rules." % (args.processes, ASKED_S, mine["pace_s"]))
    rig.row("many", "bare", [beside], "bare")
    rig.row("many", "limetwig", [mine], "bare")
    what = "{:,} held connections: ".format(args.connections)
    # the pace is steered to this part of a core: that it is kept says little, what it gives does
    rate, least = mine["bytes_s"] * CORES / mine["cores"], args.connections / SLOWEST_S
    rig.aim(what + "bytes/s at %.1f of a core" % CORES, "%.0f; measured at %.3f" % (rate, mine["cores"]),
            "at least %.0f, one each %d s to each" % (least, SLOWEST_S), rate >= least and mine["cores"] <= CORES)
    rig.aim(what + "memory of each", "%.0f bytes" % mine["memory"], "at most %d" % MEMORY_AIM, mine["memory"] <= MEMORY_AIM)
    ratio = mine["cpu_us"] / beside["cpu_us"]
    rig.aim(what + "CPU of a byte beside the bare tarpit", "%.2f" % ratio, "at most %.1f" % CPU_AIM, ratio <= CPU_AIM)


def beside(args, work, log):
    """Servers in turn: each has all connections while it is measured."""
    connections, rounds, pace_s = (2000, 1, 1) if args.short else (15000, 2, 3)
    rig.table("beside", "%d connections, a byte or a line each %d s" % (connections, pace_s), COLUMNS,
              "endlessh sends a line of 3 bytes or a few more at a time, so compare what a connection costs it from one to the next. It is "
              "one process, the others %d." % args.processes)
    ours, found = Ours(args, work, log, "%ds" % pace_s), {"bare": [], "limetwig": [], "endlessh": []}
    try:
        for _ in range(rounds):
            for name, begin in (("bare", lambda: Bare(args, log, pace_s * 1000)), ("endlessh", lambda: Endlessh(log, pace_s * 1000)),
                                ("limetwig", lambda: ours)):
                if found[name] is None:
                    continue
                try:
                    server = begin()
                except (peers.Missing, OSError) as e:
                    rig.missing("beside", name, e)
                    found[name] = None
                    continue
                try:
                    found[name].append(measure(args, server, args.seconds, pace_s, connections, pace_s + 1))
                finally:
                    if server is ours:
                        ours.wait_empty()
                    else:
                        server.stop()
    finally:
        ours.stop()
    if found["endlessh"]:
        rig.version("endlessh", peers.version("endlessh"))
    for name, rounds in found.items():
        if rounds:
            rig.row("beside", name, rounds, "bare")


def flood(args, work, log):
    ours, n = Ours(args, work, log, "10s"), args.connections // 2
    try:
        o, _ = load(args, ours.pids, SMTP, args.seconds, "-f", connections=n, warm_up=1 if args.short else 5)
        pause = rig.wait_for("the state of all", lambda: status(ours.daemon), 5)["pause_ms"]
    finally:
        ours.stop()
    rig.table("flood", "New clients while %d are held and others come and go" % n,
              [("flood_s", "connections a second", "%.0f", "once")] +
              [("flood_%s_ms" % k, "connect to first byte, %s ms" % k, "%.1f", "once") for k in ("p50", "p99", "max")])
    rig.row("flood", "limetwig", [o])
    rig.aim("longest time without accepting under a flood", "%d ms" % pause, "at most %d ms" % PAUSE_AIM_MS, pause <= PAUSE_AIM_MS)


def memory(args, work, log):
    """Of clients that have said HELO and MAIL, which we keep."""
    ours, n = Ours(args, work, log, "1s"), min(args.connections, 15000)
    try:
        idle = private_bytes(ours.pids)
        o, seen = load(args, ours.pids, SMTP, 5, "-h", connections=n, warm_up=120, during=lambda: private_bytes(ours.pids))
    finally:
        ours.stop()
    rig.table("memory", "After HELO and MAIL of clients", [("memory", "bytes of its memory a connection", "%.0f", "once")])
    rig.row("memory", "limetwig", [{"memory": (seen - idle) / o["connections"]}])


def policy(args, work, log):
    """CPU of a policy query: alone, beside held connections, alone again."""
    ours, entries = Ours(args, work, log, "10s"), ["-n", 1000, "-k", 1000]

    def some():
        return [rig.policy_load(args.build, ours.daemon, ours.daemon.socket("policy"), 2, entries) for _ in range(5)]
    try:
        before = some()
        _, during = load(args, ours.pids, SMTP, 15, during=some)
        ours.wait_empty()
        after = some()
    finally:
        ours.stop()
    rig.table("query", "A policy query beside %d held connections" % args.connections, [("cpu_us", "CPU us a query", "%.2f", "spread"),
                                                                             ("cpu_us", "times before", "%.2f", "ratio")])
    for name, rounds in (("before", before), ("beside", during), ("after", after)):
        rig.row("query", name, rounds, "before")


PARTS = {"many": many, "beside": beside, "flood": flood, "policy": policy, "memory": memory}


def tarpit(args, work, log):
    prepare(work)
    try:
        for part in args.parts:
            rig.say(part)
            PARTS[part](args, work, log)
    finally:
        subprocess.run(["umount", "-q", "/proc/sys/net/netfilter/nf_conntrack_max"], check=False)


def options(parser):
    parser.add_argument("--connections", type=int)
    parser.add_argument("--addresses", type=int, default=50000)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--seconds", type=int, help="of each run")
    parser.add_argument("--warm-up", type=int, default=60, help="seconds, of the parts policy and memory")
    parser.add_argument("parts", nargs="*", default=["many", "beside", "flood"])


if __name__ == "__main__":
    arguments = rig.arguments(__doc__, options)
    arguments.seconds = arguments.seconds or (2 if arguments.short else 5)
    arguments.connections = arguments.connections or (5000 if arguments.short else 100000)
    sys.exit(rig.main(arguments, tarpit))
