"""A site with a thousand planted traps, on which everything is run; all that comes out of it is kept to be searched."""
import base64
import json
import os
import random
import signal
import socket
import threading

from . import dns_client, dns_primary, messages, witness
from .daemon import BIN, UID_BASE
from .daemon import CONF as CONF_FILE
from .daemon import LOG
from .dns_client import A, TXT, DnsClient, reverse
from .network import PYTHON, SERVER4, children_of, wait_for
from .planted import Seen, new_word
from .postfix import PASSWORD, USER
from .raw import LMTP, POLICY, Raw, request
from .scene import ALICE, BOB, TRAP_FILE

PLANTED = 1000
WORSE = "203.0.113.26"
RESOLVER_PORT = 5399
NAMED_PORT = 5301
CORES = "/run/lab/cores"
SPAMDB = "/run/lab/spamdb"
READER = 61900  # a user of the read group
KEY_PATH, TLS_PATH = "/etc/limetwig/update.key", "/etc/limetwig/tls.pem"
FORMATS = ("plain", "cidr", "postfix", "rbldnsd", "nftables", "pf", "rpz", "bind", "spamd", "json")
CONF = """contact = "https://postmaster.example.org/"
traps {
  riders = %(riders)s
}
block {
  jitter = 0
}
firewall {
  offence = 1
%(firewall)s
}
tarpit {
  host = mx.example.org
  processes = 1
  offence = 1
  pace = 0
  sample = 1000
  tls-certificate = "%(tls)s"
  tls-key = "%(tls)s"
}
mx {
  better = { "%(better)s" }
  worse = { "%(worse)s" }
  window = 1s
}
fetch {
  resolvers = { "127.0.0.1:%(resolver)d" }
  test = 1s
  wait = 1s
}
dns-list "bad" {
  zone = "block.test"
  kind = block
}
alarm {
  command = { "%(python)s", "/usr/local/note.py", "alarm" }
  mail = "%(bob)s"
  repeat = 1s
}
storage {
  read-group = readers
}
dnsbl {
  zone = bl.example.org
  listen = { "127.0.0.1:53" }
  name-servers = { "localhost" }
  url = "https://example.org/c/%%s"
}
feed "drop" {
  source = "/etc/limetwig/drop.txt"
  layers = "policy firewall dnsbl export"
  documentation = yes
  change = 100
}
feed "wrong" {
  source = "/etc/limetwig/wrong.txt"
}
dns-update {
  server = "127.0.0.1:%(named)d"
  zone = "%(zone)s"
  key-file = "%(key)s"
}
"""
EXPORT = """export "%s" {
  format = %s
  file = "%s"
  refresh = 1s
  zone = "bl.example.org"
  command = "%s /usr/local/note.py export"
}
"""
NFTABLES = "  action = tarpit\n  kill-sessions = policy"
HOOKS = """  backend = hook
  hook-add = { "%(p)s", "/usr/local/note.py", "add" }
  hook-add-line = "add %%s %%f %%t %%c"
  hook-remove = { "%(p)s", "/usr/local/note.py", "remove", "%%s", "%%f", "%%t", "%%c" }
  hook-list = { "%(p)s", "/usr/local/note.py", "list" }
  hook-flush = { "%(p)s", "/usr/local/note.py", "flush" }
""" % {"p": PYTHON}
# what a program is given: words, environment, standard input
NOTE = """import os, socket, sys
text = repr((sys.argv, dict(os.environ))) + "\\n" + sys.stdin.read() + "\\n"
print(text, file=sys.stderr)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(text.encode()[-60000:], "/run/lab/notes")
"""


def conf(riders, firewall=NFTABLES):
    exports = "".join(EXPORT % (f, f, f + ".txt", PYTHON) for f in FORMATS)
    return CONF % {"riders": riders, "firewall": firewall, "tls": TLS_PATH, "better": SERVER4, "worse": WORSE,
                   "resolver": RESOLVER_PORT, "python": PYTHON, "bob": BOB, "named": NAMED_PORT,
                   "zone": dns_primary.ZONE, "key": KEY_PATH} + exports


class Traps:
    """The addresses, how each comes in, and what is none but looks like one."""

    def __init__(self, key):
        self.word = new_word()
        rng = random.Random(self.word)

        def local():
            return self.word + "".join(rng.choice("abcdefghijkmnpqrstuvwxyz0123456789") for _ in range(8))
        odd = ["%s.x-y_z%d@example.org", "%s'brien%d@example.org", "Mr.%s%d@Example.NET", "%s{%d}@example.net",
               "a.very.long.name.of.a.department.%s.%d@example.org"]
        self.odd = [form % (self.word if n % 2 else self.word.title(), n) for form in odd for n in range(4)]
        self.domains = ["@%s%d.example" % (self.word, n) for n in range(5)]
        self.patterns = ["/^%s-p%d[0-9]+@example\\.org$/" % (self.word, n) for n in range(5)]
        plain = [local() + rng.choice(("@example.org", "@example.net")) for _ in range(PLANTED - len(self.odd) - 10)]
        self.plain = plain
        self.of_file, rest = plain[:500], plain[500:]
        self.imported, rest = rest[:250], rest[250:]
        self.of_access, rest = rest[:100], rest[100:]
        self.added, self.by_spamdb = rest[:len(rest) // 2], rest[len(rest) // 2:]
        self.secrets = [dns_primary.SECRET, base64.b64decode(dns_primary.SECRET)] + [
            line for line in key.splitlines() if line and "-" not in line] + [
            base64.b64decode("".join(key.splitlines()[1:-1]))[8:]]

    def all(self):
        return self.plain + self.odd + self.domains + self.patterns

    def file(self):
        lines = ["%s tag=website state=armed" % t for t in self.of_file + self.odd + self.domains + self.patterns]
        return "# old addresses\n" + "\n".join(lines) + "\n"

    def bad_file(self):
        """Lines that are no traps, each with the word in it."""
        return "".join(line.replace("W", self.word) + "\n" for line in (
            "W@@example.org", "W", "W@example.org state=W", "W@example.org weight=W", "W@example.org tag=W@W",
            "/[W/", "/(W@example.org", "W@example.org W=1", "@W_.example..", "W@example.org " + "x" * 400,
            "W" * 40 + "@example.org", "\"W W@example.org", "W \u00fc@example.org since=W", ALICE + " tag=W@"))


class Site:
    """The stage, all that is run on it, and in `seen` all that came out."""

    def __init__(self, scene, folder, certificate, key):
        self.scene, self.daemon, self.net, self.folder = scene, scene.daemon, scene.net, folder
        self.traps, self.seen = Traps(key), Seen()
        self.pem = certificate + key
        self.spare = iter(self.traps.plain)
        self.words, self.named, self.cores = set(), None, {}
        self.stopped = threading.Event()
        self.sockets, self.threads, self.watches = [], [], []

    # ---- listeners

    def listen(self, what, made, answer=None):
        """Keep all that comes to this socket; answer(packet) goes back."""
        def take():
            while not self.stopped.is_set():
                try:
                    packet, peer = made.recvfrom(65536)
                except TimeoutError:
                    continue
                self.seen.put(what, packet)
                if answer:
                    made.sendto(answer(packet), peer)
        made.settimeout(0.2)
        self.sockets.append(made)
        self.threads.append(threading.Thread(target=take, daemon=True))
        self.threads[-1].start()

    def listen_all(self):
        for name in ("notify", "notes"):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.bind(self.net.path("/run/lab/" + name))
            os.chmod(self.net.path("/run/lab/" + name), 0o666)
            self.listen(name, made)
        resolver = dns_client.socket_in(self.net.init, socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind(("127.0.0.1", RESOLVER_PORT))
        self.listen("dns question", resolver, lambda packet: packet[:2] + b"\x81\x83" + packet[4:6] + bytes(6) + packet[12:])
        self.threads.append(threading.Thread(target=self.watch_words, daemon=True))
        self.threads[-1].start()

    def watch_words(self):
        """Arguments of whatever the daemon runs, however short it lives; many are seen, not all."""
        while not self.stopped.wait(0.02):
            for pid in children_of(self.daemon.process.pid) if self.daemon.process else []:
                try:
                    with open("/proc/%d/cmdline" % pid, "rb") as f:
                        self.words.add(f.read())
                except OSError:
                    pass

    def close(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        for made in self.sockets:
            made.close()
        if self.named:
            self.named.stop(signal.SIGKILL)

    # ---- start

    def prepare(self):
        net = self.net
        net.ip(net.init, ["addr add %s/32 dev eth0" % WORSE])
        net.run(["mount", "-t", "tmpfs", "-o", "mode=755", "programs", "/usr/local"], check=True)
        os.makedirs(net.path(CORES))
        os.chmod(net.path(CORES), 0o777)
        os.symlink("bin/limetwig", net.path(SPAMDB))
        net.write("/usr/local/note.py", NOTE, 0o755)
        net.write("/etc/group", net.read("/etc/group") + b"readers:x:%d:\n" % READER)
        net.write(KEY_PATH, dns_primary.KEY_FILE, 0o640)
        net.write(TLS_PATH, self.pem, 0o640)
        net.write("/etc/limetwig/drop.txt", "203.0.113.77\n192.0.2.200\n")
        net.write("/etc/limetwig/wrong.txt", self.traps.file())
        self.daemon.configure(conf("refuse"))
        net.write(TRAP_FILE, self.traps.file(), 0o640)
        if dns_primary.peer("named") and dns_primary.peer("dig"):
            self.named = dns_primary.Bind(net, os.path.join(self.folder, "named"), NAMED_PORT)
            self.named.start()

    def start(self):
        """With a folder for core files, and room for them."""
        self.daemon.process = self.net.start(
            ["sh", "-c", "cd %s && ulimit -c unlimited && NOTIFY_SOCKET=/run/lab/notify exec %s/limetwigd -f -c %s --uid-base %d"
             % (CORES, BIN, CONF_FILE, UID_BASE)], LOG)
        self.daemon.wait_up()

    def run(self, *words):
        """A command as root, with and without --json; what it says is kept."""
        for form in ([], ["--json"]):
            self.run_once(*words, *form)

    def run_once(self, *words):
        """Whoever names a file of traps may read what is in it."""
        done = self.daemon.ctl(*words)
        reads_file = words[:2] == ("feed", "check") or (words[1:2] == ("import",) and "--dry-run" in words)
        self.seen.put("limetwig " + " ".join(words)[:60], done.stdout + done.stderr, [self.traps.word] if reads_file else words)

    def spamdb(self, *words):
        done = self.net.run([SPAMDB, *words])
        self.seen.put("spamdb " + " ".join(words)[:40], done.stdout + done.stderr, words)
        return done

    def install(self):
        self.prepare()
        self.listen_all()
        self.run_once("setup", "postfix", "--dry-run")
        self.run_once("setup", "postfix")
        self.start()
        for form in ("--json",), ():
            self.net.start([BIN + "/limetwig", "watch", *form], "/run/lab/watch%d" % len(form))
        self.import_traps()
        self.scene.wait_armed(PLANTED - 10)
        self.scene.wait_log()

    def import_traps(self):
        t, net = self.traps, self.net
        net.write("/run/lab/many.txt", "\n".join(t.imported) + "\n" + t.bad_file())
        net.write("/run/lab/access", "".join("%s REJECT\n" % a for a in t.of_access) + t.word + " WHAT\n")
        self.run("trap", "import", "/run/lab/many.txt", "--dry-run")
        self.run_once("trap", "import", "/run/lab/many.txt", "--arm", "--tag", "many")
        self.run("trap", "import", "/run/lab/access", "--from", "access", "--dry-run")
        self.run_once("trap", "import", "/run/lab/access", "--from", "access", "--arm")
        self.run_once("trap", "add", *t.added, "--arm")
        self.spamdb("-T", "-a", *t.by_spamdb)
        self.run_once("trap", "arm", *t.by_spamdb)

    # ---- mail

    def texts(self, trap):
        """What spammers write who know the address: each a message with the trap somewhere."""
        local, domain = trap.split("@")
        word = base64.b64encode(("to " + trap).encode()).decode()
        return [messages.spam(s, trap, subject) for s, subject in (
            (trap, "forged sender"), ("a@spam.example", "For %s only" % trap), ("a@spam.example", "=?utf-8?B?%s?=" % word),
            ("a@spam.example", "=?utf-8?Q?for_%s?=" % trap.replace("@", "=40")), ("a@spam.example", trap.upper()),
            ("a@spam.example", "<%s>" % trap), ("a@spam.example", "http://x.example/?u=%s" % trap.replace("@", "%40")),
            ("bounce-%s=%s@spam.example" % (local, domain), "returned"))] + [
            messages.spam("a@spam.example", trap).replace("Message-ID: <", "Message-ID: <%s." % trap, 1),
            messages.spam("a@spam.example", trap).replace("Message-ID: <", "Message-ID: <%s=%s." % (local, domain), 1),
            messages.bounce(trap), messages.newsletter("list@club.example", trap, "news for " + trap),
            messages.plain("out@office.example", trap, "Out of office").replace("Subject", "Auto-Submitted: auto-replied\nSubject")]

    @staticmethod
    def senders(trap):
        local, domain = trap.split("@")
        return ["a@spam.example", trap, trap.upper(), "", "bounce-%s=%s@spam.example" % (local, domain),
                "SRS0=abcd=xy=%s=%s@fwd.example" % (domain, local), "prvs=123456abcd=%s" % trap, "%s%%%s@spam.example" % (local, domain),
                "\"%s\"@%s" % (local, domain), "%s@spam.example" % trap.replace("@", "-at-")]

    def smtp(self, key, trap, n, to=(), **more):
        """A session of this host with one of the texts and one of the senders; its replies are kept."""
        host, texts, senders = self.scene.host[key], self.texts(trap), self.senders(trap)
        recipients = [*to, trap]
        answer = host.mail(senders[n % len(senders)], recipients, texts[n % len(texts)], **more)
        for reply in answer.get("replies", []):
            self.seen.put("smtp " + reply["line"][:20], reply["text"], (reply["line"], *recipients, *senders))
        return answer

    def by_policy(self, traps):
        """What Postfix would ask and bring: policy queries and LMTP, for each of these traps."""
        with Raw(self.net, POLICY) as policy, Raw(self.net, LMTP) as lmtp:
            lmtp.read(b"\r\n")
            lmtp.send(b"LHLO mx1.example.org\r\n")
            self.keep("lmtp", lmtp, b"250 ")
            for n, trap in enumerate(traps):
                self.one_by_policy(policy, lmtp, n, trap)

    def keep(self, what, raw, until):
        answer = raw.read(until)
        assert until in answer, (what, answer)
        self.seen.put(what, answer)
        return answer

    def one_by_policy(self, policy, lmtp, n, trap):
        texts, senders = self.texts(trap), self.senders(trap)
        client, queue_id, sender = "198.18.%d.%d" % (n // 50, n % 50 + 1), "Q%08X" % n, senders[n % len(senders)]
        asked = {"client_address": client, "client_name": "mail%d.spam.example" % n, "helo_name": trap.split("@")[1],
                 "sender": sender, "recipient": trap, "instance": "p.%d" % n, "queue_id": ""}
        for more in ({}, {"protocol_state": "END-OF-MESSAGE", "recipient": "", "recipient_count": "1", "queue_id": queue_id}):
            policy.send(request(**{**asked, **more}))
            self.keep("policy", policy, b"\n\n")
        if n % 10 == 9:
            return  # a probe: the next query of this connection tells that nothing came
        lmtp.send(("XFORWARD ADDR=%s NAME=mail%d.spam.example SOURCE=REMOTE IDENT=%s\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s=@limetwig.invalid>"
                   " ORCPT=rfc822;%s\r\nDATA\r\n" % (client, n, queue_id, sender, trap.replace("@", "="), trap)).encode())
        self.keep("lmtp", lmtp, b"354 ")
        lmtp.send(texts[n % len(texts)].replace("\n", "\r\n").encode() + b"\r\n.\r\n")
        self.keep("lmtp", lmtp, b"\r\n")

    def traffic(self):
        """Monitor: nothing is refused, so that a host can do everything."""
        scene, t = self.scene, self.traps
        self.by_policy(t.plain[:700] + [t.odd[0], "someone@" + t.domains[0][1:]])
        keys = [scene.new_host() for _ in range(4)]
        few = t.plain[700:740] + t.odd + [d.replace("@", "any.one@") for d in t.domains]
        for n, trap in enumerate(few):
            self.smtp(keys[n % 4], trap, n, six=bool(n & 4))
        for n, trap in enumerate(t.plain[740:746]):
            self.smtp(keys[0], trap, 3, rcpt_only=True)                        # probes
            self.smtp(keys[1], trap, 10, to=[ALICE] if n % 2 else [ALICE, BOB])    # riders refused at the dot
            self.smtp(keys[2], trap, 0, port=587, login=[USER, PASSWORD])      # an insider
            self.smtp(keys[3], "%s-p0%d@example.org" % (t.word, n), 0)         # a pattern on a living domain
        scene.host[keys[3]].ask("mail", source=scene.address(keys[3]), to=WORSE, helo=t.plain[0],
                                mails=[{"sender": "x@y.example", "recipients": [t.plain[748]], "text": "x"}])
        self.keys = keys

    def wait_case(self, address):
        """The case of this address, once its block acts."""
        def look():
            done = self.daemon.ctl("why", address, "--json")
            return next((m["block"]["case"] for m in json.loads(done.stdout or "{}").get("matches", [])
                         if m.get("block", {}).get("state") == "active"), None)
        return wait_for("a block of " + address, look)

    def riders(self):
        """junk, withhold: what is given back, and what a person gives back."""
        for n, how in enumerate(("junk", "withhold")):
            self.daemon.configure(conf(how))
            self.run_once("reload")
            key = self.scene.new_host()
            self.smtp(key, self.traps.plain[750 + n], 1 + n, to=[ALICE])
            hit = self.scene.wait_hit(self.scene.address(key), "confirmed")[0]
            for words in (["--dry-run"], [], []):
                self.run_once("release", hit["corpus_id"], *words)
        wait_for("an empty queue", lambda: self.scene.postfix.flush() or self.scene.postfix.queued() == 0, 30)

    def hooks(self):
        self.daemon.configure(conf("deliver", HOOKS))
        self.run_once("reload")
        self.run_once("enforce", "full", "--force")
        key = self.scene.new_host()
        self.smtp(key, self.traps.plain[780], 0)
        case = self.wait_case(self.scene.address(key))

        def told(verb):
            return any(where == "notes" and b"'%s'" % verb in text and self.scene.address(key).encode() in text
                       for where, text in self.seen.texts)
        wait_for("the hook", lambda: told(b"add"), 30)
        self.run_once("block", "remove", case)
        wait_for("the hook", lambda: told(b"remove"), 30)

    def blocked(self):
        """Blocks act: at the policy layer, in the kernel, at the answerer, in zone, files and the other server's zone."""
        scene, t = self.scene, self.traps
        self.daemon.configure(conf("deliver"))
        self.run_once("reload")
        self.run("enforce", "soft", "--force")
        key, other = scene.new_host(), scene.new_host()
        for n, trap in enumerate(t.plain[760:766]):
            self.smtp(key, trap, n)
        self.wait_case(scene.address(key))
        self.run("enforce", "full", "--force")
        wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)))
        for n, trap in enumerate(t.plain[766:772]):
            self.smtp(key, trap, n, to=[ALICE] if n % 2 else ["postmaster@example.org"])
        wait_for("a sample", lambda: [text for text in witness.corpus(self.net).values() if "X-Limetwig-Sample: " in text], 30)
        self.seen.put("kernel", witness.rule_set(self.net))
        self.run("block", "add", scene.address(other), "--note", "asked about " + t.plain[772])
        self.key, self.other = key, other

    def zone(self):
        client = DnsClient(self.net.init)
        for address in (self.scene.address(self.key), self.scene.address(self.other), "198.18.0.1", "203.0.113.77"):
            for kind in (A, TXT):
                self.seen.put("zone", client.ask_tcp(reverse(address) + ".bl.example.org", kind).packet)
        for trap in self.traps.plain[:3]:
            answer = client.ask(trap.split("@")[0] + ".bl.example.org", TXT).packet
            self.seen.put("zone", answer.replace(trap.split("@")[0].encode(), b""))
        client.close()
        if self.named:
            wait_for("the other server's zone", lambda: len(self.named.listed()) > 100, 60)
            self.seen.put("dns-update", self.named.dig("AXFR", "-y", "hmac-sha256:%s:%s" % (dns_primary.KEY, dns_primary.SECRET),
                                                       "+noall", "+answer"))

    def files(self):
        def written():
            rows = self.daemon.json("status").get("exports", [])
            return len(rows) == len(FORMATS) and all(r["state"] == "written" and r["entries"] > 100 for r in rows)
        wait_for("the exported files", written, 30)
        for name in FORMATS:
            self.seen.put("export " + name, self.net.read("/var/lib/limetwig/export/%s.txt" % name))
            self.daemon.told("export", "--format", name, "--zone", "bl.example.org", "--output", "/run/lab/out")
            self.seen.put("limetwig export " + name, self.net.read("/run/lab/out"))
            os.unlink(self.net.path("/run/lab/out"))

    # ---- commands

    def commands(self):
        trap, address = self.traps.plain[5], self.scene.address(self.key)
        case = self.wait_case(address)
        note = ("--note", "for %s and %s" % (trap, trap.upper()))
        self.net.write("/run/lab/users.txt", ALICE + "\n")
        for words in (("status",), ("status", "--metrics"), ("why", address), ("why", case),
                      ("why", "198.18.0.1"), ("why", "198.18.2.3"), ("why", trap), ("why", "T-5"), ("why", "@" + trap.split("@")[1]),
                      ("hits", "--limit", "2000"), ("hits", trap), ("hits", "--tag", "many"), ("hits", "--good"), ("hits", "T-7"),
                      ("hits", "198.18.3.4"), ("trap", "list", "--limit", "2000"), ("trap", "list", "--tag", "website"),
                      ("trap", "stats"), ("trap", "test", trap, "--users", "/run/lab/users.txt"),
                      ("trap", "test", self.traps.patterns[0], "--users", "/run/lab/users.txt"),
                      ("replay", "/var/log/mail.log", "--traps", TRAP_FILE),
                      ("feed", "list"), ("feed", "find", "203.0.113.77"), ("feed", "refresh", "drop"), ("feed", "check", TRAP_FILE),
                      ("feed", "import", TRAP_FILE, "--dry-run"),
                      ("block", "list", "--all", "--limit", "2000"), ("block", "list", "--held"), ("allow", "add", "192.0.2.250", *note),
                      ("allow", "list"), ("person", "x@spam.example"), ("person", trap), ("person", self.senders(trap)[4]),
                      ("block", "remove", "--trap", trap, "--dry-run", *note), ("block", "remove", "--trap", trap, *note),
                      ("block", "remove", "--tag", "many", "--since", "1d", "--dry-run"),
                      ("block", "remove", trap, *note), ("block", "confirm", trap, *note), ("release", trap, *note),
                      ("forget", trap, *note), ("forget", "a@spam.example", *note), ("trap", "suspend", self.traps.plain[6], *note),
                      ("trap", "resume", self.traps.plain[6]), ("trap", "retire", self.traps.plain[7], *note),
                      ("trap", "remove", self.traps.plain[-3], *note), ("trap", "remove", "--tag", "nothing"),
                      ("allow", "import", TRAP_FILE, "--dry-run"), ("allow", "list"), ("why", address),
                      ("db", "backup", "/run/lab/backup.lmdb"), ("db", "check"), ("setup", "nftables"), ("setup", "postfix", "--print"),
                      ("uninstall", "--dry-run"), ("help",), ("version",)):
            self.run(*words)
        self.run_once("doctor", "--json")
        for words in ([self.scene.address(self.key)], ["-a", trap], ["-d", self.traps.plain[-1]], ["-d", "-T", self.traps.plain[-2]], ["-T", "-a", "W@"]):
            self.spamdb(*words)

    def as_reader(self):
        """A member of the read group sees no traps, whatever he asks for."""
        asker = "import os, sys\nos.setgroups([%d])\nos.setgid(%d)\nos.setuid(%d)\nos.execv(sys.argv[1], sys.argv[1:])" % (
            READER, READER, READER)
        for words in ((BIN + "/limetwig", "trap", "list", "--reveal"), (BIN + "/limetwig", "trap", "list", "--reveal", "--json"),
                      (BIN + "/limetwig", "hits", "--reveal", "--json", "--limit", "2000"), (BIN + "/limetwig", "status", "--reveal"),
                      (BIN + "/limetwig", "doctor", "--reveal"), (BIN + "/limetwig", "why", "198.18.0.1", "--reveal"), (SPAMDB,),
                      (BIN + "/limetwig", "trap", "test", self.traps.plain[10]), (SPAMDB, self.traps.plain[11]),
                      (BIN + "/limetwig", "person", self.traps.plain[12])):
            done = self.net.run([PYTHON, "-c", asker, *words])
            assert done.stdout or done.stderr, words
            self.seen.put("as reader: " + " ".join(words)[:70], done.stdout + done.stderr, words)
        assert self.net.run([PYTHON, "-c", asker, BIN + "/limetwig", "hits"]).returncode == 0

    def errors(self):
        """What is wrong on purpose."""
        t = self.traps
        self.net.write("/etc/limetwig/traps.d/bad.txt", t.bad_file(), 0o640)
        self.run("reload")
        self.run("status")
        self.run_once("doctor", "-v")
        os.unlink(self.net.path("/etc/limetwig/traps.d/bad.txt"))
        for words in (("trap", "add", "%s@@x" % t.word), ("trap", "add", "/(%s/" % t.word), ("trap", "add", ALICE, *t.plain[20:22]),
                      ("trap", "remove", "no" + t.plain[20]), ("trap", "import", "/run/lab/no-such"), ("trap", "arm", "no" + t.plain[20]),
                      ("block", "add", t.plain[20]), ("allow", "add", t.plain[20]), ("trap", t.plain[20]), (t.plain[20],),
                      ("why",), ("why", t.plain[20], t.plain[21]), ("enforce", t.plain[20]), ("trap", "add", t.plain[20], "--tag", t.plain[20]),
                      ("hits", "--since", t.plain[20]), ("db", "restore", t.plain[20]), ("trap", "suggest", "/var/log/mail.log")):
            self.run(*words)
        self.wrong_configuration()
        self.bad_lines()

    def wrong_configuration(self):
        good = self.net.read(CONF_FILE)
        for wrong in ("traps {\n  files = { %s }\n}\n", "traps {\n  files = { \"/etc/limetwig/traps.d/%s*\" }\n  %s = 1\n}\n", "%s\n",
                      "traps {\n  riders = %s\n", "contact = \"%s\n"):
            text = wrong.replace("%s", self.traps.plain[30])
            self.net.write("/run/lab/wrong.conf", text)
            for option in ("-n", "-nv"):
                done = self.net.run([BIN + "/limetwigd", option, "-c", "/run/lab/wrong.conf"])
                self.seen.put("limetwigd " + option, done.stdout + done.stderr, (self.traps.plain[30],))
        # a trap file in the place of the configuration
        self.daemon.configure(self.traps.file())
        self.run("reload")
        for option in ("-n", "-nv"):
            done = self.net.run([BIN + "/limetwigd", option, "-c", CONF_FILE])
            self.seen.put("limetwigd " + option, done.stdout + done.stderr)
        self.net.write(CONF_FILE, good)
        done = self.net.run([BIN + "/limetwigd", "-nv", "-c", CONF_FILE])
        self.seen.put("limetwigd -nv", done.stdout + done.stderr)
        self.run("reload")

    def bad_lines(self):
        """To the sockets, as no Postfix would."""
        trap = self.traps.plain[31]
        coded = trap.replace("@", "=")
        for lines in ((b"LHLO " + trap.encode(),), (b"LHLO x", b"MAIL FROM:<%s" % trap.encode()), (b"LHLO x", b"RCPT TO:<%s>" % trap.encode()),
                      (b"LHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % trap.encode(), b"RCPT TO:<%s@limetwig.invalid>" % coded.encode(),
                       b"RCPT TO:<%s=@limetwig.invalid> ORCPT=%s" % (coded.encode(), trap.encode()), b"DATA " + trap.encode(), b"RSET"),
                      (b"LHLO x", b"XFORWARD ADDR=%s NAME=%s" % (trap.encode(), trap.encode())), (trap.encode(),)):
            with Raw(self.net, LMTP) as raw:
                self.seen.put("lmtp error", raw.read(b"\r\n"))
                for line in lines:
                    raw.send(line + b"\r\n")
                    self.seen.put("lmtp error", raw.read(b"\r\n"))
        for text in (request(recipient=trap, client_address=trap), request(recipient=trap, request=trap), b"recipient=%s\n\n" % trap.encode(),
                     b"%s\n\n" % trap.encode(), request(recipient=trap + "\0" + trap), request(recipient=trap, recipient_count=trap)):
            with Raw(self.net, POLICY) as raw:
                raw.send(text)
                self.seen.put("policy error", raw.read(b"\n\n", 1))

    # ---- what is to be looked at in the end

    def collect(self):
        """Files of ours that are no place for traps, and what Postfix's users got."""
        for n in (0, 1):
            text = self.net.read("/run/lab/watch%d" % n)
            assert text.count(b"\n") > 100
            self.seen.put("limetwig watch", text)
        mails = [m for m in self.scene.postfix.mailbox(BOB) if "limetwig" in str(m["Subject"])]
        assert mails, "no alarm by mail"
        for mail in mails:
            self.seen.put("alarm mail", mail.as_bytes())
        for words in self.words:
            self.seen.put("arguments", words)

    def everything(self):
        self.install()
        self.traffic()
        self.riders()
        self.hooks()
        self.blocked()
        self.zone()
        self.files()
        self.commands()
        self.as_reader()
        self.errors()
        self.collect()
