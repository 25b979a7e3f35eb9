#!/usr/bin/python3
"""kill -9 of every role under load, then the account: what became of each message.

A real Postfix, client hosts that mail in parallel, and one role after another killed or stopped at random moments.
Every 250 for a trap must have its hit and its corpus file, every ham must be in the mailbox, no innocent host may be
blocked, and the kernel must hold what the engine holds.

    faults.py --build DIR [--kills N] [--rate MAILS_A_SECOND] [--seed N]
"""
import argparse
import collections
import ipaddress
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

from lab import messages, witness  # noqa: E402
from lab.network import PYTHON, SERVER4, SERVER6, LabError, die_with_parent, wait_for  # noqa: E402
from lab.raw import POLICY, Raw, request  # noqa: E402
from lab.scene import ALICE, TRAPS, Scene  # noqa: E402

MESSAGE_ID = re.compile(r"^Message-ID: *(<[^>]*>)", re.I | re.M)
# ROLE: kill -9; ROLE-stop: stopped for a moment; ROLE-stop:OTHER: meanwhile the other is killed, with work half done
TARGETS = ("engine", "firewall", "capture", "follow", "run", "aliasmap", "parent", "engine-stop", "capture-stop",
           "engine-stop:capture", "capture-stop:engine", "engine-stop:parent")
KINDS = ("trap",) * 10 + ("again",) * 2 + ("rider",) * 2 + ("probe",) * 2 + ("ham",) * 6
STOPPED_S = 1.5
DRAIN_S = 90
UNCHARGED_PER = 500  # hits of which one may be charged to nobody: its line had not reached the log yet


class Mail:
    """One mail and what its client was told."""

    def __init__(self, number, kind, source, sender, recipients, text):
        self.number, self.kind, self.source, self.sender, self.recipients = number, kind, source, sender, recipients
        self.text = text
        self.id = MESSAGE_ID.search(text).group(1)
        self.answer = None
        self.is_charged = False

    def is_taken(self):
        """The client holds a 250 for the whole message."""
        a = self.answer
        return bool(a) and a["fate"] == "answered" and a["code"] == 250 and self.kind != "probe" \
            and all(code == 250 for code, _ in a["rcpt"])

    def names_trap(self):
        return any(r in TRAPS for r in self.recipients)


class Client:
    """A client host with networks of its own behind one cable."""

    def __init__(self, scene, number, four, six):
        self.net4, self.net6 = ipaddress.ip_network(four), ipaddress.ip_network(six)
        self.made = 0
        link4, link6 = "192.0.2.%d" % (200 + number), "2001:db8:fe::%d" % number
        name = "mail.client%d.example" % number
        self.host = scene.net.add_host(name, link4, link6)
        self.name = name
        scene.net.ip(self.host.process.pid, ["route add local %s dev lo" % four, "route add local %s dev lo" % six])
        scene.net.ip(scene.net.init, ["route add %s via %s" % (four, link4), "route add %s via %s" % (six, link6)])
        self.process = subprocess.Popen(
            ["nsenter", "-t", str(self.host.process.pid), "-n", PYTHON, os.path.join(HERE, "lab/sender.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    def new_address(self):
        """An address that has not mailed yet: every tenth an IPv4 one while there are any."""
        self.made += 1
        nth = self.made // 10
        if self.made % 10 == 0 and nth < self.net4.num_addresses - 1:
            return str(self.net4[nth])
        return str(self.net6[self.made << 64 | 1])

    def send(self, mail, rcpt_only):
        job = {"id": mail.number, "source": mail.source, "to": SERVER6 if ":" in mail.source else SERVER4,
               "helo": self.name, "sender": mail.sender, "recipients": mail.recipients, "text": mail.text,
               "rcpt_only": rcpt_only}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Traffic:
    """Mails at a bounded rate until stop(); results by message."""

    def __init__(self, scene, rate, dice):
        self.spam = [Client(scene, n, "198.51.100.%d/26" % (64 * (n - 1)), "2001:db8:%x00::/40" % (0xb0 + n))
                     for n in (1, 2, 3)]
        self.good = [Client(scene, n, "203.0.113.%d/28" % (64 + 16 * n), "2001:db8:%x00::/40" % (0xc0 + n))
                     for n in (4, 5)]
        self.good_source = [(c, s) for c in self.good for s in (str(c.net4[1]), str(c.net6[1 << 64 | 1]))]
        self.rate, self.dice = rate, dice
        self.mails = []
        self.stopping = threading.Event()
        self.used = collections.deque(maxlen=200)
        self.readers = [threading.Thread(target=self.read, args=(c,), daemon=True) for c in self.spam + self.good]
        self.writer = threading.Thread(target=self.write, daemon=True)
        for thread in self.readers + [self.writer]:
            thread.start()

    def read(self, client):
        for line in client.process.stdout:
            answer = json.loads(line)
            self.mails[answer["id"]].answer = answer

    def write(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            self.one()
            due = max(due + 1 / self.rate, time.monotonic() - 1)  # a pause is not made up by a burst
            self.stopping.wait(max(0, due - time.monotonic()))

    def one(self):
        number, kind = len(self.mails), self.dice.choice(KINDS)
        if kind == "ham":
            client, source = self.dice.choice(self.good_source)
            sender, recipients = "someone@" + client.name, [ALICE]
            text = messages.plain(sender, ALICE, "ham %d" % number)
        else:
            client = self.dice.choice(self.spam)
            source = client.new_address()
            if kind == "again" and self.used:
                client, source = self.dice.choice(self.used)
            self.used.append((client, source))
            sender = "offers%d@%s" % (number, client.name)
            recipients = [self.dice.choice(TRAPS)] + ([ALICE] if kind == "rider" else [])
            text = messages.spam(sender, recipients[0], "%s %d" % (kind, number))
        self.mails.append(Mail(number, kind, source, sender, recipients, text))
        client.send(self.mails[-1], kind == "probe")

    def stop(self):
        """No new mails; every one under way has its answer."""
        self.stopping.set()
        self.writer.join()
        wait_for("the answers to all mails", lambda: all(m.answer for m in self.mails), 120)
        self.close()

    def close(self):
        self.stopping.set()
        for client in self.spam + self.good:
            client.close()


class Asker:
    """Asks the policy socket again and again, as an smtpd with a connection kept open; how long each answer took."""

    def __init__(self, net):
        self.net, self.seconds, self.unanswered, self.stopping = net, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        raw, data = None, request()
        while not self.stopping:
            began = time.monotonic()
            answer, raw = self.ask(raw, data)
            if answer == b"action=DUNNO\n\n":
                self.seconds.append((began, time.monotonic() - began))
            else:
                self.unanswered += 1
            time.sleep(0.004)
        if raw:
            raw.close()

    def ask(self, raw, data):
        for _ in range(2):  # a connection closed between two queries is opened anew
            try:
                raw = raw or Raw(self.net, POLICY)
                if raw.send(data):
                    answer = raw.read(b"\n\n", 40)
                    if answer:
                        return answer, raw
            except OSError:
                pass
            if raw:
                raw.close()
            raw = None
        return b"", None

    def longest(self, since=0.0, until=1e18):
        return max((s for at, s in self.seconds if since - 0.02 <= at < until), default=0.0)

    def stop(self):
        self.stopping = True
        self.thread.join()


class Flusher:
    """postqueue -f every second: what a dead role deferred comes back while the others die."""

    def __init__(self, postfix):
        self.postfix, self.stopping = postfix, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(1):
            self.postfix.flush()

    def stop(self):
        self.stopping.set()
        self.thread.join()


class KillLoop:
    """The whole run; report() tells, faults is what must be empty."""

    def __init__(self, scene, kills, rate, seed):
        self.scene, self.kills, self.dice = scene, kills, random.Random(seed)
        self.rate, self.seed = rate, seed
        self.count = collections.Counter()
        self.gap = collections.defaultdict(float)
        self.faults = []
        self.numbers = {}

    # ---- the loop

    def run(self):
        began = time.monotonic()
        self.start_size = self.sizes()
        traffic, asker = Traffic(self.scene, self.rate, self.dice), Asker(self.scene.net)
        flusher = Flusher(self.scene.postfix)
        self.mails = traffic.mails
        struck = []
        try:
            for target in self.order():
                time.sleep(self.dice.uniform(0.05, 0.9))
                struck.append((time.monotonic(), target))
                self.strike(target)
                self.count[target] += 1
            traffic.stop()
        finally:
            traffic.stopping.set()
            asker.stop()
            flusher.stop()
        for (at, target), (until, _) in zip(struck, struck[1:] + [(1e18, "")]):
            self.gap[target] = max(self.gap[target], asker.longest(at, until))
        self.numbers["seconds of killing"] = time.monotonic() - began
        self.numbers["policy queries beside it"] = len(asker.seconds)
        self.numbers["policy queries without an answer"] = asker.unanswered
        self.account()

    def order(self):
        """Shuffled rounds of all targets; no parent in the last third: what roles leak would be lost with it."""
        made = []
        while len(made) < self.kills:
            round_ = list(TARGETS if len(made) < self.kills * 2 // 3 else [t for t in TARGETS if "parent" not in t])
            self.dice.shuffle(round_)
            made += round_
        return made[:self.kills]

    def strike(self, target):
        stopped, _, role = target.rpartition(":")
        if "-stop" not in target:
            self.kill(target)
            return
        pid = self.pid_of((stopped or role).removesuffix("-stop"))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.3, STOPPED_S))
        if stopped:
            self.kill(role, pid)
        else:
            os.kill(pid, signal.SIGCONT)

    def pid_of(self, role):
        return wait_for("a living " + role, lambda: self.scene.daemon.pids().get(role), 60)

    def kill(self, role, stopped=None):
        """And wait for its next life; a stopped process goes on once the other is dead."""
        daemon = self.scene.daemon
        old = self.pid_of(role)
        pids = list(daemon.pids().values())
        os.kill(old, signal.SIGKILL)
        if stopped and os.path.exists("/proc/%d" % stopped):
            os.kill(stopped, signal.SIGCONT)
        if role != "parent":
            wait_for("a new " + role, lambda: daemon.pids().get(role) not in (None, old), 60)
            return
        daemon.process.wait()
        wait_for("the end of all roles", lambda: not any(os.path.exists("/proc/%d" % p) for p in pids))
        daemon.start(wait=False)
        wait_for("a new parent", daemon.top)

    def sizes(self):
        """{role: (descriptors, resident kB)} when all are up."""
        self.scene.daemon.wait_up(90)
        self.scene.postfix.stop()  # each smtpd keeps a policy connection while it lives
        self.scene.postfix.start()
        found = {}
        for role, pid in self.scene.daemon.pids().items():
            with open("/proc/%d/status" % pid) as f:
                rss = int(next(row for row in f if row.startswith("VmRSS")).split()[1])
            found[role] = (len(os.listdir("/proc/%d/fd" % pid)), rss)
        return found

    # ---- the account

    def account(self):
        self.scene.daemon.wait_up(90)
        self.scene.wait_armed()
        self.drain()
        self.account_mail()
        self.account_traps()
        self.account_blocks()
        self.account_sizes()
        self.account_log()
        self.account_store()

    def drain(self):
        began = time.monotonic()

        def is_empty():
            self.scene.postfix.flush()
            time.sleep(0.3)
            return self.scene.postfix.queued() == 0
        try:
            wait_for("an empty queue", is_empty, DRAIN_S)
        except LabError:
            self.fault("%d messages stay in the queue: %s" % (self.scene.postfix.queued(), self.scene.net.run(
                ["postqueue", "-p"]).stdout[-600:]))
        self.numbers["seconds until the queue was empty"] = time.monotonic() - began

    def fault(self, text):
        self.faults.append(text)

    def account_mail(self):
        alice = collections.Counter(str(m["Message-ID"]) for m in self.scene.postfix.mailbox(ALICE))
        for m in self.mails:
            if m.kind == "ham" and not m.is_taken():
                self.fault("ham refused: %s %s" % (m.source, m.answer))
            if m.is_taken() and ALICE in m.recipients and not alice[m.id]:
                self.fault("lost: %s %s" % (m.kind, m.id))
            if m.kind == "ham" and alice[m.id] > 1 and m.answer["tries"] == 1:
                self.fault("ham came twice: " + m.id)
        ham = [m for m in self.mails if m.kind == "ham"]
        self.numbers["ham sent, in the mailbox"] = "%d, %d" % (len(ham), sum(1 for m in ham if alice[m.id]))
        self.numbers["slowest ham session, s"] = max((m.answer["seconds"] for m in ham), default=0)

    def account_traps(self):
        hits = collections.defaultdict(list)
        for hit in self.scene.daemon.json("hits", "--limit", "100000")["hits"]:
            if hit["message_id"]:
                hits[hit["message_id"]].append(hit)
        files = collections.defaultdict(list)
        for name, text in witness.corpus(self.scene.net).items():
            files[MESSAGE_ID.search(text).group(1)].append(name)
        taken = [m for m in self.mails if m.is_taken() and m.names_trap()]
        lost = doubled = 0
        for m in taken:
            m.is_charged = any(h["counted"] for h in hits[m.id])
            if len(hits[m.id]) == 1 and len(files[m.id]) == 1 and hits[m.id][0]["corpus_id"] == files[m.id][0]:
                continue
            lost += not hits[m.id] or not files[m.id]
            doubled += len(hits[m.id]) > 1 or len(files[m.id]) > 1
            stored = [(h["corpus_id"], h["queue_id"], h["grade"], h["counted"]) for h in hits[m.id]]
            self.fault("%s %s from %s, tries %d: hits %s, corpus files %s" % (
                m.kind, m.id, m.source, m.answer["tries"], stored, files[m.id]))
        known = {m.id for m in taken}
        for m in self.mails:
            if m.id not in known and not 1 >= len(hits[m.id]) >= len(files[m.id]):
                self.fault("%s %s not taken (%s), yet hits %d, files %d" % (
                    m.kind, m.id, m.answer["fate"], len(hits[m.id]), len(files[m.id])))
        self.numbers["mails"] = dict(collections.Counter(m.kind for m in self.mails))
        self.numbers["fates"] = dict(collections.Counter(
            "%s %s" % (m.answer["fate"], m.answer.get("code", "")) for m in self.mails))
        self.numbers["sent more than once by the client"] = sum(1 for m in self.mails if m.answer["tries"] > 1)
        self.numbers["trap mails answered 250"] = len(taken)
        self.numbers["of them lost, doubled"] = "%d, %d" % (lost, doubled)
        stored = [x for h in hits.values() for x in h]
        free = [x["queue_id"] for x in stored if not x["counted"]]
        self.numbers["hits with content, charged"] = "%d, %d" % (len(stored), len(stored) - len(free))
        if len(free) * UNCHARGED_PER > len(stored):
            self.fault("%d hits are charged to nobody: %s" % (len(free), free[:20]))
        self.numbers["corpus files"] = sum(len(f) for f in files.values())

    def account_blocks(self):
        guilty = {m.source for m in self.mails if m.names_trap()}
        # the latest elements may be on their way
        try:
            wait_for("kernel and engine to agree", lambda: not self.difference(), 15)
        except LabError:
            self.fault("engine and kernel differ: %s" % self.difference())
        blocks = self.blocks()
        for net in blocks:
            if not any(ipaddress.ip_address(a) in net for a in guilty):
                self.fault("an innocent host is blocked: %s" % net)
        for a in sorted({m.source for m in self.mails if m.is_charged}):
            if not any(ipaddress.ip_address(a) in net for net in blocks):
                self.fault("charged and not blocked: %s" % a)
        self.numbers["blocks, kernel elements"] = "%d, %d" % (len(blocks), len(self.in_kernel()))

    def blocks(self):
        listed = self.scene.daemon.json("block", "list", "--limit", "1000000")["blocks"]
        return {ipaddress.ip_network(b["subject"]) for b in listed if b["state"] == "active"}

    def in_kernel(self):
        return {ipaddress.ip_address(value.split("/")[0]) for _, value in witness.elements(self.scene.net)}

    def difference(self):
        engine, kernel = {n.network_address for n in self.blocks()}, self.in_kernel()
        return sorted(map(str, engine ^ kernel))[:10]

    def account_sizes(self):
        end = self.sizes()
        self.numbers["descriptors, kB resident: start -> end"] = {
            r: "%d, %d -> %d, %d" % (self.start_size[r] + end[r]) for r in end}
        for role, (fds, rss) in end.items():
            state = 8 * len(self.mails) if role == "engine" else 0  # subjects and blocks are its state
            if fds > self.start_size[role][0] + 8 or rss > self.start_size[role][1] + 4096 + state:
                self.fault("%s grew: %s -> %s" % (role, self.start_size[role], (fds, rss)))

    def account_log(self):
        log = self.scene.daemon.log()
        events = collections.Counter()
        for line in self.scene.daemon.crashes():
            self.fault("a role died of itself: " + line)
        for line in log.splitlines():
            if re.search(r"\balarm\b|assert|malformed", line):
                self.fault("alarm in the log: " + line)
            words = line.split()
            if words and "warn" in line[:60]:
                events[words[1]] += 1
        self.numbers["warnings"] = dict(events)

    def account_store(self):
        if self.scene.daemon.stop() != 0:
            self.fault("the daemon did not stop cleanly")
        done = self.scene.daemon.ctl("db", "check")
        if done.returncode != 0:
            self.fault("db check: " + done.stdout + done.stderr)
        self.numbers["db check"] = done.stdout.strip().splitlines()[-1:]

    def report(self):
        lines = ["seed %d, %d strikes: %s" % (self.seed, sum(self.count.values()), dict(self.count))]
        lines.append("longest policy answer, s: " + ", ".join("%s %.3f" % (t, s) for t, s in sorted(self.gap.items())))
        for name, value in self.numbers.items():
            lines.append("%s: %s" % (name, "%.1f" % value if isinstance(value, float) else value))
        lines.append("faults: %d" % len(self.faults))
        return "\n".join(lines + self.faults[:40])


def kill_loop(build, unpacked="", kills=12, rate=40, seed=None):
    """The run, done: its KillLoop."""
    scene = Scene(build, unpacked, hosts=set())
    try:
        scene.install()
        scene.enforce("full")
        loop = KillLoop(scene, kills, rate, int(time.time()) if seed is None else seed)
        loop.run()
        return loop
    finally:
        keep = os.environ.get("FAULTS_KEEP_LOG")
        if keep:
            for name, text in (("daemon.log", scene.daemon.log()), ("mail.log", scene.postfix.log())):
                with open(os.path.join(keep, name), "w", encoding="utf-8") as f:
                    f.write(text)
        scene.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--seed", type=int)
    parsed = parser.parse_args()
    loop = kill_loop(parsed.build, kills=parsed.kills, rate=parsed.rate, seed=parsed.seed)
    print(loop.report())
    sys.exit(1 if loop.faults else 0)


if __name__ == "__main__":
    main()
