"""A provider that many share, by a network: a sender there is blocked, his neighbours at the same host are not."""
import tempfile
import time

import pytest
from lab import messages
from lab.dns_host import PORT, Dns
from lab.network import allowed, wait_for
from lab.scene import ALICE, CONF, TRAPS

FETCH = 'fetch {\n  resolvers = { "127.0.0.1:%d" }\n}\n' % PORT
DOMAIN, BOUGHT = "deals.example", "gone.example"
SPAMMER, COLLEAGUE = "offers@" + DOMAIN, "desk@" + DOMAIN


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend", "spam_a", "spam_b"})
    with tempfile.TemporaryDirectory() as folder:
        scene.dns = Dns(scene.net, folder)
        scene.dns.record(DOMAIN, TXT=["v=spf1 ip4:192.0.2.0/24 -all"])
        scene.daemon.configure(CONF + FETCH)
        scene.net.write("/etc/limetwig/shared.d/site.txt",
                        "192.0.2.0/24 as pool\nspf:%s as gone\nfreemail:mail.example\n" % BOUGHT)
        scene.install()
        scene.enforce("full")
        yield scene
        scene.dns.close()


def mail(site, key, sender, to, subject):
    answer = site.host[key].mail(sender, [to], messages.spam(sender, to, subject))
    return answer["mails"][0]


@pytest.fixture(scope="module")
def block(site):
    """The spammer has written to a trap through the shared host "friend"."""
    assert mail(site, "friend", SPAMMER, TRAPS[0], "to the trap")["code"] == 250

    def look():
        blocks = site.daemon.json("block", "list")["blocks"]
        return next((b for b in blocks if b.get("identity", {}).get("sender") == SPAMMER), None)
    return wait_for("a block of the sender", look)


def test_one_sender_is_refused_and_the_other_delivered_from_the_same_host(site, block):
    refused = mail(site, "friend", SPAMMER, ALICE, "again")["rcpt"][0]
    assert refused[0] == 450
    assert "Mail from %s is on hold" % SPAMMER in refused[1] and block["case"] in refused[1]
    assert mail(site, "friend", SPAMMER.replace("@", "+x7@"), ALICE, "again")["rcpt"][0][0] == 450
    assert mail(site, "friend", COLLEAGUE, ALICE, "of the colleague")["code"] == 250
    site.postfix.wait_mail(ALICE, "of the colleague", 20)


def test_nothing_of_it_is_in_the_kernel(site, block):
    assert not block["firewall"]
    ruleset = site.net.run(["nft", "list", "ruleset"], check=True).stdout
    assert "limetwig" in ruleset
    assert "192.0.2." not in ruleset and "100::" not in ruleset
    # a host that is nobody's provider gets there
    assert site.spam_mail("spam_a")["mails"][0]["code"] == 250
    site.wait_block(site.address("spam_a"))
    wait_for("the kernel to have it", lambda: site.address("spam_a") in site.net.run(
        ["nft", "list", "ruleset"], check=True).stdout)


def test_people_read_who_it_is(site, block):
    whom = SPAMMER + " at pool"
    for command in (("block", "list"), ("why", block["case"]), ("why", SPAMMER), ("hits", SPAMMER), ("hits",)):
        text = site.daemon.told(*command)
        assert whom in text, command
        assert "100::" not in text, command
    host = site.daemon.told("why", site.address("friend"))
    assert "mx of pool: shared, never blocked by address; 1 sender there is blocked" in host
    assert whom in host and "192.0.2.0/24 (shared, a file)" in host
    assert 'subject="%s"' % whom in site.daemon.log() and "subject=100::" not in site.daemon.log()
    assert block["identity"] == {"sender": SPAMMER, "provider": "pool"}


def test_allow_list_tells_tiers_and_sets(site):
    def entries():
        return {a["prefix"]: a for a in site.daemon.json("allow", "list")["allow"]}
    wait_for("the walk", lambda: entries()["spf:" + BOUGHT]["spf"]["state"] != "waiting")
    assert entries()["192.0.2.0/24"]["tier"] == "shared" and entries()["192.0.2.0/24"]["label"] == "pool"
    assert entries()["spf:" + BOUGHT]["spf"]["prefixes"] == 0
    text = site.daemon.told("allow", "list")
    assert "as pool" in text and "allows nobody" in text and "1 domains of free mail" in text


def test_a_dead_resolver_does_no_harm(site):
    """One warning, no alarm; what passes SPF cannot be known, so nobody new is charged."""
    alarms = site.daemon.log().count("alarm")
    site.dns.record(DOMAIN, mode="silent")
    site.dns.record(BOUGHT, mode="fail")
    site.daemon.told("reload")
    began = time.monotonic()
    assert mail(site, "friend", COLLEAGUE, TRAPS[1], "to the trap")["code"] == 250
    assert time.monotonic() - began < allowed(10)
    assert mail(site, "friend", COLLEAGUE, ALICE, "while the DNS is gone")["code"] == 250
    assert site.daemon.log().count("alarm") == alarms


def test_lifted_by_the_senders_name(site, block):
    assert SPAMMER + " at pool" in site.daemon.told("block", "remove", SPAMMER, "--note", "he called")
    assert mail(site, "friend", SPAMMER, ALICE, "open again")["code"] == 250
    assert "LIFTED" in site.daemon.told("why", block["case"])
