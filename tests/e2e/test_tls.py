"""TLS at the answerer, and messages that it keeps as samples: real clients, real nftables, the role in its sandbox."""
import base64
import hashlib
import json
import os
import signal
import time

import pytest
from lab import witness
from lab.network import wait_for
from lab.scene import assert_code

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "lab/answer_client.py")
LONG = 60
BOTH = pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
CONF = """contact = "https://postmaster.example.org/ or +49 30 5550100"
block {
  jitter = 0
}
firewall {
  action = tarpit
}
tarpit {
  host = mx.example.org
  processes = 1
  offence = %d
  pace = %ds
  %s
}
"""
# made for this test with openssl(1)
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLUNBHc/PleeyKwIG
7CsBCRC098NbTr9I9feubSVNt3qhRANCAAS43eFZ1Di65W5pz7n53F2jJkTsqze8
4MtGkOHmis6APA8ISUHIH9gpblma47ZmT800g6SpWr68m2xUQX8BFaWn
-----END PRIVATE KEY-----
"""
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUA6oSNzGwSIRtdJCdoxfgZpo3OnMwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObXguZXhhbXBsZS5vcmcwIBcNMjYxMTIyMDQyOTI3WhgPMjEy
NjEwMjkwNDI5MjdaMBkxFzAVBgNVBAMMDm14LmV4YW1wbGUub3JnMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEuN3hWdQ4uuVuac+5+dxdoyZE7Ks3vODLRpDh5orO
gDwPCElByB/YKW5ZmuO2Zk/NNIOkqVq+vJtsVEF/ARWlp6NTMFEwHQYDVR0OBBYE
FGgmnzU4sMXmE7Ra9Q6TSUiycwifMB8GA1UdIwQYMBaAFGgmnzU4sMXmE7Ra9Q6T
SUiycwifMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgOxSDgyOt
6VADL0ngGuMbi39HIOyo6PnCUZYfmXCbJ9UCIQC7eysDHbOUEFjt7QzpqGD9V2nw
W41MERm/v586fa4x+g==
-----END CERTIFICATE-----
"""


@pytest.fixture(scope="module")
def scene(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF % (2, 0, ""))
    scene.install()
    scene.enforce("full")
    scene.key = blocked(scene)
    return scene


def blocked(scene):
    """The key of a host that has just been blocked and whose element is in the kernel."""
    key = scene.new_host()
    address = scene.address(key)
    assert_code(scene.spam_mail(key, subject="spam"), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(address), LONG)
    if ":" not in address:
        scene.daemon.told("block", "add", scene.address(key, True))
        wait_for("the other family", lambda: scene.in_kernel(scene.address(key, True)), LONG)
    return key


def argv(scene, key, six, *what):
    end = scene.host[key].end(six)
    return ["python3", CLIENT, end["to"], end["source"], *what]


def answer(done):
    assert done["status"] == 0, done["err"]
    return json.loads(done["out"])


def client(scene, *what, key=None, six=False):
    key = key or scene.key
    return answer(scene.host[key].ask("run", argv=argv(scene, key, six, *what)))


def reconfigure(scene, offence=2, pace=0, more=""):
    """In force when it is back: the role answers with the greeting's new name."""
    scene.config = getattr(scene, "config", 0) + 1
    name = "name = conf%d\n  " % scene.config
    scene.daemon.configure(CONF % (offence, pace, name + more))
    scene.daemon.reload()
    if pace == 0:
        wait_for("the new settings", lambda: "conf%d" % scene.config in greeting(scene), LONG)


def greeting(scene):
    key = blocked_to_look(scene)
    return str(scene.host[key].ask("mail", mails=[], **scene.host[key].end()).get("replies", [])[:1])


def blocked_to_look(scene):
    if not hasattr(scene, "looker"):
        scene.looker = blocked(scene)
    return scene.looker


def log_lines(scene, event):
    return [line for line in scene.daemon.log().splitlines() if " %s: " % event in line or " %s " % event in line]


@BOTH
def test_an_innocent_reads_his_case_in_secret(scene, six):
    seen = client(scene, "tls", six=six)
    assert "250-STARTTLS" in seen["plain"]
    assert seen["starttls"] == ["220 2.0.0 Ready to start TLS"]
    assert seen["version"] in ("TLSv1.2", "TLSv1.3")
    assert "250-STARTTLS" not in seen["secret"] and seen["secret"][0] == "250-mx.example.org"
    assert seen["again"][0].startswith("502 ")
    sender, recipient, end = seen["mail"]
    assert sender.startswith("250 ") and end.startswith("221 ")
    assert recipient.startswith("450 ") and "+49 30 5550100" in recipient
    case = scene.wait_block(scene.address(scene.key, six))["case"]
    assert witness.case_of(recipient) == case


def test_postmaster_hears_of_it_in_secret(scene):
    seen = client(scene, "hand", "postmaster@example.org", "Subject: help in secret\r\n\r\nhelp\r\n")
    assert seen["rcpt"].startswith("250 ") and seen["end"].startswith("250 ") and seen["quit"].startswith("221 "), seen


def test_what_was_pipelined_before_tls_counts_for_nothing(scene):
    seen = client(scene, "injection")
    assert seen["starttls"] == ["220 2.0.0 Ready to start TLS"]
    assert seen["first"][0].startswith("503 ")
    assert seen["second"][0] == "250-mx.example.org"
    assert seen["quit"][0].startswith("221 ") and seen["end"] == ""


def test_the_key_is_new_with_each_start(scene):
    first = client(scene, "certificate")["certificate"]
    assert client(scene, "certificate")["certificate"] == first
    before = scene.daemon.pids()["tarpit"]
    os.kill(before, signal.SIGKILL)
    wait_for("the role", lambda: scene.daemon.pids().get("tarpit", before) != before and scene.daemon.is_up(), LONG)
    wait_for("the blocks", lambda: "220" in greeting(scene), LONG)
    assert client(scene, "certificate")["certificate"] != first


def stay(scene, tmp_path, what):
    """A client that waits in TLS, or before it. Returns a function that lets him go on."""
    key = blocked(scene)
    ready, gone = str(tmp_path / "ready"), str(tmp_path / "gone")
    scene.host[key].begin("run", argv=argv(scene, key, False, what, ready, gone))
    wait_for("the client", lambda: os.path.exists(ready), LONG)

    def go_on():
        open(gone, "w").close()
        return answer(scene.host[key].wait_line())
    return key, go_on


def test_a_lifted_host_is_told_so_in_secret(scene, tmp_path):
    key, go_on = stay(scene, tmp_path, "keep")
    scene.daemon.told("block", "remove", scene.address(key))
    seen = go_on()
    assert seen["mail"][0].startswith("421 ") and seen["end"] == ""
    wait_for("the element to go", lambda: not scene.in_kernel(scene.address(key)), LONG)
    scene.good_mail(key, "after the block of " + key)


def test_a_host_lifted_amid_the_handshake_is_told_so_behind_it(scene, tmp_path):
    key, go_on = stay(scene, tmp_path, "late")
    scene.daemon.told("block", "remove", scene.address(key))
    wait_for("the element to go", lambda: not scene.in_kernel(scene.address(key)), LONG)
    seen = go_on()
    # either he was let go before he spoke, or as soon as he did
    assert seen["first"].startswith("421 ") or seen == {"first": "", "end": ""}


def test_beyond_its_cap_it_is_not_offered(scene, tmp_path):
    reconfigure(scene, more="tls-connections = 1")
    wait_for("room", lambda: "250-STARTTLS" in client(scene, "offer")["ehlo"], LONG)
    _, go_on = stay(scene, tmp_path, "keep")
    seen = client(scene, "offer")
    assert "250-STARTTLS" not in seen["ehlo"] and seen["starttls"][0].startswith("502 ")
    wait_for("status to count it", lambda: scene.daemon.json("status")["tarpit"]["tls"] == 1, LONG)
    go_on()
    wait_for("room again", lambda: "250-STARTTLS" in client(scene, "offer")["ehlo"], LONG)
    reconfigure(scene, more="tls = no")
    assert "250-STARTTLS" not in client(scene, "offer")["ehlo"]
    reconfigure(scene)


def test_the_sites_certificate(scene):
    paths = "tls-certificate = /etc/limetwig/site.pem\n  tls-key = /etc/limetwig/site.key"
    scene.net.write("/etc/limetwig/site.pem", CERTIFICATE)
    scene.net.write("/etc/limetwig/site.key", KEY, 0o600)
    role = scene.daemon.pids()["tarpit"]
    reconfigure(scene, more=paths)
    der = base64.b64decode("".join(CERTIFICATE.splitlines()[1:-1]))
    assert client(scene, "certificate")["certificate"] == hashlib.sha256(der).hexdigest()
    # no key, no file: TLS is off and named, the role is not
    for text, named in ((CERTIFICATE, "tls-key: no private key"), (None, "tls_file")):
        if text:
            scene.net.write("/etc/limetwig/site.key", text, 0o600)
        else:
            os.unlink(scene.net.path("/etc/limetwig/site.key"))
        reconfigure(scene, more=paths)
        assert "250-STARTTLS" not in client(scene, "offer")["ehlo"]
        wait_for("a line that names it", lambda: named in scene.daemon.log(), LONG)
        wait_for("status to say so", lambda: scene.daemon.json("status")["tarpit"]["tls_off"] == "files", LONG)
        assert [text for text in scene.daemon.json("status")["warnings"] if "tls-certificate or tls-key" in text]
        found = json.loads(scene.daemon.ctl("doctor", "--json").stdout)["items"]
        assert [x for x in found if x["name"] == "tarpit" and x["level"] == "warn" and "no TLS" in x["text"]]
    scene.net.write("/etc/limetwig/site.key", KEY, 0o600)
    reconfigure(scene, more=paths)
    assert client(scene, "certificate")["certificate"] == hashlib.sha256(der).hexdigest()
    wait_for("status to forget it", lambda: scene.daemon.json("status")["tarpit"]["tls_off"] == "", LONG)
    reconfigure(scene)
    assert client(scene, "certificate")["certificate"] != hashlib.sha256(der).hexdigest()
    assert scene.daemon.pids()["tarpit"] == role


def test_held_byte_by_byte_in_tls(scene, tmp_path):
    reconfigure(scene, offence=1)
    key = blocked(scene)
    ready = str(tmp_path / "ready")
    scene.host[key].begin("run", argv=argv(scene, key, False, "slow", ready))
    wait_for("the client", lambda: os.path.exists(ready), LONG)
    reconfigure(scene, offence=1, pace=1)
    assert answer(scene.host[key].wait_line())["pieces"] == ["2", "5", "0", " "]
    reconfigure(scene)


# ---- samples

MESSAGE = "Subject: buy\r\nX: y\r\n\r\nline\r\n..dotted\r\n"


def corpus_files(scene):
    folder = scene.net.path("/var/lib/limetwig/corpus/new")
    return {name: open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)}


def samples(scene):
    return {name: text for name, text in corpus_files(scene).items() if b"X-Limetwig-Sample: " in text}


def test_samples_of_what_they_send(scene):
    reconfigure(scene, offence=1, more="sample = 2")
    hour = time.time() // 3600
    hits = len(scene.daemon.json("hits")["hits"])
    for n in range(2):
        reply = client(scene, "message", MESSAGE + "number %d" % n)["reply"]
        assert reply[:4] in ("450 ", "554 ")
        wait_for("the sample", lambda: len(samples(scene)) == n + 1, LONG)
    client(scene, "message", MESSAGE + "one too many")
    for name, text in samples(scene).items():
        head, _, message = text.partition(b"X-Limetwig-End: 1\r\n")
        assert message.startswith(b"Subject: buy\r\nX: y\r\n\r\nline\r\n.dotted\r\nnumber ")
        assert message.endswith((b"0\r\n", b"1\r\n"))
        assert b"X-Limetwig-Sender: offers@other.example\r\n" in head
        assert b"X-Limetwig-Recipient: alice@example.org\r\nX-Limetwig-Recipient: bob@example.org\r\n" in head
        assert ("X-Limetwig-Client: %s\r\n" % scene.address(scene.key)).encode() in head
        assert wait_for("its line", lambda: [line for line in log_lines(scene, "sample") if name in line], LONG)
    # they are evidence and no hit; who asks to be forgotten finds them
    assert len(scene.daemon.json("hits")["hits"]) == hits
    assert len(samples(scene)) == 2 or time.time() // 3600 != hour
    scene.daemon.told("forget", "bob@example.org")
    wait_for("his name to go", lambda: not any(b"bob@" in text for text in samples(scene).values()), LONG)
    scene.daemon.told("forget", "offers@other.example")
    wait_for("the samples to go", lambda: not samples(scene), LONG)
