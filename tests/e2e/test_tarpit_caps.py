"""Several processes of the answerer, its caps and what status and doctor say of them; a real kernel leads the clients."""
import os
import signal

import pytest
from lab.network import wait_for
from lab.scene import ALICE, assert_code

CONF = """contact = "postmaster@example.org"
block {
  jitter = 0
}
firewall {
  action = answer
}
tarpit {
  host = mx.example.org
  processes = %d
  connections = %d
}
"""
NAMES = ("tarpit", "tarpit2", "tarpit3")


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene()
    scene.daemon.configure(CONF % (3, 3000))
    scene.install()
    scene.enforce("full")
    return scene


@pytest.fixture(scope="module")
def hosts(site):
    """Blocked ones, each from a network of its own where the lab gives such."""
    keys = []
    for _ in range(4):
        key = site.new_host()
        assert_code(site.spam_mail(key), 250, "spam")
        wait_for("the kernel element", lambda key=key: site.in_kernel(site.address(key)))
        keys.append(key)
    return keys


def answer(site, key):
    return site.host[key].mail("offers@other.example", [ALICE], "Subject: again\n\nagain\n")


def assert_refused_with_case(site, key):
    case = site.wait_block(site.address(key))["case"]
    code, text = answer(site, key)["mails"][0]["rcpt"][0]
    assert code == 450 and case in text


def state(site):
    return site.daemon.json("status").get("tarpit", {})


def tarpits(site):
    return {name: pid for name, pid in site.daemon.pids().items() if name.startswith("tarpit")}


def reload(site, processes, connections):
    site.daemon.configure(CONF % (processes, connections))
    site.daemon.told("reload")


def test_all_processes_are_up_and_have_their_part(site, hosts):
    assert set(tarpits(site)) == set(NAMES)
    now = wait_for("the state of all", lambda: state(site).get("cap") == 3000 and state(site), 30)
    assert now["processes"] == 3 and now["down"] == 0 and now["cap_reason"] == "configured"
    for key in hosts:
        assert_refused_with_case(site, key)
    wait_for("what was taken", lambda: state(site)["taken"] >= len(hosts), 30)
    assert "tarpit   " in site.daemon.told("status")


def test_a_killed_process_refuses_nobody(site, hosts):
    before = tarpits(site)
    for name in NAMES:
        os.kill(before[name], signal.SIGKILL)
    for key in hosts:  # its listener is the parent's: who comes now waits a moment
        assert_refused_with_case(site, key)
    new = wait_for("new ones", lambda: len(tarpits(site)) == 3 and tarpits(site), 30)
    assert not set(new.values()) & set(before.values())
    wait_for("status to see them", lambda: state(site)["down"] == 0 and site.daemon.is_up(), 30)


def test_less_than_configured_is_a_named_state(site, hosts):
    reload(site, 3, 1000000)
    try:
        now = wait_for("the cap", lambda: state(site).get("configured", 0) >= 1000000 and state(site), 30)
        assert now["cap"] < 1000000 and now["cap_reason"] in ("descriptors", "conntrack")
        assert any("the tarpit takes" in text for text in site.daemon.json("status")["warnings"])
        out = site.daemon.ctl("doctor").stdout
        assert "connections, not the" in out
    finally:
        reload(site, 3, 3000)
    wait_for("the cap as before", lambda: state(site).get("cap") == 3000, 30)
    assert_refused_with_case(site, hosts[0])


def test_another_number_of_processes(site, hosts):
    reload(site, 1, 3000)
    wait_for("one", lambda: set(tarpits(site)) == {"tarpit"} and site.daemon.is_up() and
             state(site).get("processes") == 1, 30)
    for key in hosts:
        assert_refused_with_case(site, key)
    reload(site, 2, 3000)
    wait_for("two", lambda: set(tarpits(site)) == {"tarpit", "tarpit2"} and site.daemon.is_up() and
             state(site).get("processes") == 2, 30)
    for key in hosts:
        assert_refused_with_case(site, key)
