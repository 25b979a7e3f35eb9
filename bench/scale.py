#!/usr/bin/python3
"""What ten thousand to ten million entries cost: a policy query, a question to the zone, one more element in the kernel.

    bench/scale.py [--build DIR] [--short]

Sizes are asked in turn where memory allows it (the zone), else one after the other, each beside the null server.
SPDX-License-Identifier: ISC
"""
import argparse
import os
import shutil
import subprocess
import sys

import dnsbl
import policy
import rig

TRAPS = 10000
ENTRIES_AIM, BYTES_AIM = 1.25, 150
STORE = " db-size = 16G"
MORE = "block { max-blocks = 20000000 }\n"


def sizes(args):
    return [10000, 100000] if args.short else [10000, 100000, 1000000, 10000000]


def queries(args, work, log):
    rig.table("queries", "A policy query", [
        ("null_us", "null server, CPU us", "%.2f", "spread"), ("cpu_us", "limetwig, CPU us", "%.2f", "spread"),
        ("ratio", "times the null server", "%.2f", "spread"), ("p99_us", "p99 us", "%.0f", "median"),
        ("first_s", "s to the first answer", "%.2f", "once"), ("memory_mb", "MB of the engine's own", "%.0f", "once"),
        ("each", "bytes of that a block", "%.0f", "once")], "%d traps; none of the clients is blocked. The mapped store is not counted." % TRAPS)
    null, first, least = policy.start_null(args, work, log, work + "/null.sock"), None, None
    try:
        for blocks in sizes(args):
            daemon = rig.Daemon(args.build, os.path.join(work, str(blocks)), log, TRAPS, blocks, "none", MORE, STORE,
                                True)
            try:
                daemon.enforce("soft")
                ours, beside = "limetwig", "null"
                found = policy.in_turn(args, [(beside, null, null.where, rig.CONNECTIONS, args.rounds),
                                              (ours, daemon, daemon.socket("policy"), rig.CONNECTIONS, args.rounds)],
                                       args.rounds, 1, ["-n", TRAPS, "-k", blocks])
                own_mb = rig.number_of("/proc/%d/status" % daemon.pid, "RssAnon:") / 1024
                rounds = [dict(o, null_us=n["cpu_us"], ratio=o["cpu_us"] / n["cpu_us"], first_s=daemon.first_answer,
                               memory_mb=own_mb)
                          for n, o in zip(found[beside], found[ours])]
                least = least or own_mb
                if blocks > sizes(args)[0]:
                    rounds[0]["each"] = each = (own_mb - least) * 1048576 / blocks
                rig.row("queries", "{:,} blocks".format(daemon.armed(TRAPS)["blocks"]["active"]), rounds)
                middle = rig.statistics.median(r["ratio"] for r in rounds)
                first = first or middle
                rig.say("%d blocks: %.2f times the null server" % (blocks, middle))
            finally:
                daemon.stop()
                shutil.rmtree(daemon.top, ignore_errors=True)
    finally:
        null.stop()
    rig.aim("policy query with {:,} blocks beside {:,}".format(blocks, sizes(args)[0]), "%.2f" % (middle / first),
            "at most %.2f" % ENTRIES_AIM, middle / first <= ENTRIES_AIM)
    rig.aim("memory of the engine's own a block, of {:,}".format(blocks), "%.0f bytes" % each, "at most %d" % BYTES_AIM,
            each <= BYTES_AIM)


def zone(args, work, _):
    rig.table("zone", "A question to the zone", [
        ("cpu_us", "CPU us", "%.2f", "spread"), ("cpu_us", "times the smallest", "%.2f", "ratio"),
        ("rps", "questions/s", "%.0f", "median"), ("memory_mb", "MB resident", "%.1f", "max")])
    servers, runs, port = [], {}, dnsbl.PORTS["limetwig"]
    try:
        for entries in sizes(args):
            dnsbl.PORTS["limetwig"] = port + 10 + len(servers)
            mine = argparse.Namespace(build=args.build, entries=entries, records=0)
            servers.append((mine, dnsbl.start("limetwig", mine, work)))
        for n in range(-1, args.rounds):
            for mine, server in servers:
                found = dnsbl.load(mine, server, 1)
                if n >= 0:
                    runs.setdefault("{:,} addresses".format(mine.entries), []).append(found)
    finally:
        for _, server in servers:
            server.stop()
        dnsbl.PORTS["limetwig"] = port
    for name, rounds in runs.items():
        rig.row("zone", name, rounds, next(iter(runs)))


def kernel(args, work, log):
    rig.table("kernel", "One more element in the kernel", [
        ("p50_us", "p50 us", "%.0f", "once"), ("p99_us", "p99 us", "%.0f", "once"), ("max_us", "most us", "%.0f", "once"),
        ("seconds", "s to fill it", "%.2f", "once"), ("ratio", "innocent TCP connects/s, of a host without rules", "%.2f", "once"),
        ("cpu_ratio", "the same in a second of CPU", "%.2f", "once")],
        "Our table with the rules of `action = answer`, in namespaces of its own.")
    least, at = None, 0
    for elements in sizes(args)[:3]:  # ten million elements are more than a gigabyte of kernel memory
        done = subprocess.run([args.build + "/bench/firewall_speed", str(elements), "3000", "2000" if args.short else "10000"],
                              stdout=subprocess.PIPE, stderr=log, text=True, check=True)
        found = {}
        for line in done.stdout.splitlines():
            found.update(rig.fields(" ".join(w for w in line.split() if "=" in w)))
        rig.row("kernel", "{:,} elements".format(elements), [found])
        if least is None or found["cpu_ratio"] < least:
            least, at = found["cpu_ratio"], elements
    rig.aim("one element more beside {:,}, p99".format(elements), "%.0f us" % found["p99_us"], "at most 200 us", found["p99_us"] <= 200)
    rig.aim("TCP connects of innocents in a second of CPU with up to {:,} elements, beside no rules".format(elements),
            "{:.2f}, with {:,}".format(least, at), "at least 0.90", least >= 0.9)


if __name__ == "__main__":
    arguments = rig.arguments(__doc__)
    arguments.rounds = 2 if arguments.short else 5
    sys.exit(rig.main(arguments, queries, zone, kernel))
