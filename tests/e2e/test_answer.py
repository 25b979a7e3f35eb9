"""Blocked hosts at our own SMTP server: real clients, a real Postfix, real nftables."""
import os
import signal
import time

import pytest
from lab import witness
from lab.network import allowed, wait_for
from lab.scene import ALICE, TRAPS, assert_code

BOTH = pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
CONF = """contact = "https://postmaster.example.org/ or +49 30 5550100"
block {
  jitter = 0
}
firewall {
  action = %s
}
tarpit {
  host = mx.example.org
  offence = 1
  pace = 1s
}
"""


@pytest.fixture(scope="module")
def answering(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF % "answer")
    scene.install()
    scene.enforce("full")
    return scene


@pytest.fixture(scope="module")
def holding(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF % "tarpit")
    scene.install()
    scene.enforce("full")
    return scene


def blocked(scene, six=False, subject="spam"):
    """The key of a host that has just been blocked and whose element is in the kernel."""
    key = scene.new_host()
    address = scene.address(key, six)
    assert_code(scene.spam_mail(key, subject=subject, six=six), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(address))
    return key


def talk(scene, key, six=False, to=ALICE):
    """A session of a blocked host; the answer of op_mail."""
    host = scene.host[key]
    return host.mail("offers@other.example", [to], "Subject: again\n\nagain\n", six=six)


@BOTH
def test_a_blocked_innocent_reads_his_case_at_the_first_offence(answering, six):
    key, neighbour = blocked(answering, six), answering.new_host()
    case = answering.wait_block(answering.address(key, six))["case"]
    answer = talk(answering, key, six)
    assert answer["replies"][0]["text"] == "mx.example.org ESMTP"
    code, text = answer["mails"][0]["rcpt"][0]
    assert code == 450 and witness.case_of(text) == case and "+49 30 5550100" in text
    assert answer["replies"][-1]["code"] == 221
    answering.good_mail(neighbour, "neighbour of " + answering.address(key, six), six=six)


def test_the_words_are_those_of_the_policy_layer(answering):
    key = blocked(answering)
    there = talk(answering, key)["mails"][0]["rcpt"][0]
    answering.enforce("soft")
    try:
        wait_for("the element to go", lambda: not answering.in_kernel(answering.address(key)))
        here = talk(answering, key)["mails"][0]["rcpt"][0]
    finally:
        answering.enforce("full")
    assert there[0] == here[0] == 450
    assert here[1].endswith(there[1].replace("4.7.1 ", ""))  # Postfix puts the client's name in front


def test_what_he_names_is_recorded(answering):
    key = blocked(answering)
    talk(answering, key)

    def refusals():
        match = answering.daemon.json("why", answering.address(key))["matches"][0]
        return match["refusals"]["items"]
    item = wait_for("the refusal", refusals)[0]
    assert item["sender"] == "offers@other.example" and item["recipient"] == ALICE


def test_a_lifted_host_meets_postfix_again(answering):
    key = blocked(answering)
    address = answering.address(key)
    answering.host[key].ask("open", id="held", **answering.host[key].end())
    answering.daemon.told("block", "remove", address)
    reply = answering.host[key].ask("say", id="held", line="MAIL FROM:<a@b.example>")
    assert reply["code"] == 421
    wait_for("the element to go", lambda: not answering.in_kernel(address))  # we know it before the kernel does
    answering.good_mail(key, "after the block of " + address)


def held(scene, six):
    """A blocked host with an open session at our server, the prefix to allow, and its address."""
    key = blocked(scene, six)
    address = scene.address(key, six)
    scene.host[key].ask("open", id="held", **scene.host[key].end(six))
    return key, address, "%s/48" % address.replace("::1", "::") if six else address


def assert_free(scene, key, address, six):
    """The session, which says nothing, is told to come again; the next one meets Postfix."""
    began = time.monotonic()
    told = scene.host[key].ask("bytes", id="held", data="", replies=1)["replies"]
    assert [r["code"] for r in told] == [421]
    assert time.monotonic() - began < allowed(10)  # by event: who only looks from time to time needs a minute
    wait_for("the element to go", lambda: not scene.in_kernel(address))
    scene.good_mail(key, "allowed now: " + address, six=six)
    assert scene.block_of(address) is None


@BOTH
def test_an_allowed_host_is_let_go_at_once(answering, six):
    key, address, prefix = held(answering, six)
    answering.daemon.told("allow", "add", prefix, "--note", "partner")
    assert_free(answering, key, address, six)


@BOTH
def test_an_allow_file_wins_over_a_block_made_before(answering, six):
    key, address, prefix = held(answering, six)
    answering.net.write("/etc/limetwig/allow.d/partner%d.txt" % six, prefix + "\n")
    answering.daemon.told("reload")
    assert_free(answering, key, address, six)


def test_who_comes_to_our_port_himself_is_closed(answering):
    host = answering.host["friend"]
    answer = host.ask("mail", port=10725, mails=[], **host.end())
    assert "Disconnected" in answer["failed"]


@BOTH
def test_a_spammer_sits_in_the_tarpit(holding, six):
    key, neighbour = blocked(holding, six), holding.new_host()
    before = holding.postfix.log().count("connect from")
    heard = holding.hear(key, 4.3, six)
    assert heard and "220 mx.example.org ESMTP".startswith(heard) and 3 <= len(heard) <= 6  # one a second
    assert holding.postfix.log().count("connect from") == before
    holding.good_mail(neighbour, "beside the tarpit %s" % six, six=six)


def test_the_role_comes_back(answering):
    key = blocked(answering)
    os.kill(answering.daemon.pids()["tarpit"], signal.SIGKILL)
    wait_for("the role", lambda: talk(answering, key).get("mails"))
    assert talk(answering, key)["mails"][0]["rcpt"][0][0] == 450
