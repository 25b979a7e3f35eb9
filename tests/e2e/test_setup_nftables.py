"""limetwig setup nftables: what it finds in real rules, and what its advice does to a blocked client."""
import json

import pytest
from lab import witness
from lab.network import wait_for
from lab.scene import ALICE, assert_code

CONF = """contact = "https://postmaster.example.org/"
block {
  jitter = 0
}
firewall {
  action = answer
%s}
tarpit {
  offence = 1
}
"""
RULES = "/etc/nftables.conf"
CLOSED = """flush ruleset
table inet site {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif lo accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 25 accept
	}
}
"""
DOCKER = """table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat;
		fib daddr type local jump DOCKER
	}
	chain DOCKER {
		iifname "docker0" return
		iifname != "docker0" ip daddr 192.0.2.200 tcp dport 25 dnat to 172.17.0.2:2525
	}
}
"""
ROUTED = """table inet router {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ip daddr 192.0.2.201 tcp dport 25 accept
	}
}
"""


@pytest.fixture(scope="module")
def scene(new_scene):
    made = new_scene(hosts={"friend"})
    made.daemon.configure(CONF % "")
    made.net.write(RULES, CLOSED)
    made.net.run(["nft", "-f", RULES], check=True)
    made.install()
    made.enforce("full")
    return made


def advice(scene, *options):
    return scene.daemon.told("setup", "nftables", *options)


def closed_filters(scene):
    """What doctor says of filters that our port does not pass."""
    items = json.loads(scene.daemon.ctl("doctor", "--json").stdout)["items"]
    return [item["text"] for item in items if item["level"] == "warn" and "none is for our port" in item["text"]]


def rules(scene):
    """The site's own; limetwig's come and go while we look."""
    return scene.net.run(["nft", "-s", "list", "table", "inet", "site"], check=True).stdout


def blocked(scene):
    key = scene.new_host()
    assert_code(scene.spam_mail(key), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)), 30)
    return key


def assert_told(scene, key):
    """He reads his case at our own server."""
    answer = scene.host[key].mail("offers@other.example", [ALICE], "Subject: again\n\nagain\n")
    code, text = answer["mails"][0]["rcpt"][0]
    assert code == 450 and witness.case_of(text), answer
    assert not answer["replies"][0]["text"].endswith("Postfix")


def test_a_filter_that_drops_and_a_flush_need_nothing(scene):
    before = rules(scene)
    said = advice(scene)
    assert "flush ruleset" in said and "chain input drops what none of its rules takes: nothing is needed" in said
    assert "0 to do." in said and rules(scene) == before
    key = blocked(scene)
    assert_told(scene, key)
    scene.net.run(["nft", "-f", RULES], check=True)
    wait_for("the table and its element", lambda: scene.in_kernel(scene.address(key)), 30)
    assert_told(scene, key)


def test_docker_and_routed_mail_need_forward_and_the_printed_rule_lets_in(scene):
    scene.net.run(["nft", "-f", "-"], input=DOCKER + ROUTED, check=True)
    said = advice(scene, "--print")
    assert "Docker" in said and "chain DOCKER: " in said and "chain forward: " in said
    assert "firewall { forward = yes }" in said
    assert not closed_filters(scene)  # not led to it yet
    rule = next(line.strip() for line in said.splitlines() if line.strip().startswith("nft insert rule"))
    assert rule.startswith("nft insert rule inet site input ")
    scene.daemon.configure(CONF % "  forward = yes\n")
    scene.daemon.told("reload")
    wait_for("the redirect", lambda: "redirect to" in scene.net.run(
        ["nft", "-t", "list", "table", "inet", "limetwig"]).stdout, 30)
    said = advice(scene)
    assert rule in said and "firewall { forward = yes }" not in said
    assert [text for text in closed_filters(scene) if "table inet site, chain input" in text]
    key = blocked(scene)
    answer = scene.host[key].mail("offers@other.example", [ALICE], "Subject: again\n\nagain\n", timeout=3)
    assert "mails" not in answer or not answer["mails"], answer  # the site's filter drops him
    scene.net.run(rule.split(), check=True)
    said = advice(scene, "--dry-run")
    assert "0 to do." in said and "has a rule for our server's port" in said
    assert not closed_filters(scene)
    assert_told(scene, key)
    scene.good_mail("friend", "with the rules as advised")


def test_a_saved_table_of_ours_is_found_and_revert_has_nothing_to_do(scene):
    before = rules(scene)
    scene.net.write("/tmp/saved.nft", "flush ruleset\n" + scene.net.run(["nft", "list", "ruleset"], check=True).stdout)
    assert "delete that table from the file" in advice(scene, "--file", "/tmp/saved.nft")
    assert "Nothing to revert" in advice(scene, "--revert")
    assert "usage" in scene.daemon.told("setup", "nftables", "--install", status=2)
    assert rules(scene) == before
