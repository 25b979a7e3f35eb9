"""The state's disk full, read-only or damaged; no right to the firewall: mail flows, and it is said what is wrong."""
import os
import threading

import pytest
from lab import messages, witness
from lab.daemon import BIN, CONF, UID_BASE
from lab.network import wait_for
from lab.raw import LMTP, Raw
from lab.scene import ALICE, TRAPS, assert_code

STATE = "/var/lib/limetwig"


@pytest.fixture
def scene(new_scene):
    return new_scene(hosts={"friend"})


def small_disk(scene, size):
    os.makedirs(scene.net.path(STATE), exist_ok=True)
    scene.net.run(["mount", "-t", "tmpfs", "-o", "size=%s,mode=755" % size, "small", STATE], check=True)


def fill(scene):
    """Every byte that is left."""
    scene.net.run(["dd", "if=/dev/zero", "of=%s/filler" % STATE, "bs=4096"])


def is_deferred(scene):
    """Capture could not keep a message, and Postfix has it."""
    return "status=deferred" in scene.postfix.log()


def ham_flows(scene, mark, slowest=3.0):
    assert scene.good_mail("friend", mark) < slowest + 20
    text = messages.plain("a@friend.example", ALICE, mark + " again")
    answer = scene.host["friend"].mail("a@friend.example", [ALICE], text)
    assert_code(answer, 250, mark)
    assert answer["seconds"] < slowest, answer["seconds"]


def test_a_full_disk_of_the_store_loses_no_hit(scene):
    small_disk(scene, "4m")
    scene.daemon.configure(scene.net.read(CONF).decode() + "storage {\n  disk-reserve = 0\n}\n")
    scene.install()
    scene.enforce("full")
    fill(scene)
    sent = []
    for n in range(12):
        key = scene.new_host()
        text = messages.spam("x@full.example", TRAPS[0], "store full %d" % n)
        assert_code(scene.host[key].mail("x@full.example", [TRAPS[0]], text), 250, "spam")
        sent.append(scene.address(key))
    wait_for("a hit that has to wait", lambda: is_deferred(scene))
    assert scene.daemon.is_up()
    ham_flows(scene, "store full")
    head = scene.daemon.told("status").splitlines()[0]
    assert "store " in head and "store ok" not in head, head
    os.unlink(scene.net.path(STATE + "/filler"))

    def drained():
        scene.postfix.flush()
        return scene.postfix.queued() == 0
    wait_for("an empty queue", drained, 60)
    for address in sent:
        assert len([h for h in scene.hits_of(address) if h["grade"] == "confirmed"]) == 1, address
        assert scene.in_kernel(address)
    names = witness.in_corpus(scene.net, "store full ")  # a full corpus keeps no message, and the hit says so
    assert sorted(names) == sorted(h["corpus_id"] for a in sent for h in scene.hits_of(a) if h["corpus_id"])
    assert scene.daemon.stop() == 0
    assert scene.daemon.ctl("db", "check").returncode == 0


def fill_store(scene, threads=4):
    """Long hits of a host each through capture's socket, until the store takes no more: how many it has taken."""
    stored, text = [0] * threads, "x" * 240

    def load(nth):
        with Raw(scene.net, LMTP) as raw:
            raw.read(b"\r\n")
            raw.send(b"LHLO mx1.example.org\r\n")
            raw.read(b"250 ")
            for n in range(nth, 65000, threads):
                raw.send(("XFORWARD ADDR=198.18.%d.%d NAME=%s SOURCE=REMOTE IDENT=F%d\r\nXFORWARD HELO=%s\r\n"
                          "MAIL FROM:<%d.%s@load.example>\r\nRCPT TO:<%s=@limetwig.invalid>\r\nDATA\r\n" % (
                              n // 250, n % 250 + 1, text, n, text, n, text, TRAPS[0].replace("@", "="))).encode())
                raw.read(b"354 ")
                raw.send(("Subject: %s\r\nMessage-ID: <%d.%s@x>\r\n\r\nx\r\n.\r\n" % (text, n, text)).encode())
                answer = raw.read(b"\r\n", 40)
                if not answer.startswith(b"250"):
                    assert answer.startswith(b"451"), answer
                    return
                stored[nth] += 1
    running = [threading.Thread(target=load, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(stored)


def test_a_full_store_loses_no_hit_and_takes_all_with_more_room(scene):
    site = scene.net.read(CONF).decode()
    scene.daemon.configure(site + "storage {\n  db-size = 16M\n  corpus-size = 64M\n}\n")
    scene.install()
    scene.enforce("soft")
    taken = fill_store(scene)
    assert taken > 1000, taken
    sent = []

    def is_full():
        key = scene.new_host()
        text = messages.spam("x@full.example", TRAPS[0], "map full %d" % len(sent))
        assert_code(scene.host[key].mail("x@full.example", [TRAPS[0]], text), 250, "spam")
        sent.append(scene.address(key))
        return is_deferred(scene)
    wait_for("hits that wait in the queue", lambda: is_full() and len(sent) >= 5, 30)
    assert scene.daemon.is_up()
    assert scene.daemon.json("status")["store"]["state"] != "ok"
    done = scene.daemon.ctl("doctor")
    assert done.returncode != 0 and "db-size" in done.stdout, done.stdout
    wait_for("the alarm", lambda: "has reached its db-size" in scene.daemon.log(), 25)
    ham_flows(scene, "map full")

    assert scene.daemon.stop() == 0
    scene.daemon.configure(site + "storage {\n  db-size = 256M\n}\n")
    scene.daemon.start()
    scene.wait_armed()

    def drained():
        scene.postfix.flush()
        return scene.postfix.queued() == 0
    wait_for("an empty queue", drained, 60)
    for address in sent:
        assert len([h for h in scene.hits_of(address) if h["grade"] == "confirmed"]) == 1, address
        assert scene.block_of(address), address
    total = scene.daemon.json("hits", "--limit", "1")["total"]
    assert total >= taken + len(sent), (total, taken)
    assert len(witness.in_corpus(scene.net, "map full ")) == len(sent)
    assert scene.daemon.stop() == 0
    assert scene.daemon.ctl("db", "check").returncode == 0


def serves_without_engine(scene, mark, word):
    """The engine cannot start: said by name; the parent answers for it, at once."""
    scene.daemon.start(wait=False)
    wait_for("the reason in the log", lambda: word(scene.daemon.log()), 10)
    ham_flows(scene, mark, slowest=1.5)
    key = scene.new_host()
    assert_code(scene.spam_mail(key, subject="spam " + mark), 250, "spam")
    done = scene.daemon.ctl("status")
    assert done.returncode != 0 and done.stdout + done.stderr
    return key


def test_a_damaged_store_is_named_and_refused_and_mail_flows(scene):
    scene.install()
    scene.enforce("full")
    assert scene.daemon.stop() == 0
    path = scene.net.path(STATE + "/db/data.mdb")
    with open(path, "rb") as f:
        whole = f.read()
    with open(path, "r+b") as f:
        f.write(b"\xa5" * 8192)
    key = serves_without_engine(scene, "damaged", lambda log: "store" in log and ("damaged" in log or "corrupt" in log))
    assert scene.daemon.ctl("db", "check", STATE + "/db").returncode != 0
    with open(path, "rb") as f:
        assert f.read(8192) == b"\xa5" * 8192, "the damaged store was changed"
    assert scene.daemon.stop() == 0
    with open(path, "wb") as f:
        f.write(whole)
    scene.daemon.start()
    scene.wait_armed()

    def captured():
        scene.postfix.flush()
        return scene.postfix.queued() == 0 and scene.hits_of(scene.address(key))
    wait_for("what waited in the queue", captured, 60)


def test_a_read_only_state_is_named_and_mail_flows(scene):
    scene.install()
    assert scene.daemon.stop() == 0
    scene.net.run(["mount", "--bind", STATE, STATE], check=True)
    scene.net.run(["mount", "-o", "remount,bind,ro", STATE], check=True)
    scene.daemon.start(wait=False)
    wait_for("the reason in the log", lambda: "ead-only" in scene.daemon.log() or "EROFS" in scene.daemon.log(), 10)
    ham_flows(scene, "read-only", slowest=5)
    scene.net.run(["umount", STATE], check=True)
    if scene.daemon.process.poll() is not None:  # it may also refuse to start at all
        scene.daemon.start(wait=False)
    scene.daemon.wait_up(60)
    ham_flows(scene, "writable again")


def test_without_the_right_to_the_firewall_policy_works_and_it_is_said(scene):
    scene.daemon.told("setup", "postfix")
    scene.write_traps()
    scene.daemon.process = scene.net.start(
        ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", BIN + "/limetwigd", "-f", "-c", CONF,
         "--uid-base", str(UID_BASE)], "/var/log/limetwigd.log")
    scene.daemon.wait_up()
    scene.wait_armed()
    scene.wait_log()
    scene.enforce("full")
    key = scene.new_host()
    assert_code(scene.spam_mail(key), 250, "spam")
    scene.wait_block(scene.address(key))
    code, text = scene.try_mail(key)
    assert code == 450 and "ase " in text, (code, text)
    assert not scene.in_kernel(scene.address(key))
    firewall = scene.daemon.json("status")["firewall"]
    assert firewall["state"] == "denied" and firewall["error"], firewall
    assert "firewall denied" in scene.daemon.told("status")
    done = scene.daemon.ctl("doctor")
    assert done.returncode != 0 and "CAP_NET_ADMIN" in done.stdout, done.stdout + done.stderr
    ham_flows(scene, "no firewall")
