"""Lists from outside at work: first contact, kernel, who is spared, what goes when the list does; a real Postfix."""
import ipaddress
import tempfile

import pytest
from lab.dns_client import DnsClient, reverse
from lab.dns_host import PORT as DNS_PORT
from lab.dns_host import Dns
from lab.network import wait_for
from lab.scene import CONF, TRAPS

LISTS = "/etc/limetwig/lists"
PATIENCE = 30
FEEDS = """feed "drop" {
  source = "%s/drop.txt"
  documentation = yes
  change = 100
  layers = "policy firewall"
}
feed "dirty" {
  source = "%s/dirty.txt"
  documentation = yes
  change = 100
  action = tarpit
  layers = "policy firewall dnsbl export"
}
fetch {
  resolvers = { "127.0.0.1:%d" }
}
dnsbl {
  zone = "bl.example.org"
  listen = { "127.0.0.1:53" }
}
""" % (LISTS, LISTS, DNS_PORT)
DIRTY = 100000
# of a large provider, by its SPF record, and of one by a line of the site's own
PROVIDER = ["203.0.113.128/25", "40.92.0.0/16", "2001:db8:40::/44"]
FARM = "192.0.2.64/27"


def dirty():
    """Every other address of a network, and what lists in the wild have in them: what is none, lines 11 and 21 to 25, and
    networks that many share."""
    first = ipaddress.ip_address("45.80.0.0")
    lines = ["%s" % (first + i * 2) for i in range(DIRTY - 5 - len(PROVIDER) - 1)]
    lines[10] = lines[10] + lines[11]  # two lines glued
    lines[20:20] = ["32.0.0.0/3", "8.0.0.0/8", "10.1.2.3", "<html>nothing here</html>",
                    "192.0.2.1 - 192.0.2.0"]
    lines[500:500] = PROVIDER + [FARM]
    return "\n".join(lines) + "\n"


class Site:
    def __init__(self, scene):
        self.scene, self.daemon = scene, scene.daemon
        self.listed = set()

    def write(self, *addresses):
        """The list as it is from now on, and in force."""
        self.listed = set(addresses)
        self.scene.net.write(LISTS + "/drop.txt", "# ours\n" + "".join("%s\n" % a for a in addresses))
        self.daemon.told("feed", "refresh", "drop")
        wait_for("the list to act", self.is_in_force, PATIENCE)

    def is_in_force(self):
        return self.row("drop").get("prefixes") == len(self.listed) and all(
            any(f["feed"] == "drop" for f in self.found(a)) for a in self.listed)

    def found(self, address):
        done = self.daemon.ctl("feed", "find", address, "--json")
        return self.daemon.json("feed", "find", address)["feeds"] if done.returncode == 0 else []

    def row(self, name):
        return next((f for f in self.daemon.json("feed", "list")["feeds"] if f["name"] == name), {})

    def why(self, address):
        return self.daemon.json("why", address)["matches"][0]

    def wait_title(self, address, title):
        wait_for("%s to be %s" % (address, title), lambda: self.why(address)["title"] == title, PATIENCE)


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"club"})
    scene.net.write(LISTS + "/drop.txt", "# nothing yet\n")
    scene.net.write(LISTS + "/dirty.txt", dirty())
    scene.net.write("/etc/limetwig/shared.d/site.txt", "spf:provider.example as provider\n%s as farm\n" % FARM)
    scene.daemon.configure(CONF + FEEDS)
    with tempfile.TemporaryDirectory() as folder:
        dns = Dns(scene.net, folder)
        dns.record("provider.example", TXT=["v=spf1 include:_spf.provider.example -all"])
        dns.record("_spf.provider.example", TXT=["v=spf1 ip4:203.0.113.128/25 ip4:40.92.0.0/15 ip6:2001:db8:40::/44 -all"])
        scene.install()
        yield Site(scene)
        dns.close()


def test_monitor_says_would(site):
    key = site.scene.new_host()
    address = site.scene.address(key)
    site.write(address)
    site.scene.good_mail(key, "before anything is refused")
    site.wait_title(address, "WOULD BE BLOCKED")
    assert not site.scene.in_kernel(address)
    assert "would" in site.daemon.told("why", address)


def test_first_contact_is_refused(site):
    site.scene.enforce("full")
    key = site.scene.new_host()
    address, six = site.scene.address(key), site.scene.address(key, six=True)
    site.write(address, six.rsplit(":", 2)[0] + "::/64")
    code, text = site.scene.try_mail(key)
    assert code == 554, text
    block = site.scene.block_of(address)
    assert block["case"] in text and block["feed"] == "drop" and block["offence"] == 1
    wait_for("the kernel", lambda: site.scene.in_kernel(address), PATIENCE)
    assert site.scene.try_mail(key, six=True)[0] == 554
    told = site.daemon.told("why", address)
    assert "drop has %s" % address in told and "blocks" in told
    # off the list: nothing of it is left
    site.write("203.0.113.9")
    site.wait_title(address, "LIFTED")
    wait_for("the kernel to forget", lambda: not site.scene.in_kernel(address), PATIENCE)
    site.scene.good_mail(key, "no longer on the list")


def test_good_mail_spares(site):
    address = site.scene.address("club")
    site.write(address)
    before = site.row("drop")["spared"]
    site.scene.good_mail("club", "spared")
    row = site.row("drop")
    assert row["spared"] > before and row["collateral"]["good"]["count"] == 1
    assert row["collateral"]["good"]["first"] == [address]
    assert site.why(address)["feeds"][0]["does"] == "spares"
    assert "spared, it sends good mail" in site.daemon.told("why", address)
    assert not site.scene.in_kernel(address)


def test_undo_by_feed(site):
    one, two, trapped = (site.scene.new_host() for _ in range(3))
    site.write(site.scene.address(one), site.scene.address(two))
    assert site.scene.try_mail(one)[0] == 554
    assert site.scene.try_mail(two)[0] == 554
    site.scene.spam_mail(trapped, TRAPS[0])
    site.scene.wait_block(site.scene.address(trapped))
    assert len(site.daemon.json("block", "list", "--feed", "drop")["blocks"]) >= 2
    assert site.daemon.json("block", "list", "--feed", "dirty")["blocks"] == []
    assert len(site.daemon.json("block", "remove", "--feed", "drop", "--dry-run")["removed"]) >= 2
    site.daemon.told("block", "remove", "--feed", "drop", "--note", "a mistake of theirs")
    wait_for("the kernel to forget", lambda: not site.scene.in_kernel(site.scene.address(one)), PATIENCE)
    site.scene.good_mail(one, "pardoned")
    assert site.why(site.scene.address(trapped))["title"] == "BLOCKED"


def test_a_dirty_list_comes_in_clean(site):
    wait_for("the dirty list", lambda: site.row("dirty").get("acts"), PATIENCE)
    row = site.row("dirty")
    assert row["state"] == "ok" and row["refused"] == 6 and row["entries"] == DIRTY - 6, row
    assert row["ipv4_addresses"] == row["entries"] - 4 + 128 + 65536 + 32  # no /3, no /8
    assert not site.found("8.8.8.8") and not site.found("33.1.1.1") and not site.found("45.80.0.1")
    assert site.found("45.80.0.0") and site.found("45.80.0.2")
    done = site.daemon.json("feed", "import", LISTS + "/dirty.txt", "--dry-run")
    # by the rules of a feed without settings of its own: three networks are documentation's
    assert done["refused"] == 9 and done["entries"] == DIRTY - 9
    assert {r["line"] for r in done["refusals"]} == {11, 21, 22, 23, 24, 25, 501, 503, 504}
    assert done["collateral"]["good"]["count"] == 0
    told = site.daemon.told("feed", "import", LISTS + "/dirty.txt", "--dry-run")
    assert "none of 2 hosts that send good mail" in told  # the club, by each family
    assert site.daemon.ctl("feed", "import", LISTS + "/dirty.txt").returncode == 2


def test_a_shared_provider_on_a_dirty_list_is_nobody(site):
    """Its networks, by the SPF record and by a line of the site's, are holes wherever the list goes."""
    inside = ["203.0.113.128", "203.0.113.255", "40.92.7.7", "2001:db8:4f::1", "192.0.2.64"]
    for address in inside:
        wait_for("%s to be a provider's" % address, lambda a=address: [
            f["does"] for f in site.found(a) if f["feed"] == "dirty"] == ["yields"], PATIENCE)
    assert [f["does"] for f in site.found("45.80.0.2") if f["feed"] == "dirty"] == ["blocks"]
    done = site.daemon.json("feed", "import", LISTS + "/dirty.txt", "--dry-run")
    assert done["collateral"]["shared"]["count"] >= 1, done["collateral"]  # less what is documentation
    # mail
    key = site.scene.add_host("203.0.113.200", "2001:db8:40::200")
    site.scene.good_mail(key, "through the provider")
    site.scene.good_mail(key, "through the provider, by the other family", six=True)
    assert not site.scene.block_of("203.0.113.200") and not site.scene.in_kernel("203.0.113.200")

    # zone and exports
    def ask(address):
        return dns.ask(reverse(address) + ".bl.example.org").rcode == 0

    def is_clean():
        lines = site.daemon.told("export", "--format", "cidr").splitlines()
        others = [ipaddress.ip_network(line) for line in lines if not line.startswith("45.8")]
        holes = [ipaddress.ip_network(n) for n in PROVIDER + [FARM]]
        return len(lines) > DIRTY / 2 and not any(n.version == h.version and n.overlaps(h) for h in holes for n in others)
    dns = DnsClient(site.scene.net.init)
    wait_for("the zone", lambda: ask("45.80.0.2") and not any(ask(a) for a in inside), PATIENCE)
    dns.close()
    wait_for("the export", is_clean, PATIENCE)


def test_status_and_metrics(site):
    assert "feeds    2 of 2 act" in site.daemon.told("status")
    assert {f["name"] for f in site.daemon.json("status")["feeds"]} == {"drop", "dirty"}


def test_a_feed_out_of_the_configuration(site):
    key = site.scene.new_host()
    site.write(site.scene.address(key))
    assert site.scene.try_mail(key)[0] == 554
    site.daemon.configure(CONF)
    site.daemon.told("reload")
    site.wait_title(site.scene.address(key), "LIFTED")
    wait_for("the kernel to forget", lambda: not site.scene.in_kernel(site.scene.address(key)), PATIENCE)
    site.scene.good_mail(key, "the feed is gone")
    assert site.daemon.json("feed", "list")["feeds"] == []
