"""Mail to a trap that a backup MX or forwarder brings: the host before it pays, by the Received fields it wrote."""
import pytest
from lab import messages
from lab.network import wait_for
from lab.scene import CONF, TRAPS, assert_code, expect, sender_domain

SPAMMER = "198.51.100.200"
VICTIM = "198.51.100.201"


@pytest.fixture(scope="module")
def scene(new_scene):
    """club is the backup MX of this site."""
    made = new_scene(hosts={"club", "friend"})
    made.daemon.configure(CONF + "forwarders = { %s }\n" % made.address("club"))
    made.install()
    made.enforce("soft")
    made.add_host(SPAMMER)
    made.add_host(VICTIM)
    return made


def bring(scene, key, received, subject, trap=TRAPS[0]):
    """key hands on a message that came to it with these Received fields, topmost first."""
    sender = "offers@" + sender_domain(scene.host[key])
    text = "".join("Received: %s\n" % r for r in received) + messages.spam(sender, trap, subject)
    assert_code(scene.host[key].mail(sender, [trap], text), 250, subject)
    wait_for("the hit of " + subject, lambda: any(
        h["subject"] == subject for h in scene.daemon.json("hits")["hits"]))
    return next(h for h in scene.daemon.json("hits")["hits"] if h["subject"] == subject)


def by_club(address):
    return "from x (unknown [%s])\n\tby lists.club.example (Postfix) with ESMTP id 4X1; Sun, 22 Nov 2026 01:02:03 +0000" % address


def test_the_host_before_is_charged(scene):
    forged = "from y (mail.victim.example [%s]) by lists.club.example with SMTP" % VICTIM
    hit = bring(scene, "club", [by_club(SPAMMER), forged], "brought by the backup MX")
    expect("the host that sent it to the backup MX", hit["client"] == SPAMMER, hit)
    scene.wait_block(SPAMMER)
    expect("a refusal", scene.try_mail(SPAMMER)[0] == 450, scene.try_mail(SPAMMER))
    for key in ("club", VICTIM):
        expect("no block of " + key, scene.try_mail(key)[0] == 250, scene.try_mail(key))


def test_without_a_field_nobody_is_charged(scene):
    hit = bring(scene, "club", [], "brought without a word")
    expect("exempt", hit["grade"] == "exempt", hit)
    expect("the backup MX goes on", scene.try_mail("club")[0] == 250, hit)


def test_a_local_submission_ends_the_walk(scene):
    local = "by lists.club.example (Postfix, from userid 33)\n\tid 4X2; Sun, 22 Nov 2026 01:02:03 +0000"
    hit = bring(scene, "club", [local, by_club(VICTIM)], "from a web form of the backup MX")
    expect("exempt", hit["grade"] == "exempt", hit)
    expect("no block of the named host", scene.try_mail(VICTIM)[0] == 250, hit)


def test_others_are_not_believed(scene):
    key = scene.new_host()
    hit = bring(scene, key, [by_club(VICTIM)], "a stranger with a story")
    expect("the stranger himself", hit["client"] == key, hit)
    scene.wait_block(key)
    expect("no block of the named host", scene.try_mail(VICTIM)[0] == 250, hit)
