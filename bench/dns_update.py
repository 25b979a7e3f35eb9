#!/usr/bin/python3
"""A feed of a million addresses into the zone of a real primary server (RFC 2136), to its end. As root, in namespaces.

    bench/dns_update.py --build build --server named --names 1000000

Tells how long it takes, whether the zone is what it should be afterwards,
the memory of our role, and how long a block that is made meanwhile takes
until the server answers with it. --filled: the server begins with the zone that
`limetwig export --format bind` writes. By hand: the result goes into BY-HAND.md.
"""
import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/e2e"))
from lab.dns_client import A, DnsClient, reverse  # noqa: E402
from lab.dns_primary import KEY, KEY_FILE, SECRET, ZONE, Bind, Knot, PowerDns, peer, peer_env  # noqa: E402
from lab.network import wait_for  # noqa: E402
from lab.scene import CONF, Scene  # noqa: E402

PORT = 5301
LIST = "/etc/limetwig/lists/names.txt"
KEY_PATH = "/etc/limetwig/update.key"
SERVERS = {kind.program: kind for kind in (Bind, Knot, PowerDns)}
TEXT = CONF + """
dns-update {
  server = "127.0.0.1:%d"
  zone = "%s"
  key-file = "%s"
}
feed "names" {
  source = "%s"
  action = list
  layers = "dnsbl export"
  code = 9
  change = 100
  size = 256M
}
""" % (PORT, ZONE, KEY_PATH, LIST)


def say(text):
    print("%s load %s: %s" % (time.strftime("%H:%M:%S"), os.getloadavg()[0], text), flush=True)


def addresses(count):
    chance, found = random.Random(1), set()
    while len(found) < count:
        found.add("%d.%d.%d.%d" % (chance.randrange(11, 96), chance.randrange(256), chance.randrange(256),
                                   chance.randrange(256)))
    return found


def state(scene):
    done = scene.daemon.ctl("status", "--json")
    return json.loads(done.stdout).get("dns_update", {}) if done.returncode == 0 else {}


def memory(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        rows = dict(line.split(":", 1) for line in file)
    return "private %s, most ever resident %s" % (rows["RssAnon"].strip(), rows["VmHWM"].strip())


def seconds_of(pid):
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def is_listed(dns, address):
    try:
        return dns.ask(reverse(address) + "." + ZONE, A).rcode == 0
    except (TimeoutError, socket.timeout):
        return None


def live(scene, dns, address, verb):
    """Seconds until the server answers as it should after a block has come or gone."""
    scene.daemon.told("block", verb, address, "--note", "bench")
    began = time.monotonic()
    wait_for("%s to be %sed" % (address, verb), lambda: is_listed(dns, address) is (verb == "add"), 3600)
    return time.monotonic() - began


def even(scene, names):
    s = state(scene)
    return s.get("state") == "ok" and not s.get("pending") and s.get("names", 0) >= names


def drive(scene, dns, names):
    begun, waits, n = time.monotonic(), [], 0
    while not even(scene, names):
        n += 1
        address = "198.51.100.%d" % (n % 250 + 1)
        waits.append(("add", live(scene, dns, address, "add")))
        waits.append(("remove", live(scene, dns, address, "remove")))
        s = state(scene)
        say("sent %s, state %s; a block: there after %.1f s, gone after %.1f s" % (
            s.get("sent"), s.get("state"), waits[-2][1], waits[-1][1]))
        wait_for("a while", lambda end=time.monotonic() + 5: time.monotonic() > end, 10)
    return time.monotonic() - begun, waits


def transfer(server):
    """Names of hosts in the zone, by a signed transfer."""
    argv = ["dig", "@127.0.0.1", "-p", str(server.port), "+tcp", "+time=600", ZONE, "AXFR", "-y",
            "hmac-sha256:%s:%s" % (KEY, SECRET), "+noall", "+answer"]
    found, texts = set(), 0
    with subprocess.Popen(server.inside(argv), stdout=subprocess.PIPE, text=True, env=peer_env()) as dig:
        for line in dig.stdout:
            words = line.split(None, 4)
            if len(words) == 5 and words[3] == "A" and words[4].strip() == "127.0.0.9":
                found.add(".".join(words[0][:-len(ZONE) - 2].split(".")[::-1]))
            texts += len(words) == 5 and words[3] == "TXT"
    return found, texts


def compare(server, wanted):
    begun = time.monotonic()
    found, texts = transfer(server)
    say("transfer by dig %.1f s: %d names of the feed, %d of them not wanted, %d missing; %d TXT" % (
        time.monotonic() - begun, len(found), len(found - wanted), len(wanted - found), texts))


def fill(scene, server, count):
    """The zone of the server, from a file."""
    wait_for("the list", lambda: scene.daemon.json("feed", "list")["feeds"][0].get("prefixes", 0) > count / 2, 600)
    begun = time.monotonic()
    with open(os.path.join(server.folder, "zone"), "w", encoding="ascii") as zone:
        subprocess.run(scene.net.inside(["/run/lab/bin/limetwig", "export", "--format", "bind", "--zone", ZONE]), check=True,
                       stdin=subprocess.DEVNULL, stdout=zone)
    say("export of the zone: %.1f s" % (time.monotonic() - begun))


def measure(scene, server, wanted, is_filled):
    scene.net.write(KEY_PATH, KEY_FILE, 0o640)
    scene.net.write(LIST, "".join(a + "\n" for a in sorted(wanted)))
    scene.daemon.configure(TEXT)
    if not is_filled:
        server.start()
    scene.install()
    scene.enforce("soft")
    if is_filled:
        fill(scene, server, len(wanted))
        begun = time.monotonic()
        server.start(600)
        say("the server reads it: %.1f s" % (time.monotonic() - begun))
    dns = DnsClient(scene.net.init, "127.0.0.1", PORT)
    pid = scene.daemon.pids()["publish"]
    took, waits = drive(scene, dns, len(wanted))
    say("%d names in %.0f s, %.0f a second; our role %.1f s of processor, %s" % (
        len(wanted), took, len(wanted) / took, seconds_of(pid), memory(pid)))
    for verb in ("add", "remove"):
        rows = sorted(seconds for what, seconds in waits if what == verb)
        say("block %s meanwhile, %d times: median %.1f, longest %.1f s" % (verb, len(rows), rows[len(rows) // 2], rows[-1]))
    compare(server, wanted)
    rows = [live(scene, dns, "198.51.100.251", verb) for verb in ("add", "remove") * 3]
    say("when all is there, a block: there after %s, gone after %s s" % (
        ", ".join("%.1f" % r for r in rows[::2]), ", ".join("%.1f" % r for r in rows[1::2])))
    scene.daemon.stop(120)
    begun = time.monotonic()
    scene.daemon.start(False)
    wait_for("the zone to be looked at again", lambda: even(scene, len(wanted)), 3600)
    say("our restart until the zone is known to be right: %.0f s, %s names sent; %s" % (
        time.monotonic() - begun, state(scene)["sent"], memory(scene.daemon.pids()["publish"])))
    dns.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--server", choices=sorted(SERVERS), default="named")
    parser.add_argument("--names", type=int, default=1000000)
    parser.add_argument("--filled", action="store_true")
    options = parser.parse_args()
    if not peer(options.server) or not peer("dig"):
        raise SystemExit("no %s or dig (tools/install-packages.sh)" % options.server)
    with tempfile.TemporaryDirectory() as folder, Scene(os.path.abspath(options.build), hosts=set()) as scene:
        server = SERVERS[options.server](scene.net, folder, PORT)
        try:
            measure(scene, server, addresses(options.names), options.filled)
        finally:
            server.stop(signal.SIGKILL)


if __name__ == "__main__":
    main()
