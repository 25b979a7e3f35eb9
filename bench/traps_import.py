#!/usr/bin/python3
"""Millions of traps: import, alias map, start, policy queries meanwhile, listing by spamdb. As root, in namespaces.

    bench/traps_import.py --build build --traps 5000000

A query that waits is told with the processor time that the engine used
while it waited: that is how long the engine kept it, whatever else the
machine had to do.
"""
import argparse
import os
import random
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/e2e"))
from lab.network import wait_for  # noqa: E402
from lab.scene import Scene  # noqa: E402

LIST = "/run/lab/list.txt"
COMMAND = "/run/lab/bin/limetwig"
POLICY = "/var/spool/postfix/limetwig/policy"
QUERY = ("request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=198.51.100.9\nclient_name=x.example\n"
         "helo_name=x.example\nserver_port=25\ninstance=a.%d\nsender=a@b.example\nrecipient=alice@example.org\n\n")


class Queries:
    """One policy connection that asks all the time."""

    def __init__(self, scene, what):
        self.what, self.rows, self.over = what, [], threading.Event()
        self.clock = "/proc/%d/schedstat" % scene.daemon.pids()["engine"]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(scene.net.path(POLICY))
        self.thread = threading.Thread(target=self.ask)

    def used_ms(self):
        with open(self.clock, encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e6

    def ask(self):
        count = 0
        while not self.over.is_set():
            before, began, answer = self.used_ms(), time.monotonic(), b""
            count += 1
            self.socket.sendall((QUERY % count).encode())
            while not answer.endswith(b"\n\n"):
                piece = self.socket.recv(4096)
                if not piece:
                    raise SystemExit("the policy connection was closed")
                answer += piece
            self.rows.append(((time.monotonic() - began) * 1e3, self.used_ms() - before))
            time.sleep(0.0005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        waits, used = (sorted(column) for column in zip(*self.rows))
        at = len(waits)
        print("  queries during %s: %d, p50 %.2f ms, p99 %.2f, p99.9 %.2f, max %.1f; the engine worked meanwhile: "
              "p99.9 %.2f ms, max %s" % (self.what, at, waits[at // 2], waits[at * 99 // 100], waits[at * 999 // 1000],
                                         waits[-1], used[at * 999 // 1000],
                                         ", ".join("%.1f" % u for u in used[-5:])), flush=True)


def memory(scene):
    for role, pid in scene.daemon.pids().items():
        if role in ("engine", "aliasmap"):
            with open("/proc/%d/status" % pid, encoding="ascii") as file:
                rows = dict(line.split(":", 1) for line in file)
            print("  %s: private %s, most ever resident (with the store's pages) %s" % (
                role, rows["RssAnon"].strip(), rows["VmHWM"].strip()))


def armed(scene, count):
    wait_for("the traps", lambda: scene.daemon.json("status")["traps"]["armed"] >= count, 1800)


def timed(what, begun):
    print("%s: %.1f s" % (what, time.monotonic() - begun), flush=True)


def measure(scene, count):
    with Queries(scene, "the import"):
        begun = time.monotonic()
        done = subprocess.run(scene.net.inside(["/usr/bin/time", "-f", "  the command: %U s of processor, %M kB",
                                                COMMAND, "trap", "import", LIST, "--arm"]), capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=True)
        timed("trap import", begun)
        print(done.stderr.strip())
        armed(scene, count)
    memory(scene)
    state = scene.daemon.json("status")
    print("  %s; store lost %d; map %s" % (state["traps"], state["store"]["lost"], state["map"]))
    scene.daemon.stop(120)
    begun = time.monotonic()
    scene.daemon.start(False)
    wait_for("the roles", scene.daemon.is_up, 300)
    timed("start, serving", begun)
    with Queries(scene, "the start"):
        armed(scene, count)
        timed("start, all traps armed", begun)
        wait_for("the map", lambda: scene.daemon.json("status")["map"]["ok"], 1800)
        timed("start, map compared", begun)
    with Queries(scene, "nothing"):
        time.sleep(5)
    memory(scene)
    begun = time.monotonic()
    with Queries(scene, "a listing"):
        rows = scene.net.run(["sh", "-c", COMMAND + " spamdb | wc -l"], timeout=1800).stdout.strip()
    timed("spamdb, %s lines" % rows, begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--traps", type=int, default=1000000)
    options = parser.parse_args()
    chance = random.Random(1)
    with Scene(os.path.abspath(options.build), hosts=set()) as scene:
        scene.daemon.told("setup", "postfix")
        scene.write_traps()
        scene.daemon.start()
        scene.wait_armed()
        with open(scene.net.path(LIST), "w", encoding="ascii") as file:
            for n in range(options.traps):
                file.write("old.%x%d@example.%s\n" % (chance.getrandbits(24), n, ("org", "net")[n % 2]))
        measure(scene, options.traps)


if __name__ == "__main__":
    main()
