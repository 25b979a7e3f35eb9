#!/usr/bin/python3
"""What limetwig costs a policy query, beside a null server (policy_null), gross, postgrey and postfwd.

    bench/policy.py [--build DIR] [--short]

Ours with 10,000 and with a million traps and as many blocks: nothing found, 5 % of the recipients traps, half of the
clients blocked. The peers with what they do best; postfwd with 10,000 traps as a rule. All are asked in turn.
SPDX-License-Identifier: ISC
"""
import os
import shutil
import subprocess
import sys

import peers
import rig

NULL, NULL_TCP, NULL_FEW = "null server", "null server, TCP", "null server, 4 connections"
COLUMNS = [("cpu_us", "CPU us a query", "%.2f", "spread"), ("cpu_us", "CPU, times the null server", "%.2f", "ratio"),
           ("rps", "queries/s", "%.0f", "median"), ("rps", "queries/s, of the null server", "%.3g", "ratio"),
           ("p50_us", "p50 us", "%.0f", "median"), ("p99_us", "p99 us", "%.0f", "median"),
           ("memory_mb", "MB resident", "%.1f", "max")]
CASES = (("nothing found", []), ("5 % to a trap", ["-x", 5]), ("half from blocked hosts", ["-b", 50]))
CPU_AIM, GROWTH_AIM = 1.4, 1.25
FEW = 4
GROSS = "host = 127.0.0.1\nport = %d\nprotocol = postfix\nlog_level = error\nstatefile = %s/gross.state\n"
GROSS_PORT, NULL_PORT = 5525, 5526


class Peer(rig.Server):
    """A policy server of others; where: its socket or tcp:PORT."""

    def __init__(self, command, log, where, pid_file=None):
        super().__init__(rig.pinned(1, *command), log)
        self.where = where
        try:
            rig.wait_for("%s to answer" % command[0], self.answers, 30)
            if pid_file:
                with open(pid_file, encoding="ascii") as f:
                    self.pid = int(f.read())
        except rig.BenchError:
            self.stop()
            raise

    def answers(self):
        try:
            with rig.connect(self.where) as s:
                s.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nclient_name=x\n"
                          b"sender=a@example.net\nrecipient=b@example.org\ninstance=1\nhelo_name=x\n\n")
                return b"action=" in s.recv(200)
        except OSError:
            return False

    def stop(self):
        if self.pid != self.process.pid:
            try:
                os.kill(self.pid, rig.signal.SIGTERM)
            except ProcessLookupError:
                pass
        super().stop()


def start_null(args, work, log, where):
    return Peer([args.build + "/bench/policy_null", where], log, where)


def start_gross(args, work, log):
    conf, program = work + "/gross.conf", peers.program("grossd")
    with open(conf, "w", encoding="ascii") as f:
        f.write(GROSS % (GROSS_PORT, work))
    subprocess.run([program, "-f", conf, "-u", "root", "-C", "-d"], stdout=log, stderr=log, check=True)
    return Peer([program, "-f", conf, "-u", "root", "-r", "-d"], log, "tcp:%d" % GROSS_PORT)


def start_postgrey(args, work, log):
    program, folder, none = peers.program("postgrey"), work + "/postgrey", work + "/none"
    os.makedirs(folder)
    shutil.chown(folder, "nobody")
    with open(none, "w", encoding="ascii"):
        pass
    with open(os.devnull, "wb") as nowhere:  # it tells each answer
        return Peer([program, "--quiet", "--quiet", "--unix=%s.sock" % folder, "--user=nobody", "--group=nogroup",
                     "--dbdir=" + folder, "--whitelist-clients=" + none, "--whitelist-recipients=" + none],
                    nowhere, folder + ".sock")


def start_postfwd(args, work, log, traps=10000):
    program, top = peers.program("postfwd1"), work + "/postfwd"
    with open(top + ".traps", "w", encoding="ascii") as f:
        f.writelines("trap%d@traps.example.org\n" % n for n in range(traps))
    with open(top + ".cf", "w", encoding="ascii") as f:
        f.write("id=TRAP; recipient==file:%s.traps; action=450 trapped\n" % top)
    return Peer([program, "-d", "-f", top + ".cf", "--nodns", "--perfmon", "--proto=unix", "--port=%s.sock" % top,
                 "--pidfile=%s.pid" % top, "--user=nobody", "--group=nogroup"], log, top + ".sock", top + ".pid")


PEERS = (("gross: greylisting, TCP", "gross", start_gross, NULL_TCP, rig.CONNECTIONS),
         ("postgrey: greylisting", "postgrey", start_postgrey, NULL, rig.CONNECTIONS),
         ("postfwd: 10,000 traps, 4 connections", "postfwd", start_postfwd, NULL_FEW, FEW))


def in_turn(args, servers, rounds, seconds, options):
    """servers: (what, server, where, connections, rounds of this one). Results by `what`."""
    found = {s[0]: [] for s in servers}
    for n in range(-1 if rounds > 1 else 0, rounds):
        for what, server, where, connections, most in servers:
            if n < 0 and most == rounds:  # one that does not count
                rig.policy_load(args.build, server, where, 1, options, connections)
            elif 0 <= n < most:
                found[what].append(rig.policy_load(args.build, server, where, seconds, options, connections))
                found[what][-1]["memory_mb"] = rig.memory_kb(server.pid) / 1024
    return found


def tell(name, found, beside):
    for what, rounds in found.items():
        rig.row(name, what, rounds, beside[what])
        rig.say("%s: CPU us %s, queries/s %s" % (what, rig.spread([r["cpu_us"] for r in rounds]),
                                               rig.spread([r["rps"] for r in rounds], "%.0f")))


def with_peers(args, work, log, daemon, null):
    """The table with everybody; null: the UNIX one."""
    rounds, few, name = min(args.rounds, 5), min(args.rounds, 3), "peers"
    rig.table(name, "Beside others: ours with 10,000 traps and blocks", COLUMNS,
              "100 connections over a UNIX socket where nothing else is said; 5 % of the recipients are traps.")
    tcp, started = start_null(args, work, log, "tcp:%d" % NULL_PORT), []
    servers = [(NULL, null, null.where, rig.CONNECTIONS, rounds),
               ("limetwig", daemon, daemon.socket("policy"), rig.CONNECTIONS, rounds),
               (NULL_TCP, tcp, tcp.where, rig.CONNECTIONS, rounds), (NULL_FEW, null, null.where, FEW, few),
               ("limetwig, 4 connections", daemon, daemon.socket("policy"), FEW, few)]
    beside = {NULL: NULL, NULL_TCP: NULL_TCP, NULL_FEW: NULL_FEW, "limetwig": NULL, "limetwig, 4 connections": NULL_FEW}
    try:
        for what, package, start, null_of, connections in PEERS:
            try:
                started.append(start(args, work, log))
            except (peers.Missing, rig.BenchError, OSError, subprocess.CalledProcessError) as e:
                rig.missing(name, what, e)
                continue
            rig.version(package, peers.version(package))
            beside[what] = null_of
            servers.append((what, started[-1], started[-1].where, connections, few))
        tell(name, in_turn(args, servers, rounds, 1, ["-x", 5, "-n", 10000, "-k", 10000]), beside)
    finally:
        for server in started + [tcp]:
            server.stop()


def ours(args, daemon, null, entries):
    """The cases of one size; the median ratio of CPU time with nothing found, and our CPU time then."""
    name = "%d" % entries
    rig.table(name, "{:,} traps and {:,} blocks".format(entries, entries), COLUMNS)
    rig.note(name, "first answer %.2f s after the start, %d blocks in force" % (
        daemon.first_answer, daemon.armed(entries)["blocks"]["active"]))
    first = None
    for case, options in CASES if entries > 10000 else CASES[:1]:  # beside the peers is another one
        rounds = min(args.rounds, 5) if options else args.rounds
        servers = [(NULL + ", " + case, null, null.where, rig.CONNECTIONS, rounds),
                   ("limetwig, " + case, daemon, daemon.socket("policy"), rig.CONNECTIONS, rounds)]
        found = in_turn(args, servers, rounds, 1, ["-n", entries, "-k", entries, *options])
        tell(name, found, {s[0]: servers[0][0] for s in servers})
        if first is None:
            a, b = (found[s[0]] for s in servers)
            first = (rig.statistics.median(y["cpu_us"] / x["cpu_us"] for x, y in zip(a, b)),
                     rig.statistics.median(y["cpu_us"] for y in b))
    return first


def policy(args, work, log):
    args.rounds = 1 if args.short else 9
    null, first = start_null(args, work, log, work + "/null.sock"), {}
    sizes = [10000, 100000 if args.short else 1000000]
    try:
        for entries in sizes:
            rig.say("{:,} traps and blocks".format(entries))
            daemon = rig.Daemon(args.build, os.path.join(work, str(entries)), log, entries, entries, "none")
            try:
                daemon.enforce("soft")
                if entries == sizes[0]:
                    with_peers(args, work, log, daemon, null)
                first[entries] = ours(args, daemon, null, entries)
            finally:
                daemon.stop()
                shutil.rmtree(daemon.top, ignore_errors=True)
    finally:
        null.stop()
    few, many = (first[n] for n in sizes)
    rig.aim("policy query with {:,} traps and blocks, CPU beside the null server".format(sizes[1]), "%.2f" % many[0],
            "at most %.1f" % CPU_AIM, many[0] <= CPU_AIM)
    rig.aim("the same beside 10,000 traps and blocks", "%.2f" % (many[1] / few[1]), "at most %.2f" % GROWTH_AIM,
            many[1] / few[1] <= GROWTH_AIM)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), policy))
