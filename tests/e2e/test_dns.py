"""DNS: lists that spare a host, lists that lie and are switched off, `spf:` entries. Our own DNS server lies on order."""
import json
import os
import signal
import tempfile

import pytest
from lab import messages
from lab.dns_host import ALLOW, BLOCK, PORT, Dns
from lab.network import wait_for
from lab.scene import CONF, TRAPS

FETCH = """
fetch {
  resolvers = { "127.0.0.1:%d" }
  test = 1s
  wait = 2s
  unlisted = soften
}
dns-list "good" {
  zone = "%s"
  kind = allow
  codes = "127.0.[0..255].[1..3]"
}
dns-list "bad" {
  zone = "%s"
  kind = block
}
""" % (PORT, ALLOW, BLOCK)


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend", "spam_a"})
    with tempfile.TemporaryDirectory() as folder:
        scene.dns = Dns(scene.net, folder)
        scene.daemon.configure(CONF + FETCH)
        scene.install()
        scene.enforce("full")
        wait_lists(scene)
        yield scene
        scene.dns.close()


def lists(scene):
    return {x["name"]: x for x in scene.daemon.json("status")["fetch"]["lists"]}


def wait_state(scene, name, state):
    def shown():  # one question: while fetch is started anew the next one may show no list at all
        found = lists(scene).get(name)
        return found if found and found["state"] == state else None
    return wait_for("list %s to be %s" % (name, state), shown, 40)


def wait_lists(scene):
    for name in ("good", "bad"):
        wait_state(scene, name, "on")


def listed(scene, *addresses, zone=ALLOW, code="127.0.5.2"):
    scene.dns.set(zone, listed=list(addresses), code=code)


def hit(scene, key, six=False):
    answer = scene.spam_mail(key, TRAPS[0], six=six)
    return answer["mails"][0]


def wait_result(scene, address, result):
    """What came of the question to the lists."""
    return wait_for("the lists to say %s of %s" % (result, address),
                    lambda: any("client=%s " % address in line and "result=" + result in line
                                for line in scene.daemon.log().splitlines() if "dns_lists" in line))


def test_a_host_on_an_allow_list_is_spared(site):
    host = site.new_host()
    address = site.address(host)
    listed(site, address)
    assert hit(site, host)["code"] == 250
    wait_result(site, address, "spared")
    hits = site.wait_hit(address, "exempt")
    assert hits[0]["weight"] == 0 and not hits[0]["counted"]
    assert site.block_of(address) is None
    # and its riders are not refused
    answer = site.spam_mail(host, recipients=[TRAPS[1], "bob@example.org"])
    assert answer["mails"][0]["code"] == 250
    assert site.block_of(address) is None


def test_a_host_on_a_block_list_is_blocked(site):
    host = site.new_host()
    address = site.address(host)
    listed(site)
    listed(site, address, zone=BLOCK, code="127.0.0.2")
    hit(site, host)
    block = site.wait_block(address)
    assert block["until"] - block["since"] > 80000
    wait_result(site, address, "block")


def test_a_host_on_no_list_is_blocked_for_an_hour_where_the_site_wants_it(site):
    host = site.new_host()
    address = site.address(host)
    listed(site)
    listed(site, zone=BLOCK)
    hit(site, host)
    block = site.wait_block(address)
    # an hour from when the lists have answered, which may take a moment after the hit
    assert 3000 < block["until"] - block["since"] <= 3600 + 10
    wait_result(site, address, "softened")


def test_without_an_answer_it_is_blocked_in_time_and_not_before(site):
    host = site.new_host()
    address = site.address(host)
    site.dns.set(ALLOW, mode="slow", listed=[address])  # after 3 s; the site waits for 2
    site.dns.set(BLOCK, mode="slow")
    hit(site, host)
    assert site.block_of(address) is None
    assert site.try_mail(host)[0] in (250, 450)
    block = site.wait_block(address)
    assert block["until"] - block["since"] > 80000
    site.dns.set(ALLOW, mode="honest")
    site.dns.set(BLOCK, mode="honest")
    wait_lists(site)


@pytest.mark.parametrize("mode,why", [
    ("world", "the whole world"), ("error", "error code"), ("quota", "error code"), ("open", "public resolver"),
    ("rewrite", "rewritten"), ("nothing", "is not listed")])
def test_a_list_that_lies_is_switched_off_and_comes_back(site, mode, why):
    site.dns.set(ALLOW, mode=mode, code="127.0.5.3")
    state = wait_state(site, "good", "off")
    assert why in state["why"]
    status = site.daemon.json("status")
    assert any("good" in w and why in w for w in status["warnings"])
    assert "DNS list good is not asked any more" in site.daemon.log()
    assert lists(site)["bad"]["state"] == "on"
    found = [x for x in json.loads(site.daemon.ctl("doctor", "--json").stdout)["items"] if x["name"] == "dns"]
    assert any(x["level"] == "warn" and "good" in x["text"] and x["mend"] for x in found), found
    host = site.new_host()
    address = site.address(host)
    listed(site, address, zone=BLOCK, code="127.0.0.2")
    hit(site, host)
    site.wait_block(address)  # whatever the liar says
    site.dns.set(ALLOW, mode="honest", code="127.0.5.0")
    back = wait_state(site, "good", "on")
    assert back["since"] >= state["since"] + 2  # three good rounds, a second each
    assert back["why"] == ""


@pytest.mark.parametrize("mode", ["fail", "garbage"])
def test_a_list_that_answers_nothing_useful_is_switched_off(site, mode):
    site.dns.set(BLOCK, mode=mode)
    assert "does not answer" in wait_state(site, "bad", "off")["why"]
    site.dns.set(BLOCK, mode="honest")
    wait_lists(site)


def test_answers_that_come_twice_or_by_tcp_count_once(site):
    for mode in ("twice", "cut"):
        host = site.new_host()
        address = site.address(host)
        site.dns.set(ALLOW, mode=mode, listed=[address], code="127.0.5.1")
        hit(site, host)
        wait_result(site, address, "spared")
        assert lists(site)["good"]["state"] == "on"
    site.dns.set(ALLOW, mode="honest", code="127.0.5.0")


def spf(scene, domain):
    return next((x for x in scene.daemon.json("status")["fetch"]["spf"] if x["domain"] == domain), {})


def test_spf_entries_of_the_allow_list(site):
    host = site.new_host()
    address = site.address(host)
    site.dns.record("mailer.example.org", A=[address])
    site.dns.record("spf.provider.example", TXT=[
        "v=spf1 include:loop.provider.example ip4:192.0.2.128/26 a:mailer.example.org -all"])
    site.dns.record("loop.provider.example", TXT=["v=spf1 ip4:203.0.113.64/26 ?all"])
    site.dns.record("world.example", TXT=["v=spf1 +all"])
    site.dns.record("endless.example", TXT=["v=spf1 include:endless.example"])
    site.net.write("/etc/limetwig/allow.d/spf.txt",
                   "spf:spf.provider.example\nspf:world.example\nspf:endless.example\nspf:nobody.example\n")
    wait_for("the SPF set", lambda: spf(site, "spf.provider.example").get("prefixes") == 3)
    assert hit(site, host)["code"] == 250
    site.wait_hit(address, "exempt")
    assert site.block_of(address) is None
    for domain, text in (("world.example", "whole world"), ("endless.example", "could not be read"),
                         ("nobody.example", "empty or gone")):
        wait_for(domain, lambda d=domain: spf(site, d).get("state") not in (None, "waiting"))
        assert text in spf(site, domain)["text"]
        assert spf(site, domain)["prefixes"] == 0


def test_the_set_outlives_a_restart_without_dns(site):
    site.daemon.stop()
    site.dns.record("spf.provider.example", mode="fail")
    site.daemon.start()
    site.wait_armed()
    wait_for("the stored SPF set", lambda: spf(site, "spf.provider.example").get("prefixes") == 3)
    wait_for("the walk", lambda: spf(site, "spf.provider.example").get("state") == "temperror")
    assert spf(site, "spf.provider.example")["prefixes"] == 3
    wait_lists(site)


def test_fetch_dies_and_comes_back(site):
    before = site.daemon.pids()["fetch"]
    os.kill(before, signal.SIGKILL)
    wait_for("a new fetch", lambda: site.daemon.pids().get("fetch") not in (None, before))
    wait_lists(site)
    host = site.new_host()
    address = site.address(host)
    listed(site, address, code="127.0.5.2")
    hit(site, host)
    wait_result(site, address, "spared")


def test_a_sender_at_a_shared_provider_is_charged_where_spf_passes(site):
    host, other = site.new_host(), site.new_host()
    sender = {key: "offers@s%s.example" % key.replace(".", "-") for key in (host, other)}
    for key, record in ((host, "v=spf1 ip4:%s -all" % site.address(host)), (other, "v=spf1 -all")):
        site.dns.record(sender[key].split("@")[1], TXT=[record])
    site.net.write("/etc/limetwig/shared.d/site.txt",
                   "".join("%s as provider\n" % site.address(key) for key in (host, other)))
    site.daemon.told("reload")
    wait_lists(site)  # fetch is started anew by it
    for key in (host, other):
        answer = site.host[key].mail(sender[key], [TRAPS[0]], messages.spam(sender[key], TRAPS[0], "shared"))
        assert answer["mails"][0]["code"] == 250

    def blocks():
        return [b for b in site.daemon.json("block", "list")["blocks"] if b["state"] == "active"]
    block = wait_for("the sender's block", lambda: next((b for b in blocks() if "provider" in json.dumps(b)), None))
    assert sender[host] in json.dumps(block)
    wait_for("no block of the forged one", lambda: any(
        h["grade"] == "exempt" for h in site.daemon.json("hits")["hits"] if h["sender"] == sender[other]))
    assert not any(sender[other] in json.dumps(b) for b in blocks())
    for key in (host, other):
        assert not any(b["subject"] == site.address(key) for b in blocks())


def test_a_reload_ends_and_starts_fetch(site):
    def roles():
        return {r["name"]: r["up"] for r in site.daemon.json("status")["roles"]}
    site.daemon.configure(CONF + "fetch {\n  dns = no\n}\n")
    site.daemon.told("reload")
    wait_for("fetch to be gone", lambda: "fetch" not in roles() and "fetch" not in site.daemon.pids())
    host = site.new_host()
    hit(site, host)
    site.wait_block(site.address(host))  # nobody is asked
    site.daemon.configure(CONF + FETCH)
    site.daemon.told("reload")
    wait_for("fetch", lambda: roles().get("fetch"))
    wait_lists(site)
    shown = site.net.run(["/run/lab/bin/limetwigd", "-c", "/etc/limetwig/limetwig.conf", "-nv"], check=True).stdout
    assert 'dns-list "good" {\n\tzone = "%s"' % ALLOW in shown
