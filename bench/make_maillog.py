#!/usr/bin/python3
"""A mail log as Postfix writes it, made up: people, newsletters, bots that try dead addresses.

Usage: make_maillog.py LINES [--seed N] [--rfc3339] [--days N] >LOG

Known in it: 400 users u1..u400@example.org, dead addresses dead1..dead40@example.org that bots try, a company
whose own list holds one of them (good1.example), and one typo of a user. The same seed gives the same log.
"""
# SPDX-License-Identifier: ISC
import argparse
import random
import sys
import time

START = 1793491200  # 2026-11-01
USERS = [f"{n}{i}" for i in range(1, 101) for n in ("anna.kern", "m.huber", "office", "jan")]
DEAD = [f"{a}.{b}{i}" for i in range(1, 11)
        for a, b in (("wilhelmine", "altmann"), ("sales-team", "archive"), ("hr", "bewerbung1998"), ("x77", "qqwert"))]
DOMAIN = "example.org"


class Log:
    def __init__(self, args):
        self.r = random.Random(args.seed)
        self.rfc3339 = args.rfc3339
        self.left = args.lines
        self.now = float(START)
        self.step = args.days * 86400 / args.lines
        self.id = 0
        self.pid = 1000

    def line(self, program, text):
        self.now += self.step
        self.left -= 1
        t = time.gmtime(self.now)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", t) + f".{self.r.randrange(1000000):06d}+00:00" if self.rfc3339 \
            else time.strftime("%b ", t) + f"{t.tm_mday:2d}" + time.strftime(" %H:%M:%S", t)
        sys.stdout.write(f"{stamp} mx1 postfix/{program}: {text}\n")

    def queue_id(self):
        self.id += 1
        return f"{0x4A0000000 + self.id:X}"

    def connect(self, host):
        self.pid = 1000 + (self.pid - 999) % 200
        self.line(f"smtpd[{self.pid}]", f"connect from {host}")
        return self.pid

    def close(self, host, pid):
        self.line(f"smtpd[{pid}]", f"disconnect from {host} ehlo=1 mail=1 rcpt=1 quit=1 commands=4")

    def refused(self, host, sender, rcpt, pid, text="550 5.1.1", why="User unknown in virtual mailbox table"):
        self.line(f"smtpd[{pid}]", f"NOQUEUE: reject: RCPT from {host}: {text} <{rcpt}>: Recipient address rejected: {why}; "
                  f"from=<{sender}> to=<{rcpt}> proto=ESMTP helo=<{host.split('[')[0]}>")

    def message(self, host, sender, rcpt, pid, is_spam=False):
        q = self.queue_id()
        mid = f"<{q}.{self.id}@{sender.split('@')[-1] or 'x'}>"
        self.line(f"smtpd[{pid}]", f"{q}: client={host}")
        self.line("cleanup[771]", f"{q}: message-id={mid}")
        if is_spam:
            self.line("cleanup[771]", f"{q}: milter-reject: END-OF-MESSAGE from {host}: 5.7.1 Spam message rejected; "
                      f"from=<{sender}> to=<{rcpt}> proto=ESMTP helo=<x>")
            return
        self.line("qmgr[700]", f"{q}: from=<{sender}>, size={self.r.randrange(900, 90000)}, nrcpt=1 (queue active)")
        self.line("virtual[801]", f"{q}: to=<{rcpt}>, relay=virtual, delay=0.31, delays=0.3/0/0/0.01, dsn=2.0.0, "
                  "status=sent (delivered to maildir)")
        self.line("qmgr[700]", f"{q}: removed")

    def user(self):
        return f"{self.r.choice(USERS)}@{DOMAIN}"

    def good(self):
        n = self.r.randrange(1, 301)
        host = f"mail.good{n}.example[198.51.{n // 250}.{n % 250 + 1}]"
        pid = self.connect(host)
        self.message(host, f"person{self.r.randrange(9)}@good{n}.example", self.user(), pid)
        if n == 1 and self.r.random() < 0.02:
            self.refused(host, "news@good1.example", f"{DEAD[0]}@{DOMAIN}", pid)
        self.close(host, pid)

    def bot(self):
        n = self.r.randrange(4000)
        ip = f"203.{n % 113 + 1}.{n // 113}.{n % 250 + 1}"
        host = f"unknown[{ip}]"
        pid = self.connect(host)
        sender = f"spam{self.r.randrange(100000)}@s{n}.example"
        for _ in range(self.r.randrange(1, 4)):
            self.refused(host, sender, f"{self.r.choice(DEAD)}@{DOMAIN}", pid)
        if self.r.random() < 0.5:
            self.message(host, sender, self.user(), pid, is_spam=self.r.random() < 0.9)
        self.close(host, pid)

    def listed(self):
        host = f"unknown[192.0.2.{self.r.randrange(1, 250)}]"
        pid = self.connect(host)
        self.refused(host, "a@b.example", self.user(), pid, "554 5.7.1", "blocked using bl.example")
        self.close(host, pid)

    def typo(self):
        n = self.r.randrange(1, 60)
        host = f"mail.good{n}.example[198.51.0.{n + 1}]"
        pid = self.connect(host)
        self.refused(host, f"person{self.r.randrange(9)}@good{n}.example", f"ana.kern1@{DOMAIN}", pid)
        self.close(host, pid)

    def run(self):
        kinds = (self.good,) * 40 + (self.bot,) * 40 + (self.listed,) * 19 + (self.typo,)
        while self.left > 0:
            self.r.choice(kinds)()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lines", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--days", type=float, default=20)
    p.add_argument("--rfc3339", action="store_true")
    Log(p.parse_args()).run()


main()
