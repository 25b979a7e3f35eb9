#!/usr/bin/python3
"""What single pieces cost, without a daemon: one decision, the grading of a header, a line of the mail log.

    bench/alone.py [--build DIR] [--short]

SPDX-License-Identifier: ISC
"""
import os
import subprocess
import sys

import rig

DECISION_AIM_US = 1


def lines_of(args, log, tool, *words):
    done = subprocess.run(rig.pinned(1, "%s/bench/%s" % (args.build, tool), *words), stdout=subprocess.PIPE, stderr=log,
                          text=True, check=True)
    return done.stdout.splitlines()


def decisions(args, _, log):
    """Each run of decide_speed says the median of its rounds."""
    rounds = [rig.fields(lines_of(args, log, "decide_speed", 100000 if args.short else 1000000)[0])
              for _ in range(2 if args.short else 5)]
    rig.table("decide", "One decision", [("p50_us", "CPU us, median of a run", "%.2f", "spread"),
                                         ("worst_us", "worst part of a run", "%.2f", "max")],
              "Charge, ledger, score, block and breaker; 4,096 hosts, 10 MB of state.")
    rig.row("decide", "a decision", rounds)
    middle = rig.statistics.median(r["p50_us"] for r in rounds)
    rig.aim("one decision", "%.2f us" % middle, "at most %d us" % DECISION_AIM_US, middle <= DECISION_AIM_US)


def headers(args, _, log):
    rig.table("header", "Grading 64 kB of header", [("best_us", "us, best", "%.0f", "once"), ("mean_us", "us, mean", "%.0f", "once")])
    for line in lines_of(args, log, "header_speed", 50 if args.short else 500):
        name, _, rest = line.partition("\t")
        rig.row("header", name, [rig.fields(rest)])


def log_lines(args, work, log):
    path, lines = os.path.join(work, "mail.log"), 50000 if args.short else 300000
    with open(path, "wb") as f:
        subprocess.run([sys.executable, os.path.join(rig.HERE, "make_maillog.py"), str(lines)], stdout=f, check=True)
    found = {}
    for _ in range(2 if args.short else 5):
        for line in lines_of(args, log, "maillog_speed", path):
            name, _, rest = line.partition("\t")
            found.setdefault(name, []).append(rig.fields(rest))
    rig.table("maillog", "A line of the mail log", [("ns", "ns", "%.0f", "spread"), ("lines_s", "lines/s", "%.0f", "median")])
    for name, rounds in found.items():
        rig.row("maillog", name, rounds)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), decisions, headers, log_lines))
