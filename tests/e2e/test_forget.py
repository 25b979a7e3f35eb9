"""forget deletes every captured message of a person: those that no record names any more, too, while mail comes in."""
import os
import signal
import threading

import pytest
from lab import witness
from lab.raw import LMTP, Raw
from lab.scene import TRAPS

PERSON = "carla.person@people.example"
OTHER = "dora.other@people.example"
HOST, BEYOND_THE_RING = "198.51.100.66", 60


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.install()
    return scene


class Capture:
    """A connection to capture, as Postfix's lmtp."""

    def __init__(self, scene):
        self.raw = Raw(scene.net, LMTP)
        self.raw.read(b"\r\n")
        self.raw.send(b"LHLO mx1.example.org\r\n")
        self.raw.read(b"250 ")
        self.number = 0

    def mail(self, sender, text, trap=TRAPS[0], host=HOST):
        self.number += 1
        head = ("XFORWARD ADDR=%s NAME=mail.load.example SOURCE=REMOTE IDENT=L%d.%d\r\nMAIL FROM:<%s>\r\n"
                "RCPT TO:<%s=@limetwig.invalid>\r\nDATA\r\n" % (host, id(self) % 1000, self.number, sender,
                                                              trap.replace("@", "=")))
        self.raw.send(head.encode())
        self.raw.read(b"354 ")
        self.raw.send(text.encode() + b"\r\n.\r\n")
        answer = self.raw.read(b"\r\n")
        assert answer.startswith(b"250"), answer

    def close(self):
        self.raw.close()


def files_of(scene, text):
    return len(witness.in_corpus(scene.net, text))


def captured(scene, person):
    return scene.daemon.json("person", person)["data"]["captured"]


def test_files_beyond_the_ring_and_of_repeated_messages_go(site):
    capture = Capture(site)
    for n in range(BEYOND_THE_RING):
        capture.mail(PERSON if n % 2 else PERSON.upper(), "Subject: %d\r\nMessage-ID: <%d@x.example>\r\n\r\nhello" % (n, n))
    for _ in range(4):  # the same message without an id: one record, a file each
        capture.mail(PERSON, "Subject: again and again\r\n\r\nhello")
    for n in range(5):
        capture.mail(OTHER, "Subject: other %d\r\nFrom: %s\r\n\r\nwritten by another" % (n, PERSON))
    capture.close()
    site.daemon.told("allow", "add", "192.0.2.250", "--note", "asked by " + PERSON)
    assert files_of(site, "Subject: other") == 5
    assert captured(site, PERSON) == BEYOND_THE_RING + 4 and captured(site, OTHER) == 5
    assert len(site.daemon.json("person", PERSON)["data"]["hits"]) < BEYOND_THE_RING
    assert "captured messages: %d" % (BEYOND_THE_RING + 4) in site.daemon.told("person", PERSON)

    answer = site.daemon.json("forget", PERSON, "--note", "by request")
    assert answer["removed"]["corpus"] == BEYOND_THE_RING + 4, answer
    assert files_of(site, "") == files_of(site, "Subject: other") == 5  # at once, not later
    data = site.daemon.json("person", PERSON)["data"]
    assert data == {"hits": [], "refusals": [], "accepted": [], "captured": 0}
    assert PERSON not in site.daemon.told("allow", "list", "--json")
    assert captured(site, OTHER) == 5


def test_a_trap_address_is_a_recipient(site):
    capture = Capture(site)
    capture.mail(OTHER, "Subject: to the second\r\n\r\nhello", trap=TRAPS[1])
    capture.close()
    assert site.daemon.json("forget", TRAPS[1])["removed"]["corpus"] == 1
    assert not files_of(site, "Subject: to the second") and files_of(site, "Subject: other") == 5


def test_mail_goes_on_while_the_corpus_is_looked_through(site):
    stop, sent = threading.Event(), [0, 0]

    def load(nth):
        capture = Capture(site)
        while not stop.is_set():
            n = sent[nth]
            capture.mail("x%d.%d@load.example" % (nth, n), "Subject: load\r\nMessage-ID: <%d.%d@load>\r\n\r\nx" % (nth, n),
                         host="198.18.%d.%d" % (nth + n // 250 % 250, n % 250 + 1))
            sent[nth] += 1
        capture.close()
    threads = [threading.Thread(target=load, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        removed = [site.daemon.json("forget", "x%d.%d@load.example" % (n % 2, n))["removed"] for n in range(1, 12)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    gone = sum(r["corpus"] for r in removed)
    assert gone and gone == sum(r["hits"] for r in removed), removed
    assert files_of(site, "Subject: load") == sum(sent) - gone


def test_forget_without_capture_says_so_and_deletes_nothing(site):
    capture = Capture(site)
    capture.mail(PERSON, "Subject: kept\r\nMessage-ID: <kept@x.example>\r\n\r\nhello")
    capture.close()
    pid = site.daemon.pids()["capture"]
    os.kill(pid, signal.SIGSTOP)
    try:
        told = {}
        asker = threading.Thread(target=lambda: told.update(done=site.daemon.ctl("forget", PERSON)))
        asker.start()
        os.kill(pid, signal.SIGKILL)
        asker.join()
    finally:
        site.daemon.wait_up()
    if told["done"].returncode:  # it may also have come to the new capture
        assert "repeat" in told["done"].stderr or "try again" in told["done"].stderr
    assert site.daemon.json("forget", PERSON)["removed"]["corpus"] == (1 if told["done"].returncode else 0)
    assert captured(site, PERSON) == 0
