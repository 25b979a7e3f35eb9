"""Primary and secondary DNS servers of others, unpacked in build-host/peers (tools/install-packages.sh) or installed.

They run in the server's network namespace, from a folder of their own on the host, as this user.
"""
import glob
import os
import shutil
import signal
import sqlite3
import subprocess

from .network import LabError, die_with_parent, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PEERS = os.path.join(TOP, "build-host/peers")
ZONE = "bl.example"
KEY = "limetwig"
SECRET = "bGltZXR3aWcgdGVzdHMgdGhpcyBzZWNyZXQgb25seSE="
KEY_FILE = 'key "%s" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n' % (KEY, SECRET)
ZONE_FILE = """$ORIGIN %s.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
""" % ZONE


def peer(program):
    """Path of a program, or None."""
    for folder in ("/usr/sbin", "/usr/bin"):
        path = PEERS + folder + "/" + program
        if os.path.exists(path):
            return path
    return shutil.which(program, path="/usr/sbin:/usr/bin")


def peer_env():
    libraries = sorted(glob.glob(PEERS + "/usr/lib/*-linux-gnu*")) + [PEERS + "/usr/lib"]
    return dict(os.environ, LD_LIBRARY_PATH=":".join(libraries), HOME="/nonexistent")


class DnsServer:
    """One server; subclasses write its configuration and say how it is started."""
    program = ""

    def __init__(self, net, folder, port, notify=0):
        self.net, self.folder, self.port, self.notify = net, folder, port, notify
        self.process = None
        os.makedirs(folder, exist_ok=True)
        self.configure()

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def inside(self, argv):
        return ["nsenter", "-t", str(self.net.init), "-n", *argv]

    def configure(self):
        raise NotImplementedError

    def argv(self):
        raise NotImplementedError

    def start(self, seconds=30):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(self.inside(self.argv()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env=peer_env(), preexec_fn=die_with_parent,
                                            start_new_session=True)
        wait_for("%s to serve" % self.program, self.serves, seconds)

    def serves(self):
        if self.process.poll() is not None:
            raise LabError("%s ended:\n%s" % (self.program, self.log()))
        return "status: NOERROR" in self.dig("SOA", "+time=1", "+tries=1")

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def dig(self, kind, *more):
        done = subprocess.run(self.inside(["dig", "@127.0.0.1", "-p", str(self.port), "+tcp", ZONE, kind, *more]),
                              capture_output=True, text=True, check=False)
        return done.stdout

    def zone(self):
        """{owner: {type: {data}}} of a signed transfer; the zone's name is cut off."""
        text = self.dig("AXFR", "-y", "hmac-sha256:%s:%s" % (KEY, SECRET), "+noall", "+answer")
        found = {}
        for line in text.splitlines():
            words = line.split(None, 4)
            if len(words) == 5 and words[0].endswith(ZONE + "."):
                owner = words[0][:-len(ZONE) - 1].rstrip(".") or "@"
                found.setdefault(owner, {}).setdefault(words[3], set()).add(words[4].strip('"'))
        return found

    def listed(self):
        """{owner: code} of what is ours, or looks like it."""
        return {name: sorted(types["A"])[0] for name, types in self.zone().items()
                if "A" in types and name not in ("ns", "www", "@")}

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(30)
        self.process = None


class Bind(DnsServer):
    program = "named"

    def configure(self):
        self.write("key.conf", KEY_FILE)
        if not os.path.exists(os.path.join(self.folder, "zone")):
            self.write("zone", ZONE_FILE)
        self.write("named.conf", """
include "%(folder)s/key.conf";
options {
	directory "%(folder)s";
	pid-file "%(folder)s/named.pid";
	session-keyfile none;
	managed-keys-directory "%(folder)s";
	listen-on port %(port)d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	notify-delay 0;
};
controls { };
zone "%(zone)s" {
	type primary;
	file "zone";
	update-policy { grant %(key)s zonesub A TXT; };
	allow-transfer { key %(key)s; };
	notify explicit;
	%(notify)s
};
""" % {"folder": self.folder, "port": self.port, "zone": ZONE, "key": KEY,
       "notify": "also-notify { 127.0.0.1 port %d key %s; };" % (self.notify, KEY) if self.notify else ""})

    def argv(self):
        return [peer("named"), "-g", "-n", "1", "-c", self.folder + "/named.conf"]


class Knot(DnsServer):
    program = "knotd"
    master = 0

    def configure(self):
        if not os.path.exists(os.path.join(self.folder, "zone")) and not self.master:
            self.write("zone", ZONE_FILE)
        remotes = "".join("  - id: %s\n    address: 127.0.0.1@%d\n    key: %s\n" % (name, port, KEY)
                          for name, port in (("second", self.notify), ("first", self.master)) if port)
        self.write("knot.conf", """
server:
    listen: 127.0.0.1@%(port)d
    rundir: %(folder)s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
key:
  - id: %(key)s
    algorithm: hmac-sha256
    secret: %(secret)s
database:
    storage: %(folder)s
%(remotes)s
acl:
  - id: ours
    key: %(key)s
    action: [%(action)s]
zone:
  - domain: %(zone)s
    storage: %(folder)s
    file: zone
    zonefile-sync: 300
    acl: ours
%(peer)s
""" % {"port": self.port, "folder": self.folder, "key": KEY, "secret": SECRET, "zone": ZONE,
       "remotes": "remote:\n" + remotes if remotes else "",
       "action": "notify, transfer" if self.master else "update, transfer",
       "peer": "    master: first" if self.master else "    notify: second" if self.notify else ""})

    def argv(self):
        return [peer("knotd"), "-c", self.folder + "/knot.conf"]


class KnotSecondary(Knot):
    """Fed by NOTIFY and IXFR of the primary at port `master`."""

    def __init__(self, net, folder, port, master):
        self.master = master
        super().__init__(net, folder, port)

    def serves(self):
        if self.process.poll() is not None:
            raise LabError("%s ended:\n%s" % (self.program, self.log()))
        return "status:" in self.dig("SOA", "+time=1", "+tries=1")


class PowerDns(DnsServer):
    program = "pdns_server"

    def configure(self):
        self.write("zone", ZONE_FILE)
        self.write("pdns.conf", """
launch=gsqlite3
gsqlite3-database=%(folder)s/pdns.sqlite3
gsqlite3-dnssec=yes
module-dir=%(modules)s
socket-dir=%(folder)s
local-address=127.0.0.1
local-port=%(port)d
daemon=no
guardian=no
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
security-poll-suffix=
""" % {"folder": self.folder, "port": self.port, "modules": self.modules()})
        if os.path.exists(self.folder + "/pdns.sqlite3"):
            return
        with open(self.schema(), encoding="utf-8") as f:
            schema = f.read()
        database = sqlite3.connect(self.folder + "/pdns.sqlite3")
        database.executescript(schema)
        database.close()
        for words in (["load-zone", ZONE, self.folder + "/zone"],
                      ["import-tsig-key", KEY, "hmac-sha256", SECRET],
                      ["set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", KEY],
                      ["set-meta", ZONE, "TSIG-ALLOW-AXFR", KEY],
                      ["set-kind", ZONE, "primary"]):
            done = subprocess.run([peer("pdnsutil"), "--config-dir=" + self.folder, *words], capture_output=True,
                                  text=True, env=peer_env(), check=False)
            if done.returncode != 0:
                raise LabError("pdnsutil %s: %s" % (words[0], done.stdout + done.stderr))

    def modules(self):
        for folder in (PEERS + "/usr/lib", "/usr/lib"):
            for path, _, files in os.walk(folder):
                if "libgsqlite3backend.so" in files:
                    return path
        raise LabError("no gsqlite3 backend of PowerDNS")

    def schema(self):
        for folder in (PEERS, ""):
            path = folder + "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
            if os.path.exists(path):
                return path
        raise LabError("no schema of PowerDNS")

    def argv(self):
        return [peer("pdns_server"), "--config-dir=" + self.folder]
