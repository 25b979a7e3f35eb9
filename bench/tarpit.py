#!/usr/bin/python3
"""The numbers of the tarpit: many held connections beside a bare epoll tarpit.

    bench/tarpit.py [--build DIR] [--connections 100000] [--rounds 3] [PART...]

Parts: cpu (ours and the bare one in turn, at the same pace; and memory), memory (of clients that have talked), pace
(does it come to a fifth of a core), flood (how long new clients wait meanwhile), policy (CPU of a query beside it).
Needs root; runs in network and mount namespaces of its own, in which the client addresses are local and
nf_conntrack_max reads as large enough. Lines of this go to BY-HAND.md.
SPDX-License-Identifier: ISC
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import run

PORT, SMTP, BARE_PORT = 10725, 25, 10726  # the kernel leads clients of 25 to the first
TARPIT = """firewall {{ backend = nftables action = tarpit }}
tarpit {{ port = %d pace = %s connections = %d held = %d processes = %d each = 100 offence = 1 }}
"""
ALL = ("cpu", "pace", "flood", "policy", "memory")


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
    run.CONF = run.CONF.split("firewall {{")[0] + TARPIT % (
        PORT, pace, args.connections * 11 // 10, args.connections * 11 // 10, args.processes) + "storage {{" + \
        run.CONF.split("storage {{")[1]
    top = tempfile.mkdtemp(dir=work)
    os.chmod(top, 0o755)
    daemon = run.Daemon(args.build, top, log, 1000, 4 * args.addresses, "nftables")
    daemon.tarpits = tarpits(daemon)
    try:
        if daemon.ctl("enforce", "full", "--force") is None:
            raise run.BenchError("limetwig enforce full was refused")
        run.wait_for("all blocks in the kernel", lambda: is_complete(daemon, 4 * args.addresses), 60)
    except run.BenchError:
        daemon.stop()
        raise
    return daemon


def is_complete(daemon, blocks):
    return run.json.loads(daemon.ctl("status", "--json"))["firewall"]["present"] >= blocks


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
            raise run.BenchError("tarpit_load: " + line + errors)
    return run.fields(out), seen


class Bare(run.Server):
    def __init__(self, args, log, pace_ms):
        super().__init__([args.build + "/bench/tarpit_bare", str(BARE_PORT), str(args.processes), str(pace_ms)], log)
        path = "/proc/%d/task/%d/children" % (self.pid, self.pid)

        def children():
            with open(path, encoding="ascii") as f:
                return list(map(int, f.read().split()))
        run.wait_for("the bare tarpit", lambda: len(children()) == args.processes, 10)
        self.children = children()


def cpu(args, work, log):
    """Ours and the bare one in turn."""
    daemon = start(args, work, log, "%ds" % args.pace)
    idle, ratios, each = private_bytes(daemon.tarpits), [], []
    try:
        for _ in range(args.rounds):
            bare = Bare(args, log, args.pace * 1000)
            try:
                before = private_bytes(bare.children)
                b, seen = load(args, bare.children, BARE_PORT, args.seconds, warm_up=args.pace + 2,
                               during=lambda pids=bare.children: private_bytes(pids))
                b["memory"] = (seen - before) / b["connections"]
            finally:
                bare.stop()
            time.sleep(3)
            kernel = kernel_bytes()
            o, seen = load(args, daemon.tarpits, SMTP, args.seconds,
                           during=lambda: (private_bytes(daemon.tarpits), kernel_bytes()))
            o["memory"] = (seen[0] - idle) / o["connections"]
            o["kernel"] = (seen[1] - kernel) / o["connections"]
            run.wait_for("the end of all connections", lambda: held(daemon) == 0, 60)
            ratios.append(o["cpu_us"] / b["cpu_us"])
            each.append(o["memory"])
            print("bare: " + words(b))
            print("ours: " + words(o) + " ratio=%.2f" % ratios[-1], flush=True)
    finally:
        daemon.stop()
    print("cpu ratio, median (least-greatest) of %d: %s; bytes of our memory a connection: %s" % (
        args.rounds, run.spread(ratios), run.spread(each, "%.0f")), flush=True)


def words(f):
    return " ".join("%s=%g" % (k, round(v, 4)) for k, v in f.items())


def status(daemon):
    return run.json.loads(daemon.ctl("status", "--json"))["tarpit"]


def held(daemon):
    return status(daemon)["connections"]


def pace(args, work, log):
    daemon = start(args, work, log, "1s")
    try:
        o, seen = load(args, daemon.tarpits, SMTP, 20, during=lambda: status(daemon))
        print("pace: " + words(o) + " pace_ms=%d; the aim is 0.2 cores: %s" % (
            seen["pace_ms"], "met" if o["cores"] <= 0.2 else "not met"), flush=True)
    finally:
        daemon.stop()


def memory(args, work, log):
    """Of clients that have said HELO and MAIL, which we keep."""
    daemon = start(args, work, log, "1s")
    try:
        idle, n = private_bytes(daemon.tarpits), min(args.connections, 15000)
        o, seen = load(args, daemon.tarpits, SMTP, 5, "-h", connections=n, warm_up=120,
                       during=lambda: private_bytes(daemon.tarpits))
        print("memory: " + words(o) + " bytes a connection after HELO and MAIL: %.0f" % (
            (seen - idle) / o["connections"]), flush=True)
    finally:
        daemon.stop()


def flood(args, work, log):
    daemon = start(args, work, log, "%ds" % args.pace)
    try:
        o, _ = load(args, daemon.tarpits, SMTP, args.seconds, "-f", connections=args.connections // 2)
        seen = run.wait_for("the state of all", lambda: status(daemon), 5)
        print("flood: " + words(o) + " longest_pause_ms=%d; the aim is 100 ms: %s" % (
            seen["pause_ms"], "met" if seen["pause_ms"] <= 100 else "not met"), flush=True)
    finally:
        daemon.stop()


def policy(args, work, log):
    """CPU of a policy query: alone, beside held connections, alone again."""
    daemon = start(args, work, log, "%ds" % args.pace)
    entries = ["-n", 1000, "-k", 1000]

    def some():
        return [run.load(args.build, daemon, daemon.socket("policy"), 2, entries)["cpu_us"] for _ in range(5)]
    try:
        before = some()
        _, beside = load(args, daemon.tarpits, SMTP, 15, during=some)
        run.wait_for("the end of all connections", lambda: held(daemon) == 0, 60)
        after = some()
        print("policy: CPU us a query %s before, %s beside, %s after; ratio %.2f" % (
            run.spread(before), run.spread(beside), run.spread(after),
            statistics.median(beside) / statistics.median(before + after)), flush=True)
    finally:
        daemon.stop()


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", default=os.path.join(os.path.dirname(run.HERE), "build"))
    p.add_argument("--connections", type=int, default=100000)
    p.add_argument("--addresses", type=int, default=50000)
    p.add_argument("--processes", type=int, default=6)
    p.add_argument("--pace", type=int, default=10, help="seconds, of all parts but pace")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=20, help="of each run")
    p.add_argument("--warm-up", type=int, default=60, help="seconds, until the pace is what it was before all came")
    p.add_argument("parts", nargs="*", default=ALL)
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    return args


def main():
    args = arguments()
    if not run.can_run():
        return 77
    run.into_namespaces()
    print(run.machine() + ".\n" + run.versions(args.build) + ".")
    work = tempfile.mkdtemp(prefix="limetwig-bench.")
    os.chmod(work, 0o755)
    try:
        prepare(work)
        with open(os.path.join(work, "log"), "wb") as log:
            try:
                for part in args.parts:
                    {"cpu": cpu, "pace": pace, "flood": flood, "policy": policy, "memory": memory}[part](args, work, log)
            except run.BenchError as e:
                print("bench: %s" % e)
                with open(log.name, encoding="utf-8", errors="replace") as f:
                    print("".join(f.readlines()[-20:]))
                return 1
    finally:
        subprocess.run(["umount", "-q", "/proc/sys/net/netfilter/nf_conntrack_max"], check=False)
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
