#!/usr/bin/python3
"""Our list as a DNS zone beside rbldnsd, NSD and Knot, and a null responder (recvfrom, sendto).

    bench/dnsbl.py [--build DIR] [--short] [--entries 5000000] [--records 1000000] [--rounds 9] [PART...]

Parts: speed (all servers in turn, each pinned to core 1, the questions from core 0; half of the addresses are
listed), swap (the longest silence while a list of that size is replaced; of rbldnsd: while it reads its file again),
visible (from a block to the first answer that has it). NSD and Knot get --records addresses: they need half a
kilobyte for each.
SPDX-License-Identifier: ISC
"""
import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import peers
import rig

ZONE = "bl.test"
PORTS = {"null": 5390, "limetwig": 5391, "rbldnsd ip4trie": 5392, "rbldnsd ip4set": 5393, "nsd": 5394, "knot": 5395}
ALL = ("speed", "swap", "visible")
NULL_AIM, BYTES_AIM, SILENCE_AIM_MS, VISIBLE_AIM_MS = 0.85, 22, 5, 5
COLUMNS = [("cpu_us", "CPU us a question", "%.2f", "spread"), ("cpu_us", "CPU, times null", "%.2f", "ratio"),
           ("rps", "questions/s", "%.0f", "median"), ("rps", "questions/s, of null", "%.2f", "ratio"),
           ("p50_us", "p50 us", "%.0f", "median"), ("p99_us", "p99 us", "%.0f", "median"), ("lost", "lost", "%.0f", "sum"),
           ("memory_mb", "MB resident", "%.1f", "max"), ("start_s", "s to its first answer", "%.2f", "once")]


def mix(v):
    v ^= v >> 16
    v = v * 0x7feb352d & 0xffffffff
    v ^= v >> 15
    v = v * 0x846ca68b & 0xffffffff
    return v ^ v >> 16


def address(number):
    """As dnsbl_address.h has it."""
    v = (16 << 24) + (number & 0x3fffffff)
    while True:
        v = mix(v)
        if 16 <= v >> 24 < 80:
            return "%d.%d.%d.%d" % (v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255)


def on_core(argv, **more):
    return subprocess.Popen(rig.pinned(1, *argv), **more)


def question(number, name, kind=1):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)


def is_listed(sock, port, text):
    """True, False; None: no answer."""
    name = ".".join(reversed(text.split("."))) + "." + ZONE
    sock.sendto(question(1, name), ("127.0.0.1", port))
    try:
        return sock.recv(512)[7] > 0
    except (TimeoutError, ConnectionRefusedError):
        return None


def wait_listed(port, text, process, seconds=300):
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        while not is_listed(s, port, text):
            if process.poll() is not None or time.monotonic() > end:
                raise peers.Missing("it does not serve")
            time.sleep(0.02)


class Server:
    """One server on core 1; pid: whose memory and time count; path: the file it reads again."""

    def __init__(self, name, process, pid=None, stdin=None, path=None):
        self.name, self.process, self.stdin, self.path, self.touched = name, process, stdin, path, 0
        self.facts, self.began = {}, time.monotonic()
        self.pid = pid or process.pid
        self.port = PORTS[name]

    def stop(self):
        """rbldnsd may sleep over a SIGTERM that comes just before it waits for a question."""
        for how, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, None)):
            for pid in reversed(rig.family(self.process.pid)):
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                continue


def start_null(args, _):
    return Server("null", on_core([args.build + "/bench/dnsbl_null", str(PORTS["null"])]))


def start_ours(args, _):
    process = on_core([args.build + "/bench/dnsbl_give", str(PORTS["limetwig"]), ZONE, str(args.entries)],
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    return Server("limetwig", process, int(process.stdout.readline()), process.stdin)


def start_rbldnsd(kind):
    def start(args, work):
        program = peers.program("rbldnsd")
        path = os.path.join(work, kind)
        with open(path, "w", encoding="ascii") as f:
            f.write(":127.0.0.2:listed\n")
            f.flush()
            subprocess.run([args.build + "/bench/dnsbl_give", "0", ZONE, str(args.entries)], stdout=f, check=True)
        name = "rbldnsd " + kind
        process = on_core([program, "-n", "-q", "-t", "300", "-c", "0", "-b", "127.0.0.1/%d" % PORTS[name], "-u", "nobody",
                           "-w", work, "%s:%s:%s" % (ZONE, kind, kind)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Server(name, process, path=path)
    return start


def write_zone(path, records):
    with open(path, "w", encoding="ascii") as f:
        f.write("$ORIGIN %s.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\n" % ZONE)
        f.write("".join(".".join(reversed(address(i).split("."))) + " A 127.0.0.2\n" for i in range(records)))


def start_nsd(args, work):
    program = peers.program("nsd")
    folder = os.path.join(work, "nsd")
    os.makedirs(folder)
    write_zone(folder + "/zone", args.records)
    with open(folder + "/nsd.conf", "w", encoding="ascii") as f:
        f.write("server:\n server-count: 1\n ip-address: 127.0.0.1\n port: %d\n username: root\n chroot: \"\"\n"
                " zonesdir: \"%s\"\n pidfile: \"\"\n xfrdfile: \"\"\n zonelistfile: \"%s/list\"\n database: \"\"\n"
                " xfrdir: \"%s\"\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n"
                "zone:\n name: %s\n zonefile: zone\n" % (PORTS["nsd"], folder, folder, folder, ZONE))
    return Server("nsd", on_core([program, "-d", "-c", folder + "/nsd.conf"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def start_knot(args, work):
    program = peers.program("knotd")
    folder = os.path.join(work, "knot")
    os.makedirs(folder)
    write_zone(folder + "/bl.test.zone", args.records)
    with open(folder + "/knot.conf", "w", encoding="ascii") as f:
        f.write("server:\n    listen: 127.0.0.1@%d\n    rundir: %s\n    udp-workers: 1\n    tcp-workers: 1\n"
                "    background-workers: 1\ndatabase:\n    storage: %s\ntemplate:\n  - id: default\n    storage: %s\n"
                "    file: %%s.zone\n    journal-content: none\n    zonefile-sync: -1\nzone:\n  - domain: %s\n"
                % (PORTS["knot"], folder, folder, folder, ZONE))
    return Server("knot", on_core([program, "-c", folder + "/knot.conf"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


SERVERS = {"null": start_null, "limetwig": start_ours, "rbldnsd ip4trie": start_rbldnsd("ip4trie"),
           "rbldnsd ip4set": start_rbldnsd("ip4set"), "nsd": start_nsd, "knot": start_knot}


def start(name, args, work):
    """start_s of it: until it answers for a listed address; the file it reads is made before."""
    server = SERVERS[name](args, work)
    try:
        if name != "null":
            wait_listed(server.port, address(0), server.process)
    except peers.Missing:
        server.stop()
        raise
    server.facts = {}
    if name != "limetwig":  # which is given a set by the engine; what that takes is in part start
        server.facts["start_s"] = time.monotonic() - server.began
    rig.say("%s serves" % name)
    return server


def load(args, server, seconds, sockets=4, way=64):
    """Of one run; CPU is the server's for a question, silence the longest time without any answer."""
    listed = {"null": 0, "nsd": args.records, "knot": args.records}.get(server.name, args.entries)
    before = rig.cpu_s(server.pid)
    done = subprocess.run(rig.pinned(0, args.build + "/bench/dnsbl_load", server.port, ZONE, listed, seconds, sockets, way),
                          capture_output=True, text=True, check=True)
    rate, p50, p99, gap, lost, wrong = (int(x) for x in done.stdout.split())
    if wrong:
        raise rig.BenchError("%s: %d wrong answers" % (server.name, wrong))
    return {"rps": rate, "p50_us": p50, "p99_us": p99, "silence_ms": gap / 1000, "lost": lost, "memory_mb": rig.memory_kb(server.pid) / 1024,
            "cpu_us": (rig.cpu_s(server.pid) - before) * 1e6 / max(1, rate * seconds), **server.facts}


def speed(args, servers):
    runs = {s.name: [] for s in servers}
    for s in servers:
        load(args, s, 0.5)
    for n in range(args.rounds):
        for s in servers if n % 2 else reversed(servers):
            runs[s.name].append(load(args, s, 1))
        rig.say("round %d: " % (n + 1) + ", ".join("%s %d/s" % (name, r[-1]["rps"]) for name, r in runs.items()))
    for name, rounds in runs.items():
        rig.row("speed", name, rounds, "null")
    if "limetwig" in runs:
        judge(args, runs)


def judge(args, runs):
    ours = runs["limetwig"]
    for other, limit in (("null", NULL_AIM), ("rbldnsd ip4trie", 1)):
        if other in runs:
            ratio = statistics.median(a["rps"] / b["rps"] for a, b in zip(ours, runs[other]))
            rig.aim("questions/s with {:,} addresses, beside {}".format(args.entries, other), "%.2f" % ratio,
                    "at least %.2f" % limit, ratio >= limit)
    each = max(r["memory_mb"] for r in ours) * 1048576 / args.entries
    rig.aim("resident memory of the zone, an address", "%.1f bytes" % each, "at most %d" % BYTES_AIM, each <= BYTES_AIM)


def silence(args, server, is_swapped, seconds):
    """In ms. Few under way, so that it is the server's and not its queue's."""
    if is_swapped and server.stdin:  # by another process, which needs a core of its own
        server.stdin.write("prepare\n")
        server.process.stdout.readline()
    run = subprocess.Popen(rig.pinned(0, args.build + "/bench/dnsbl_load", server.port, ZONE, args.entries, seconds, 1, 4),
                           stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    if is_swapped and server.stdin:
        server.stdin.write("swap\n")
        server.process.stdout.readline()
    elif is_swapped:
        server.touched += 1  # it looks at whole seconds
        os.utime(server.path, (time.time() + server.touched, time.time() + server.touched))
        os.kill(server.pid, signal.SIGHUP)
    out = run.communicate()[0].split()
    if run.returncode or int(out[5]):
        raise rig.BenchError("%s: wrong answers" % server.name)
    return {"silence_ms": int(out[3]) / 1000}


def swap(args, servers):
    rig.table("swap", "The longest silence while a list of %d changes" % args.entries,
              [("silence_ms", "ms", "%.1f", "spread")], "4 questions under way; ours gets a set that was made before, rbldnsd reads "
              "its file again.")
    for s in servers:
        if s.name not in ("limetwig", "rbldnsd ip4trie"):
            continue
        rounds = (args.rounds + 1) // (2 if s.stdin else 4) or 1
        still = [silence(args, s, False, 2) for _ in range(rounds)]
        rig.row("swap", s.name + ", nothing changes", still)
        rows = [silence(args, s, True, 2 if s.stdin else 6) for _ in range(rounds)]
        rig.row("swap", s.name + ", all changes", rows)
        if s.stdin:
            silent, worst = (pick(r["silence_ms"] for r in rows) for pick in (statistics.median, max))
            rig.aim("longest silence of the zone while {:,} addresses change places, {} runs".format(args.entries, rounds),
                    "median %.1f, worst %.1f ms (nothing changing: worst %.1f)" % (silent, worst, max(
                        r["silence_ms"] for r in still)), "at most %d ms" % SILENCE_AIM_MS, worst <= SILENCE_AIM_MS)


def visible(args, servers):
    took = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for server in servers:
            for n in range(200 if server.name == "limetwig" else 0):
                text = "198.51.100.%d" % (n % 250 + 1)
                for word, want in (("block", True), ("unblock", False)):
                    began = time.monotonic()
                    server.stdin.write("%s %s\n" % (word, text))
                    while is_listed(s, server.port, text) is not want:
                        pass
                    took.append((time.monotonic() - began) * 1000)
    if not took:
        return
    took.sort()
    rig.table("visible", "From the order to change a block to the first answer with it",
              [("p50", "p50 ms", "%.2f", "once"), ("p99", "p99 ms", "%.2f", "once"), ("most", "most ms", "%.2f", "once")],
              "%d changes; a client asks again and again." % len(took))
    rig.row("visible", "limetwig", [{"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "most": took[-1]}])
    rig.aim("a block is in the zone", "p99 %.2f ms" % took[len(took) * 99 // 100], "at most %d ms" % VISIBLE_AIM_MS,
            took[len(took) * 99 // 100] <= VISIBLE_AIM_MS)


def options(parser):
    parser.add_argument("--entries", type=int)
    parser.add_argument("--records", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("part", nargs="*", default=list(ALL))


def dnsbl(args, work, _):
    servers = []
    rig.table("speed", "{:,} addresses".format(args.entries), COLUMNS, "Half of the questions are for listed ones, 256 under way from 4 sockets; NSD "
              "and Knot hold {:,}. No answer was wrong.".format(args.records))
    try:
        for name in args.servers.split(","):
            try:
                servers.append(start(name, args, work))
            except (peers.Missing, OSError) as e:
                rig.missing("speed", name, e)
        for package in ("rbldnsd", "nsd", "knot"):
            if any(s.name.startswith(package) for s in servers):
                rig.version(package, peers.version(package))
        for part in args.part:
            rig.say(part)
            {"speed": speed, "swap": swap, "visible": visible}[part](args, servers)
    finally:
        for s in servers:
            s.stop()


def defaults(args):
    args.entries = args.entries or (200000 if args.short else 5000000)
    args.records = args.records or (50000 if args.short else 1000000)
    args.rounds = args.rounds or (2 if args.short else 9)
    return args


if __name__ == "__main__":
    sys.exit(rig.main(defaults(rig.arguments(__doc__, options)), dnsbl))
