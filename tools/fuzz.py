#!/usr/bin/env python3
"""`make fuzz`: each fuzz target for a time of the processor of its own, with an account that goes on where it was stopped.

    tools/fuzz.py [--time S] [--jobs N] [--build DIR] [--no-build] [TARGET...]    run; least is run first
    tools/fuzz.py --account [TARGET...]     the account: time, executions, coverage, findings
    tools/fuzz.py --merge [TARGET...]       what adds coverage, into tests/fuzz/corpus
    tools/fuzz.py --complete                TAP: has each target a corpus and a dictionary?

Built with clang: libFuzzer, AddressSanitizer (with its leak checker), UndefinedBehaviorSanitizer. New inputs are kept in
BUILD/corpus/TARGET, findings in BUILD/found/TARGET, the account in BUILD/account.jsonl: a line for each run. The time is
that of the processor, so that other work on the machine takes nothing from it; time given to the same program before
counts. Stop it by SIGINT or SIGTERM: what ran is in the account, and the next call goes on. Exit 1: something was found.
Standard library only.
SPDX-License-Identifier: ISC
"""
import argparse
import glob
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORPUS = os.path.join(TOP, "tests/fuzz/corpus")
DICT = os.path.join(TOP, "tests/fuzz/dict")
# What strangers send comes first; then what is fetched for people; then what people and our own processes write.
FIRST = """lmtp_session policy_request dnsbl answer tls header_scan content_grade envelope received smtp_client hand gunzip feed
dns_packet dns_primary dns_transfer dns_tsig dns_list spf_walk spf_record control message maillog trace""".split()
TICK = re.compile(r"^#\d+\t.*?cov: (\d+) ft: (\d+).*?corp: (\d+)", re.MULTILINE)
STAT = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
FINDINGS_MAX = 3  # of one target in one call: most likely all the same
PATIENCE_S = 120  # wall time until a target that was asked to stop is killed
is_stopping = False


def targets():
    names = sorted(os.path.basename(f)[5:-2] for f in glob.glob(os.path.join(TOP, "tests/fuzz/fuzz_*.c")))
    return [n for n in FIRST if n in names] + [n for n in names if n not in FIRST]


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()[:16]


def build(folder, names):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
                       cwd=TOP, env=dict(os.environ, CC="clang"), check=True, stdout=subprocess.DEVNULL)
    else:
        subprocess.run(["meson", "setup", "--reconfigure", folder], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder] + ["tests/fuzz_" + n for n in names], cwd=TOP, check=True)


class Account:
    """Lines of a file: {target, program, cpu, executions, coverage, features, inputs, findings, began, wall}."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "account.jsonl")
        self.runs = []
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as f:
                self.runs = [json.loads(line) for line in f]

    def add(self, run):
        self.runs.append(run)
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(run) + "\n")

    def seconds(self, name, program):
        return sum(r["cpu"] for r in self.runs if r["target"] == name and r["program"] == program)

    def show(self, names):
        print("| target | CPU minutes | executions | a CPU second | edges | features | inputs | findings |")
        print("|---|---|---|---|---|---|---|---|")
        total_cpu = total_runs = 0
        for name in names:
            runs = [r for r in self.runs if r["target"] == name]
            if not runs:
                print("| %s | 0 | | | | | | |" % name)
                continue
            cpu, done = sum(r["cpu"] for r in runs), sum(r["executions"] for r in runs)
            print("| %s | %.1f | %s | %s | %d | %d | %d | %d |" % (
                name, cpu / 60, format(done, ","), format(int(done / max(cpu, 1)), ","), runs[-1]["coverage"],
                runs[-1]["features"], runs[-1]["inputs"], len({f for r in runs for f in r["findings"]})))
            total_cpu, total_runs = total_cpu + cpu, total_runs + done
        print("| all | %.1f | %s | | | | | |" % (total_cpu / 60, format(total_runs, ",")))


def cpu_seconds(pid):
    """User and system time of a process; None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


class Job:
    """One run of one target, until it has had its time, found something, or is told to stop."""

    def __init__(self, folder, name, seconds):
        self.name, self.limit, self.cpu, self.asked = name, seconds, 0.0, None
        program = os.path.join(folder, "tests/fuzz_" + name)
        self.digest = digest(program)  # it may be built anew meanwhile
        self.found = os.path.join(folder, "found", name)
        self.work = os.path.join(folder, "corpus", name)
        for path in (self.found, self.work):
            os.makedirs(path, exist_ok=True)
        self.before = set(os.listdir(self.found))
        self.log = os.path.join(folder, "found", name + ".log")
        argv = [program, "-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1", "-detect_leaks=1",
                "-artifact_prefix=%s/" % self.found]
        if os.path.exists(os.path.join(DICT, name + ".dict")):
            argv.append("-dict=%s/%s.dict" % (DICT, name))
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1",
                   UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        self.began = time.time()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv + [self.work, os.path.join(CORPUS, name)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=env)

    def look(self):
        """False once it has ended."""
        # asked of the process before it is waited for: gone after that
        self.cpu = cpu_seconds(self.process.pid) or self.cpu
        if self.process.poll() is not None:
            return False
        if self.asked is None and (is_stopping or self.cpu >= self.limit):
            self.asked = time.monotonic()
            self.process.send_signal(signal.SIGUSR1)  # libFuzzer ends after this input and says its numbers
        elif self.asked is not None and time.monotonic() - self.asked > PATIENCE_S:
            self.process.kill()
        return True

    def result(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        ticks, stats = TICK.findall(text), dict(STAT.findall(text))
        coverage, features, _ = ticks[-1] if ticks else (0, 0, 0)
        findings = sorted(f for f in set(os.listdir(self.found)) - self.before if not f.startswith("slow-unit"))
        if self.process.returncode and not findings:
            findings = ["exit %d, see %s" % (self.process.returncode, os.path.relpath(self.log, TOP))]
        return {"target": self.name, "program": self.digest, "cpu": round(self.cpu, 2),
                "executions": int(stats.get("number_of_executed_units", 0)), "coverage": int(coverage),
                "features": int(features), "inputs": len(os.listdir(self.work)), "findings": findings,
                "began": int(self.began), "wall": round(time.time() - self.began, 1)}


def run(folder, names, seconds, jobs):
    account, running, found = Account(folder), [], {}
    programs = {n: digest(os.path.join(folder, "tests/fuzz_" + n)) for n in names}
    waiting = sorted((n for n in names if account.seconds(n, programs[n]) < seconds),
                     key=lambda n: account.seconds(n, programs[n]))
    print("%d targets, %d of them have had their %d s already" % (len(names), len(names) - len(waiting), seconds), flush=True)
    while running or (waiting and not is_stopping):
        while waiting and len(running) < jobs and not is_stopping:
            name = waiting.pop(0)
            running.append(Job(folder, name, seconds - account.seconds(name, programs[name])))
        time.sleep(0.5)
        for job in [j for j in running if not j.look()]:
            running.remove(job)
            r = job.result()
            account.add(r)
            print("%-5s %-16s %6.1f s of the processor, %s executions, %d edges %s" % (
                "FOUND" if r["findings"] else "ok", r["target"], r["cpu"], format(r["executions"], ","), r["coverage"],
                " ".join(r["findings"])), flush=True)
            if r["findings"]:
                found[job.name] = found.get(job.name, 0) + 1
                if found[job.name] < FINDINGS_MAX and account.seconds(job.name, programs[job.name]) < seconds:
                    waiting.insert(0, job.name)
    return 1 if found else 0


def merge(folder, names):
    """Edges, not counts of them: the corpus in the tree stays small."""
    for name in names:
        work, into = os.path.join(folder, "corpus", name), os.path.join(CORPUS, name)
        if not os.path.isdir(work):
            continue
        before = set(os.listdir(into))
        done = subprocess.run([os.path.join(folder, "tests/fuzz_" + name), "-merge=1", "-use_counters=0", into, work],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        after = set(os.listdir(into))
        print("%-16s %d files, %d new%s" % (name, len(after), len(after - before),
                                            "" if done.returncode == 0 else "; exit %d" % done.returncode), flush=True)


def complete(names):
    """TAP; a target without words of its language finds little."""
    status = 0
    for name in names:
        inputs = os.path.join(CORPUS, name)
        wrong = [what for what, is_there in (
            ("corpus", os.path.isdir(inputs) and any(os.scandir(inputs))),
            ("dictionary", os.path.exists(os.path.join(DICT, name + ".dict")))) if not is_there]
        print("%s - fuzz target %s%s" % ("not ok" if wrong else "ok", name, ": no " + ", no ".join(wrong) if wrong else ""))
        status = status or bool(wrong)
    print("1..%d" % len(names))
    return int(status)


def on_stop(_signal, _frame):
    global is_stopping
    is_stopping = True


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--time", type=float, default=60)
    ask.add_argument("--jobs", type=int, default=os.cpu_count())
    ask.add_argument("--build", default=os.path.join(TOP, "build-fuzz"))
    for name in ("no-build", "account", "merge", "complete"):
        ask.add_argument("--" + name, action="store_true")
    ask.add_argument("targets", nargs="*")
    o = ask.parse_args()
    unknown = set(o.targets) - set(targets())
    if unknown:
        ask.error("no such target: " + " ".join(sorted(unknown)))
    names = [n for n in targets() if not o.targets or n in o.targets]
    if o.complete:
        return complete(names)
    if o.account:
        return Account(o.build).show(names)
    if not o.no_build:
        build(o.build, names)
    if o.merge:
        return merge(o.build, names)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGTERM, on_stop)
    return run(o.build, names, o.time, o.jobs)


if __name__ == "__main__":
    sys.exit(main())
