"""What breaks must not break mail: killed and frozen roles, broken files, full disks, hostile bytes."""
import json
import os
import re
import signal
import time

import pytest
from lab import messages, witness
from lab.daemon import ALL_ROLES, BIN, CONF, ROLES
from lab.network import wait_for
from lab.raw import LMTP, POLICY, Raw, request
from lab.scene import ALICE, TRAPS, assert_code

LHLO = b"LHLO mx1.example.org\r\n"


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.install()
    scene.enforce("full")
    return scene


def still_works(scene, mark):
    """Ham goes through, a new spam host is captured and blocked."""
    scene.good_mail("friend", "still works " + mark)
    key = scene.new_host()
    assert_code(scene.spam_mail(key, subject="still captured " + mark), 250, "spam")

    def captured():
        scene.postfix.flush()
        return witness.in_corpus(scene.net, "still captured " + mark)
    wait_for("the captured message", captured, 30)
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)))


def memory_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(row for row in f if row.startswith("VmRSS")).split()[1])


# ---- processes

def test_frozen_daemon_costs_each_session_two_seconds_once(site):
    site.daemon.freeze()
    try:
        host = site.host["friend"]
        mails = [{"sender": "a@friend.example", "recipients": [ALICE],
                  "text": messages.plain("a@friend.example", ALICE, "frozen %d" % n)} for n in range(3)]
        answer = host.ask("mail", mails=mails, timeout=60, **host.end())
        assert [m["code"] for m in answer["mails"]] == [250] * 3
        slow = [r for r in answer["replies"] if r["seconds"] > 1]
        assert 2 <= answer["seconds"] < 5, answer["seconds"]
        assert len(slow) == 1, slow
        for n in range(3):
            site.postfix.wait_mail(ALICE, "frozen %d" % n)
    finally:
        site.daemon.thaw()
    wait_for("the daemon to be back", site.daemon.is_up, 60)
    still_works(site, "after the frost")


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_role_comes_back_and_mail_flows(site, role):
    old = site.daemon.pids()[role]
    os.kill(old, signal.SIGKILL)
    site.good_mail("friend", "while %s is dead" % role)
    wait_for("a new " + role, lambda: site.daemon.pids().get(role) not in (None, old), 30)
    site.daemon.wait_up(30)
    still_works(site, "after " + role)


def test_a_role_killed_again_and_again_does_not_take_the_daemon_along(site):
    for _ in range(4):
        pid = wait_for("capture", lambda: site.daemon.pids().get("capture"), 60)
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda p=pid: site.daemon.pids().get("capture") != p)
        site.good_mail("friend", "capture dead at %f" % time.monotonic())
    site.daemon.wait_up(90)
    still_works(site, "after four deaths")


def test_a_killed_parent_takes_its_children_along(site):
    pids = site.daemon.pids()
    os.kill(pids["parent"], signal.SIGKILL)
    wait_for("the end of all roles", lambda: not any(os.path.exists("/proc/%d" % p) for p in pids.values()))
    site.good_mail("friend", "without a parent")
    site.daemon.process.wait()
    site.daemon.start()
    still_works(site, "after the parent")


def test_blocks_survive_a_restart(site):
    key = site.new_host()
    site.spam_mail(key)
    address = site.address(key)
    case = site.wait_block(address)["case"]
    assert site.daemon.stop() == 0
    site.daemon.start()
    wait_for("the block", lambda: site.block_of(address))
    assert site.block_of(address)["case"] == case
    wait_for("the kernel element", lambda: site.in_kernel(address))


def test_a_foreign_hand_in_the_kernel_set_is_mended(site):
    key = site.new_host()
    site.spam_mail(key)
    address = site.address(key)
    wait_for("the kernel element", lambda: site.in_kernel(address))
    name = next(s for (s, value) in witness.elements(site.net) if value == address)
    site.net.run(["nft", "delete element inet %s %s { %s }" % (witness.TABLE, name, address)], check=True)
    wait_for("the element to be back", lambda: site.in_kernel(address), 10)
    site.net.run(["nft", "delete table inet " + witness.TABLE], check=True)
    wait_for("the whole table to be back", lambda: site.in_kernel(address), 10)


# ---- configuration

def test_a_broken_configuration_changes_nothing(site):
    good = site.net.read(CONF)
    before = site.daemon.pids()
    try:
        site.net.write(CONF, 'block {\n  first = "24x"\n')
        check = site.net.run([BIN + "/limetwigd", "-n", "-c", CONF])
        assert check.returncode != 0 and "limetwig.conf:" in check.stdout + check.stderr
        site.daemon.reload()
        wait_for("a complaint in the log", lambda: "limetwig.conf:" in site.daemon.log())
        assert site.daemon.pids() == before
        still_works(site, "with a broken file")
    finally:
        site.net.write(CONF, good)
    assert site.net.run([BIN + "/limetwigd", "-n", "-c", CONF]).returncode == 0


def test_a_reload_drops_no_connection(site):
    host = site.host["friend"]
    host.ask("open", id="r", **host.end())
    assert host.ask("say", id="r", line="MAIL FROM:<a@friend.example>")["code"] == 250
    site.daemon.told("reload")
    assert host.ask("say", id="r", line="RCPT TO:<%s>" % ALICE)["code"] == 250
    assert host.ask("body", id="r", text=messages.plain("a@friend.example", ALICE, "over a reload"))["code"] == 250
    host.ask("close", id="r")
    site.postfix.wait_mail(ALICE, "over a reload")


def test_bad_trap_lines_are_named_and_the_rest_loads(site):
    armed = site.daemon.json("status")["traps"]["armed"]
    site.net.write("/etc/limetwig/traps.d/bad.txt", b"good1@example.net state=armed\nnot an address\n"
                   b"@@example.org\n\xff\xfe\x00@example.net\n" + b"x" * 5000 + b"@example.net\ngood2@example.net state=armed\n")
    try:
        site.daemon.ctl("reload")
        status = wait_for("the good lines", lambda: (lambda s: s if s["traps"]["armed"] >= armed + 2 else None)(
            site.daemon.json("status")))
        lines = sorted(b["line"] for b in status["bad_lines"] if b["file"].endswith("bad.txt"))
        assert lines == [2, 3, 4, 5]
        assert all(b["reason"] for b in status["bad_lines"])
    finally:
        os.unlink(site.net.path("/etc/limetwig/traps.d/bad.txt"))
        site.daemon.ctl("reload")
        wait_for("the old number", lambda: site.daemon.json("status")["traps"]["armed"] == armed)


def test_a_live_mailbox_in_a_trap_file_is_refused(site):
    site.net.write("/etc/limetwig/traps.d/live.txt", "alice@example.org state=armed\n")
    try:
        site.daemon.ctl("reload")
        wait_for("the refusal", lambda: [b for b in site.daemon.json("status")["bad_lines"]
                                         if b["file"].endswith("live.txt") and b["line"] == 1])
        site.good_mail("friend", "alice is alive")
    finally:
        os.unlink(site.net.path("/etc/limetwig/traps.d/live.txt"))
        site.daemon.ctl("reload")


# ---- hostile policy input

BAD_POLICY = {
    "no attributes": b"\n",
    "no equals sign": b"request\n\n",
    "unknown request": b"request=smtpd_delight\n\n",
    "NUL": b"request=smtpd_access_policy\nsender=a\0b@x.example\n\n",
    "repeated": request() [:-1] + b"client_address=198.51.100.1\nclient_address=198.51.100.2\n\n",
    "missing client": b"request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=alice@example.org\n\n",
    "bad address": request(client_address="999.1.1.1"),
    "address 1,000 bytes": request(recipient="a" * 1000 + "@example.org"),
    "empty recipient": request(recipient=""),
    "UTF-8": request(recipient="ülice@example.org", sender="ö@exämple.org"),
    "binary": bytes(range(256)) * 8 + b"\n\n",
    "carriage returns": request().replace(b"\n", b"\r\n"),
    "huge count": request(recipient_count="99999999999999999999", size="18446744073709551616"),
    "long line": b"request=smtpd_access_policy\nsender=" + b"x" * 200000 + b"\n\n",
}


@pytest.mark.parametrize("name", BAD_POLICY)
def test_hostile_policy_request(site, name):
    before = site.daemon.pids()["engine"]
    with Raw(site.net, POLICY) as raw:
        raw.send(BAD_POLICY[name])
        answer = raw.read(b"\n\n", 3)
        assert answer in (b"", b"action=DUNNO\n\n"), answer
    with Raw(site.net, POLICY) as raw:
        raw.send(request())
        assert raw.read(b"\n\n") == b"action=DUNNO\n\n"
    assert site.daemon.pids()["engine"] == before


def test_endless_policy_requests_need_no_memory(site):
    engine = site.daemon.pids()["engine"]
    before = memory_kb(engine)
    for data in (b"x" * 65536, b"name=value\n" * 6000, b"\n" * 65536):
        with Raw(site.net, POLICY) as raw:
            raw.flood(data, 20 << 20)
    with Raw(site.net, POLICY) as raw:
        raw.send(request())
        assert raw.read(b"\n\n") == b"action=DUNNO\n\n"
    assert site.daemon.pids()["engine"] == engine
    assert memory_kb(engine) < before + 8192


def test_policy_requests_in_pieces_and_half_closed(site):
    data = request()
    with Raw(site.net, POLICY) as raw:
        for n in range(0, len(data), 7):
            assert raw.send(data[n:n + 7])
        assert raw.read(b"\n\n") == b"action=DUNNO\n\n"
        raw.send(data)
        raw.half_close()
        assert raw.read(b"\n\n") == b"action=DUNNO\n\n"
        assert raw.read(b"\n", 5) == b""
    with Raw(site.net, POLICY) as raw:
        raw.send(data[:40])
        raw.half_close()
        assert raw.read(b"\n", 5) == b""


def test_two_hundred_policy_connections_stay_open(site):
    raws = [Raw(site.net, POLICY) for _ in range(200)]
    try:
        for _ in range(2):
            for raw in raws:
                raw.send(request())
            assert all(raw.read(b"\n\n") == b"action=DUNNO\n\n" for raw in raws)
    finally:
        for raw in raws:
            raw.close()


# ---- hostile LMTP input

def lmtp(site, *pieces, until=b"\r\n"):
    """Replies to these pieces, one after another."""
    seen = []
    with Raw(site.net, LMTP) as raw:
        seen.append(raw.read(until))
        for piece in pieces:
            if not raw.send(piece):
                break
            seen.append(raw.read(until, 3))
    return seen


def encoded(trap):
    return trap.replace("@", "=") + "@limetwig.invalid"


BAD_LMTP = {
    "no greeting": [b"MAIL FROM:<>\r\n"],
    "SMTP": [b"HELO x\r\n", b"EHLO x\r\n"],
    "NUL": [LHLO, b"MAIL FROM:<a\0b@x.example>\r\n"],
    "bare LF": [b"LHLO x\nMAIL FROM:<>\n"],
    "bare CR": [b"LHLO x\rMAIL FROM:<>\r"],
    "binary": [bytes(range(256)) * 4 + b"\r\n"],
    "XFORWARD rubbish": [LHLO, b"XFORWARD ADDR=999.9.9.9 NAME=+ZZ PORT=999999\r\n", b"XFORWARD\r\n", b"XFORWARD =\r\n"],
    "RCPT elsewhere": [LHLO, b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@example.org>\r\n", b"RCPT TO:<=@limetwig.invalid>\r\n"],
    "SIZE 4 GB": [LHLO, b"MAIL FROM:<> SIZE=4294967296\r\n"],
    "DATA without RCPT": [LHLO, b"MAIL FROM:<>\r\n", b"DATA\r\n"],
    "long address": [LHLO, b"MAIL FROM:<" + b"a" * 1000 + b"@x.example>\r\n"],
}


@pytest.mark.parametrize("name", BAD_LMTP)
def test_hostile_lmtp_session_never_gets_a_5xx_for_mail(site, name):
    before = site.daemon.pids()["capture"]
    told = lmtp(site, *BAD_LMTP[name])
    if any(piece.startswith(b"MAIL") for piece in BAD_LMTP[name][1:]):  # Postfix has a message here, which it would bounce
        assert all(told) and not re.search(rb"^5", b"".join(told), re.M), told
    seen = lmtp(site, LHLO, until=b"\r\n")
    assert seen[0].startswith(b"220") and seen[1].startswith(b"250"), seen
    assert site.daemon.pids()["capture"] == before


def deliver(site, body, trap=TRAPS[0], ident="none"):
    """A whole LMTP delivery; the last reply."""
    with Raw(site.net, LMTP) as raw:
        raw.read(b"220 ")
        for line in (LHLO, b"XFORWARD ADDR=198.51.100.149 SOURCE=REMOTE IDENT=%s\r\n" % ident.encode(),
                     b"MAIL FROM:<x@smuggle.example>\r\n", b"RCPT TO:<%s>\r\n" % encoded(trap).encode(), b"DATA\r\n"):
            raw.send(line)
            raw.read(b"\r\n", 5)
        raw.send(body)
        return raw.read(b"\r\n", 10)


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r"], ids=repr)
def test_lmtp_smuggling_is_one_message(site, end):
    """What looks like the end of the message to others is not; a server that took it would take a second message."""
    before = len(witness.corpus(site.net))
    mark = "smuggled outside " + end.hex()
    second = b"MAIL FROM:<y@smuggle.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: inside\r\n\r\n" % encoded(TRAPS[1]).encode()
    reply = deliver(site, b"Subject: %s\r\n\r\nhello%s%shello\r\n.\r\n" % (mark.encode(), end, second), ident="F" + end.hex())
    assert reply.startswith(b"250"), reply
    names = witness.in_corpus(site.net, "Subject: %s" % mark)
    assert len(names) == 1 and len(witness.corpus(site.net)) == before + 1
    assert "MAIL FROM:<y@smuggle" in witness.corpus(site.net)[names[0]]


def test_lmtp_message_of_30_megabytes_is_taken_and_cut(site):
    capture = site.daemon.pids()["capture"]
    line = b"x" * 76 + b"\r\n"
    reply = deliver(site, b"Subject: very large\r\n\r\n" + line * 400000 + b".\r\n")
    assert reply.startswith(b"250"), reply
    name = witness.in_corpus(site.net, "Subject: very large")
    assert len(name) == 1
    assert len(witness.corpus(site.net)[name[0]]) < 2 << 20
    assert site.daemon.pids()["capture"] == capture
    assert memory_kb(capture) < 65536


def test_lmtp_half_closed_in_the_middle_of_data_stores_nothing(site):
    before = len(witness.corpus(site.net))
    with Raw(site.net, LMTP) as raw:
        raw.read(b"220 ")
        for line in (LHLO, b"MAIL FROM:<x@half.example>\r\n", b"RCPT TO:<%s>\r\n" % encoded(TRAPS[0]).encode(), b"DATA\r\n"):
            raw.send(line)
            raw.read(b"\r\n", 5)
        raw.send(b"Subject: half\r\n\r\nhalf a mess")
        raw.half_close()
        raw.read(b"\r\n", 5)
    assert len(witness.corpus(site.net)) == before


# ---- sandbox

@pytest.mark.parametrize("role", ALL_ROLES)
def test_sandbox_of_each_role(site, role):
    done = site.net.run([BIN + "/limetwigd", "-c", CONF, "--uid-base", "61200", "--selftest-sandbox", role])
    assert done.returncode == 0, done.stdout + done.stderr


def test_roles_run_as_their_own_users_without_privileges(site):
    for role, pid in site.daemon.pids().items():
        with open("/proc/%d/status" % pid) as f:
            status = dict(row.rstrip("\n").split(":\t", 1) for row in f if ":\t" in row)
        if role in ("parent", "aliasmap"):
            continue
        assert status["Uid"].split()[0] not in ("0",), role
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", role
        wanted = 1 << 12 if role == "firewall" else 0  # CAP_NET_ADMIN
        assert int(status["CapEff"], 16) == wanted, (role, status["CapEff"])


# ---- command

@pytest.mark.parametrize("words,status", [
    (["status"], 0), (["hits"], 0), (["block", "list", "--all"], 0), (["allow", "list"], 0), (["trap", "list"], 0),
    (["why", "192.0.2.10"], 0), (["help"], 0), (["version"], 0), (["person", "nobody@nowhere.example"], 0),
    (["why", "ZZZZ-ZZZZ"], 1), (["block", "remove", "192.0.2.77"], 1), (["trap", "remove", "no.such@example.org"], 1),
    (["block", "add", "not-an-address"], None), (["frobnicate"], 2), (["enforce", "maximal"], 2), (["block"], 2),
])
def test_commands_and_their_exit_status(site, words, status):
    done = site.daemon.ctl(*words)
    if status is None:
        assert done.returncode in (1, 2)
    else:
        assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout or done.stderr
    if status == 0 and words[0] not in ("help", "version"):
        json.loads(site.daemon.told(*words, "--json"))


def test_watch_tells_of_a_block(site):
    process = site.net.start([BIN + "/limetwig", "watch", "--json"], "/run/lab/watch.log")
    key = site.new_host()
    try:
        def told():
            site.spam_mail(key, subject="watched %f" % time.monotonic())
            return site.address(key) in site.net.read("/run/lab/watch.log").decode()
        wait_for("watch to tell of the block", told)
    finally:
        process.kill()
        process.wait()
    assert not any(trap in site.net.read("/run/lab/watch.log").decode() for trap in TRAPS)


# ---- disk, last: its own site

@pytest.mark.parametrize("reserve", ["0", "96K"], ids=["met by writing", "seen coming"])
def test_a_full_disk_of_the_corpus_loses_no_hit(new_scene, reserve):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure("firewall {\n  offence = 1\n  action = reject\n}\nstorage {\n  disk-reserve = %s\n}\n" % reserve)
    os.makedirs(scene.net.path("/var/lib/limetwig/corpus"))
    scene.net.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700,uid=61203,gid=61203", "small",
                   "/var/lib/limetwig/corpus"], check=True)
    scene.install()
    scene.enforce("full")
    for n in range(6):
        key = scene.new_host()
        text = messages.spam("x@full.example", TRAPS[0], "full %d" % n) + ("x" * 76 + "\n") * 1300
        assert_code(scene.host[key].mail("x@full.example", [TRAPS[0]], text), 250, "spam on a full disk")
        scene.wait_hit(scene.address(key), "confirmed")
        wait_for("the kernel element", lambda a=scene.address(key): scene.in_kernel(a))
    wait_for("an empty queue", lambda: scene.postfix.queued() == 0)
    if reserve != "0":
        wait_for("status to say that it is full", lambda: scene.daemon.json("status")["capture"]["full"])
    scene.good_mail("friend", "on a full disk")


def test_without_root_nothing_is_refused_and_it_says_so(site):
    done = site.net.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", BIN + "/limetwigd", "-n",
                         "-c", CONF])
    assert done.returncode == 0, done.stdout + done.stderr
