"""The whole stage: network, the existing site's Postfix, its client hosts, limetwigd; used by demo and tests."""
import ipaddress
import json
import os
import re
import signal
import subprocess
import threading
import time

from . import messages, witness
from .daemon import Daemon
from .network import Network, children_of, die_with_parent, wait_for
from .postfix import MAIL_LOG, Postfix

TRAPS = ["sales1998@example.org", "h.mueller@example.org", "webmaster2001@example.org"]
TRAP_FILE = "/etc/limetwig/traps.d/site.txt"
ALICE = "alice@example.org"
BOB = "bob@example.org"
CONF = """# the demo's and the tests' site
contact = "https://postmaster.example.org/ or +49 30 5550100"
block {
  jitter = 0
}
firewall {
  offence = 1
  action = reject
}
"""
# a table of the site's own that must stay as it is
OWN_RULES = """table inet site {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 23 drop
	}
}
"""
LISTEN = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 25), 20, (sys.argv[2], 0))
s.settimeout(0.3)
got, end = b"", time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    try:
        got += s.recv(100)
    except TimeoutError:
        pass
print(got.decode(), end="")
"""
HOSTS = {
    "friend": ("mail.friend.example", "192.0.2.10", "2001:db8:10::10"),
    "club": ("lists.club.example", "192.0.2.40", "2001:db8:40::40"),
    "victim": ("bounces.victim.example", "192.0.2.80"),
    "callout": ("callout.checker.example", "192.0.2.90"),
    "spam_a": ("mail.spam-a.example", "198.51.100.66", "2001:db8:66::66"),
    "spam_a2": ("mail2.spam-a.example", "2001:db8:66::77"),
    "neighbour": ("mail.neighbour.example", "198.51.100.67", "2001:db8:67::67"),
    "spam_b": ("mail.spam-b.example", "198.51.100.99", "2001:db8:99::99"),
    "spam_c": ("mail.spam-c.example", "198.51.100.120", "2001:db8:120::1"),
    "spam_d": ("mail.spam-d.example", "198.51.100.130"),
    "spam_e": ("mail.spam-e.example", "198.51.100.140", "2001:db8:140::1"),
    "spam_f": ("mail.spam-f.example", "198.51.100.150"),
}


class KernelWatch:
    """`nft monitor` in the server: when did which element come and go."""

    def __init__(self, net):
        self.seen = []
        self.process = subprocess.Popen(net.inside(["nft", "monitor"]), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        preexec_fn=die_with_parent, start_new_session=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_for("nft monitor to listen", lambda: self.hears(net))

    def hears(self, net):
        """It tells nothing of what came before it listened: a counter comes and goes until it has seen one."""
        for verb in ("add", "delete"):
            subprocess.run(net.inside(["nft", verb, "counter", "inet", "site", "heard"]), check=True,
                           stdin=subprocess.DEVNULL)
        return any("counter inet site heard" in line for _, line in self.seen)

    def read(self):
        for line in self.process.stdout:
            self.seen.append((time.monotonic(), line.strip()))

    def added_at(self, address, since):
        """When an element with this address was added after `since`, or None."""
        text = re.compile(r"add element .*[{ ]" + re.escape(address) + r"[ /}]")
        return next((at for at, line in self.seen if at >= since and text.search(line)), None)

    def close(self):
        for pid in children_of(self.process.pid) + [self.process.pid]:  # nsenter waits for nft
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.thread.join(5)
        self.process.stdout.close()


class Scene:
    """build: folder with the binaries; unpacked: folder of an unpacked Postfix or ""."""

    def __init__(self, build, unpacked="", hosts=None):
        self.net = Network(unpacked)
        try:
            self.prepare(build, hosts)
        except BaseException:
            self.close()
            raise

    def prepare(self, build, hosts):
        self.kernel_watch = None
        self.may_crash = False  # a test that has roles die by other signals than SIGKILL sets it
        self.daemon = Daemon(self.net, build)
        self.daemon.configure(CONF)
        self.host = {}
        for key, (name, *addresses) in HOSTS.items():
            if hosts is None or key in hosts:
                self.host[key] = self.net.add_host(name, *addresses)
        club = self.host.get("club")
        if club:
            weeks = messages.old_log(club.name, club.addresses, [ALICE, BOB, "carol@example.org"])
            self.net.write(MAIL_LOG, weeks, 0o640)
        self.net.run(["nft", "-f", "-"], input=OWN_RULES, check=True)
        self.postfix = Postfix(self.net)
        self.postfix.start()
        self.good_sent = 0
        self.made = 0

    def write_traps(self, traps=None, state="armed"):
        lines = ["%s tag=website state=%s" % (trap, state) for trap in traps or TRAPS]
        self.net.write(TRAP_FILE, "# old addresses\n" + "\n".join(lines) + "\n")

    def install(self):
        """Setup, traps, daemon: monitor mode, every trap armed, the log read."""
        self.daemon.told("setup", "postfix")
        self.write_traps()
        self.daemon.start()
        self.wait_armed()
        self.wait_log()

    def wait_armed(self, count=len(TRAPS)):
        wait_for("%d armed traps" % count, lambda: self.daemon.json("status")["traps"]["armed"] >= count)

    def wait_log(self):
        wait_for("the mail log to be read", lambda: self.daemon.json("status")["log"].get("caught_up"))

    def enforce(self, mode):
        if self.daemon.json("status")["mode"] != mode:
            self.daemon.told("enforce", mode, "--force")

    def add_host(self, *addresses):
        """A host without a name; returns its key."""
        self.host[addresses[0]] = self.net.add_host(addresses[0], *addresses)
        return addresses[0]

    def new_host(self):
        """A host that nobody has seen yet, with an address of each family."""
        self.made += 1
        return self.add_host("198.51.100.%d" % (150 + self.made), "2001:db8:%x::1" % (0x1000 + self.made))

    def address(self, key, six=False):
        return self.host[key].v6 if six else self.host[key].v4

    def watch_kernel(self):
        if not self.kernel_watch:
            self.kernel_watch = KernelWatch(self.net)
        return self.kernel_watch

    def good_mail(self, key, subject, to=ALICE, six=False, seconds=20):
        """An innocent host's mail; it must be in the mailbox. Returns seconds until it was."""
        began = time.monotonic()
        host = self.host[key]
        sender = "someone@" + sender_domain(host)
        answer = host.mail(sender, [to], messages.plain(sender, to, subject), six=six)
        assert_code(answer, 250, "mail of %s" % host.name)
        self.postfix.wait_mail(to, subject, seconds)
        self.good_sent += 1
        return time.monotonic() - began

    def spam_mail(self, key, trap=TRAPS[0], subject="Cheap watches", six=False, recipients=None, **more):
        host = self.host[key]
        sender = "offers@" + sender_domain(host)
        return host.mail(sender, recipients or [trap], messages.spam(sender, trap, subject), six=six, **more)

    def try_mail(self, key, to=ALICE, six=False, subject="second try"):
        """A blocked or unblocked host tries; (code, text) of the RCPT, or ("refused"|"timeout", "")."""
        host = self.host[key]
        sender = "offers@" + sender_domain(host)
        answer = host.mail(sender, [to], messages.spam(sender, to, subject), six=six)
        if "mails" not in answer or not answer["mails"]:
            return answer.get("failed"), ""
        return tuple(answer["mails"][0]["rcpt"][0])

    def hear(self, key, seconds, six=False):
        """What port 25 says by itself to this host in so many seconds."""
        end = self.host[key].end(six)
        return self.host[key].ask("run", argv=["python3", "-c", LISTEN, end["to"], end["source"], str(seconds)])["out"]

    def wait_block(self, address):
        """The block of this address, as `limetwig why` tells it."""
        def look():
            done = self.daemon.ctl("block", "list", "--json")
            return find_block(done.stdout, address) if done.returncode == 0 else None
        return wait_for("a block of " + address, look)

    def block_of(self, address):
        return find_block(self.daemon.told("block", "list", "--json"), address)

    def hits_of(self, address):
        """Hits charged to this client, newest first; none known: []."""
        done = self.daemon.ctl("hits", address, "--json")
        return json_of(done.stdout).get("hits", []) if done.returncode == 0 else []

    def wait_hit(self, address, grade, count=1):
        """A probe is sure when its smtpd asks again, or after 20 s when another smtpd took the next session."""
        def look():
            hits = [h for h in self.hits_of(address) if h["grade"] == grade]
            return hits if len(hits) >= count else None
        return wait_for("a hit of grade %s by %s" % (grade, address), look, 45)

    def in_kernel(self, address):
        return witness.in_kernel(self.net, address)

    def close(self):
        if getattr(self, "kernel_watch", None):
            self.kernel_watch.close()
        self.net.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Unexpected(Exception):
    """A step saw something else than it should."""

    def __init__(self, expected, seen):
        super().__init__("expected: %s\nseen:     %s" % (expected, seen))


def expect(what, condition, seen):
    if not condition:
        raise Unexpected(what, seen)


def assert_code(answer, code, what):
    """The last reply of the first mail of an op_mail answer."""
    mail = (answer.get("mails") or [None])[0]
    expect("%s: %d" % (what, code), mail and mail["code"] == code, mail or answer)
    return mail


def sender_domain(host):
    return host.name.split(".", 1)[1] if host.name.endswith(".example") else "nameless.example"


def json_of(text):
    return json.loads(text) if text.strip() else {}


def find_block(text, address):
    """The active block of a `block list --json` that covers this address."""
    for block in json_of(text).get("blocks", []):
        if block["state"] == "active" and ipaddress.ip_address(address) in ipaddress.ip_network(block["subject"]):
            return block
    return None
