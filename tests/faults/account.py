"""What must hold after every fault, asked of each layer by itself."""
import collections
import ipaddress
import os
import re
import socket
import time

from lab import witness
from lab.dns_client import DnsClient, reverse, socket_in
from lab.network import SERVER4, LabError, wait_for

from stage import FRIENDS, LOG, STATE, TRAPS, ZONE, Broken

MESSAGE_ID = re.compile(rb"^Message-ID: *(<[^>]*>)", re.I | re.M)
NOERROR, NXDOMAIN = 0, 3
WRONG_END = re.compile(r"Sanitizer|Assertion|malformed|stack smashing|terminated$|corrupted|free\(\):|munmap_chunk", re.M)
PATIENCE = 60
CHARGE_S = 10  # the log may come later than the message
FREE, MAILS_PER_FREE = 4, 50  # what waited for its line when an engine died is charged to nobody: a round of them, and few more
ASKED_PER_ROUND = 4  # blocks that policy, zone and answerer are asked for one by one; all are compared in the kernel


class Account:
    """Of one chapter: a store and a corpus that begin empty."""

    def __init__(self, site):
        self.site = site
        self.mails = []
        self.file_of = {}  # corpus file: Message-ID
        self.log_at = os.path.getsize(site.net.path(LOG))
        self.zone = DnsClient(site.net.init)
        self.feed = set()
        self.may_lack_file = False  # a message of this round
        self.is_struck = False  # the chapter, until now
        self.judged = 0  # messages whose charge was waited for
        self.uncharged = self.unkept = 0

    def close(self):
        self.zone.close()

    # ---- evidence

    def check_evidence(self):
        """Every 250 has one hit and one file, and they name each other; the client pays."""
        deadline = time.monotonic() + CHARGE_S
        self.look_at_evidence()
        while any(m.is_taken and not m.is_charged for m in self.mails[self.judged:]) and time.monotonic() < deadline:
            time.sleep(0.1)
            self.look_at_evidence()
        self.judged = len(self.mails)
        if self.uncharged > (FREE + len(self.mails) // MAILS_PER_FREE if self.is_struck else 0):
            raise Broken("%d of %d hits are charged to nobody" % (self.uncharged, len(self.mails)))

    def look_at_evidence(self):
        hits, files = collections.defaultdict(list), collections.defaultdict(list)
        for hit in wait_for("hits with their texts", self.hits, PATIENCE):
            hits[hit["message_id"]].append(hit)
        for name in self.corpus():
            files[self.file_of[name]].append(name)
        self.uncharged = self.unkept = 0
        for m in self.mails:
            h, f = hits[m.id], files[m.id]
            if m.is_taken and len(h) == 1 and not f and not h[0]["corpus_id"] and m.may_lack_file:
                self.unkept += 1  # the corpus was full: the hit says so, and counts
            elif m.is_taken and (len(h) != 1 or len(f) != 1 or h[0]["corpus_id"] != f[0]):
                raise Broken("message %d (queue id %s, %d tries) has a 250, hits %s, files %s" % (
                    m.number, m.queue_id, m.tries, [(x["corpus_id"], x["grade"]) for x in h], f))
            if not m.is_taken and len(f) > len(h):
                raise Broken("message %d has no 250, hits %d, files %s" % (m.number, len(h), f))
            self.uncharged += sum(1 for x in h if not x["counted"])
            m.is_charged = any(x["counted"] for x in h)

    def seen(self):
        """What was let pass, for the report."""
        return {"mails": len(self.mails), "hits charged to nobody": self.uncharged, "hits without a file": self.unkept}

    def hits(self):
        """[(...)], or None while an engine that has no traps yet hides every text."""
        found = self.site.ask(cmd="hits", limit=100000)["hits"]
        return None if any(h["message_id"] == "(hidden)" for h in found) else [*found] or [{"message_id": ""}]

    def corpus(self):
        folder = self.site.net.path(STATE + "/corpus/new")
        names = [n for n in os.listdir(folder) if not n.startswith(".")] if os.path.isdir(folder) else []
        for name in names:
            if name not in self.file_of:
                with open(os.path.join(folder, name), "rb") as f:
                    found = MESSAGE_ID.search(f.read())
                if not found:
                    raise Broken("corpus file %s is not whole" % name)
                self.file_of[name] = found.group(1).decode()
        return names

    # ---- blocks

    def blocks(self):
        listed = self.site.ask(cmd="block_list", limit=100000)["blocks"]
        return {ipaddress.ip_network(b["subject"]) for b in listed if b["state"] == "active"}

    def kernel(self):
        return {ipaddress.ip_address(v.split("/")[0]) for _, v in witness.elements(self.site.net)}

    def check_layers(self, dice, must_block):
        """Nobody innocent is blocked, and all layers say the same."""
        guilty = {ipaddress.ip_network(m.client) for m in self.mails}
        charged = {ipaddress.ip_network(m.client) for m in self.mails if m.is_taken and m.is_charged}
        blocks = self.blocks()
        if blocks - guilty:
            raise Broken("blocked without a hit: %s" % sorted(map(str, blocks - guilty))[:5])
        if must_block and charged - blocks:
            raise Broken("charged and not blocked: %s" % sorted(map(str, charged - blocks))[:5])
        self.agree("the kernel", lambda: {n.network_address for n in self.blocks()} ^ self.kernel())
        some = dice.sample(sorted(blocks, key=str), min(ASKED_PER_ROUND, len(blocks)))
        for block in some:
            self.check_block(str(block.network_address))
        if some:
            self.check_answerer(str(some[0].network_address))
        for friend in FRIENDS:
            self.check_innocent(friend)

    def agree(self, who, difference):
        """Changes may be on their way: until there is no difference."""
        try:
            wait_for("agreement", lambda: not difference(), PATIENCE)
        except LabError:
            raise Broken("%s and the engine differ: %s" % (who, sorted(map(str, difference()))[:8])) from None

    def expect(self, what, look):
        try:
            wait_for(what, look, PATIENCE)
        except LabError:
            raise Broken("not so: " + what) from None

    def in_zone(self, address):
        return self.zone.ask(reverse(address) + "." + ZONE).rcode == NOERROR

    def check_block(self, address):
        self.expect("policy refuses %s" % address,
                    lambda: self.site.ask_for(address)[:3] in ("450", "554"))
        self.expect("%s is in the zone" % address, lambda: self.in_zone(address))

    def check_innocent(self, address):
        answer = self.site.ask_for(address)
        if answer != "DUNNO":
            raise Broken("innocent %s heard: %s" % (address, answer))
        if self.in_zone(address):
            raise Broken("innocent %s is in the zone" % address)

    def check_answerer(self, address):
        """A blocked client is greeted by us, byte by byte; nobody else listens on that port."""
        def greeted():
            with socket_in(self.site.client.process.pid, socket.AF_INET, socket.SOCK_STREAM) as s:
                s.settimeout(5)
                s.bind((address, 0))
                try:
                    s.connect((SERVER4, 25))
                    return s.recv(1) == b"2"
                except OSError:
                    return False
        self.expect("the answerer takes %s" % address, greeted)

    # ---- the rest

    def check_feed(self):
        for address in self.feed:
            self.expect("%s of the feed is in the zone" % address, lambda a=address: self.in_zone(a))

    def check_export(self):
        path = self.site.net.path(STATE + "/export/plain.txt")

        def difference():
            try:
                with open(path, encoding="ascii") as f:
                    lines = {line.strip() for line in f if line[:1] not in ("#", "\n")}
            except OSError:
                lines = {"no file"}
            return lines ^ {str(n.network_address) if n.prefixlen == n.max_prefixlen else str(n) for n in self.blocks()}
        self.agree("the exported file", difference)

    def check_map(self, traps):
        """Postfix's own look-up knows every armed trap."""
        kind = self.site.net.run(["sh", "-c", "grep -o '[a-z]*:/etc/postfix/limetwig_virtual' /etc/postfix/main.cf"]).stdout.split()[0]

        def difference():
            done = self.site.net.run(["postmap", "-q", "-", kind], input="".join(t + "\n" for t in traps))
            return set(traps) ^ {line.split()[0] for line in done.stdout.splitlines()}
        self.agree("the alias map", difference)

    def check_log(self):
        """Nothing of the log tells a trap, and nobody died by his own hand."""
        with open(self.site.net.path(LOG), "rb") as f:
            f.seek(self.log_at)
            new = f.read().decode("utf-8", "replace")
        self.log_at += len(new.encode())
        for trap in TRAPS:
            if trap in new:
                raise Broken("a trap address is in the log")
        found = WRONG_END.search(new)
        if found:
            raise Broken("in the log: " + new[max(0, found.start() - 200):found.end() + 100])
        return new

    def check_store(self):
        """The daemon is down."""
        done = self.site.daemon.ctl("db", "check")
        if done.returncode != 0:
            raise Broken("store check: " + done.stdout + done.stderr)
