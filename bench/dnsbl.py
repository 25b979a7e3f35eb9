#!/usr/bin/python3
"""Our list as a DNS zone beside rbldnsd, NSD and Knot, and a null responder (recvfrom, sendto).

    bench/dnsbl.py [--build DIR] [--entries 5000000] [--records 1000000] [--rounds 9] [--seconds 2]
                   [--peers FOLDER] [PART...]

Parts: speed (all servers in turn, each pinned to core 0, the questions from core 1; half of the addresses are
listed), swap (the longest silence while a list of that size is replaced; of rbldnsd: while it reads its file again),
visible (from a block to the first answer that has it). NSD and Knot get --records addresses: they need half a
kilobyte for each. The peers come from Debian, unpacked into FOLDER and run from there; one that cannot be had is
named. Needs root; runs in a network namespace of its own. Lines of this go to BY-HAND.md.
SPDX-License-Identifier: ISC
"""
import argparse
import glob
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ZONE = "bl.test"
PEERS = {"rbldnsd": [], "nsd": ["libfstrm0", "libprotobuf-c1"],
         "knot": ["libdnssec9", "libknot13", "libzscanner4", "liburcu8", "libedit2", "libcap-ng0", "libxdp1",
                  "libbpf1"]}
PORTS = {"null": 5390, "limetwig": 5391, "rbldnsd ip4trie": 5392, "rbldnsd ip4set": 5393, "nsd": 5394, "knot": 5395}
TICKS = os.sysconf("SC_CLK_TCK")
ALL = ("speed", "swap", "visible")


class Missing(Exception):
    """A peer that is not to be had."""


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


def fetch(folder):
    """Debian's packages of the peers and what they need, unpacked in FOLDER/NAME."""
    for name, needs in PEERS.items():
        top = os.path.join(folder, name)
        if os.path.isdir(top):
            continue
        os.makedirs(top)
        for package in [name] + needs:
            subprocess.run(["apt-get", "download", "-q", package], cwd=top, capture_output=True)
        for deb in glob.glob(top + "/*.deb"):
            subprocess.run(["dpkg", "-x", deb, top], check=True)


def unpack(name, folder):
    top = os.path.join(folder, name)
    if not glob.glob(top + "/usr/sbin/*"):
        raise Missing("the Debian package is not to be had")
    return top


def library_path(top):
    return ":".join(glob.glob(top + "/usr/lib/*-linux-gnu") + glob.glob(top + "/lib/*-linux-gnu"))


def on_core(core, argv, top="", **more):
    env = dict(os.environ, LD_LIBRARY_PATH=library_path(top)) if top else None
    return subprocess.Popen(["taskset", "-c", str(core)] + argv, env=env, **more)


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
                raise Missing("port %d does not answer" % port)
            time.sleep(0.05)


def family(pid):
    """The process and all below it: a server may fork."""
    found = [pid]
    for p in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(p, encoding="ascii", errors="replace") as f:
                stat = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) in found:
            found.append(int(p.split("/")[2]))
    return found


def cpu_s(pid):
    total = 0
    for p in family(pid):
        try:
            with open("/proc/%d/stat" % p, encoding="ascii", errors="replace") as f:
                total += sum(int(x) for x in f.read().rpartition(")")[2].split()[11:13])
        except OSError:
            pass
    return total / TICKS


def resident_kb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class Server:
    """One server on core 0; pid: whose memory and time count; path: the file it reads again."""

    def __init__(self, name, process, pid=None, stdin=None, path=None):
        self.name, self.process, self.stdin, self.path = name, process, stdin, path
        self.pid = pid or process.pid
        self.port = PORTS[name]

    def stop(self):
        for pid in reversed(family(self.process.pid)):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        self.process.wait()


def start_null(args, _):
    return Server("null", on_core(0, [args.bench + "/dnsbl_null", str(PORTS["null"])]))


def start_ours(args, _):
    process = on_core(0, [args.bench + "/dnsbl_give", str(PORTS["limetwig"]), ZONE, str(args.entries)],
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    return Server("limetwig", process, int(process.stdout.readline()), process.stdin)


def start_rbldnsd(kind):
    def start(args, work):
        top = unpack("rbldnsd", args.peers)
        path = os.path.join(work, kind)
        with open(path, "w", encoding="ascii") as f:
            f.write(":127.0.0.2:listed\n")
            f.flush()
            subprocess.run([args.bench + "/dnsbl_give", "0", ZONE, str(args.entries)], stdout=f, check=True)
        name = "rbldnsd " + kind
        process = on_core(0, [top + "/usr/sbin/rbldnsd", "-n", "-q", "-t", "300", "-c", "0", "-b",
                              "127.0.0.1/%d" % PORTS[name], "-u", "nobody", "-w", work, "%s:%s:%s" % (ZONE, kind, kind)],
                          top, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Server(name, process, path=path)
    return start


def write_zone(path, records):
    with open(path, "w", encoding="ascii") as f:
        f.write("$ORIGIN %s.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\n" % ZONE)
        f.write("".join(".".join(reversed(address(i).split("."))) + " A 127.0.0.2\n" for i in range(records)))


def start_nsd(args, work):
    top = unpack("nsd", args.peers)
    folder = os.path.join(work, "nsd")
    os.makedirs(folder)
    write_zone(folder + "/zone", args.records)
    with open(folder + "/nsd.conf", "w", encoding="ascii") as f:
        f.write("server:\n server-count: 1\n ip-address: 127.0.0.1\n port: %d\n username: root\n chroot: \"\"\n"
                " zonesdir: \"%s\"\n pidfile: \"\"\n xfrdfile: \"\"\n zonelistfile: \"%s/list\"\n database: \"\"\n"
                " xfrdir: \"%s\"\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n"
                "zone:\n name: %s\n zonefile: zone\n" % (PORTS["nsd"], folder, folder, folder, ZONE))
    return Server("nsd", on_core(0, [top + "/usr/sbin/nsd", "-d", "-c", folder + "/nsd.conf"], top,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def start_knot(args, work):
    top = unpack("knot", args.peers)
    folder = os.path.join(work, "knot")
    os.makedirs(folder)
    write_zone(folder + "/bl.test.zone", args.records)
    with open(folder + "/knot.conf", "w", encoding="ascii") as f:
        f.write("server:\n    listen: 127.0.0.1@%d\n    rundir: %s\n    udp-workers: 1\n    tcp-workers: 1\n"
                "    background-workers: 1\ndatabase:\n    storage: %s\ntemplate:\n  - id: default\n    storage: %s\n"
                "    file: %%s.zone\n    journal-content: none\n    zonefile-sync: -1\nzone:\n  - domain: %s\n"
                % (PORTS["knot"], folder, folder, folder, ZONE))
    return Server("knot", on_core(0, [top + "/usr/sbin/knotd", "-c", folder + "/knot.conf"], top,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


SERVERS = {"null": start_null, "limetwig": start_ours, "rbldnsd ip4trie": start_rbldnsd("ip4trie"),
           "rbldnsd ip4set": start_rbldnsd("ip4set"), "nsd": start_nsd, "knot": start_knot}


def start(name, args, work):
    server = SERVERS[name](args, work)
    if name != "null":
        try:
            wait_listed(server.port, address(0), server.process)
        except Missing:
            server.stop()
            raise Missing("%s does not serve" % name) from None
    return server


def load(args, server, seconds, sockets=4, way=64):
    """(questions a second, p50, p99, longest silence in us, lost, CPU us of the server for a question)."""
    listed = {"null": 0, "nsd": args.records, "knot": args.records}.get(server.name, args.entries)
    before, began = cpu_s(server.pid), time.monotonic()
    done = subprocess.run(["taskset", "-c", "1", args.bench + "/dnsbl_load", str(server.port), ZONE, str(listed),
                           str(seconds), str(sockets), str(way)], capture_output=True, text=True, check=True)
    rate, p50, p99, gap, lost, wrong = (int(x) for x in done.stdout.split())
    if wrong:
        raise SystemExit("%s: %d wrong answers" % (server.name, wrong))
    used = cpu_s(server.pid) - before
    return rate, p50, p99, gap, lost, used * 1e6 / max(1, rate * (time.monotonic() - began))


def part_speed(args, servers):
    runs = {s.name: [] for s in servers}
    for s in servers:
        load(args, s, 0.5)
    for n in range(args.rounds):
        for s in servers if n % 2 else reversed(servers):
            runs[s.name].append(load(args, s, args.seconds))
    null = runs["null"]
    print("%-18s %8s %6s %6s %8s %6s   %-22s %-22s %9s" % ("server", "q/s", "p50us", "p99us", "CPU us", "lost",
                                                           "q/s of null (min-max)", "CPU of null (min-max)", "RSS kB"))
    for s in servers:
        mine = runs[s.name]
        median = [statistics.median(column) for column in zip(*mine)]
        rates = [a[0] / b[0] for a, b in zip(mine, null)]
        cpus = [a[5] / b[5] for a, b in zip(mine, null) if b[5]]
        print("%-18s %8d %6d %6d %8.2f %6d   %-22s %-22s %9d" % (
            s.name, median[0], median[1], median[2], median[5], sum(r[4] for r in mine),
            "%.2f (%.2f-%.2f)" % (statistics.median(rates), min(rates), max(rates)),
            "%.2f (%.2f-%.2f)" % (statistics.median(cpus), min(cpus), max(cpus)), resident_kb(s.pid)))


def part_swap(args, servers):
    """Few under way, so that the silence is the server's and not its queue's."""
    for s in servers:
        if s.name != "limetwig" and not s.name.startswith("rbldnsd"):
            continue
        touched = 0
        for label in ("quiet", "swapped"):
            gaps = []
            for _ in range(args.rounds):
                if label == "swapped" and s.stdin:  # by another process, which needs a core of its own
                    s.stdin.write("prepare\n")
                    s.process.stdout.readline()
                run = subprocess.Popen(["taskset", "-c", "1", args.bench + "/dnsbl_load", str(s.port), ZONE,
                                        str(args.entries), "6", "1", "4"], stdout=subprocess.PIPE, text=True)
                time.sleep(0.5)
                if label == "swapped" and s.stdin:
                    s.stdin.write("swap\n")
                    s.process.stdout.readline()
                elif label == "swapped":
                    touched += 1  # it looks at whole seconds
                    os.utime(s.path, (time.time() + touched, time.time() + touched))
                    os.kill(s.pid, signal.SIGHUP)
                out = run.communicate()[0].split()
                if int(out[5]):
                    raise SystemExit("%s: wrong answers" % s.name)
                gaps.append(int(out[3]))
            gaps.sort()
            print("%-18s %-8s longest silence in 6 s: median %.1f ms, worst %.1f ms, resident %d kB" % (
                s.name, label, statistics.median(gaps) / 1000, gaps[-1] / 1000, resident_kb(s.pid)))


def part_visible(args, servers):
    ours = [s for s in servers if s.name == "limetwig"]
    took = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for server in ours:
            for n in range(200):
                text = "198.51.100.%d" % (n % 250 + 1)
                for word, want in (("block", True), ("unblock", False)):
                    began = time.monotonic()
                    server.stdin.write("%s %s\n" % (word, text))
                    while is_listed(s, server.port, text) is not want:
                        pass
                    took.append((time.monotonic() - began) * 1000)
    took.sort()
    if took:
        print("from the order to change a block to the first answer with it: p50 %.2f ms, p99 %.2f ms, worst %.2f ms" % (
            took[len(took) // 2], took[len(took) * 99 // 100], took[-1]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--entries", type=int, default=5000000)
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--peers", default="")
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("part", nargs="*", default=list(ALL))
    args = parser.parse_args()
    args.bench = os.path.join(os.path.abspath(args.build), "bench")
    return args


def main():
    args = arguments()
    work = tempfile.mkdtemp(prefix="dnsbl-bench-")
    os.chmod(work, 0o755)  # rbldnsd does not run as root
    servers = []
    try:
        for name in args.servers.split(","):
            try:
                servers.append(start(name, args, work))
            except (Missing, OSError) as e:
                print("left out: %s: %s" % (name, e), flush=True)
        for part in args.part:
            {"speed": part_speed, "swap": part_swap, "visible": part_visible}[part](args, servers)
            sys.stdout.flush()
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(work, ignore_errors=True)


def outside():
    """The packages are fetched before there is no network; then all of this in a namespace."""
    args = arguments()
    args.peers = os.path.abspath(args.peers) if args.peers else tempfile.mkdtemp(prefix="dnsbl-peers-")
    fetch(args.peers)
    words = ["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\"", sys.executable, *sys.argv,
             "--peers", args.peers]
    return subprocess.run(words, env=dict(os.environ, DNSBL_BENCH_INSIDE="1"), check=False).returncode


if __name__ == "__main__":
    sys.exit(main() if os.environ.get("DNSBL_BENCH_INSIDE") else outside())
