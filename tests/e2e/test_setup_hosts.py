"""limetwig setup postfix: whom it finds to be ours, in the DNS and without it."""
import json
import os
import re
import shutil
import subprocess

import pytest
from lab.network import HERE, PYTHON, die_with_parent

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("postconf"), reason="needs root and Postfix")

MX, RELAY, SELF = "198.51.100.25", "198.51.100.7", "198.51.100.1"
RECORDS = {"example.org": {"MX": ["mx1.example.org", "backup.example.net"]}, "backup.example.net": {"A": [MX]},
           "mx1.example.org": {"A": [SELF]}, "relay.example.net": {"A": [RELAY]}}
HOLD = """
/sbin/ip link set lo up
mount --bind "$1" "$(readlink -f /etc/resolv.conf)"; mount --bind "$2" "$(readlink -f /etc/nsswitch.conf)"
echo ready; exec cat
"""


class Dns:
    """A network of its own for a site; the name server there, and what it says."""

    def __init__(self, site):
        self.site, self.server = site, None
        self.file("nsswitch", "hosts: files dns\n")
        self.nameservers("127.0.0.1")
        self.holder = self.start(["unshare", "-n", "-m", "/bin/sh", "-c", HOLD, "sh", site.top + "/resolv", site.top + "/nsswitch"])
        site.enter = ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "--"]

    def file(self, name, text):
        with open(self.site.top + "/" + name, "w", encoding="utf-8") as f:
            f.write(text)

    def nameservers(self, *addresses):
        self.file("resolv", "".join("nameserver %s\n" % a for a in addresses))

    def start(self, argv):
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert child.stdout.readline() == "ready\n"
        return child

    def up(self, records):
        self.file("records.json", json.dumps({"records": records}))
        self.server = self.start([*self.site.enter, PYTHON, HERE + "/dns_server.py", "53", self.site.top + "/records.json"])

    def down(self):
        self.server.kill()
        self.server.communicate()

    def close(self):
        for child in (self.server, self.holder):
            if child and child.poll() is None:
                child.kill()
                child.communicate()


@pytest.fixture(name="dns")
def make_dns(site_of):
    d = Dns(site_of("debian"))
    yield d
    d.close()


def add(site, text):
    with open(site.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write(text)


def own_hosts(site):
    with open(site.etc + "/postfix.conf", encoding="utf-8") as f:
        return re.findall('"([^"]*)"', re.search(r"own-hosts *= \{([^}]*)\}", f.read()).group(1))


def test_mx_relay_and_own_name_come_first_and_stay_while_the_dns_is_silent(dns):
    s = dns.site
    add(s, "relayhost = [relay.example.net]:587\n")
    dns.up(RECORDS)
    shown = s.setup()
    assert own_hosts(s) == [SELF, MX, RELAY, "192.0.2.0/28"] and "the DNS did not" not in shown
    dns.down()
    shown = s.setup()
    assert "note: the DNS did not answer" in shown and "Nothing to do" in shown
    assert own_hosts(s) == [SELF, MX, RELAY, "192.0.2.0/28"]
    dns.up(dict(RECORDS, **{"relay.example.net": {"mode": "fail"}, "backup.example.net": {"A": ["198.51.100.26"]}}))
    assert "note: the DNS did not answer" in s.setup()
    assert own_hosts(s) == [SELF, "198.51.100.26", MX, RELAY, "192.0.2.0/28"]
    dns.down()
    dns.up(dict(RECORDS, **{"example.org": {}}))
    assert "the DNS did not" not in s.setup()
    assert own_hosts(s) == [SELF, RELAY, "192.0.2.0/28"]


def test_a_first_name_server_that_is_down_hides_nobody(dns):
    s = dns.site
    hole = [*s.enter, PYTHON, "-c", "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "s.bind(('127.0.0.9', 53))\nprint('ready', flush=True)\ninput()"]
    silent = dns.start(hole)
    dns.nameservers("127.0.0.9", "127.0.0.1")
    dns.up(dict(RECORDS, **{"example.org": {"MX": ["backup.example.net"]}}))
    shown = s.setup()
    silent.kill()
    silent.communicate()
    assert own_hosts(s) == [SELF, MX, "192.0.2.0/28"] and "the DNS did not" not in shown


def test_what_has_no_room_is_said(dns):
    s = dns.site
    dns.up(RECORDS)
    s.write("main.cf", s.read()[0].decode().replace("192.0.2.0/28", " ".join("192.0.2.%d" % n for n in range(40))))
    shown = s.setup()
    assert "note: own-hosts has no room for all (32" in shown and own_hosts(s)[:2] == [SELF, MX] and len(own_hosts(s)) == 32
    dns.down()
    assert "note: the DNS did not" in s.setup() and own_hosts(s)[:2] == [SELF, MX]


def test_domains_with_many_mx_push_no_network_out(dns):
    s = dns.site
    hosts = {"m%d.big.example" % n: {"A": ["198.51.%d.%d" % (n, i) for i in range(1, 5)]} for n in range(101, 136)}
    names = list(hosts)
    domains = {"big%d.example" % n: {"MX": ["mx1.example.org"] + names[7 * n:7 * n + 7]} for n in range(5)}
    add(s, "virtual_mailbox_domains = " + " ".join(domains) + "\n")
    dns.up({**RECORDS, **hosts, **domains})
    assert "no room" in s.setup()
    assert own_hosts(s)[:3] == [SELF, MX, "192.0.2.0/28"] and len(own_hosts(s)) == 32
    add(s, "virtual_mailbox_domains = big0.example\n")
    assert "no room" in s.setup() and own_hosts(s)[3:] == ["198.51.101.%d" % n for n in range(1, 5)] + ["198.51.102.%d" % n for n in range(1, 4)]


def test_mx_of_a_domain_that_is_served_elsewhere_are_not_ours(dns):
    s = dns.site
    hosts = {"alien.example": {"A": ["198.51.100.66"]}, "beside.example": {"A": ["198.51.100.99"]},
             "nowhere.example": {"A": ["127.0.0.1"]}, "inside.example": {"A": ["203.0.113.80"]}}
    domains = {"gone.example": ["alien.example"], "parked.example": ["nowhere.example", "alien.example"],
               "here.example": ["mx1.example.org", "beside.example"]}
    dns.up({**RECORDS, **hosts, **{name: {"MX": mx} for name, mx in domains.items()}})
    add(s, "virtual_mailbox_domains = " + " ".join(domains) + "\n")
    shown = s.setup()
    assert own_hosts(s) == [SELF, MX, "192.0.2.0/28", "198.51.100.99"] and "no room" not in shown
    subprocess.run([*s.enter, "ip", "address", "add", "198.51.100.66/32", "dev", "lo"], check=True)
    dns.down()
    dns.up({**RECORDS, **hosts, "gone.example": {"MX": ["alien.example", "inside.example"]}})
    s.setup()
    assert own_hosts(s) == [SELF, MX, "192.0.2.0/28", "198.51.100.66", "203.0.113.80"]


def test_a_network_that_left_main_cf_does_not_stay_for_a_lame_domain(dns):
    s = dns.site
    add(s, "virtual_mailbox_domains = lame.example\n")
    dns.up({**RECORDS, "lame.example": {"MX": ["mx1.example.org", "beside.example"]}, "beside.example": {"A": ["198.51.100.99"]}})
    assert "the DNS did not" not in s.setup() and own_hosts(s) == [SELF, MX, "192.0.2.0/28", "198.51.100.99"]
    s.write("main.cf", s.read()[0].decode().replace("192.0.2.0/28", "203.0.113.0/28"))
    dns.down()
    dns.up({**RECORDS, "lame.example": {"mode": "fail"}})
    assert "the DNS did not" in s.setup() and own_hosts(s) == [SELF, MX, "203.0.113.0/28", "198.51.100.99"]
    dns.down()
    assert "the DNS did not" in s.setup() and own_hosts(s) == [SELF, MX, "198.51.100.99", "203.0.113.0/28"]


def test_mx_of_domains_that_main_cf_names(dns):
    s = dns.site
    hosts = {"mail%d.example" % n: {"A": ["198.51.100.%d" % (100 + n)]} for n in range(5)}
    names = ("one.example", "two.example", "three.example", "four.example", "in-a-table.example")
    domains = {name: {"MX": ["mx1.example.org", "mail%d.example" % n]} for n, name in enumerate(names)}
    add(s, "mydestination = $myhostname, localhost.$mydomain, one.example\nvirtual_mailbox_domains = two.example, one.example\n"
        "virtual_alias_domains = three.example inline:{in-a-table.example=x} hash:/in-a-table.example\n"
        "relay_domains = .four.example four.example\n")
    dns.up({**RECORDS, **hosts, **domains})
    shown = s.setup()
    assert own_hosts(s) == [SELF, MX, "192.0.2.0/28"] + ["198.51.100.%d" % (100 + n) for n in range(4)]
    assert "no room" not in shown
    add(s, "relay_domains = " + " ".join("d%d.example" % n for n in range(30)) + " four.example\n")
    assert "no room" in s.setup() and own_hosts(s) == [SELF, MX, "192.0.2.0/28", "198.51.100.100", "198.51.100.101", "198.51.100.102"]
