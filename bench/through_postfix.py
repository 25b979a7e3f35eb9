#!/usr/bin/python3
"""Hits through a real Postfix, and what they cost innocent mail.

A good host mails alice ten times a second, first alone, then while spam hosts deliver hits to a trap at a given rate
over open SMTP sessions. Printed: hits a second that were answered 250, and the time of a good mail from connect to the
250 after the dot, idle and under load. Mode monitor, so that the spam hosts are not refused. Needs root.

    through_postfix.py [--build DIR] [--rate HITS_A_SECOND] [--seconds N]
SPDX-License-Identifier: ISC
"""
import argparse
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))

from lab.network import PYTHON, SERVER4, wait_for  # noqa: E402
from lab.scene import ALICE, TRAPS, Scene  # noqa: E402

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
        sys.exit("a client failed")
    return sorted(float(x) for x in out.split()[1:])


def quantile(values, q):
    return values[min(len(values) - 1, int(len(values) * q))] * 1000


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default=os.path.join(TOP, "build"))
    options.add_argument("--rate", type=float, default=200)
    options.add_argument("--seconds", type=float, default=60)
    options = options.parse_args()
    if os.geteuid() != 0:
        sys.exit("needs root")
    with Scene(os.path.abspath(options.build)) as scene:
        scene.install()
        idle = times(client(scene, "friend", ALICE, 10, options.seconds / 2, "each"))
        began = time.monotonic()
        spam = [client(scene, key, TRAPS[0], options.rate / len(CLIENTS), options.seconds, "session")
                for key in CLIENTS]
        ham = times(client(scene, "friend", ALICE, 10, options.seconds, "each"))
        hits = [times(p) for p in spam]
        seconds = time.monotonic() - began
        sent = sum(len(h) for h in hits)
        stored = wait_for("all hits to be stored",
                          lambda: scene.postfix.queued() == 0 and scene.daemon.json("status")["counters"]["24h"]["whole"])
    print("hits: %d answered 250 in %.0f s, %.0f a second; %d stored; a hit p50 %.1f ms" % (
        sent, seconds, sent / seconds, stored, quantile(sorted(sum(hits, [])), 0.5)))
    for name, values in (("idle", idle), ("under hits", ham)):
        print("good mail, %s: %d mails, p50 %.1f ms, p90 %.1f, p99 %.1f" % (
            name, len(values), quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.99)))
    print("ratio of the medians: %.2f" % (quantile(ham, 0.5) / quantile(idle, 0.5)))


if __name__ == "__main__":
    main()
