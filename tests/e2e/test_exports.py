"""Our list in files: every format read by the program it is for, beside what `limetwig export` says; faults, kills, modes."""
import bisect
import gzip
import ipaddress
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest
from lab.dns_client import A, TXT, Answer, DnsClient, question, reverse
from lab.dns_primary import peer, peer_env
from lab.network import SERVER4, die_with_parent, wait_for
from lab.scene import CONF

PATIENCE = 60
ZONE = "bl.example.org"
FOLDER = "/var/lib/limetwig/export"
FORMATS = ("plain", "cidr", "postfix", "rbldnsd", "nftables", "pf", "rpz", "bind", "spamd", "json")
RBLDNSD_PORT = 5310
QUESTIONS = 10000
AT_ONCE = 50  # questions on their way
EXPORT = 'export "%s" {\n  format = %s\n  file = "%s"\n  refresh = 1s\n  zone = "%s"\n%s}\n'
BLOCKS = ["203.0.113.7", "203.0.113.8", "203.0.113.9", "198.51.100.64/27", "2001:db8:aa::/64", "2001:db8:bb:1::25"]


def conf(more="", only=FORMATS):
    sections = [EXPORT % (f, f, f + (".gz" if f == "spamd" else ".txt"), ZONE, more if f == "plain" else "") for f in only]
    return CONF + """
dnsbl {
  zone = %s
  listen = { "127.0.0.1:53" }
  name-servers = { "localhost" }
  url = "https://example.org/c/%%s"
}
feed "drop" {
  source = "/etc/limetwig/lists/drop.txt"
  action = list
  layers = "dnsbl export"
  code = 9
  documentation = yes
}
""" % ZONE + "".join(sections)


def random_networks(rng, count):
    """Hosts and networks of the documentation ranges."""
    found = []
    for _ in range(count):
        if rng.random() < 0.5:
            base = int(ipaddress.ip_address(rng.choice(("192.0.2.0", "198.51.100.0")))) + rng.randrange(256)
            found.append(ipaddress.ip_network((base, rng.choice((29, 31, 32, 32, 32, 32))), strict=False))
        else:
            base = int(ipaddress.ip_address("2001:db8:cc::")) + (rng.randrange(1 << 12) << 56)
            found.append(ipaddress.ip_network((base, rng.choice((60, 64, 64, 65, 127, 128))), strict=False))
    return found


class Site:
    def __init__(self, scene):
        self.scene, self.daemon, self.net = scene, scene.daemon, scene.net

    def path(self, name):
        return self.net.path(FOLDER + "/" + name)

    def state(self, name):
        rows = {r["name"]: r for r in self.daemon.json("status").get("exports", [])}
        return rows.get(name, {})

    def read(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read()

    def listed(self):
        """What the command says now: [(network, row)]."""
        text = self.daemon.told("export", "--format", "json")
        rows = [json.loads(line) for line in text.splitlines()]
        return [(ipaddress.ip_network(row["cidr"]), row) for row in rows]

    def wait_files(self):
        """Until each file says what the command says, and is not being written anew."""
        def is_new():
            want = {str(network) for network, _ in self.listed()}
            have = {json.loads(line)["cidr"] for line in self.read("json.txt").splitlines()}
            states = [self.state(f) for f in FORMATS]
            return want == have and all(s.get("state") == "written" and s["looked"] >= states[-1]["written"] for s in states)
        wait_for("the files to be new", is_new, PATIENCE)


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts=("spam_a",))
    made = Site(scene)
    rng = random.Random(6)
    lines = ["%s ; a line" % n for n in random_networks(rng, 160)]
    lines += ["20.%d.%d.%d" % (rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(3000)]
    scene.net.write("/etc/limetwig/lists/drop.txt", "\n".join(lines) + "\n")
    scene.net.write("/etc/limetwig/allow.d/site.txt", "192.0.2.32/28\n2001:db8:cc:1::/64\n203.0.113.8\n")
    scene.daemon.configure(conf())
    scene.install()
    scene.enforce("full")
    for subject in BLOCKS:
        if subject != "203.0.113.8":  # nobody can block whom the allow list has
            scene.daemon.told("block", "add", subject, "--note", "test")
    wait_for("the feed", lambda: any(row["cause"] == "feed" for _, row in made.listed()), PATIENCE)
    made.wait_files()
    return made


def tool(name):
    path = peer(name)
    if not path:
        pytest.skip("no %s (tools/install-packages.sh)" % name)
    return path


def run_peer(argv):
    return subprocess.run(argv, capture_output=True, text=True, env=peer_env(), check=False, timeout=60)


def test_list(site):
    rows = site.listed()
    networks = [n for n, _ in rows]
    for four in (True, False):
        kind = [n for n in networks if (n.version == 4) == four]
        assert kind == sorted(kind) and kind == sorted(set(kind))
        assert all(a.broadcast_address < b.network_address for a, b in zip(kind, kind[1:]))
    text = "\n".join(str(n) for n in networks)
    assert "203.0.113.7" in text and "2001:db8:bb:1::" in text
    for hole in ("192.0.2.32/28", "2001:db8:cc:1::/64", "203.0.113.8"):
        hole = ipaddress.ip_network(hole)
        assert not any(n.version == hole.version and n.overlaps(hole) for n in networks), hole
    assert {row["cause"] for _, row in rows} == {"feed", "person"}
    assert all(row.get("feed") == "drop" for _, row in rows if row["cause"] == "feed")
    for name in FORMATS:
        mode = os.stat(site.path(name + (".gz" if name == "spamd" else ".txt"))).st_mode & 0o777
        assert mode == 0o644, name


def test_same_set(site):
    want = {v: list(ipaddress.collapse_addresses(n for n, _ in site.listed() if n.version == v)) for v in (4, 6)}
    with gzip.open(site.path("spamd.gz"), "rt", encoding="ascii") as f:
        spamd = f.read()
    for name, text in [(f, site.read(f + ".txt")) for f in ("plain", "cidr", "pf", "postfix")] + [("spamd", spamd)]:
        words = [line.split()[0] for line in text.splitlines() if not line.startswith("#")]
        networks = [ipaddress.ip_network(w) for w in words]
        assert [n for n in networks if n.version == 4] and list(
            ipaddress.collapse_addresses(n for n in networks if n.version == 4)) == want[4], name
        six = list(ipaddress.collapse_addresses(n for n in networks if n.version == 6))
        assert six == ([] if name == "spamd" else want[6]), name
        if name in ("cidr", "pf", "spamd"):
            assert len([n for n in networks if n.version == 4]) == len(want[4]), name


def test_our_own_parser(site):
    for name in ("plain", "cidr", "pf", "postfix", "rbldnsd", "json"):
        site.net.write("/tmp/list", site.read(name + ".txt"))
        done = json.loads(site.daemon.ctl("feed", "check", "/tmp/list", "--json").stdout)
        assert {r["reason"] for r in done["refusals"]} <= {"addresses of examples", "not addresses of the Internet"}, (name, done)
        assert done["entries"] >= 2900, (name, done)


def test_command(site):
    site.daemon.told("export", "rpz", "--output", "/tmp/rpz.zone")
    made = site.net.read("/tmp/rpz.zone").decode()

    def strip(text):
        return [line for line in text.splitlines() if "erial" not in line and "SOA" not in line]
    assert strip(made) == strip(site.read("rpz.txt"))
    first = int(re.search(r"; serial (\d+)", made).group(1))
    site.daemon.told("export", "rpz", "--output", "/tmp/rpz.zone")
    assert int(re.search(r"; serial (\d+)", site.net.read("/tmp/rpz.zone").decode()).group(1)) > first
    assert site.daemon.told("export", "cidr") == site.read("cidr.txt")
    assert gzip.decompress(subprocess.run(site.net.inside(["/run/lab/bin/limetwig", "export", "--format", "spamd"]),
                                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True).stdout)
    site.daemon.told("export", "nothing", status=1)
    site.daemon.told("export", "--format", "xml", status=2)
    site.daemon.told("export", "--output", "/nonexistent/file", status=1)


def test_nft_loads_it(site):
    site.net.write("/tmp/list.nft", site.read("nftables.txt"))
    for _ in range(2):  # it replaces what is there
        site.net.run(["nft", "-f", "/tmp/list.nft"], check=True)
    table = json.loads(site.net.run(["nft", "-j", "list", "table", "inet", "limetwig_nftables"], check=True).stdout)
    have = set()
    for item in table["nftables"]:
        for element in item.get("set", {}).get("elem", []):
            timed = element.get("elem", {}) if isinstance(element, dict) else {}
            value = timed.get("val", element)
            prefix = value.get("prefix") if isinstance(value, dict) else None
            have.add(ipaddress.ip_network("%s/%d" % (prefix["addr"], prefix["len"]) if prefix else value))
            assert bool(timed.get("timeout")) == (ipaddress.ip_network("203.0.113.0/24").supernet_of(
                ipaddress.ip_network(value)) if isinstance(value, str) and ":" not in value else bool(timed.get("timeout")))
    assert have == {n for n, _ in site.listed()}
    site.net.run(["nft", "delete", "table", "inet", "limetwig_nftables"], check=True)


def test_postfix_reads_it(site):
    site.net.write("/tmp/list.cidr", site.read("postfix.txt"))
    rows = site.listed()
    shown = rows[:50] + [r for r in rows if not str(r[0]).startswith("20.")]
    asked = [str(n.network_address) for n, _ in shown] + ["192.0.2.33", "203.0.113.8", "8.8.8.8", "2001:db8:dd::1"]
    done = site.net.run(["postmap", "-q", "-", "cidr:/tmp/list.cidr"], input="\n".join(asked) + "\n")
    answers = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert "warning" not in done.stderr, done.stderr
    assert set(answers) == {str(n.network_address) for n, _ in shown}
    assert re.fullmatch(r"450 4\.7\.1 On hold until .* UTC\. Case [0-9A-Z]{4}-[0-9A-Z]{4}\. For help: .*",
                        answers["203.0.113.7"]), answers["203.0.113.7"]
    feed = next(str(n.network_address) for n, row in rows if row["cause"] == "feed")
    assert answers[feed].startswith("554 5.7.1 Listed.")


@pytest.mark.parametrize("checker", ["named-checkzone", "kzonecheck", "nsd-checkzone"])
@pytest.mark.parametrize("name", ["bind", "rpz"])
def test_zone_checkers(site, checker, name):
    path = tool(checker)
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".zone") as f:
        f.write(site.read(name + ".txt"))
        f.flush()
        argv = {"named-checkzone": [path, "-k", "fail", ZONE, f.name], "kzonecheck": [path, "-o", ZONE, f.name],
                "nsd-checkzone": [path, ZONE, f.name]}[checker]
        done = run_peer(argv)
    assert done.returncode == 0, done.stdout + done.stderr


def questions(rng, rows, count):
    """Addresses in, beside and far from the list."""
    for _ in range(count):
        network = rng.choice(rows)[0]
        base = int(network.network_address) + rng.randrange(min(network.num_addresses, 1 << 63))
        kind = rng.random()
        if kind > 0.9:
            yield ipaddress.ip_address(rng.randrange(1 << 24, 1 << 31))
            continue
        if kind > 0.4:
            base += rng.choice((-1, 1)) * network.num_addresses * rng.randrange(1, 4)
        yield (ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address)(base)


def ask_many(client, names, base):
    """The addresses in the answer to each; what is lost on the way is asked again."""
    for number, name in enumerate(names):
        client.udp.send(question(name, A, base + number))
    found = {}
    client.udp.settimeout(5)
    try:
        while len(found) < len(names):
            answer = Answer(client.udp.recv(4096))
            if base <= answer.number < base + len(names):  # not a late one of before
                found[answer.number - base] = answer.data()
    except TimeoutError:
        pass
    return [found[i] if i in found else client.ask(name).data() for i, name in enumerate(names)]


def test_rbldnsd_answers_as_we_do(site):
    program = tool("rbldnsd")
    rows = site.listed()
    rng = random.Random(7)
    folder = tempfile.mkdtemp(prefix="limetwig-rbldnsd-")
    shutil.copy(site.path("rbldnsd.txt"), folder + "/list")
    os.chmod(folder, 0o755)
    process = subprocess.Popen(["nsenter", "-t", str(site.net.init), "-n", program, "-n", "-q", "-u", "65534:65534",
                                "-w", folder, "-b", "127.0.0.1/%d" % RBLDNSD_PORT, ZONE + ":combined:list"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=die_with_parent, start_new_session=True)
    ours, theirs = DnsClient(site.net.init), DnsClient(site.net.init, port=RBLDNSD_PORT)
    codes = {"person": "127.0.0.4", "feed": "127.0.0.9"}
    seen = {True: 0, False: 0}
    try:
        wait_for("rbldnsd", lambda: theirs.ask(reverse("127.0.0.2") + "." + ZONE).data() == ["127.0.0.2"], PATIENCE)
        assert theirs.ask(reverse("::ffff:127.0.0.2") + "." + ZONE).data() == ["127.0.0.2"]
        assert theirs.ask(reverse("127.0.0.1") + "." + ZONE).rcode == 3
        first = {v: [int(n.network_address) for n, _ in rows if n.version == v] for v in (4, 6)}
        kind = {v: [(n, row) for n, row in rows if n.version == v] for v in (4, 6)}
        asked = list(questions(rng, rows, QUESTIONS))
        for at in range(0, QUESTIONS, AT_ONCE):
            part = asked[at:at + AT_ONCE]
            names = [reverse(address) + "." + ZONE for address in part]
            for address, their, our in zip(part, ask_many(theirs, names, at), ask_many(ours, names, at)):
                i = bisect.bisect_right(first[address.version], int(address)) - 1
                network, row = kind[address.version][i] if i >= 0 else (None, None)
                want = [codes[row["cause"]]] if row and address in network else []
                assert their == want, address
                assert set(want) <= set(our) and bool(want) == bool(our), address
                seen[bool(want)] += 1
        assert min(seen.values()) > QUESTIONS / 10, seen
        case = next(row["case"] for n, row in rows if str(n) == "203.0.113.7/32")
        text = theirs.ask(reverse("203.0.113.7") + "." + ZONE, TXT).data()
        assert text == ours.ask_tcp(reverse("203.0.113.7") + "." + ZONE, TXT).data() and case in text[0]
        assert theirs.ask(ZONE, A).rcode == 0
    finally:
        ours.close()
        theirs.close()
        process.send_signal(signal.SIGTERM)
        for pid in [process.pid]:
            os.killpg(pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder)


def test_change_is_written(site):
    site.daemon.told("block", "add", "203.0.113.77", "--note", "test")
    wait_for("the new block in the file", lambda: "203.0.113.77\n" in site.read("plain.txt"), PATIENCE)

    def serial():
        return int(re.search(r"; serial (\d+)", site.read("bind.txt")).group(1))
    wait_for("the new block in the zone", lambda: "\n77.113.0.203 " in site.read("bind.txt"), PATIENCE)
    before = serial()
    site.daemon.told("block", "remove", "203.0.113.77", "--note", "test")
    wait_for("it to go", lambda: "203.0.113.77\n" not in site.read("plain.txt"), PATIENCE)
    wait_for("it to go from the zone", lambda: "\n77.113.0.203 " not in site.read("bind.txt"), PATIENCE)
    assert serial() > before
    site.wait_files()


def test_command_runs(site):
    site.net.write("/usr/local/bin/export-test", "#!/bin/sh\necho \"$LIMETWIG_NAME $LIMETWIG_FILE $# $1\"\n"
                   "cat \"$LIMETWIG_FILE\" >/dev/null || exit 4\nexit ${1:-0}\n", 0o755)
    site.daemon.configure(conf('  command = "/usr/local/bin/export-test 0 two"\n'))
    site.daemon.reload()
    site.daemon.told("block", "add", "203.0.113.78", "--note", "test")
    wait_for("the command", lambda: site.state("plain").get("ran") and site.state("plain")["status"] == 0, PATIENCE)
    site.daemon.configure(conf('  command = "/usr/local/bin/export-test 3"\n'))
    site.daemon.reload()
    site.daemon.told("block", "remove", "203.0.113.78", "--note", "test")
    wait_for("it to fail", lambda: "failed (3): plain " in site.state("plain").get("text", ""), PATIENCE)
    assert any("export plain" in w for w in site.daemon.json("status")["warnings"])
    items = json.loads(site.daemon.ctl("doctor", "--json").stdout)["items"]
    assert any(i["name"] == "export" and i["level"] == "warn" for i in items)
    assert 'limetwig_export_command_status{name="plain"} 3' in site.daemon.told("status", "--metrics")
    site.daemon.configure(conf())
    site.daemon.reload()
    wait_for("it to be well", lambda: site.state("plain").get("text") == "", PATIENCE)


def test_it_cannot_be_written(site):
    before = site.read("json.txt")
    folder = site.net.path(FOLDER)
    inode = os.stat(site.path("json.txt")).st_ino
    owner = os.stat(folder)
    os.chown(folder, 0, 0)
    try:
        site.daemon.told("block", "add", "203.0.113.79", "--note", "test")
        wait_for("the failure to be told", lambda: site.state("json").get("state") == "failed", PATIENCE)
        assert "the old one stays" in site.state("json")["text"]
        assert site.read("json.txt") == before and os.stat(site.path("json.txt")).st_ino == inode
        items = json.loads(site.daemon.ctl("doctor", "--json").stdout)["items"]
        assert any(i["name"] == "export" and i["level"] == "fail" for i in items)
    finally:
        os.chown(folder, owner.st_uid, owner.st_gid)

    def is_one_round():
        """Those that failed come back 10 s later than the others: all written, and refresh ago, they go on together."""
        states = [site.state(f) for f in FORMATS]
        return all(s.get("state") == "written" for s in states) and time.time() > max(s["looked"] for s in states) + 2
    wait_for("all to be written", is_one_round, PATIENCE)
    assert "203.0.113.79" in site.read("json.txt")
    site.daemon.told("block", "remove", "203.0.113.79", "--note", "test")
    site.wait_files()


def test_monitor_is_empty(site):
    site.scene.enforce("monitor")
    wait_for("the empty list", lambda: site.read("plain.txt") == "" and "127.0.0.9" not in site.read("bind.txt"), PATIENCE)
    zone = site.read("bind.txt")
    assert "2.0.0.127 " in zone and " SOA " in zone and "203" not in zone.split("SOA")[1].split("\n", 1)[1]
    assert "the list is empty" in site.daemon.told("export", "--format", "plain")
    site.scene.enforce("full")
    wait_for("the list to be back", lambda: "203.0.113.7\n" in site.read("plain.txt"), PATIENCE)
    site.wait_files()


def test_killed_while_writing(site):
    """Old or new, never half: a zone ends as it should, whenever the role is killed."""
    rng = random.Random(8)

    def whole():
        text = site.read("json.txt")
        rows = [json.loads(line) for line in text.splitlines()]
        assert text.endswith("}\n") and len(rows) > 2900
        with gzip.open(site.path("spamd.gz"), "rt", encoding="ascii") as f:
            assert f.read().endswith("\n")
        assert site.read("bind.txt").endswith('"\n')
    for n in range(6):
        pid = wait_for("publish", lambda: site.daemon.pids().get("publish"), PATIENCE)
        site.daemon.told("block", "add" if n % 2 == 0 else "remove", "203.0.113.90", "--note", "test")
        trace = "/proc/%d/fd" % pid

        def is_writing():
            try:
                return any(os.readlink(trace + "/" + f).endswith(".new") for f in os.listdir(trace))
            except OSError:
                return False
        end = rng.randrange(1, 4000)
        while end and not is_writing():
            end -= 1
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        whole()
    wait_for("the role again", site.daemon.is_up, PATIENCE)
    wait_for("the last change", lambda: "203.0.113.90" not in site.read("json.txt"), PATIENCE)
    site.wait_files()
    assert not [n for n in os.listdir(site.net.path(FOLDER)) if n.endswith(".new")]


def test_without_the_engine(site):
    """Its files stay; limetwig export says why it cannot."""
    os.kill(site.daemon.pids()["engine"], signal.SIGSTOP)
    try:
        assert "203.0.113.7\n" in site.read("plain.txt")
    finally:
        os.kill(site.daemon.pids()["engine"], signal.SIGCONT)
    assert site.daemon.stop() == 0
    assert "203.0.113.7\n" in site.read("plain.txt")
    assert "not running" in site.daemon.told("export", status=1)
    # without the role publish, the command has the list all the same
    site.daemon.configure(CONF)
    site.daemon.start()
    wait_for("the list", lambda: "203.0.113.7\n" in site.daemon.told("export"), PATIENCE)
