#!/usr/bin/python3
"""`make bench`: runs the parts one after the other and writes what they measured to bench/RESULTS.md.

    bench/run.py [--build DIR] [--short] [--output FILE] [PART...]

A part is a program of this folder that writes JSON lines (rig.py); it runs in namespaces of its own and can be
started alone. Of a part that fails the table says why, and the exit status is 1. 77: nothing could be measured.
With parts named, and with --short, the output is standard output unless --output says where.
SPDX-License-Identifier: ISC
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

import report

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = {"policy": "Policy queries", "hit": "From a hit to the kernel", "postfix": "Through a real Postfix",
         "dnsbl": "Our list as a DNS zone", "tarpit": "Tarpit", "start": "Start",
         "scale": "From ten thousand to ten million entries", "feeds": "Lists from outside",
         "replay": "Replay of a mail log", "alone": "Single pieces"}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) / 1024 / 1024
    return "%s, %d cores, %.0f GB of memory, kernel %s, load %.1f at the start" % (
        cpu, os.cpu_count(), memory, platform.release(), os.getloadavg()[0])


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else "unknown"


def ours(build):
    commit = first_line("git", "-C", HERE, "describe", "--always", "--dirty")
    return "%s (%s), Postfix %s, built by %s" % (first_line(build + "/limetwigd", "-V"), commit, first_line(
        "postconf", "-h", "mail_version"), first_line("cc", "--version"))


def run_part(name, args):
    """Its lines as dictionaries; a last one says what it took and how it ended."""
    began, lines = time.monotonic(), []
    command = [sys.executable, os.path.join(HERE, name + ".py"), "--build", args.build] + ["--short"] * args.short
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                lines.append(json.loads(line))
            status = process.wait()
        except ValueError as e:
            process.kill()
            status = "what it wrote is no JSON: %s" % e
    if status and status != 77 and not any(line["kind"] == "failed" for line in lines):
        lines.append({"kind": "failed", "part": name, "why": "ended with status %s" % status})
    lines.append({"kind": "end", "status": status, "seconds": time.monotonic() - began})
    return lines


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    p.add_argument("--short", action="store_true", default=os.environ.get("BENCH_SHORT", "") not in ("", "0"),
                   help="to try it: few rounds, small sizes, numbers of no worth; BENCH_SHORT=1 is the same")
    p.add_argument("--output")
    p.add_argument("part", nargs="*", metavar="PART", help=", ".join(PARTS))
    args = p.parse_args()
    if not set(args.part) <= set(PARTS):
        p.error("no such part; there are " + ", ".join(PARTS))
    args.build = os.path.abspath(args.build)
    if args.output is None and not args.part and not args.short:
        args.output = os.path.join(HERE, "RESULTS.md")
    return args


def main():
    args, began, results = arguments(), time.monotonic(), {}
    parts = args.part or list(PARTS)
    head = [machine(), ours(args.build), datetime.datetime.now(datetime.timezone.utc)]
    for n, name in enumerate(parts, 1):
        print("[%d/%d] %s, after %d s" % (n, len(parts), name, time.monotonic() - began), file=sys.stderr, flush=True)
        results[name] = run_part(name, args)
        print("    %s took %d s" % (name, results[name][-1]["seconds"]), file=sys.stderr)
    if all(lines[-1]["status"] == 77 for lines in results.values()):
        return 77
    text = report.document(*head, time.monotonic() - began, args.short, {PARTS[n]: lines for n, lines in results.items()})
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        print(text)
    failed = [name for name, lines in results.items() if any(line["kind"] == "failed" for line in lines)]
    print("bench: %d s, %s%s" % (time.monotonic() - began, "failed: " + ", ".join(failed) if failed else "all parts ran",
                                ", written to " + args.output if args.output else ""), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
