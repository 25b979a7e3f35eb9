"""Our list in the zone of real primary servers (RFC 2136, TSIG): it gets there, stays, and is mended after an outage."""
import ipaddress
import json
import os
import signal
import subprocess
import tempfile

import pytest
from lab import dns_primary
from lab.dns_primary import KEY_FILE, ZONE, Bind, Knot, KnotSecondary, PowerDns, peer
from lab.network import PYTHON, die_with_parent, wait_for
from lab.scene import CONF

HERE = os.path.dirname(os.path.abspath(__file__))
KEY_PATH = "/etc/limetwig/update.key"
TESTS = {"2.0.0.127": "127.0.0.2", "2.0.0.0.0.0.f.7.f.f.f.f" + ".0" * 20: "127.0.0.2"}
PORTS = {Bind: 5301, Knot: 5302, PowerDns: 5303}
LISTS = "/etc/limetwig/lists"
CODE = "127.0.0.9"  # of the feed's names
FEEDS = """
feed "drop" {
  source = "%s/drop.txt"
  action = list
  layers = "dnsbl"
  code = 9
  change = 100
  documentation = yes
}
feed "ours" {
  source = "%s/ours.txt"
  action = allow
  change = 100
  documentation = yes
}
feed "refused" {
  source = "%s/refused.txt"
  action = block
  layers = "policy firewall"
  documentation = yes
}
""" % (LISTS, LISTS, LISTS)


def owner(net):
    """The name of a network, without the zone; None: it is more than one."""
    step = 8 if net.version == 4 else 4
    keep = net.prefixlen // step
    if net.prefixlen % step:
        return None
    labels = net.network_address.reverse_pointer.split(".")[:-2]
    name = ".".join(labels[len(labels) - keep:])
    return name if keep == len(labels) else "*." + name


def owners(nets):
    """The names of all these networks."""
    names = set()
    for net in nets:
        name = owner(net)
        names |= {name} if name else owners(net.subnets())
    return names


def without(nets, holes):
    """What is left of the networks, as few as there can be."""
    left = [ipaddress.ip_network(n) for n in nets]
    for hole in map(ipaddress.ip_network, holes):
        cut = []
        for net in left:
            if net.version != hole.version or not net.overlaps(hole):
                cut.append(net)
            elif not net.subnet_of(hole):
                cut += net.address_exclude(hole)
        left = cut
    return [n for v in (4, 6) for n in ipaddress.collapse_addresses(n for n in left if n.version == v)]


class Site:
    def __init__(self, scene, folder):
        self.scene, self.daemon, self.net, self.folder = scene, scene.daemon, scene.net, folder
        self.servers = []
        self.listed, self.holes = [], []  # of the feed with layer dnsbl; never in the zone

    def point(self, port, more="", feeds=""):
        """limetwigd sends its list to this port from now on."""
        self.daemon.configure(CONF + """
dns-update {
  server = "127.0.0.1:%d"
  zone = "%s"
  key-file = "%s"
  %s
}
%s""" % (port, ZONE, KEY_PATH, more, feeds))
        self.daemon.reload()
        wait_for("the new server in status", lambda: self.state().get("server", "").endswith(":%d" % port), 30)

    def state(self):
        done = self.daemon.ctl("status", "--json")
        return json.loads(done.stdout).get("dns_update", {}) if done.returncode == 0 else {}

    def wait_state(self, state, seconds=60):
        return wait_for("dns_update to be " + state, lambda: self.state().get("state") == state and self.state(), seconds)

    def server(self, kind, name, port, **more):
        made = kind(self.net, os.path.join(self.folder, name), port, **more)
        self.servers.append(made)
        made.start()
        return made

    def block(self, *subjects):
        for subject in subjects:
            self.daemon.told("block", "add", subject, "--note", "test")

    def unblock(self, *subjects):
        for subject in subjects:
            self.daemon.told("block", "remove", subject, "--note", "test")

    def expected(self):
        """What the zone should list, computed from `block list` and the feed."""
        blocks = [block["subject"] for block in self.daemon.json("block", "list")["blocks"]]
        names = dict.fromkeys(owners(without(self.listed, self.holes + blocks)), CODE)
        names.update(dict.fromkeys(owners(without(blocks, self.holes)), "127.0.0.4"))
        return dict(names, **TESTS)

    def write(self, name, lines):
        self.net.write("%s/%s.new" % (LISTS, name), "".join("%s\n" % line for line in lines))
        os.rename(self.net.path("%s/%s.new" % (LISTS, name)), self.net.path("%s/%s" % (LISTS, name)))
        self.daemon.ctl("feed", "refresh", name[:-len(".txt")])  # not yet one of its feeds: read when it is

    def wait_zone(self, server, seconds=60):
        """Until the zone is exactly what `block list` says."""
        want = self.expected()
        try:
            wait_for("the zone", lambda: server.listed() == want, seconds)
        except Exception as e:
            raise AssertionError("%s: has %s, should have %s; %s\n%s\n%s" % (
                e, server.listed(), want, self.state(), self.daemon.log_tail(), server.log())) from e
        zone = server.zone()
        assert "192.0.2.80" in zone["www"]["A"], "a name that is not ours was touched"
        assert all("TXT" in zone[name] for name in want)

    def feed(self, name):
        return next(f for f in self.daemon.json("feed", "list")["feeds"] if f["name"] == name)

    def clear(self):
        for block in self.daemon.json("block", "list")["blocks"]:
            self.unblock(block["subject"])


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts=set())
    with tempfile.TemporaryDirectory() as folder:
        made = Site(scene, folder)
        scene.net.write(KEY_PATH, KEY_FILE, 0o640)
        scene.install()
        scene.enforce("soft")
        yield made
        for server in made.servers:
            server.stop(signal.SIGKILL)


def needs(*kinds):
    for kind in kinds:
        if not peer(kind.program):
            pytest.skip("%s is not unpacked in build-host/peers" % kind.program)
    if not peer("dig"):
        pytest.skip("dig is not installed")


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDns], ids=lambda kind: kind.program)
def test_takes_our_list_and_keeps_it(site, kind):
    needs(kind)
    site.clear()
    server = site.server(kind, kind.program, PORTS[kind])
    site.point(server.port)
    site.wait_zone(server)
    site.block("198.51.100.66", "198.51.100.67", "2001:db8:66::/64", "192.0.2.0/24")
    site.wait_zone(server)
    assert site.wait_state("ok")["wrong"] is False
    case = {b["subject"]: b["case"] for b in site.daemon.json("block", "list")["blocks"]}
    assert case["198.51.100.66"] in "".join(server.zone()["66.100.51.198"]["TXT"])
    site.unblock("198.51.100.67")
    site.wait_zone(server)
    # it restarts: the zone is on its disk
    want = site.expected()
    server.stop()
    server.start()
    assert server.listed() == want
    # it is killed, and away for a while
    site.block("198.51.100.68")
    site.wait_zone(server)
    server.stop(signal.SIGKILL)
    site.block("198.51.100.69", "2001:db8:67::/64")
    site.unblock("198.51.100.66", "192.0.2.0/24")
    site.wait_state("unreachable")
    lines = [line for line in site.daemon.log().splitlines() if "dns_update" in line and ":%d" % server.port in line]
    assert len([line for line in lines if "state=unreachable" in line]) <= 2, lines
    server.start()
    site.wait_zone(server)
    site.wait_state("ok")
    server.stop()


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDns], ids=lambda kind: kind.program)
def test_a_feed_with_holes(site, kind):
    needs(kind)
    site.clear()
    site.listed = ["192.0.2.0/24", "198.51.100.0/27", "203.0.113.200", "2001:db8:7::/48", "2001:db8:9::1"]
    site.holes = ["192.0.2.77", "198.51.100.8/30", "2001:db8:7:1::/64", "203.0.113.210"]
    site.write("drop.txt", site.listed)
    site.write("ours.txt", site.holes[:3])
    site.write("refused.txt", ["198.51.100.200"])
    site.daemon.told("allow", "add", site.holes[3], "--note", "test")
    server = site.server(kind, "feed-" + kind.program, PORTS[kind] + 20)
    site.point(server.port, feeds=FEEDS)
    site.wait_zone(server)
    assert not {"77.2.0.192", "*.2.0.192", "9.100.51.198", "200.100.51.198"} & set(server.listed())
    # a block where the feed has a name: its own answer, and the feed's again when it ends
    site.block("192.0.2.5", "198.51.100.100")
    site.wait_zone(server)
    assert server.listed()["5.2.0.192"] == "127.0.0.4"
    site.unblock("192.0.2.5")
    site.wait_zone(server)
    assert server.listed()["5.2.0.192"] == CODE
    # it changes, and so do the holes: one goes, one comes
    site.listed = ["192.0.2.0/24", "198.51.100.0/28", "203.0.113.208/28", "2001:db8:7::/48"]
    site.write("drop.txt", site.listed)
    site.wait_zone(server)
    assert "210.113.0.203" not in server.listed()
    site.daemon.told("allow", "remove", site.holes.pop(), "--note", "test")
    site.wait_zone(server)
    site.holes = ["192.0.2.128/25", "2001:db8:7:1::/64"]
    site.write("ours.txt", site.holes)
    site.wait_zone(server)
    # out of the configuration: out of the zone
    site.listed = site.holes = []
    site.point(server.port)
    site.wait_zone(server)
    server.stop()


def test_a_feed_that_dies(site):
    needs(Bind)
    site.clear()
    site.listed, site.holes = ["192.0.2.0/24", "203.0.113.9"], ["192.0.2.128/25"]
    site.write("drop.txt", site.listed)
    site.write("ours.txt", site.holes)
    server = site.server(Bind, "dies", 5318)
    site.point(server.port, feeds=FEEDS)
    site.wait_zone(server)
    # its source is gone, then comes empty: the zone stays as it is, and goes on with the blocks
    os.unlink(site.net.path(LISTS + "/drop.txt"))
    for state in ("failed", "held"):
        site.daemon.told("feed", "refresh", "drop")
        wait_for("the feed to be " + state, lambda s=state: site.feed("drop")["state"] == s, 60)
        site.block("203.0.113.77")
        site.wait_zone(server)
        site.unblock("203.0.113.77")
        site.wait_zone(server)
        site.write("drop.txt", [])
    # a restart with the source gone
    os.unlink(site.net.path(LISTS + "/drop.txt"))
    site.daemon.stop(60)
    site.daemon.start()
    wait_for("a transfer", lambda: site.state().get("transfers") and not site.state()["pending"], 60)
    site.wait_zone(server)
    site.listed = site.holes = []
    site.point(server.port)
    site.wait_zone(server)
    server.stop()


def test_a_zone_that_begins_with_our_export(site):
    """What is there in the form of `limetwig export` is not sent: the way for a very large list."""
    needs(Bind)
    site.clear()
    site.listed, site.holes = ["192.0.2.0/24", "203.0.113.9", "2001:db8:7::/48"], ["192.0.2.128/25"]
    site.write("drop.txt", site.listed)
    site.write("ours.txt", site.holes)
    site.block("198.51.100.66", "192.0.2.5", "2001:db8:66::/64")
    site.point(5319, feeds=FEEDS.replace('"dnsbl"', '"dnsbl export"'))

    def export():
        text = site.daemon.told("export", "--format", "bind", "--zone", ZONE)
        return text if {line.split()[0] for line in text.splitlines() if " A 127." in line} == set(site.expected()) else None
    text = wait_for("the feed and the holes in the export", export, 60)
    os.mkdir(os.path.join(site.folder, "filled"))
    with open(os.path.join(site.folder, "filled", "zone"), "w", encoding="ascii") as zone:
        zone.write(text + "www A 192.0.2.80\n")
    server = site.server(Bind, "filled", 5319)
    wait_for("a transfer", lambda: site.state().get("transfers") and not site.state()["pending"], 60)
    site.wait_zone(server)
    assert site.state()["sent"] == 0
    site.unblock("192.0.2.5")
    site.wait_zone(server)
    site.listed = site.holes = []
    site.point(server.port)
    site.wait_zone(server)
    server.stop()


def test_off_empties_the_zone(site):
    needs(Bind)
    site.clear()
    server = site.server(Bind, "off", 5311)
    site.point(server.port)
    site.block("198.51.100.66")
    site.wait_zone(server)
    site.daemon.told("off", "--note", "test")
    wait_for("the zone to be empty", lambda: server.listed() == TESTS, 60)
    assert "www" in server.zone()
    assert site.state()["acting"] is False
    site.daemon.told("enforce", "soft", "--force")
    site.wait_zone(server)
    # in monitor nothing acts either
    site.daemon.told("enforce", "monitor")
    wait_for("the zone to be empty", lambda: server.listed() == TESTS, 60)
    site.daemon.told("enforce", "soft", "--force")
    site.wait_zone(server)
    server.stop()


def test_restart_of_ours_changes_nothing(site):
    needs(Bind)
    site.clear()
    server = site.server(Bind, "restart", 5312)
    site.point(server.port)
    site.block("198.51.100.66", "198.51.100.67")
    site.wait_zone(server)
    site.wait_state("ok")

    def serial():
        return next(iter(server.zone()["@"]["SOA"])).split()[2]
    before = serial()
    site.daemon.stop(60)
    assert server.listed() == dict(TESTS, **{"66.100.51.198": "127.0.0.4", "67.100.51.198": "127.0.0.4"})
    site.daemon.start()
    wait_for("a transfer", lambda: site.state().get("transfers") and not site.state()["pending"], 60)
    site.wait_zone(server)
    assert serial() == before, "updates though nothing had changed"
    server.stop()


def test_secondary_follows(site):
    needs(Bind, Knot)
    site.clear()
    server = site.server(Bind, "first", 5313, notify=5314)
    second = site.server(KnotSecondary, "second", 5314, master=5313)
    site.point(server.port)
    site.block("198.51.100.66", "2001:db8:66::/64")
    site.wait_zone(server)
    site.wait_zone(second)
    site.unblock("198.51.100.66")
    site.wait_zone(second)
    server.stop()
    second.stop()


def test_bad_line(site):
    """The connection dies in the middle of the transfer, then all comes byte by byte."""
    needs(Bind)
    site.clear()
    server = site.server(Bind, "far", 5316)
    relay = subprocess.Popen(server.inside([PYTHON, os.path.join(HERE, "lab/dns_relay.py"), "5317", "5316"]),
                             stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent, start_new_session=True)
    try:
        assert relay.stdout.readline() == "ready\n"
        site.block("198.51.100.66", "2001:db8:66::/64")
        site.point(5317)
        site.wait_zone(server)
        assert site.wait_state("ok")["failures"] >= 1
        site.unblock("198.51.100.66")
        site.wait_zone(server)
    finally:
        os.killpg(relay.pid, signal.SIGKILL)
        relay.wait()
        relay.stdout.close()
    server.stop()


def test_wrong_key_is_said(site):
    needs(Knot)
    site.clear()
    site.net.write(KEY_PATH, KEY_FILE.replace("bGlt", "cGlt"), 0o640)
    server = site.server(Knot, "wrong", 5315)
    try:
        site.point(server.port)
        state = site.wait_state("badsig")
        assert state["wrong"] and "secret" in state["text"]
        assert dns_primary.SECRET[4:] not in site.daemon.log()
        doctor = site.daemon.ctl("doctor")
        assert "badsig" in doctor.stdout
        assert 'limetwig_dns_update_state{dns_update_state="badsig"} 1' in site.daemon.told("status", "--metrics")
        # everybody can read it: not used
        site.net.write(KEY_PATH, KEY_FILE, 0o644)
        site.daemon.reload()
        assert "chmod 0640" in site.wait_state("key")["text"]
    finally:
        site.net.write(KEY_PATH, KEY_FILE, 0o640)
    os.chmod(site.net.path(KEY_PATH), 0o640)
    site.daemon.reload()
    site.wait_zone(server)
    server.stop()
