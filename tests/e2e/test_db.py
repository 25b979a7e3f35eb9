"""The store under load: copies are consistent, another host takes them over, forgotten people leave no trace."""
import json
import os
import re
import shutil
import threading
import time

import lab.daemon
import pytest
from lab import witness
from lab.network import wait_for
from lab.raw import LMTP, Raw
from lab.scene import ALICE, CONF, TRAPS

BACKUPS = 12
PEOPLE = ["carla.person@people.example", "Carla.Person@People.example"]


@pytest.fixture
def site(new_scene):
    scene = new_scene(hosts={"friend", "spam_a"})
    scene.install()
    scene.enforce("full")
    return scene


def session(number, trap):
    """Commands and message of one hit of a host of its own, to be sent in one go after the greeting."""
    address = "198.18.%d.%d" % (number // 250 % 250, number % 250 + 1)
    return ("XFORWARD ADDR=%s NAME=host%d.load.example SOURCE=REMOTE IDENT=L%08d\r\nMAIL FROM:<x%d@load.example>\r\n"
            "RCPT TO:<%s@limetwig.invalid>\r\nDATA\r\n" % (address, number, number, number, trap.replace("@", "=")),
            "Subject: load %d\r\nMessage-ID: <%d@load.example>\r\n\r\nhello\r\n.\r\n" % (number, number))


class Load:
    """Hits through capture's LMTP socket, several connections at once, until told to end."""

    def __init__(self, scene, connections=8):
        self.net, self.stored, self.is_ending = scene.net, 0, False
        self.lock, self.began = threading.Lock(), time.monotonic()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self, first):
        number = first
        with Raw(self.net, LMTP) as raw:
            raw.read(b"\r\n")
            raw.send(b"LHLO mx1.example.org\r\n")
            raw.read(b"250 ")
            while not self.is_ending:
                head, body = session(number, TRAPS[number % len(TRAPS)])
                raw.send(head.encode())
                raw.read(b"354 ")
                raw.send(body.encode())
                if b"250 " not in raw.read(b"\r\n"):
                    break
                number += len(self.threads)
                with self.lock:
                    self.stored += 1

    def end(self):
        self.is_ending = True
        for thread in self.threads:
            thread.join()
        return self.stored / (time.monotonic() - self.began)


def check(scene, folder, status=0):
    return json.loads(scene.daemon.told("db", "check", folder, "--json", status=status))


def as_store(scene, copy, folder):
    """A backup in a folder, as db check wants it."""
    os.makedirs(scene.net.path(folder), exist_ok=True)
    shutil.copy(scene.net.path(copy), scene.net.path(folder + "/data.mdb"))
    return folder


def test_backups_under_load_are_consistent(site, capsys):
    load = Load(site)
    copies = []
    try:
        wait_for("the load", lambda: load.stored > 500, 60)
        for _ in range(BACKUPS):
            before = load.stored
            site.daemon.told("db", "backup", "/var/tmp/copy%d" % len(copies))
            copies.append((before, load.stored))
            wait_for("more load", lambda n=before: load.stored > n + 200, 60)
    finally:
        rate = load.end()
    assert len(load.threads) and load.stored > copies[-1][0]
    assert site.daemon.stop() == 0
    whole = check(site, "/var/lib/limetwig/db")
    good = [check(site, as_store(site, "/var/tmp/copy%d" % n, "/var/tmp/check%d" % n)) for n in range(len(copies))]
    with capsys.disabled():
        print("\n%d hits at %.0f/s, %d backups meanwhile: entries %d .. %d of %d" % (
            load.stored, rate, len(copies), good[0]["good"], good[-1]["good"], whole["good"]))
    assert whole["ok"] and whole["bad"] == 0
    for (before, _), copy in zip(copies, good):
        assert copy["ok"] and copy["bad"] == 0
        assert before <= copy["good"] <= whole["good"]
    assert [c["good"] for c in good] == sorted(c["good"] for c in good)


def test_restore_on_another_host(site, new_scene, monkeypatch):
    ends, stays = "198.51.100.66", "198.51.100.99"
    site.daemon.told("block", "add", stays, "--note", "stays")
    site.daemon.told("block", "add", ends, "--for", "5s")
    site.daemon.told("allow", "add", "192.0.2.77")
    wait_for("the kernel element", lambda: site.in_kernel(stays))
    site.daemon.told("db", "backup", "/var/tmp/copy")
    case = site.block_of(stays)["case"]

    monkeypatch.setattr(lab.daemon, "UID_BASE", 62400)
    other = new_scene(hosts={"friend"})
    other.daemon.configure(CONF + "storage {\n  dir = /srv/limetwig\n}\n")
    shutil.copy(site.net.path("/var/tmp/copy"), other.net.path("/var/tmp/copy"))
    other.net.run(["mount", "-t", "tmpfs", "-o", "mode=755", "srv", "/srv"], check=True)
    other.install()
    refused = other.daemon.ctl("db", "restore", "/var/tmp/copy")
    assert refused.returncode == 1 and "stop" in refused.stdout + refused.stderr
    assert other.daemon.stop() == 0
    wait_for("the end of the short block", lambda: not site.block_of(ends))
    other.daemon.told("db", "restore", "/var/tmp/copy")
    db = os.stat(other.net.path("/srv/limetwig/db/data.mdb"))
    assert (db.st_uid, db.st_gid, db.st_mode & 0o777) == (62401, 62401, 0o600)
    other.daemon.start()
    assert other.daemon.json("status")["mode"] == "full"
    assert wait_for("the block", lambda: other.block_of(stays))["case"] == case
    wait_for("its kernel element", lambda: other.in_kernel(stays))
    assert not other.block_of(ends) and not other.in_kernel(ends)
    assert any(a["prefix"].startswith("192.0.2.77") for a in other.daemon.json("allow", "list")["allow"])


@pytest.mark.parametrize("damage", ["nothing", "a text", "cut"])
def test_restore_of_what_is_no_backup_changes_nothing(site, damage):
    site.daemon.told("block", "add", "198.51.100.99")
    site.daemon.told("db", "backup", "/var/tmp/copy")
    assert site.daemon.stop() == 0
    data = site.net.read("/var/tmp/copy")
    site.net.write("/var/tmp/bad", {"nothing": b"", "a text": b"hello\n" * 4000, "cut": data[:len(data) // 2]}[damage])
    before = check(site, "/var/lib/limetwig/db")
    told = site.daemon.told("db", "restore", "/var/tmp/bad", status=1)
    assert "nothing is changed" in told
    assert check(site, "/var/lib/limetwig/db") == before


def traces(scene, data):
    """Which of the forms of the person's address are in these bytes."""
    low = data.lower()
    return [p for p in ("carla.person", "people.example") if p.encode() in low]


def corpus_bytes(scene):
    return "".join(witness.corpus(scene.net).values()).encode("utf-8", "replace")


def test_a_forgotten_person_leaves_no_trace(site):
    spam = site.host["spam_a"]
    person = PEOPLE[0]
    good = site.host["friend"]
    good.mail(person, [ALICE], "From: %s\nSubject: hello\n\nhello\n" % person)
    wait_for("accepted mail", lambda: site.daemon.json("person", person)["data"]["accepted"])
    for trap, sender in zip(TRAPS, PEOPLE + PEOPLE):
        spam.mail(sender, [trap], "From: %s\nMessage-ID: <1@%s>\nSubject: offer of %s\n\nbuy, write to %s\n" % (
            sender, trap, person, person))
    site.wait_block(site.address("spam_a"))
    site.daemon.told("block", "add", site.host["friend"].v4, "--note", "complaint of " + person)
    with Raw(site.net, lab.raw.POLICY) as raw:
        raw.send(lab.raw.request(sender=person))
        raw.read(b"\n\n")
    wait_for("a refusal", lambda: site.daemon.json("person", person)["data"]["refusals"])
    site.daemon.ctl("why", person, "--note", "asked by " + person)
    data = site.daemon.json("person", person)["data"]
    assert data["hits"] and data["refusals"] and data["accepted"]
    site.daemon.told("db", "backup", "/var/tmp/before")
    assert traces(site, site.net.read("/var/tmp/before")) and traces(site, corpus_bytes(site))

    site.daemon.told("forget", person, "--note", "by request")
    data = site.daemon.json("person", person)["data"]
    assert data == {"hits": [], "refusals": [], "accepted": [], "captured": 0}
    assert not traces(site, corpus_bytes(site))
    site.daemon.told("db", "backup", "/var/tmp/after")
    after = site.net.read("/var/tmp/after").lower()
    assert not traces(site, after), [after[max(0, m.start() - 100):m.end() + 60] for m in re.finditer(b"carla.person", after)]
