"""Sessions that brought a block are closed; clients that take the wrong MX: a real Postfix with two addresses."""
import json
import os
import signal
import time

import pytest
from lab import messages, witness
from lab.daemon import CONF as CONF_FILE
from lab.network import SERVER4, children_of, wait_for
from lab.scene import ALICE, TRAPS, assert_code

WORSE = "203.0.113.26"
FAKE = "203.0.113.24"
WINDOW_S = 20
BOTH = pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
CONF = """contact = "https://postmaster.example.org/"
block {
  jitter = 0
}
firewall {
  action = reject
  kill-sessions = %s
}
mx {
  fake = { "%s" }
  better = { "%s" }
  worse = { "%s" }
  window = %ds
}
"""


def configure(scene, kill):
    scene.daemon.configure(CONF % (kill, FAKE, SERVER4, WORSE, WINDOW_S))


@pytest.fixture(scope="module")
def scene(new_scene):
    scene = new_scene(hosts=set())
    scene.net.ip(scene.net.init, ["addr add %s/32 dev eth0" % address for address in (WORSE, FAKE)])
    configure(scene, "policy")
    scene.install()
    scene.enforce("soft")
    return scene


def kill(scene):
    return scene.daemon.json("status")["kill"]


def set_kill(scene, mode):
    if kill(scene)["mode"] != mode:
        configure(scene, mode)
        scene.daemon.told("reload")
        wait_for("kill-sessions = " + mode, lambda: kill(scene)["mode"] == mode)


def open_session(scene, key, name, six=False):
    host = scene.host[key]
    assert host.ask("open", id=name, **host.end(six))["code"] == 250
    return host


def spam_in(host, name, text="again"):
    """A message to a trap in an open session; the reply to its dot."""
    assert host.ask("say", id=name, line="MAIL FROM:<offers@nameless.example>")["code"] == 250
    assert host.ask("say", id=name, line="RCPT TO:<%s>" % TRAPS[0])["code"] == 250
    return host.ask("body", id=name, text=messages.spam("offers@nameless.example", TRAPS[0], text))


@BOTH
def test_the_session_that_made_the_block_hears_421(scene, six):
    set_kill(scene, "policy")
    key, neighbour = scene.new_host(), scene.new_host()
    host = open_session(scene, key, "first", six)
    open_session(scene, key, "second", six)
    assert spam_in(host, "first")["code"] == 250
    case = scene.wait_block(scene.address(key, six))["case"]
    told = kill(scene)["told"]
    assert host.ask("say", id="first", line="MAIL FROM:<offers@nameless.example>")["code"] == 250
    reply = host.ask("say", id="first", line="RCPT TO:<%s>" % ALICE)
    assert reply["code"] == 421 and witness.case_of(reply["text"]) == case
    assert "failed" in host.ask("say", id="first", line="NOOP")  # Postfix has closed it
    assert kill(scene)["told"] == told + 1
    # his other session is refused as always, and stays
    assert host.ask("say", id="second", line="MAIL FROM:<offers@nameless.example>")["code"] == 250
    assert host.ask("say", id="second", line="RCPT TO:<%s>" % ALICE)["code"] == 450
    assert host.ask("say", id="second", line="NOOP")["code"] == 250
    scene.good_mail(neighbour, "beside a closed session %s" % six, six=six)


def test_postmaster_can_be_written_to_in_that_session(scene):
    set_kill(scene, "policy")
    key = scene.new_host()
    host = open_session(scene, key, "post")
    assert spam_in(host, "post")["code"] == 250
    scene.wait_block(scene.address(key))
    assert host.ask("say", id="post", line="MAIL FROM:<offers@nameless.example>")["code"] == 250
    assert host.ask("say", id="post", line="RCPT TO:<postmaster@example.org>")["code"] == 250


@BOTH
def test_the_connection_is_reset_after_the_answer(scene, six):
    set_kill(scene, "socket")
    key, neighbour = scene.new_host(), scene.new_host()
    host = open_session(scene, key, "reset", six)
    other = open_session(scene, neighbour, "stays", six)
    assert spam_in(host, "reset")["code"] == 250  # the answer came, not a reset
    scene.wait_block(scene.address(key, six))
    line = " kill client=%s port=" % scene.address(key, six)
    wait_for("the reset", lambda: line in scene.daemon.log() or kill(scene)["state"] != "ok", 30)
    if kill(scene)["state"] == "missing":
        pytest.skip("this kernel has no CONFIG_INET_DIAG_DESTROY")
    assert kill(scene)["state"] == "ok" and line in scene.daemon.log(), kill(scene)
    assert "failed" in host.ask("say", id="reset", line="NOOP")
    assert other.ask("say", id="stays", line="NOOP")["code"] == 250
    end = "[%s]" % scene.address(key, six)
    wait_for("Postfix to see it", lambda: any("disconnect from" in line and end in line
                                              for line in scene.postfix.log().splitlines()), 30)
    scene.good_mail(neighbour, "after a reset %s" % six, six=six)


def visit(scene, key, to, subject):
    host = scene.host[key]
    mail = {"sender": "jo@nameless.example", "recipients": [ALICE],
            "text": messages.plain("jo@nameless.example", ALICE, subject)}
    answer = host.ask("mail", source=host.v4, to=to, helo=host.helo, mails=[mail])
    assert_code(answer, 250, subject)


def test_who_comes_to_the_worse_mx_only_is_misrouted(scene):
    # the other hosts of these tests are in one /24, which comes to the better one
    known, wrong = scene.new_host(), scene.add_host("192.0.2.77")
    wait_for("the window to be over", lambda: not scene.daemon.json("status")["mx"]["learning"], 60)
    visit(scene, known, SERVER4, "to the better one")
    visit(scene, wrong, WORSE, "to the worse one")
    assert scene.hits_of("192.0.2.77") == []
    visit(scene, known, SERVER4, "to the better one again")
    hit = scene.wait_hit("192.0.2.77", "misrouted")[0]
    assert hit["counted"] and hit["weight"] == 5 and hit["trap"] == ""
    assert scene.block_of("192.0.2.77") is None
    text = scene.daemon.told("why", "192.0.2.77")
    assert "message to the wrong MX, from <jo@nameless.example>" in text, text
    visit(scene, wrong, WORSE, "a score of five does not block")


def test_who_came_to_the_better_mx_may_use_the_worse_one(scene):
    known = scene.new_host()
    wait_for("the window to be over", lambda: not scene.daemon.json("status")["mx"]["learning"], 60)
    for n in range(4):  # on a busy machine his visits may be too far apart
        host = scene.add_host("203.0.113.%d" % (78 + n))
        began = time.monotonic()
        visit(scene, host, SERVER4, "first to the better one %d" % n)
        visit(scene, host, WORSE, "then to the worse one %d" % n)
        visit(scene, known, SERVER4, "others there %d" % n)
        if time.monotonic() - began < WINDOW_S - 2:
            assert scene.hits_of(host) == []
            return
    pytest.skip("no two visits within %d s" % WINDOW_S)


def findings(scene, name):
    return [item for item in scene.daemon.json("doctor")["items"] if item["name"] == name]


def test_doctor_prints_the_dns_records(scene):
    assert [item["text"] for item in findings(scene, "mx dns")] == [
        "for each of your domains: MX 10 FAKE (A %s); MX 20 BETTER (A %s); MX 90 WORSE (A %s)" % (FAKE, SERVER4, WORSE)]
    assert all(item["level"] == "ok" for item in findings(scene, "mx"))


def test_the_fake_mx_refuses_everybody_in_every_mode_but_off(scene):
    host = scene.host[scene.new_host()]

    def connects():
        return host.ask("mail", source=host.v4, to=FAKE, helo=host.helo, mails=[]).get("failed")
    assert connects() == "refused"
    scene.enforce("monitor")
    assert connects() == "refused"
    scene.daemon.told("off")
    wait_for("the fake MX to be open", lambda: connects() is None)
    scene.enforce("soft")
    wait_for("the fake MX to refuse again", lambda: connects() == "refused")


def test_doctor_names_what_is_wrong_with_the_addresses(scene):
    scene.daemon.configure(CONF % ("no", SERVER4, SERVER4, "2001:db8:25::99", WINDOW_S))
    try:
        items = {item["text"]: item for item in json.loads(scene.daemon.ctl("doctor", "--json").stdout)["items"]}
    finally:
        configure(scene, "policy")
    for text, level in (("worse 2001:db8:25::99 is no address of this host", "warn"),
                        ("fake %s is a loopback address, or better or worse too" % SERVER4, "fail"),
                        ("worse has IPv6, better has not", "warn")):
        assert items[text]["level"] == level and items[text]["mend"], items[text]


LISTEN = """
import socket, time
s = socket.create_server(("", 10725))
time.sleep(120)
"""


def test_a_taken_port_is_named_and_mail_flows_without_the_tarpit(scene):
    def named():
        return any(item["name"] == "tarpit" and item["text"] == "TCP port 10725 is taken" and item["level"] == "fail"
                   for item in json.loads(scene.daemon.ctl("doctor", "--json").stdout)["items"])

    def warned():
        return [w for w in scene.daemon.json("status")["warnings"] if "tarpit port is taken" in w]

    def tarpits():
        return [name for name in scene.daemon.pids() if name.startswith("tarpit")]
    scene.daemon.stop()
    scene.net.write(CONF_FILE, "block {\n  jitter = 0\n}\nfirewall {\n  action = answer\n}\n")
    other = scene.net.start(["python3", "-c", LISTEN], "/var/log/listen.log")
    try:
        wait_for("the finding", named, 30)
        scene.daemon.start()
        scene.enforce("full")
        assert warned() and named() and not tarpits()
        key = scene.new_host()
        assert_code(scene.spam_mail(key), 250, "spam")
        assert not scene.wait_block(scene.address(key))["firewall"]
        assert scene.try_mail(key)[0] == 450 and not scene.in_kernel(scene.address(key))
        assert "10725" not in scene.net.run(["nft", "list", "ruleset"], check=True).stdout
        scene.daemon.told("reload")  # it is still taken
        assert warned() and not tarpits()
    finally:
        for pid in children_of(other.pid) + [other.pid]:
            os.kill(pid, signal.SIGKILL)
        other.wait()
    scene.daemon.told("reload")
    wait_for("the tarpit", lambda: tarpits() and not warned(), 30)
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)), 30)
    wait_for("no finding", lambda: not named(), 30)
    scene.enforce("soft")


HOLD = """
import socket, sys
s = socket.create_connection((sys.argv[1], 25), 20, (sys.argv[2], 0))
s.settimeout(30)
got = b""
while len(got) < 4:
    got += s.recv(10)
"""


SERVER = """block {
  jitter = 0
}
firewall {
  action = %s
}
tarpit {
  offence = 1
}
"""


@pytest.fixture(scope="module")
def serving(new_scene):
    """Blocked hosts come to our own server."""
    scene = new_scene(hosts=set())
    scene.daemon.configure(SERVER % "answer")
    scene.install()
    scene.enforce("full")
    return scene


def blocked(scene):
    key = scene.new_host()
    assert_code(scene.spam_mail(key), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)))
    return key


def test_another_trap_named_there_renews_the_block(serving):
    key = blocked(serving)
    host, address = serving.host[key], serving.address(key)
    block = serving.wait_block(address)
    wait_for("a later end to be possible", lambda: time.time() > block["since"] + 1.5)
    for trap in (TRAPS[0], ALICE, TRAPS[1]):
        refused = serving.block_of(address)["refusals"]
        answer = host.mail("offers@nameless.example", [trap], "", rcpt_only=True)
        assert answer["mails"][0]["rcpt"][0][0] == 450
        after = wait_for("the refusal", lambda: more_refusals(serving, address, refused), 30)
        assert (after["until"] > block["until"]) == (trap == TRAPS[1]), (trap, block, after)
    match = serving.daemon.json("why", address)["matches"][0]
    assert {hit["grade"] for hit in match["hits"]} == {"confirmed", "probe"}
    assert not any(trap in json.dumps(match) for trap in TRAPS)


def more_refusals(scene, address, than):
    block = scene.block_of(address)
    return block if block["refusals"] > than else None


def test_seconds_at_the_tarpit_are_in_the_block(serving):
    serving.daemon.configure(SERVER % "tarpit")
    serving.daemon.told("reload")
    key = blocked(serving)
    host, address = serving.host[key], serving.address(key)
    before = serving.daemon.json("status")["answered"]["connections"]
    assert host.ask("run", argv=["python3", "-c", HOLD, SERVER4, address])["status"] == 0
    block = wait_for("the connection", lambda: has_answered(serving, address))
    assert block["answered"] == 1 and block["held_s"] >= 2, block
    assert "answered 1 connection by our own server, held " in serving.daemon.told("why", address)
    assert "1 connection answered (held " in serving.daemon.told("block", "list")
    assert serving.daemon.json("status")["answered"]["connections"] == before + 1


def has_answered(scene, address):
    block = scene.block_of(address)
    return block if block and block["answered"] else None
