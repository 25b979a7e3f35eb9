#!/usr/bin/python3
"""The numbers of `make bench`: what limetwig adds to a policy query, and how fast a hit reaches the kernel.

Policy: limetwigd and a null server (policy_null) are asked in turn, pair by
pair, by the same generator on a core of its own; CPU time per query and rate
are compared pair by pair, the median of the ratios counts. Hit: LMTP final dot
to element of a kernel set, with the time of fdatasync on the same disk beside it.
Engine: hits a second from hosts never seen before, each acknowledged when it is durable.

Runs in network and mount namespaces of its own, keeps everything in one
temporary folder, stops what it started. Needs root and Postfix's postmap;
says what it leaves out without them.
SPDX-License-Identifier: ISC
"""
import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
UID_BASE = 61400
CONNECTIONS = 100
START_SECONDS = 180
ENGINE_AIM = 5000
CONF = """contact = "postmaster@example.org"
traps {{ files = {{ "{top}/traps.d/*.txt" }} live-check = no }}
allow {{ files = {{ "{top}/allow.d/*.txt" }} }}
firewall {{ backend = {backend} offence = 1 action = reject }}
storage {{ dir = "{top}/lib" run = "{top}/run" disk-reserve = 0 }}
postfix {{
  dir = "{top}/postfix"
  queues = {{ "{top}/queue" }}
  map = "lmdb:{top}/postfix/limetwig_virtual"
  domains = "lmdb:{top}/postfix/limetwig_domains"
  group = "root"
  log = "none"
  extension = "+"
  lmtp-trusted = yes
}}
"""


class BenchError(Exception):
    """The bench could not be run."""


def wait_for(what, predicate, seconds):
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError("waited %d s in vain for %s" % (seconds, what))
        time.sleep(0.02)


def pinned(cpu, *command):
    return ["taskset", "-c", str(cpu), *map(str, command)] if os.cpu_count() > 1 else list(map(str, command))


def fields(text):
    """name=value words as a dictionary of numbers."""
    return {k: float(v) for k, v in (word.split("=", 1) for word in text.split())}


class Server:
    """A child process; pid is what is measured."""

    def __init__(self, command, log):
        self.log = log
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Daemon(Server):
    """limetwigd over traps and blocks made beforehand."""

    def __init__(self, build, top, log, traps, blocks, backend):
        self.build, self.top = build, top
        for sub in ("traps.d", "allow.d", "postfix", "queue", "lib"):
            os.makedirs(os.path.join(top, sub), exist_ok=True)
        self.write("limetwig.conf", CONF.format(top=top, backend=backend))
        self.write("postfix/main.cf", "compatibility_level = 3.6\nqueue_directory = %s/queue\n" % top)
        with open(os.path.join(top, "traps.d/bench.txt"), "w", encoding="ascii") as f:
            f.writelines("trap%d@traps.example.org tag=bench state=armed\n" % n for n in range(traps))
        if blocks:
            self.fill_store(blocks)
        began = time.monotonic()
        super().__init__(pinned(1, build + "/limetwigd", "-f", "-c", top + "/limetwig.conf", "--uid-base", UID_BASE), log)
        try:
            wait_for("the first policy answer", self.answers, START_SECONDS)
            self.first_answer = time.monotonic() - began
            self.status = wait_for("%d armed traps" % traps, lambda: self.armed(traps), START_SECONDS)
            self.pid = self.engine_pid()
        except BenchError:
            self.stop()
            raise

    def write(self, name, text):
        with open(os.path.join(self.top, name), "w", encoding="ascii") as f:
            f.write(text)

    def fill_store(self, blocks):
        folder = os.path.join(self.top, "lib/db")
        os.makedirs(folder, 0o700)
        subprocess.run([self.build + "/bench/make_store", folder, str(blocks)], check=True)
        for path in [folder] + [os.path.join(folder, name) for name in os.listdir(folder)]:
            os.chown(path, UID_BASE + 1, UID_BASE + 1)

    def socket(self, name):
        return os.path.join(self.top, "queue/limetwig", name)

    def answers(self):
        """An answer of limetwig's own: the stand-in before the engine serves says DUNNO to anything."""
        self.check_alive()
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(1)
                s.connect(self.socket("policy"))
                s.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\n\n")
                return self.ctl("status", "--json") is not None and b"DUNNO" in s.recv(100)
        except OSError:
            return False

    def check_alive(self):
        if self.process.poll() is not None:
            raise BenchError("limetwigd ended with status %d, see its log" % self.process.returncode)

    def ctl(self, *words):
        done = subprocess.run([self.build + "/limetwig", "-c", self.top + "/limetwig.conf", *words],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def armed(self, traps):
        self.check_alive()
        text = self.ctl("status", "--json")
        status = json.loads(text) if text else {}
        return status if status.get("traps", {}).get("armed", 0) >= traps else None

    def engine_pid(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as f:
            for pid in f.read().split():
                with open("/proc/%s/cmdline" % pid, "rb") as c:
                    if b"engine" in c.read().split(b"\0"):
                        return int(pid)
        raise BenchError("no engine among the children of limetwigd")


def load(build, server, path, seconds, options):
    done = subprocess.run(
        pinned(0, build + "/bench/policy_load", "-c", CONNECTIONS, "-t", seconds, "-p", server.pid, *options, path),
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError("policy_load: " + done.stderr.strip())
    return fields(done.stdout)


def pairs(args, null, null_path, daemon, options):
    """Interleaved: null, limetwig, null, limetwig ... and one short run of each before."""
    load(args.build, null, null_path, 1, options)
    load(args.build, daemon, daemon.socket("policy"), 1, options)
    return [(load(args.build, null, null_path, args.seconds, options),
             load(args.build, daemon, daemon.socket("policy"), args.seconds, options)) for _ in range(args.pairs)]


def spread(values, form="%.2f"):
    return (form + " (" + form + "-" + form + ")") % (statistics.median(values), min(values), max(values))


def row(name, result):
    cpu = [ours["cpu_us"] / null["cpu_us"] for null, ours in result]
    return "| %s | %s | %s | **%s** | %.0f | %.0f | %s | %.0f / %.0f |" % (
        name, spread([n["cpu_us"] for n, _ in result]), spread([o["cpu_us"] for _, o in result]), spread(cpu),
        statistics.median([n["rps"] for n, _ in result]), statistics.median([o["rps"] for _, o in result]),
        spread([o["rps"] / n["rps"] for n, o in result]),
        statistics.median([o["p50_us"] for _, o in result]), statistics.median([o["p99_us"] for _, o in result]))


POLICY_HEAD = """| case | null CPU us | limetwig CPU us | CPU ratio | null q/s | limetwig q/s | rate ratio | p50 / p99 us |
|---|---|---|---|---|---|---|---|"""


def policy(args, work, log):
    """The table, and what was seen besides."""
    lines, notes = [POLICY_HEAD], []
    null_path = os.path.join(work, "null.sock")
    null = Server(pinned(1, args.build + "/bench/policy_null", null_path), log)
    try:
        wait_for("the null server", lambda: os.path.exists(null_path), 5)
        for entries in args.entries:
            name = "%dk" % (entries // 1000)
            daemon = Daemon(args.build, os.path.join(work, name), log, entries, entries, "none")
            try:
                if daemon.ctl("enforce", "soft", "--force") is None:
                    raise BenchError("limetwig enforce soft was refused")
                notes.append("%s traps and blocks: first answer %.2f s after the start, %d blocks in force" % (
                    name, daemon.first_answer, daemon.armed(entries)["blocks"]["active"]))
                for label, options in (("", ["-n", entries, "-k", entries]),
                                       (", 5 % to a trap", ["-x", 5, "-n", entries, "-k", entries]),
                                       (", 50 % from blocked hosts", ["-b", 50, "-n", entries, "-k", entries])):
                    lines.append(row(name + " traps + " + name + " blocks" + label,
                                     pairs(args, null, null_path, daemon, options)))
                    print(lines[-1], flush=True)
            finally:
                daemon.stop()
                shutil.rmtree(daemon.top, ignore_errors=True)
    finally:
        null.stop()
    return lines + [""] + ["- " + n for n in notes]


def hit(args, work, log):
    daemon = Daemon(args.build, os.path.join(work, "hit"), log, 1000, 0, "nftables")
    try:
        if daemon.ctl("enforce", "full", "--force") is None:
            raise BenchError("limetwig enforce full was refused")
        recipient = subprocess.run(
            ["postmap", "-c", daemon.top + "/postfix", "-q", "trap7@traps.example.org",
             "lmdb:%s/postfix/limetwig_virtual" % daemon.top], capture_output=True, text=True, check=True).stdout.strip()
        done = subprocess.run(
            pinned(0, args.build + "/bench/hit_latency", daemon.socket("policy"), daemon.socket("lmtp"),
                   "trap7@traps.example.org", recipient, daemon.top + "/lib",
                   args.hits, args.hit_rate), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError("hit_latency: " + done.stderr.strip() + done.stdout)
    finally:
        daemon.stop()
    out = [fields(line) for line in done.stdout.splitlines()]
    count, kernel, reply = out[2], out[3], out[4]
    sync = max(out[0]["fdatasync_p99_us"], out[1]["fdatasync_p99_us"])
    limit = 1000 + 2 * sync
    lines = ["| %d hits, %d a second | p50 us | p90 us | p99 us | max us |" % (count["messages"], args.hit_rate),
             "|---|---|---|---|---|"]
    for name, values, key in (("final dot to kernel element", kernel, "kernel"), ("final dot to 250", reply, "reply"),
                              ("fdatasync before", out[0], "fdatasync"), ("fdatasync after", out[1], "fdatasync")):
        lines.append("| %s | %s |" % (name, " | ".join(
            "%.0f" % values["%s_%s_us" % (key, p)] for p in ("p50", "p90", "p99", "max"))))
    lines += ["", "p99 to the kernel element %.0f us; the aim 1 ms + 2 x fdatasync p99 is %.0f us: %s" % (
        kernel["kernel_p99_us"], limit, "met" if kernel["kernel_p99_us"] <= limit else "not met")]
    print("\n".join(lines), flush=True)
    return lines


def engine(args):
    runs = []
    for _ in range(args.engine_runs):
        done = subprocess.run([args.build + "/bench/engine_hits", str(args.engine_hits)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError("engine_hits: " + done.stderr.strip() + done.stdout)
        runs.append(fields(done.stdout))
    rate = statistics.median(r["hits_per_s"] for r in runs)
    lines = ["| %d runs of %d hits, each from another host | median (least-greatest) |" % (len(runs), args.engine_hits),
             "|---|---|",
             "| hits a second, stored and acknowledged | %s |" % spread([r["hits_per_s"] for r in runs], "%.0f"),
             "| CPU us a hit, with the work of the made-up peers | %s |" % spread([r["cpu_us"] for r in runs], "%.1f"),
             "", "%.0f hits a second; the aim is %d: %s" % (
                 rate, ENGINE_AIM, "met" if rate >= ENGINE_AIM else "not met")]
    print("\n".join(lines), flush=True)
    return lines


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return "%s, kernel %s, %d cores (%s), load %.1f at the start" % (
        datetime.date.today(), platform.release(), os.cpu_count(), cpu, os.getloadavg()[0])


def versions(build):
    def first_line(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip().split("\n")[0] if done.returncode == 0 else "unknown"
    return "%s, Postfix %s, built by %s" % (
        first_line(build + "/limetwigd", "-V"), first_line("postconf", "-h", "mail_version"), first_line("cc", "--version"))


def into_namespaces():
    if os.environ.get("LIMETWIG_BENCH_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["LIMETWIG_BENCH_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    p.add_argument("--pairs", type=int, default=9)
    p.add_argument("--seconds", type=int, default=2, help="of each run")
    p.add_argument("--entries", type=int, nargs="*", default=[10000, 1000000], help="traps, and as many blocks")
    p.add_argument("--hits", type=int, default=1000)
    p.add_argument("--hit-rate", type=int, default=100)
    p.add_argument("--engine-hits", type=int, default=20000)
    p.add_argument("--engine-runs", type=int, default=5)
    p.add_argument("--output", default=os.path.join(HERE, "RESULTS.md"))
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    return args


def can_run():
    """Says so where it cannot."""
    if os.geteuid() == 0 and shutil.which("postmap") and shutil.which("unshare"):
        return True
    print("bench: needs root, postmap and unshare: nothing was measured")
    return False


def main():
    args = arguments()
    if not can_run():
        return 77
    into_namespaces()
    head = ["# Results of `make bench`", "", machine() + ".", versions(args.build) + ".", "Medians of %d interleaved pairs of %d s, least and "
            "greatest in brackets; %d connections over a UNIX socket; server and generator on a core each." % (
                args.pairs, args.seconds, CONNECTIONS),
            "Cases: nothing found (a trap and a block are looked for in vain), 5 % of the recipients traps, half of the "
            "clients blocked (each refusal is recorded).", "", "## Policy queries", ""]
    work = tempfile.mkdtemp(prefix="limetwig-bench.")
    os.chmod(work, 0o755)
    try:
        with open(os.path.join(work, "log"), "wb") as log:
            try:
                text = head + policy(args, work, log) + ["", "## From the final dot to the kernel", ""] + hit(
                    args, work, log) + ["", "## The engine alone", ""] + engine(args)
            except BenchError as e:
                print("bench: %s" % e)
                with open(log.name, encoding="utf-8", errors="replace") as f:
                    print("".join(f.readlines()[-20:]))
                return 1
        with open(args.output, "w", encoding="utf-8") as f:
            f.write("\n".join(text) + "\n")
        print("\n".join(text))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
