"""What the parts of `make bench` share: namespaces, limetwigd over made traps and blocks, the load on its policy server,
and the JSON lines that a part writes for bench/run.py to make its tables of.

A part writes one line for each of these to standard output; what people read meanwhile goes to standard error:
  table(name, title, text, columns), row(table, ...), note(table, text), aim(...), version(...)
SPDX-License-Identifier: ISC
"""
import argparse
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import peers

HERE = os.path.dirname(os.path.abspath(__file__))
UID_BASE = 61400
CONNECTIONS = 100
START_SECONDS = 180
TICKS = os.sysconf("SC_CLK_TCK")
INSIDE = "LIMETWIG_BENCH_INSIDE"
CONF = """contact = "postmaster@example.org"
traps {{ files = {{ "{top}/traps.d/*.txt" }} live-check = no }}
allow {{ files = {{ "{top}/allow.d/*.txt" }} }}
{firewall}
storage {{ dir = "{top}/lib" run = "{top}/run" disk-reserve = 0{storage} }}
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
    """limetwigd over traps and blocks made beforehand.

    backend: none, nftables, or a whole section firewall; more: text for the end of the configuration; storage: keys of that section.
    """

    def __init__(self, build, top, log, traps, blocks, backend, more="", storage="", is_sorted=False):
        if not backend.startswith("firewall"):
            backend = "firewall { backend = %s offence = 1 action = reject }" % backend
        self.build, self.top, self.traps = build, top, traps
        for sub in ("traps.d", "allow.d", "postfix", "queue", "lib"):
            os.makedirs(os.path.join(top, sub), exist_ok=True)
        self.write("limetwig.conf", CONF.format(top=top, firewall=backend, storage=storage) + more)
        self.write("postfix/main.cf", "compatibility_level = 3.6\nqueue_directory = %s/queue\n" % top)
        with open(os.path.join(top, "traps.d/bench.txt"), "w", encoding="ascii") as f:
            f.writelines("trap%d@traps.example.org tag=bench state=armed\n" % n for n in range(traps))
        if blocks:
            self.fill_store(blocks, is_sorted)
        self.log = log
        self.start()

    def launch(self):
        self.began = time.monotonic()
        super().__init__(pinned(1, self.build + "/limetwigd", "-f", "-c", self.top + "/limetwig.conf", "--uid-base",
                                UID_BASE), self.log)

    def start(self):
        """Anew, too, after a stop."""
        self.launch()
        try:
            wait_for("the first policy answer", self.answers, START_SECONDS)
            self.first_answer = time.monotonic() - self.began
            wait_for("%d armed traps" % self.traps, lambda: self.armed(self.traps), START_SECONDS)
            self.pid = self.engine_pid()
        except BenchError:
            self.stop()
            raise

    def write(self, name, text):
        with open(os.path.join(self.top, name), "w", encoding="ascii") as f:
            f.write(text)

    def fill_store(self, blocks, is_sorted):
        folder = os.path.join(self.top, "lib/db")
        os.makedirs(folder, 0o700)
        subprocess.run([self.build + "/bench/make_store", folder, str(blocks)] + ["sorted"] * is_sorted, check=True)
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

    def enforce(self, mode):
        if self.ctl("enforce", mode, "--force") is None:
            raise BenchError("limetwig enforce %s was refused" % mode)

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


def connect(where):
    """To the path of a UNIX socket, or tcp:PORT."""
    if where.startswith("tcp:"):
        return socket.create_connection(("127.0.0.1", int(where[4:])), 2)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(2)
    s.connect(where)
    return s


def policy_load(build, server, path, seconds, options, connections=CONNECTIONS):
    """Questions by policy_load, from core 0; path: of a UNIX socket, or tcp:PORT."""
    done = subprocess.run(
        pinned(0, build + "/bench/policy_load", "-c", connections, "-t", seconds, "-p", server.pid, *options, path),
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError("policy_load: " + done.stderr.strip())
    return fields(done.stdout)


def family(pid):
    """The process and all below it."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="ascii", errors="replace") as f:
                parents[int(path.split("/")[2])] = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for known in found:
        found += [p for p, parent in parents.items() if parent == known]
    return found


def cpu_s(pid):
    """Of all threads of the process and of what is below it, and of those below it that have ended."""
    total = 0
    for p in family(pid):
        for path in glob.glob("/proc/%d/task/*/schedstat" % p):
            total += number(path, 0) / 1e9
        total += sum(number("/proc/%d/stat" % p, n) for n in (-37, -36)) / TICKS  # cutime, cstime
    return total


def number(path, n):
    """Word n of a file of /proc, 0 when it is gone."""
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return int(f.read().split()[n])
    except (OSError, IndexError):
        return 0


def number_of(path, word):
    """The number behind a word at the beginning of a line, 0 when there is none."""
    try:
        with open(path, encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(word))
    except (OSError, StopIteration):
        return 0


def memory_kb(pid):
    """Resident: of the process, or of all of its family with what they share counted once, whichever is more."""
    return max(number_of("/proc/%d/status" % pid, "VmRSS:"),
               sum(number_of("/proc/%d/smaps_rollup" % p, "Pss:") for p in family(pid)))


def spread(values, form="%.2f"):
    return (form + " (" + form + "-" + form + ")") % (statistics.median(values), min(values), max(values))


# ---- what a part says

def say(text):
    """For who looks on."""
    print("    " + text, file=sys.stderr, flush=True)


def emit(kind, **what):
    print(json.dumps({"kind": kind, **what}), flush=True)


def table(name, title, columns, text=""):
    """columns: (key, heading, format, how): how is median, spread, max or sum over the rounds, ratio to the row beside
    which this one was measured, round by round, or once: the first round's."""
    emit("table", name=name, title=title, columns=columns, text=text)


def row(name, what, rounds, beside=None):
    """rounds: one dictionary of numbers each, in the order of measuring; the same number of `beside` is of the same time."""
    emit("row", table=name, what=what, rounds=rounds, beside=beside)


def missing(name, what, why):
    say("left out: %s: %s" % (what, why))
    emit("row", table=name, what=what, missing=str(why))


def note(name, text):
    emit("note", table=name, text=text)


def aim(what, value, limit, is_met):
    """value and limit as people read them."""
    say("%s: %s; aim %s: %s" % (what, value, limit, "met" if is_met else "NOT MET"))
    emit("aim", what=what, value=value, limit=limit, met=bool(is_met))


def version(name, text):
    emit("version", name=name, version=text)


# ---- the beginning and the end of a part

def into_namespaces():
    """Network and mounts of our own, and the peers' packages as if they were installed."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        peers.mount()
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def arguments(doc, add=lambda parser: None):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    parser.add_argument("--short", action="store_true", help="to try it: few rounds, small sizes, numbers of no worth")
    add(parser)
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    return args


def can_run():
    """Says so where it cannot."""
    if os.geteuid() == 0 and shutil.which("postmap") and shutil.which("unshare"):
        return True
    print("bench: needs root, postmap and unshare: nothing was measured", file=sys.stderr)
    return False


def main(args, *parts):
    """Runs parts, functions of (args, work, log), in namespaces and a temporary folder; all of them, whatever fails."""
    if not can_run():
        return 77
    into_namespaces()
    work, status = tempfile.mkdtemp(prefix="limetwig-bench."), 0
    os.chmod(work, 0o755)
    try:
        with open(os.path.join(work, "log"), "wb") as log:
            for part in parts:
                try:
                    part(args, work, log)
                except (BenchError, OSError, subprocess.CalledProcessError) as e:
                    status = 1
                    emit("failed", part=part.__name__, why=str(e))
                    with open(log.name, encoding="utf-8", errors="replace") as f:
                        say("failed: %s\n%s" % (e, "".join(f.readlines()[-20:])))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return status
