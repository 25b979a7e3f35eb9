#!/usr/bin/python3
"""Do two builds of limetwig say the same about the same mail logs, byte for byte?

Usage: replay_same.py OLD NEW [--lines N] [--seeds N]     OLD, NEW: two limetwig programs

Runs `replay --json` and `trap suggest --json` of both on logs that are made here: syslog and RFC 3339 times, plain,
packed, several files, lines with random damage, forged and real lines of tests/fuzz/corpus, lines that are too long,
days that do not exist, packed data that is cut off. Says each run whose answer, messages or exit status differ.
Hash keys are the same in all runs: what is estimated and the order of what is due at one time hang on them.
"""
# SPDX-License-Identifier: ISC
import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "tests/fuzz/corpus"
TRAPS = "".join(f"{name}{i}@example.org\n" for i in range(1, 11)
                for name in ("wilhelmine.altmann", "sales-team.archive", "hr.bewerbung1998", "x77.qqwert")) \
    + "@dead.example\nnobody@pfx.test\nold@pfx.test\nu7@example.org\n"
ODD = [b"Feb 29 12:00:00", b"Feb 30 12:00:00", b"Dec 31 23:59:60", b"Jan  1 00:00:00", b"Nov 31 00:00:00",
       b"2026-02-29T00:00:00Z", b"2024-02-29T00:00:00Z", b"2026-11-01T23:59:60.5-0330", b"1969-12-31T23:59:59+00:00",
       b"1970-01-01T00:30:00+01:00", b"2026-11-01 10:00:00+23:59", b"2026-11-01T24:00:00Z", b"9999-12-31T23:59:59Z",
       b"2026-11-02T10:00:00.Z", b"2026-11-02T10:00:00", b"Nov  2 10:00:00.123", b"nov  2 10:00:00"]
TEXTS = [b"; from=<", b"> to=<", b"> proto=", b">, relay=", b">, size=", b", status=sent (", b"queued as ", b"[", b"]",
         b"]: ", b": ", b"NOQUEUE", b"<", b">", b"\"", b"\\", b"@", b", orig_queue_id=", b", sasl_username=", b"\0",
         b"\xff", b"\r", b":25", b"[::ffff:203.0.113.9]", b"[2001:db8::1]", b"[203.0.113.09]", b"unknown[unknown]",
         b"5.1.1", b"4.1.1", b"status=bounced (", b"reject: RCPT from ", b"disconnect from ", b">, orig_to=<"]


# Loaded into both: getrandom that gives the same bytes.
SHIM = """#include <string.h>
#include <sys/random.h>
ssize_t getrandom(void *to, size_t n, unsigned flags)
{
	(void)flags;
	memset(to, 42, n);
	return (ssize_t)n;
}
"""


def made(lines, *more):
    return subprocess.run([sys.executable, HERE / "make_maillog.py", str(lines), *more], capture_output=True,
                          check=True).stdout


def damaged(r, lines):
    """Each line as it is, or hurt."""
    out = []
    for line in lines:
        k = r.random()
        if k < 0.5:
            pass
        elif k < 0.6:
            line = line[:r.randrange(len(line) + 1)]
        elif k < 0.75:
            i = r.randrange(len(line) + 1)
            line = line[:i] + r.choice(TEXTS) + line[i:]
        elif k < 0.85:
            i, j = r.randrange(len(line) + 1), r.randrange(len(line) + 1)
            line = line[:min(i, j)] + line[max(i, j):]
        elif k < 0.95:
            line = bytearray(line or b"x")
            line[r.randrange(len(line))] = r.randrange(256)
            line = bytes(line).replace(b"\n", b" ")
        elif k < 0.98:
            line = r.choice(ODD) + line[15:]
        else:
            line = line + b"y" * r.choice((100, 8192 - len(line) % 8192, 9000, 20000))
        out.append(line)
    return out


def corpus_lines():
    return [line for name in ("maillog", "replay") for f in sorted((CORPUS / name).iterdir())
            for line in f.read_bytes().split(b"\n")]


def hosts(r, lines):
    """The same as of several machines."""
    names = [f"mx{i}".encode() for i in range(1, 12)]
    return [line.replace(b" mx1 ", b" " + r.choice(names) + b" ", 1) for line in lines]


def logs(d, lines, seed):
    """Sets of files, in the words of the command line."""
    r = random.Random(seed)
    plain, rfc = made(lines, "--seed", str(seed)), made(lines, "--seed", str(seed + 100), "--rfc3339")
    old = corpus_lines()
    hurt = plain.split(b"\n")
    for _ in range(lines // 4):
        hurt.insert(r.randrange(len(hurt)), r.choice(old))
    files = {"plain.log": plain, "rfc.log": rfc, "hurt.log": b"\n".join(damaged(r, hurt)),
             "hurt-rfc.log": b"\r\n".join(damaged(r, rfc.split(b"\n"))), "corpus.log": b"\n".join(old * 3),
             "hosts.log": b"\n".join(hosts(r, plain.split(b"\n"))), "empty.log": b"", "one.log": b"x", "lf.log": b"\n\n",
             "binary.log": r.randbytes(300000), "long.log": (b"z" * 100000 + b"\n" + plain[:5000]) * 3}
    for name, text in files.items():
        (d / name).write_bytes(text)
        (d / (name + ".gz")).write_bytes(gzip.compress(text[:len(text) // 2]) + gzip.compress(text[len(text) // 2:]))
    packed = gzip.compress(plain)
    (d / "cut.gz").write_bytes(packed[:len(packed) * 2 // 3])
    (d / "tail.gz").write_bytes(packed + b"rubbish behind it\n")
    (d / "wrong.gz").write_bytes(packed[:len(packed) // 2] + b"\0" * 50 + packed[len(packed) // 2 + 50:])
    (d / "head.gz").write_bytes(packed[:5])
    (d / "half-magic.log").write_bytes(b"\x1f")
    singles = [[f] for name in files for f in (name, name + ".gz")]
    return singles + [["cut.gz"], ["tail.gz"], ["wrong.gz"], ["head.gz"], ["half-magic.log"], ["hurt.log", "rfc.log.gz", "hosts.log"],
                      ["plain.log", "plain.log", "corpus.log", "cut.gz"], ["empty.log", "hurt-rfc.log.gz", "one.log"], ["-"]]


def make_shim(d):
    (d / "shim.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", d / "shim.so", d / "shim.c"], check=True)
    return {**os.environ, "LD_PRELOAD": str(d / "shim.so")}


def run(program, d, words, stdin, env):
    with open(stdin, "rb") as f:
        p = subprocess.run([program, "--conf", str(d / "conf"), *words, "--json"], cwd=d, stdin=f, capture_output=True, env=env)
    return p.returncode, p.stdout, p.stderr


def main():
    p = argparse.ArgumentParser()
    p.add_argument("old")
    p.add_argument("new")
    p.add_argument("--lines", type=int, default=20000)
    p.add_argument("--seeds", type=int, default=2)
    a = p.parse_args()
    old, new = (str(Path(x).resolve()) for x in (a.old, a.new))
    bad = runs = 0
    for seed in range(1, a.seeds + 1):
        with tempfile.TemporaryDirectory() as d:
            d = Path(d)
            env = make_shim(d)
            (d / "conf").write_text("traps { files = {} }\nallow { files = {} shared = {} }\n")
            (d / "traps.txt").write_text(TRAPS)
            for files in logs(d, a.lines, seed):
                for words in (["replay", "--traps", "traps.txt"], ["replay", "--suggest"], ["trap", "suggest"]):
                    stdin = d / ("hurt.log.gz" if seed % 2 else "hurt.log")
                    x, y = (run(q, d, [*words, *files], stdin, env) for q in (old, new))
                    runs += 1
                    if x != y:
                        bad += 1
                        print("differs:", seed, *words, *files)
                    if x[0] < 0 or y[0] < 0:
                        print("died:", seed, *words, *files, x[0], y[0])
    print(f"{runs} runs, {bad} differ")
    sys.exit(bad > 0)


main()
