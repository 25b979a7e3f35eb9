#!/usr/bin/python3
"""Hits through a real Postfix, and what they cost innocent mail.

    bench/postfix.py [--build DIR] [--short]

A good host mails alice ten times a second, first alone, then while spam hosts deliver 200 hits a second to a trap
over open SMTP sessions: the time of a good mail from connect to the 250 after the dot. Mode monitor, so that the spam
hosts are not refused. All in the namespaces of the end to end tests.
SPDX-License-Identifier: ISC
"""
import os
import subprocess
import sys
import time

import rig

sys.path.insert(0, os.path.join(os.path.dirname(rig.HERE), "tests/e2e"))

from lab.network import PYTHON, SERVER4, LabError, wait_for  # noqa: E402
from lab.scene import ALICE, TRAPS, Scene  # noqa: E402

HAM_AIM = 1.3
CLIENTS = ("spam_c", "spam_d", "spam_e", "spam_f")
# argv: source, server, recipient, messages a second, seconds, "session" (one for all) or "each" (one a message)
CLIENT = r"""
import smtplib, sys, time
source, server, rcpt, rate, seconds, how = sys.argv[1:]
rate, end = float(rate), time.monotonic() + float(seconds)
took, n, s = [], 0, None
due = time.monotonic()
while due < end:
    time.sleep(max(0, due - time.monotonic()))
    began = time.monotonic()
    if s is None:
        s = smtplib.SMTP(server, 25, source_address=(source, 0), timeout=20)
        s.ehlo("bench.example")
    text = b"Message-ID: <%d.%d@%s>\r\nSubject: bench\r\n\r\n%s\r\n" % (
        n, time.monotonic_ns(), source.encode(), b"x" * 800)
    s.sendmail("sender%d@bench.example" % (n % 50), [rcpt], text)
    took.append(time.monotonic() - began)
    if how == "each":
        s.quit()
        s = None
    n += 1
    due += 1 / rate
print(n, *("%.6f" % t for t in took))
"""


def client(scene, key, recipient, rate, seconds, how):
    host = scene.host[key]
    argv = ["nsenter", "-t", str(host.process.pid), "-n", PYTHON, "-c", CLIENT, host.v4, SERVER4, recipient,
            str(rate), str(seconds), how]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def times(process):
    out, _ = process.communicate()
    if process.returncode != 0:
        raise rig.BenchError("a client failed")
    return sorted(float(x) for x in out.split()[1:])


def summary(values, rate):
    """Of sorted times, in milliseconds."""
    def quantile(q):
        return values[min(len(values) - 1, int(len(values) * q))] * 1000
    return {"messages": len(values), "rate": rate, "p50_ms": quantile(0.5), "p90_ms": quantile(0.9), "p99_ms": quantile(0.99)}


def both(scene, seconds, rate):
    """Good mail idle, good mail beside hits, hits."""
    idle = times(client(scene, "friend", ALICE, 10, seconds / 4, "each"))
    rig.say("idle: %d good mails" % len(idle))
    began = time.monotonic()
    spam = [client(scene, key, TRAPS[0], rate / len(CLIENTS), seconds, "session") for key in CLIENTS]
    ham = times(client(scene, "friend", ALICE, 10, seconds, "each"))
    hits = sorted(sum((times(p) for p in spam), []))
    took = time.monotonic() - began
    wait_for("all hits to be stored", lambda: scene.postfix.queued() == 0 and
             scene.daemon.json("status")["counters"]["24h"]["whole"] == len(hits), seconds=60)
    return summary(idle, 4 * len(idle) / seconds), summary(ham, len(ham) / took), summary(hits, len(hits) / took)


def postfix(args, _, __):
    seconds, rate = (5 if args.short else 60), 200
    try:
        with Scene(args.build) as scene:
            scene.install()
            idle, ham, hits = both(scene, seconds, rate)
    except LabError as e:
        raise rig.BenchError(str(e)) from None
    rig.table("postfix", "%d hits a second through Postfix for %d s" % (rate, seconds),
              [("messages", "answered 250", "%.0f", "once"), ("rate", "a second", "%.0f", "once"),
               ("p50_ms", "p50 ms", "%.1f", "once"), ("p90_ms", "p90 ms", "%.1f", "once"), ("p99_ms", "p99 ms", "%.1f", "once"),
               ("p50_ms", "p50, times idle", "%.2f", "ratio")], "From connect to the 250 after the dot; hits from open sessions. All hits "
              "were stored. Mode monitor, four spam hosts: no element is made, and four blocks that do not act.")
    for name, values in (("good mail, idle", idle), ("good mail while hits come", ham), ("hits", hits)):
        rig.row("postfix", name, [values], None if values is hits else "good mail, idle")
    ratio = ham["p50_ms"] / idle["p50_ms"]
    rig.aim("latency of good mail while %d hits a second come, beside idle" % rate, "%.2f" % ratio, "at most %.1f" % HAM_AIM,
            ratio <= HAM_AIM)
    rig.aim("hits through Postfix", "%.0f a second for %d s" % (hits["rate"], seconds), "at least %d" % rate,
            hits["messages"] / hits["rate"] <= seconds + 2)  # the clients need a moment to start


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), postfix))
