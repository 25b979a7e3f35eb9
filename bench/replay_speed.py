#!/usr/bin/python3
"""Megabytes of mail log a second of `limetwig replay` and `limetwig trap suggest`, on one core.

Usage: replay_speed.py --build BUILD [--lines N] [--runs N]

Makes a log (make_maillog.py), runs each command on it, plain and packed, and says CPU seconds (user and system, the
median of the runs), MB of log text a second of them, and the most memory that a run needed.
"""
# SPDX-License-Identifier: ISC
import argparse
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRAPS = "".join(f"{name}{i}@example.org\n" for i in range(1, 11)
                for name in ("wilhelmine.altmann", "sales-team.archive", "hr.bewerbung1998", "x77.qqwert"))


def run(argv):
    """CPU seconds and peak memory in MB."""
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.execv(argv[0], argv)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(argv)}: exit status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--lines", type=int, default=1000000)
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    limetwig = str(Path(a.build).resolve() / "limetwig")
    with tempfile.TemporaryDirectory() as d:
        log, packed, traps = Path(d, "mail.log"), Path(d, "mail.log.gz"), Path(d, "traps.txt")
        with log.open("wb") as f:
            subprocess.run([sys.executable, HERE / "make_maillog.py", str(a.lines)], stdout=f, check=True)
        with log.open("rb") as f, gzip.open(packed, "wb", 6) as g:
            shutil.copyfileobj(f, g)
        traps.write_text(TRAPS)
        size = log.stat().st_size / 1e6
        for words in (["replay", "--traps", str(traps)], ["trap", "suggest"]):
            for path in (log, packed):
                runs = [run([limetwig, *words, str(path)]) for _ in range(a.runs)]
                cpu = statistics.median(r[0] for r in runs)
                print(f"{words[-1] if words[0] == 'trap' else words[0]:8} {path.name:12} {a.lines} lines, {size:.0f} MB: {cpu:.2f} s, "
                      f"{size / cpu:.0f} MB/s, {max(r[1] for r in runs):.0f} MB of memory")


main()
