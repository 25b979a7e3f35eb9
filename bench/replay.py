#!/usr/bin/python3
"""Megabytes of mail log a second of `limetwig replay` and `limetwig trap suggest`, on one core.

    bench/replay.py [--build DIR] [--short]

A made log (make_maillog.py), plain and packed; CPU time is the user's and the system's.
SPDX-License-Identifier: ISC
"""
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import time

import rig

TRAPS = "".join("%s%d@example.org\n" % (name, i) for i in range(1, 11)
                for name in ("wilhelmine.altmann", "sales-team.archive", "hr.bewerbung1998", "x77.qqwert"))
AIM_MB_S = 100


def once(argv, size):
    """size: of the log's text, in MB."""
    began, pid = time.monotonic(), os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(argv[0], argv)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise rig.BenchError("%s: exit status %d" % (" ".join(argv), os.waitstatus_to_exitcode(status)))
    cpu = usage.ru_utime + usage.ru_stime
    return {"cpu_mb_s": size / cpu, "mb_s": size / (time.monotonic() - began), "memory_mb": usage.ru_maxrss / 1024}


def replay(args, work, _):
    lines, rounds = (50000, 1) if args.short else (500000, 5)
    log, packed, traps = work + "/mail.log", work + "/mail.log.gz", work + "/traps.txt"
    with open(log, "wb") as f:
        subprocess.run([sys.executable, os.path.join(rig.HERE, "make_maillog.py"), str(lines)], stdout=f, check=True)
    with open(log, "rb") as f, gzip.open(packed, "wb", 6) as g:
        shutil.copyfileobj(f, g)
    with open(traps, "w", encoding="ascii") as f:
        f.write(TRAPS)
    size, found = os.path.getsize(log) / 1e6, {}
    commands = [(name + how, [args.build + "/limetwig", *words, path])
                for name, words in (("replay", ["replay", "--traps", traps]), ("trap suggest", ["trap", "suggest"]))
                for how, path in ((", plain", log), (", gzip", packed))]
    for _ in range(rounds):
        for name, argv in commands:
            found.setdefault(name, []).append(once(argv, size))
    rig.table("replay", "A log of %d lines, %.0f MB" % (lines, size),
              [("cpu_mb_s", "MB of text a second of CPU", "%.0f", "spread"), ("mb_s", "MB/s", "%.0f", "spread"),
               ("memory_mb", "MB of memory at most", "%.0f", "max")], "40 traps.")
    for name, rows in found.items():
        rig.row("replay", name, rows)
    middle = statistics.median(r["mb_s"] for r in found["replay, plain"])
    rig.aim("replay of a mail log", "%.0f MB/s" % middle, "at least %d" % AIM_MB_S, middle >= AIM_MB_S)


if __name__ == "__main__":
    sys.exit(rig.main(rig.arguments(__doc__), replay))
