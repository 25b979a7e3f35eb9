"""A site for faults: the lab's server without a Postfix, limetwigd under fault_tracer, and what Postfix would say to it.

Nothing here waits for a clock but the back-off of limetwigd itself; every wait is for an event.
"""
import collections
import json
import mmap
import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from lab import messages  # noqa: E402
from lab.daemon import BIN, CONF, LOG, UID_BASE, Daemon  # noqa: E402
from lab.network import LabError, Network, die_with_parent, wait_for  # noqa: E402
from lab.postfix import MAIL_LOG  # noqa: E402
from lab.raw import LMTP, POLICY, request  # noqa: E402

ZONE = "bl.example.org"
STATE = "/var/lib/limetwig"
CONTROL = "/run/limetwig/control.sock"
CONTROL_FILE = "/run/lab/fault.control"
TRAP_FILE = "/etc/limetwig/traps.d/site.txt"
FEED_FILE = "/etc/limetwig/lists/drop.txt"
ROLES = ("engine", "firewall", "capture", "follow", "run", "aliasmap", "fetch", "tarpit", "feed", "dnsbl", "publish")
ALL = ("parent",) + ROLES
FRIENDS = ("192.0.2.10", "192.0.2.11", "2001:db8:10::10")
TRAPS = ["oldtrap%d@example.org" % n for n in range(4)]
ALICE = "alice@example.org"
SITE_CONF = """contact = "postmaster@example.org"
block {
  jitter = 0
}
firewall {
  offence = 1
  action = answer
}
tarpit {
  host = mx.example.org
  offence = 1
  pace = 1s
}
traps {
  watch = 0
}
storage {
  disk-reserve = 0
  db-size = 64M
}
dnsbl {
  zone = %s
  listen = { "127.0.0.1:53" }
}
feed "drop" {
  source = "%s"
  action = list
  layers = "dnsbl export"
  code = 9
  documentation = yes
  change = 100
}
export "plain" {
  format = plain
  file = "plain.txt"
  refresh = 1s
  feeds = no
}
""" % (ZONE, FEED_FILE)
PATIENCE = 60
SLOT = struct.Struct("16sQQQQ")


class Broken(Exception):
    """An invariant does not hold."""


class Lost(Exception):
    """The site is of no more use."""


class Tracer:
    """fault_tracer in the server; events by role."""

    def __init__(self, net, argv, env):
        self.events = collections.deque()
        self.gone = []  # (role, "exit"|"signal", number, "ours"|"own"|"library")
        self.struck = {}
        self.counts = {}
        self.living = {}
        self.armed = queue.Queue()
        self.speaking = threading.Lock()
        self.is_kept = False  # a dead daemon is started again at once, as a service manager would
        with open(net.path(LOG), "ab") as log:
            self.process = subprocess.Popen(
                net.inside([BIN + "/fault_tracer", "/usr/bin/env", *env, *argv]), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1, preexec_fn=die_with_parent,
                start_new_session=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            word = line.split()
            if word[0] == "born":
                self.living[word[1]] = int(word[2])
            elif word[0] == "gone":
                self.living.pop(word[1], None)
                self.gone.append((word[1], word[2], int(word[3]), word[4]))
            elif word[0] == "struck":
                self.struck[word[1]] = " ".join(word[2:])
            elif word[0] == "count":
                self.counts[word[1]] = int(word[2])
            if word[0] in ("armed", "count"):
                self.armed.put(word[1])
            if word[0] == "gone" and self.is_kept and not self.living:
                self.say("start")

    def say(self, text):
        try:
            with self.speaking:  # the work, its timers and the reader all do
                self.process.stdin.write(text + "\n")
                self.process.stdin.flush()
        except BrokenPipeError:
            raise Lost("the tracer is gone") from None

    def ask(self, text):
        """An order that is answered."""
        self.say(text)
        try:
            self.armed.get(timeout=PATIENCE)
        except queue.Empty:
            raise LabError("the tracer does not answer: " + text) from None

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.thread.join(5)
        self.process.stdout.close()


class Control:
    """The file that fault_preload has mapped: allocations that fail, the clock."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.fchmod(self.fd, 0o666)
        os.ftruncate(self.fd, 16 + 16 * SLOT.size)
        self.map = mmap.mmap(self.fd, 16 + 16 * SLOT.size)
        for n, role in enumerate(ALL):
            SLOT.pack_into(self.map, self.at(role), role.encode(), 0, 0, 0, 0)

    @staticmethod
    def at(role):
        return 16 + ALL.index(role) * SLOT.size

    def fail(self, role, nth):
        """Its nth allocation from now on; 0: none."""
        SLOT.pack_into(self.map, self.at(role), role.encode(), nth, 0, 0, 0)

    def count(self, role):
        """(allocations, failed ones) since fail()."""
        _, _, count, failed, _ = SLOT.unpack_from(self.map, self.at(role))
        return count, failed

    def trace(self):
        """Roles that begin from now on say where the failing allocation was asked for."""
        struct.pack_into("Q", self.map, 8, 1)

    def set_clock(self, seconds):
        struct.pack_into("q", self.map, 0, seconds)

    def close(self):
        self.map.close()
        os.close(self.fd)


class Mail:
    """A message to a trap, as Postfix has it in its queue."""

    def __init__(self, number, client, trap):
        self.number, self.client, self.trap = number, client, trap
        self.queue_id = "F%09X" % number
        self.id = "<f%d@spam.example>" % number
        self.is_taken = self.is_charged = False
        self.may_lack_file = False
        self.tries = 0

    def text(self):
        return ("From: s%d@spam.example\r\nTo: %s\r\nSubject: offer %d\r\nMessage-ID: %s\r\n\r\n"
                "Buy now: http://watches.example/?id=%d\r\n" % (self.number, self.trap, self.number, self.id, self.number))


class Site:
    """Made once; start() and its ends as often as wanted."""

    def __init__(self, build, unpacked="", preload=True):
        self.net = Network(unpacked)
        try:
            self.prepare(build, preload)
        except BaseException:
            self.net.close()
            raise

    def prepare(self, build, preload):
        net = self.net
        for name in ("vmailbox", "virtual", "client_access"):
            net.run(["postmap", "/etc/postfix/" + name], check=True)
        self.daemon = Daemon(net, build)
        for name in ("fault_tracer", "fault_preload.so"):
            shutil.copy(os.path.join(build, "tests", name), net.path(BIN + "/" + name))
        net.write(MAIL_LOG, "", 0o640)
        net.write(FEED_FILE, "# none\n")
        self.daemon.configure(SITE_CONF)
        done = self.daemon.ctl("setup", "postfix")
        if done.returncode != 0:
            raise LabError("setup postfix: " + done.stdout + done.stderr)
        self.control = Control(net.path(CONTROL_FILE))
        env = ["LD_PRELOAD=%s/fault_preload.so" % BIN, "FAULT_CONTROL=" + CONTROL_FILE] if preload else []
        self.tracer = Tracer(net, [BIN + "/limetwigd", "-f", "-c", CONF, "--uid-base", str(UID_BASE)], env)
        self.client = net.add_host("mail.spam.example", "198.51.100.66", "2001:db8:66::66")
        net.ip(self.client.process.pid, ["route add local 198.18.0.0/15 dev lo"])
        net.ip(net.init, ["route add 198.18.0.0/15 via 198.51.100.66"])
        self.number = 0
        self.seen = collections.Counter()
        self.policy_socket = None
        self.write_traps([])

    # ---- files

    def write_traps(self, more):
        text = "".join("%s state=armed\n" % t for t in TRAPS + more)
        path = self.net.path(TRAP_FILE)
        with open(path + "~", "w", encoding="ascii") as f:
            f.write(text)
        os.rename(path + "~", path)

    def write_feed(self, addresses):
        path = self.net.path(FEED_FILE)
        with open(path + "~", "w", encoding="ascii") as f:
            f.write("# ours\n" + "".join(a + "\n" for a in addresses))
        os.rename(path + "~", path)

    def log(self, lines):
        with open(self.net.path(MAIL_LOG), "a", encoding="ascii") as f:
            f.write("".join("%s mx1 postfix/%s\n" % (messages.stamp(at), text) for at, text in lines))

    # ---- the daemon

    def start(self):
        self.tracer.is_kept = True
        self.tracer.say("start")

    def up(self):
        """The status when all roles are up, else None."""
        try:
            status = self.command(cmd="status", seconds=2)
        except (OSError, ValueError):
            return None
        roles = status.get("roles", [])
        return status if roles and all(r["up"] for r in roles) else None

    def wait_up(self, seconds=PATIENCE):
        return wait_for("all roles to be up", self.up, seconds)

    def wait_dead(self, seconds=60):
        try:
            wait_for("the end of all processes", lambda: not self.tracer.living, seconds)
        except LabError as e:
            raise Broken("%s: %s" % (e, self.tracer.living)) from None

    def kill(self, role="parent"):
        self.tracer.say("kill " + role)

    def kill_all(self):
        self.tracer.is_kept = False
        for role in list(self.tracer.living):
            self.kill(role)
        self.wait_dead()

    def stop(self):
        """SIGTERM to the parent; its exit status."""
        self.tracer.is_kept = False
        pid = self.tracer.living.get("parent")
        if pid is None:
            self.wait_dead()
            return None
        seen = len(self.tracer.gone)
        self.net.run(["kill", "-TERM", str(pid)])
        self.wait_dead()
        return next((n for role, how, n, _ in self.tracer.gone[seen:] if role == "parent" and how == "exit"), None)

    def command(self, seconds=PATIENCE, **fields):
        """As limetwig says it to the engine. OSError: nobody answers."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            s.connect(self.net.path(CONTROL))
            s.sendall(json.dumps(fields).encode() + b"\n")
            line = s.makefile().readline()
        if not line:
            raise OSError("no answer")
        return json.loads(line)

    def ask(self, **fields):
        """A command that must be answered, whoever is dead meanwhile."""
        def look():
            try:
                answer = self.command(**fields)
            except (OSError, ValueError):
                return None
            return None if answer.get("error", "").startswith("no memory") else answer
        answer = wait_for("an answer to %s" % fields, look, PATIENCE)
        if not answer.get("ok"):
            raise Broken("command %s: %s" % (fields, answer))
        return answer

    # ---- what Postfix says

    def new_mail(self):
        self.number += 1
        n = self.number
        client = "198.%d.%d.%d" % (18 + (n >> 16 & 1), n >> 8 & 255, n & 255)
        return Mail(n, client, TRAPS[n % len(TRAPS)])

    def policy(self, **fields):
        """The action; a connection that is closed is opened anew once, as smtpd does. "": no answer."""
        data = request(**fields)
        for _ in range(2):
            try:
                if self.policy_socket is None:
                    self.policy_socket = socket.socket(socket.AF_UNIX)
                    self.policy_socket.settimeout(40)
                    self.policy_socket.connect(self.net.path(POLICY))
                self.policy_socket.sendall(data)
                got = b""
                while not got.endswith(b"\n\n"):
                    more = self.policy_socket.recv(4096)
                    if not more:
                        raise ConnectionResetError
                    got += more
                return got.decode().strip().partition("=")[2]
            except OSError:
                if self.policy_socket:
                    self.policy_socket.close()
                self.policy_socket = None
        return ""

    def ask_for(self, client, recipient=ALICE, **more):
        name = "mail.friend.example" if client in FRIENDS else "unknown"
        return self.policy(client_address=client, client_name=name, recipient=recipient, **more)

    def smtp(self, mail):
        """What smtpd asks and logs of this message before it is queued; its client may hear nothing but DUNNO."""
        with_id = {"client_address": mail.client, "client_name": "unknown", "recipient": mail.trap,
                   "sender": "s%d@spam.example" % mail.number, "instance": "f.%x.0.0" % mail.number,
                   "queue_id": mail.queue_id, "helo_name": "c%d.example" % mail.number}
        self.policy(**with_id)
        self.policy(**{**with_id, "protocol_state": "END-OF-MESSAGE", "recipient_count": "1", "size": "500"})
        now = int(time.time())
        lines = messages.delivery(now, "unknown[%s]" % mail.client, mail.queue_id,
                                  "s%d@spam.example" % mail.number, mail.trap)
        self.log([(at, text) for at, text in lines[:4]])

    def lmtp(self, mail):
        """One attempt to deliver: the code of the final dot, 0 when the connection was lost."""
        mail.tries += 1
        steps = ["LHLO mx1.example.org", "XFORWARD NAME=[UNAVAILABLE] ADDR=%s PORT=2525" % mail.client,
                 "XFORWARD PROTO=ESMTP HELO=c%d.example IDENT=%s SOURCE=REMOTE" % (mail.number, mail.queue_id),
                 "MAIL FROM:<s%d@spam.example>" % mail.number,
                 "RCPT TO:<%s=@limetwig.invalid> ORCPT=rfc822;%s" % (mail.trap.replace("@", "="), mail.trap), "DATA"]
        code = 0
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(40)
                s.connect(self.net.path(LMTP))
                f = s.makefile("rb")
                code = self.reply(f)
                for step in steps:
                    if not 200 <= code < 400:
                        return code
                    s.sendall(step.encode() + b"\r\n")
                    code = self.reply(f)
                if code != 354:
                    return code
                s.sendall(mail.text().encode() + b".\r\n")
                code = self.reply(f)
                return code
        except OSError:
            return 0

    @staticmethod
    def reply(f):
        while True:
            line = f.readline()
            if not line:
                return 0
            if line[3:4] == b" ":
                return int(line[:3])

    def deliver(self, mail, seconds=PATIENCE):
        """Until it is taken, as Postfix would bring it again."""
        deadline = time.monotonic() + seconds
        while not mail.is_taken:
            code = self.lmtp(mail)
            mail.is_taken = code == 250
            if code // 100 == 5:
                raise Broken("message %d was refused for good: %d" % (mail.number, code))
            if not mail.is_taken and time.monotonic() > deadline:
                raise Broken("message %d is not taken after %d s, %d tries: %d" % (mail.number, seconds, mail.tries, code))
            if not mail.is_taken:
                time.sleep(0.01)

    def good_mail(self):
        """Innocent hosts at work: asked for, delivered, in the log; none may hear a refusal."""
        for client in FRIENDS:
            self.number += 1
            answer = self.ask_for(client, instance="g.%x.0.0" % self.number)
            if answer not in ("DUNNO", ""):
                raise Broken("innocent %s heard: %s" % (client, answer))
            self.log(messages.delivery(int(time.time()), "mail.friend.example[%s]" % client, "A%09X" % self.number,
                                       "jo@friend.example", ALICE))

    # ---- its ends

    def wipe(self):
        """A new store, a new corpus, an empty log; the daemon is not running."""
        self.net.run(["sh", "-c", "rm -rf %s/db %s/corpus %s/feeds %s/export" % ((STATE,) * 4)], check=True)
        self.net.write(MAIL_LOG, "", 0o640)
        self.net.run(["nft", "delete table inet limetwig"])

    def daemon_log(self):
        return self.daemon.log()

    def close(self):
        if self.policy_socket:
            self.policy_socket.close()
        self.tracer.close()
        self.control.close()
        self.net.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
