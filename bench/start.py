#!/usr/bin/python3
"""How long after a start until it acts: limetwigd with all it knows, beside rbldnsd and fail2ban.

    bench/start.py [--build DIR] [--short]

Ours: the first policy answer, all traps armed, all blocks in an empty kernel table, the zone answering; each size
several times. rbldnsd: the first right answer with as many addresses; fail2ban: its bans are in the kernel again.
SPDX-License-Identifier: ISC
"""
import os
import shutil
import socket
import subprocess
import sys
import time

import dnsbl
import hit
import peers
import rig

DNS_PORT = 5396
ZONE = 'dnsbl { zone = "%s" listen = { "127.0.0.1:%d" } }\n' % (dnsbl.ZONE, DNS_PORT)
FIRST_AIM_S, KERNEL_AIM_S = 1, 5
COLUMNS = [("first_s", "s to the first answer", "%.2f", "spread"), ("zone_s", "s to the zone", "%.2f", "spread"),
           ("armed_s", "s until all traps are armed", "%.2f", "spread"), ("kernel_s", "s until all is in the kernel", "%.2f", "spread"),
           ("memory_mb", "MB resident", "%.0f", "median")]


def listed_block():
    """The first IPv4 block of make_store (address_of.h)."""
    v4 = 2654435761
    return "%d.%d.%d.%d" % (11 + (v4 >> 24) % 85, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255)


def first_times(daemon, questions, seconds=180):
    """When each was first true, in seconds after the start; asked in turn, again and again."""
    found = {}
    while len(found) < len(questions):
        daemon.check_alive()
        for name, is_true in questions.items():
            if name not in found and is_true():
                found[name] = time.monotonic() - daemon.began
        if time.monotonic() - daemon.began > seconds:
            raise rig.BenchError("no %s within %d s" % (", ".join(set(questions) - set(found)), seconds))
        time.sleep(0.01)
    return found


def one_start(daemon, traps, blocks):
    """The table is deleted before: as after a boot."""
    def status(section, name, least):
        text = daemon.ctl("status", "--json")
        return bool(text) and rig.json.loads(text).get(section, {}).get(name, 0) >= least
    subprocess.run(["nft", "delete", "table", "inet", "limetwig"], check=False, stderr=subprocess.DEVNULL)
    daemon.launch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.05)
        found = first_times(daemon, {
            "first_s": daemon.answers, "zone_s": lambda: dnsbl.is_listed(s, DNS_PORT, listed_block()),
            "armed_s": lambda: status("traps", "armed", traps), "kernel_s": lambda: status("firewall", "present", blocks)})
    daemon.pid = daemon.engine_pid()
    found["memory_mb"] = rig.memory_kb(daemon.pid) / 1024
    rig.say(", ".join("%s %.2f" % item for item in found.items()))
    return found


def ours(args, work, log):
    sizes = [(1000, 10000), (10000, 100000)] if args.short else [(10000, 10000), (10000, 1000000)]
    for traps, blocks in sizes:
        rig.say("%d traps, %d blocks" % (traps, blocks))
        daemon = rig.Daemon(args.build, os.path.join(work, "start%d" % blocks), log, traps, blocks, "nftables", ZONE)
        try:
            daemon.enforce("full")
            present = daemon.armed(traps)["blocks"]["active"]
            rounds = []
            for _ in range(1 if args.short else 2):
                daemon.stop()
                rounds.append(one_start(daemon, traps, present))
        finally:
            daemon.stop()
            shutil.rmtree(daemon.top, ignore_errors=True)
        rig.row("start", "limetwigd, %d traps and %d blocks" % (traps, present), rounds)
    for key, what, limit in (("first_s", "first answer", FIRST_AIM_S), ("kernel_s", "kernel complete", KERNEL_AIM_S)):
        value = rig.statistics.median(r[key] for r in rounds)
        rig.aim("start with %d traps and %d blocks: %s" % (traps, present, what), "%.2f s" % value, "at most %d s" % limit, value <= limit)


def zone(args, work):
    """Of those that read their file; NSD and Knot stand in the table of part dnsbl."""
    args.entries, name, rounds = 50000 if args.short else 1000000, "rbldnsd ip4trie", []
    what = "%s, %d addresses" % (name, args.entries)
    try:
        for _ in range(1 if args.short else 3):
            server = dnsbl.start(name, args, work)
            rounds.append({"zone_s": server.facts["start_s"], "memory_mb": rig.memory_kb(server.pid) / 1024})
            server.stop()
    except (peers.Missing, OSError) as e:
        rig.missing("start", what, e)
        return
    rig.version("rbldnsd", peers.version("rbldnsd"))
    rig.row("start", what, rounds)


def elements():
    done = subprocess.run(["nft", "-j", "list", "set", "inet", "f2b-table", "addr-set-trap"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        return 0
    sets = [o["set"] for o in rig.json.loads(done.stdout)["nftables"] if "set" in o]
    return sum(len(s.get("elem", [])) for s in sets)


def fail2ban(args, work, log):
    bans = 20 if args.short else 300
    what = "fail2ban, %d bans" % bans
    try:
        server = hit.Fail2ban(work, log, "%s/fail2ban.db" % work)
        try:
            server.bans(args, 0, bans, "burst")
        finally:
            server.stop()
        began = time.monotonic()
        server.start()
        try:
            rig.wait_for("the bans", lambda: elements() >= bans, 120)
            rig.row("start", what, [{"kernel_s": time.monotonic() - began, "memory_mb": rig.memory_kb(server.pid) / 1024}])
        finally:
            server.stop()
        rig.version("fail2ban", peers.version("fail2ban"))
    except (peers.Missing, rig.BenchError, OSError) as e:
        rig.missing("start", what, e)


def start(args, work, log):
    rig.table("start", "From the start", COLUMNS, "Files are in the page cache. limetwigd runs on one core with all its roles; its table in the "
              "kernel is gone before, as after a boot.")
    try:
        ours(args, work, log)
    finally:
        zone(args, work)
        fail2ban(args, work, log)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), start))
