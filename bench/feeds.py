#!/usr/bin/python3
"""What lists from outside cost: a policy query beside them, a storm of listed hosts, and a list from its file to a set.

    bench/feeds.py [--build DIR] [--short]

Two daemons are asked in turn, one without feeds, one with four of a million addresses each; clients that nobody
lists, spread as the lists are. The storm: hosts that are all listed and all new. Then feed_speed: a million lines
read, parsed, laid out.
SPDX-License-Identifier: ISC
"""
import ipaddress
import json
import math
import os
import random
import statistics
import subprocess
import sys

import rig

CPU_AIM, SET_AIM_MS = 1.1, 1000
LISTED = [n for n in range(11, 224) if n != 127]
STORM = 10000000  # listed hosts: so many are drawn from
COLUMNS = [("cpu_us", "CPU us a query", "%.2f", "spread"), ("cpu_us", "CPU, times the first row", "%.2f", "ratio"),
           ("rps", "queries/s", "%.0f", "median"), ("p50_us", "p50 us", "%.0f", "median"),
           ("p99_us", "p99 us", "%.0f", "median")]
FEED = 'feed "f%d" {\n  source = "%s"\n  documentation = yes\n  widest-ipv4 = 8\n  change = 100\n  size = 256M\n}\n'


class WithFeeds(rig.Daemon):
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
        rig.wait_for("the feeds", lambda: len(self.rows()) == len(self.feeds) and
                     all(r["acts"] for r in self.rows()), 300)


def make_list(path, entries, seed):
    """Addresses spread over the same range as the clients (address_of.h), none of theirs: all end in an odd number."""
    draw = random.Random(seed)
    with open(path, "w", encoding="ascii") as f:
        f.writelines("%d.%d.%d.%d\n" % (draw.choice(LISTED), draw.randrange(256), draw.randrange(256),
                                         draw.randrange(1, 256, 2)) for _ in range(entries))


def ask(args, daemon, seconds, *options):
    return rig.policy_load(args.build, daemon, daemon.socket("policy"), seconds, options)


def storm(args, work, log):
    path, seconds = os.path.join(work, "all.txt"), 2 if args.short else 10
    with open(path, "w", encoding="ascii") as f:
        f.writelines("%d.0.0.0/8\n" % n for n in range(11, 96))
        f.write("%s\n" % ipaddress.ip_network("2001:db8::/32"))
    daemon = WithFeeds(args.build, os.path.join(work, "storm"), log, [path], 86)
    try:
        daemon.wait_feeds()
        daemon.enforce("soft")
        calm = ask(args, daemon, 2)
        seen = ask(args, daemon, seconds, "-b", 100, "-k", STORM)
        row = daemon.rows()[0]
        rig.table("storm", "A storm of listed hosts that nobody has seen", COLUMNS,
                  "65,536 different clients ask for %d s; each new one becomes a block." % seconds)
        rig.row("storm", "clients that nobody lists", [calm], "clients that nobody lists")
        rig.row("storm", "the storm", [seen], "clients that nobody lists")
        rig.note("storm", "%.0f of %.0f answers were refusals; %d blocks made, for %d no room; %d stored" % (
            seen["refused"], seen["requests"], row["blocked"], row["no_room"], daemon.armed(0)["blocks"]["active"]))
    finally:
        daemon.stop()


def beside(args, work, log):
    feeds, entries, rounds = (2, 100000, 2) if args.short else (4, 1000000, 5)
    lists, without, with_ = [], "without feeds", "with %d feeds of %d addresses" % (feeds, entries)
    for i in range(feeds):
        lists.append(os.path.join(work, "list%d.txt" % i))
        make_list(lists[-1], entries, i)
    none = WithFeeds(args.build, os.path.join(work, "none"), log, [], 0)
    some = WithFeeds(args.build, os.path.join(work, "some"), log, lists, entries)
    result = []
    try:
        some.wait_feeds()
        for daemon in (none, some):
            daemon.enforce("soft")
            ask(args, daemon, 1, "-w")
        for _ in range(rounds):
            result.append([ask(args, daemon, 1, "-w") for daemon in (none, some)])
    finally:
        none.stop()
        some.stop()
    searched = 100 * (1 - math.exp(-feeds * entries / (len(LISTED) * 65536)))
    rig.table("feeds", "Policy queries with lists of others", COLUMNS, "1,000 traps and blocks; 65,536 clients that nobody lists, "
              "spread as the lists are: %.0f %% have a listed address in their /24, for them each list is searched." % searched)
    rig.row("feeds", without, [r[0] for r in result], without)
    rig.row("feeds", with_, [r[1] for r in result], without)
    ratio = statistics.median(b["cpu_us"] / a["cpu_us"] for a, b in result)
    rig.aim("CPU of a policy query " + with_ + ", beside none", "%.2f" % ratio, "at most %.1f" % CPU_AIM, ratio <= CPU_AIM)


def sets(args, work, log):
    """feed_speed prints a line for each run."""
    lines, runs = (100000, 2) if args.short else (1000000, 6)
    done = subprocess.run(rig.pinned(1, args.build + "/bench/feed_speed", lines, runs), stdout=subprocess.PIPE, stderr=log,
                          text=True, check=True)
    rows = [rig.fields(line) for line in done.stdout.splitlines()]
    rig.table("sets", "A list of %d lines, from its file to a set that can be handed out" % lines,
              [("wall_ms", "ms", "%.0f", "spread"), ("cpu_ms", "CPU ms", "%.0f", "spread"), ("bytes", "bytes of the set", "%.0f", "once")])
    rig.row("sets", "read, parsed, fewest prefixes, compared, laid out", rows)
    middle = statistics.median(r["wall_ms"] for r in rows)
    rig.aim("%d lines of a list, from the file to a set" % lines, "%.0f ms" % middle, "at most %d ms" % SET_AIM_MS,
            middle <= SET_AIM_MS)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), beside, storm, sets))
