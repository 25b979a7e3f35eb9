#!/usr/bin/env python3
"""What lists from outside add to a policy query.

Two daemons are asked in turn, one without feeds, one with some of a million
addresses each; clients that nobody lists. Then a storm: hosts that are all
listed and all new. Needs root; runs in namespaces of its own. By hand: the
result goes into BY-HAND.md.
"""
import argparse
import ipaddress
import json
import os
import random
import shutil
import statistics
import sys
import tempfile

import run
from run import HERE, Daemon, load, spread, wait_for

FEED = 'feed "f%d" {\n  source = "%s"\n  documentation = yes\n  widest-ipv4 = 8\n  change = 100\n  size = 256M\n}\n'


class WithFeeds(Daemon):
    def __init__(self, build, top, log, feeds, entries):
        self.feeds, self.entries = feeds, entries
        super().__init__(build, top, log, 1000, 1000, "none")

    def write(self, name, text):
        if name == "limetwig.conf":
            text += "".join(FEED % (i, path) for i, path in enumerate(self.feeds))
        super().write(name, text)

    def rows(self):
        return json.loads(self.ctl("feed", "list", "--json") or "{}").get("feeds", [])

    def wait_feeds(self):
        wait_for("the feeds", lambda: len(self.rows()) == len(self.feeds) and all(r["acts"] for r in self.rows()), 300)


def make_list(path, entries, seed):
    """Addresses spread over what a spam list has, none of our clients'."""
    draw = random.Random(seed)
    with open(path, "w", encoding="ascii") as f:
        f.writelines("%d.%d.%d.%d\n" % (draw.randrange(96, 190), draw.randrange(256), draw.randrange(256),
                                         draw.randrange(256)) for _ in range(entries))


def storm(args, work, log):
    path = os.path.join(work, "all.txt")
    with open(path, "w", encoding="ascii") as f:
        f.writelines("%d.0.0.0/8\n" % n for n in range(11, 96))
        f.write("%s\n" % ipaddress.ip_network("2001:db8::/32"))
    daemon = WithFeeds(args.build, os.path.join(work, "storm"), log, [path], 86)
    try:
        daemon.wait_feeds()
        if daemon.ctl("enforce", "soft", "--force") is None:
            raise run.BenchError("limetwig enforce soft was refused")
        calm = load(args.build, daemon, daemon.socket("policy"), args.seconds, [])
        seen = load(args.build, daemon, daemon.socket("policy"), args.seconds, ["-b", 100, "-k", args.storm])
        row = daemon.rows()[0]
        print("storm: %s\ncalm:  %s\nblocked %d, no room %d, stored blocks %d" % (
            seen, calm, row["blocked"], row["no_room"], daemon.armed(0)["blocks"]["active"]))
    finally:
        daemon.stop()


def beside(args, work, log):
    lists = []
    for i in range(args.feeds):
        lists.append(os.path.join(work, "list%d.txt" % i))
        make_list(lists[-1], args.entries, i)
    none = WithFeeds(args.build, os.path.join(work, "none"), log, [], 0)
    some = WithFeeds(args.build, os.path.join(work, "some"), log, lists, args.entries)
    try:
        some.wait_feeds()
        for daemon in (none, some):
            if daemon.ctl("enforce", "soft", "--force") is None:
                raise run.BenchError("limetwig enforce soft was refused")
            load(args.build, daemon, daemon.socket("policy"), 1, [])
        result = [[load(args.build, d, d.socket("policy"), args.seconds, []) for d in (none, some)]
                  for _ in range(args.pairs)]
    finally:
        none.stop()
        some.stop()
    cpu = [[r["cpu_us"] for r in column] for column in zip(*result)]
    print("%d feeds of %d: CPU us %s beside %s, ratio %s; p99 us %.0f beside %.0f" % (
        args.feeds, args.entries, spread(cpu[1]), spread(cpu[0]), spread([b / a for a, b in zip(*cpu)], "%.3f"),
        statistics.median(r[1]["p99_us"] for r in result), statistics.median(r[0]["p99_us"] for r in result)))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    p.add_argument("--pairs", type=int, default=9)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--feeds", type=int, default=4)
    p.add_argument("--entries", type=int, default=1000000)
    p.add_argument("--storm", type=int, default=10000000, help="their number: so many are drawn from")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    if not run.can_run():
        return 77
    run.into_namespaces()
    work = tempfile.mkdtemp(prefix="limetwig-bench.")
    os.chmod(work, 0o755)
    try:
        with open(os.path.join(work, "log"), "wb") as log:
            beside(args, work, log)
            storm(args, work, log)
    except run.BenchError as e:
        print("bench: %s" % e)
        with open(os.path.join(work, "log"), encoding="utf-8", errors="replace") as f:
            print("".join(f.readlines()[-20:]))
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
