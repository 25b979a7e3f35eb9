"""What a spamd.conf says to those it lists: heard from Postfix at first, then from our own server; a real kernel."""
import pytest
from lab import witness
from lab.network import wait_for
from lab.scene import ALICE, TRAPS

LISTS = "/etc/limetwig/lists"
PATIENCE = 30
CONF = """contact = "https://postmaster.example.org/ or +49 30 5550100"
block {
  jitter = 0
}
firewall {
  action = answer
}
tarpit {
  host = mx.example.org
  offence = 1
}
feeds {
  spamd-conf = "%s/spamd.conf"
  spamd-action = block
  documentation = yes
}
""" % LISTS
SPAMD_CONF = r"""all:\
	:talkers:
talkers:\
	:black:\
	:msg="Your address %%A has sent mail to a spamtrap\nwithin the last 24 hours":\
	:method=file:\
	:file=%s/talkers.txt:
""" % LISTS
WORDS = "Your address %s has sent mail to a spamtrap within the last 24 hours"


@pytest.fixture(scope="module")
def scene(new_scene):
    scene = new_scene(hosts=set())
    scene.listed = [scene.new_host() for _ in range(2)]
    scene.net.write(LISTS + "/spamd.conf", SPAMD_CONF)
    scene.net.write(LISTS + "/talkers.txt", "%s\n%s\n" % (scene.address(scene.listed[0]),
                                                          scene.address(scene.listed[1], six=True)))
    scene.daemon.configure(CONF)
    scene.install()
    scene.enforce("full")
    wait_for("the list to act", lambda: any(f["name"] == "talkers" and f.get("prefixes") == 2 for f in
                                            scene.daemon.json("feed", "list")["feeds"]), PATIENCE)
    return scene


def at_our_server(scene, key, six):
    answer = scene.host[key].mail("offers@other.example", [ALICE], "Subject: again\n\nagain\n", six=six)
    assert answer["replies"][0]["text"] == "mx.example.org ESMTP", answer
    return answer["mails"][0]["rcpt"][0]


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_who_is_listed_hears_it(scene, six):
    key = scene.listed[six]
    address = scene.address(key, six)
    code, text = scene.try_mail(key, six=six)
    assert code == 554 and WORDS % address in text, text
    case = scene.wait_block(address)["case"]
    assert witness.case_of(text) == case
    wait_for("the kernel element", lambda: scene.in_kernel(address), PATIENCE)
    there = at_our_server(scene, key, six)
    assert there[0] == 554 and WORDS % address in there[1]
    assert text.endswith(there[1].replace("5.7.1 ", ""))


def test_who_is_trapped_does_not(scene):
    key = scene.new_host()
    scene.spam_mail(key, TRAPS[0])
    scene.wait_block(scene.address(key))
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)), PATIENCE)
    assert "spamtrap" not in at_our_server(scene, key, False)[1]
