"""Lists from outside: the role feed under limetwigd, beside a web server that is not to be trusted."""
import gzip
import ipaddress
import os
import shutil
import signal
import subprocess
import tempfile
import time

import pytest
from lab.dns_host import PORT as DNS_PORT
from lab.dns_host import Dns
from lab.network import PYTHON, SERVER4, die_with_parent, wait_for
from lab.scene import CONF

HERE = os.path.dirname(os.path.abspath(__file__))
PORT, TLS_PORT, FTP_PORT = 8080, 8443, 2121
WEB = "http://127.0.0.1:%d/" % PORT
FILES = "/etc/limetwig/lists"
KEPT = "/var/lib/limetwig/feeds"
PATIENCE = 30
LINES = int(os.environ.get("LIMETWIG_FEED_LINES", "50000"))  # more, and -s, to measure
HOSTILE = {  # path: what the reason has in it
    "endless": "larger than",
    "slow": "not done within 2 s",
    "loop": "redirects",
    "file": "",
    "bomb": "unpacked it is larger",
    "short": "",
    "304": "304",
    "empty": "nothing in it can be used",
    "500": "500",
    "html": "nothing in it can be used",
    "huge": "larger than",
    "none": "404",
}


def section(name, source, size="64M", limit="20s"):
    key = "command" if source.startswith("/bin/") else "source"
    return 'feed "%s" {\n  %s = "%s"\n  documentation = yes\n  action = list\n  limit = %s\n  size = %s\n}\n' % (
        name, key, source, limit, size)


def addresses(first, count):
    return "".join("%s\n" % (ipaddress.ip_address(first) + i * 2) for i in range(count))


class Web:
    """The server; its folder is the test's to write to."""
    program, log_name = "lab/feed_server.py", "log"

    def __init__(self, net, folder, port, certificate=None):
        self.folder = folder
        self.args = ["nsenter", "-t", str(net.init), "-n", PYTHON, os.path.join(HERE, self.program), str(port),
                     folder] + ([certificate] if certificate else [])
        self.process = None
        self.open()

    def open(self):
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
                                        start_new_session=True)
        assert self.process.stdout.readline() == "ready\n"

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        self.process = None

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def pack(self, name, text):
        path = os.path.join(self.folder, name)
        with gzip.open(path + ".new", "wt", encoding="ascii") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def log(self):
        with open(os.path.join(self.folder, self.log_name), encoding="utf-8") as f:
            return f.read().splitlines()


class Ftp(Web):
    program, log_name = "lab/ftp_server.py", "ftp.log"


SPAMD_CONF = r"""# as OpenBSD has it
all:\
	:bad+ones:free:second:ftp-one:ftp-free:ftp-astray:ftp-none:
bad+ones:\
	:black:\
	:msg="You (%%A) are on a list\n100%%%% sure":\
	:method=http:\
	:file=127.0.0.1\C%d/list/spamd.gz:
free:\
	:white:\
	:file=%s/white.txt:
second:\
	:black:\
	:msg="second":\
	:method=exec:\
	:file=/bin/cat %s/second.txt:
ftp-one:\
	:black:\
	:msg="packed, from a folder":\
	:method=ftp:\
	:file=127.0.0.1\C%d/pub/one.gz:
ftp-free:\
	:white:\
	:method=ftp:\
	:file=127.0.0.1\C%d/free.txt:
ftp-astray:\
	:black:\
	:msg="its server names another host for the data":\
	:method=ftp:\
	:file=127.0.0.1\C%d/astray/list.txt:
ftp-none:\
	:black:\
	:msg="not there":\
	:method=ftp:\
	:file=127.0.0.1\C%d/pub/none.txt:
""" % (PORT, FILES, FILES, FTP_PORT, FTP_PORT, FTP_PORT, FTP_PORT)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield path


@pytest.fixture(scope="module")
def site(new_scene, folder):
    scene = new_scene(hosts=())
    net = scene.net
    os.mkdir(folder + "/web")
    scene.web = Web(net, folder + "/web", PORT)
    for name in ("pub", "astray"):
        os.makedirs(folder + "/ftp/" + name)
    scene.ftp = Ftp(net, folder + "/ftp", FTP_PORT)
    scene.ftp.pack("pub/one.gz", "203.0.113.64/30\n203.0.113.80 3 hits\n")
    scene.ftp.write("free.txt", "203.0.113.65\n")
    scene.ftp.write("astray/list.txt", "203.0.113.96/28\n")
    scene.web.write("web", addresses("198.51.100.0", 100))
    scene.web.write("packed.gz", addresses("203.0.113.0", 10) + "2001:db8:7::/48\n")
    scene.web.write("spamd.gz", "192.0.2.0/28\n192.0.2.64\n")
    net.write(FILES + "/own.txt", "# ours\n192.0.2.7\n192.0.2.8 - 192.0.2.15\n")
    net.write(FILES + "/empty.txt", "# nothing yet\n")
    net.write(FILES + "/much.txt", "192.0.2.7\n" * 1000)
    net.write(FILES + "/large.txt", "# not yet\n")
    net.write(FILES + "/white.txt", "192.0.2.4\n")
    net.write(FILES + "/second.txt", "203.0.113.7\n")
    net.write(FILES + "/folder/a.txt", "198.51.100.1\n")
    net.write(FILES + "/folder/b.ip4set", ":127.0.0.2:$\n198.51.100.2\n!198.51.100.1\n")
    net.write(FILES + "/folder/.c.txt.Xy12", "198.51.100.3\n")
    os.symlink(FILES + "/own.txt", net.path(FILES + "/folder/d.txt"))
    net.write("/etc/mail/spamd.conf", SPAMD_CONF)
    feeds = [section("web", WEB + "list/web"), section("packed", WEB + "list/packed.gz"),
             section("hop", WEB + "hop"), section("own", FILES + "/own.txt"), section("empty", FILES + "/empty.txt"),
             section("folder", FILES + "/folder"), section("gone", FILES + "/nothing-here"),
             section("cmd", "/bin/cat " + FILES + "/own.txt"),
             section("uid", "/bin/sh -c id;echo;false"), section("much", "/bin/cat " + FILES + "/much.txt", size="4k"),
             section("child", "/bin/sh -c cat<" + FILES + "/much.txt;true", size="4k"),
             section("just", "/bin/cat " + FILES + "/much.txt", size="10000"),
             section("large", FILES + "/large.txt"),
             section("late", "/bin/sleep 100", limit="1s")]
    feeds += [section("bad-" + name, WEB + name, "1M", "2s") for name in HOSTILE]
    feeds += [section(name, "http://%s:%d/%s" % (SERVER4, PORT, name)) for name in ("inward", "inward-mapped")]
    feeds.append('feeds {\n  spamd-conf = "/etc/mail/spamd.conf"\n  documentation = yes\n}\n')
    scene.daemon.configure(CONF + "".join(feeds))
    scene.install()
    yield scene
    scene.web.close()
    scene.ftp.close()


def row(site, name):
    return next((f for f in site.daemon.json("feed", "list")["feeds"] if f["name"] == name), {})


def wait_state(site, name, state, word="", **fields):
    """The row of a feed, once it is so."""
    def look():
        r = row(site, name)
        is_so = r.get("state") == state and word in r.get("text", "")
        return r if is_so and all(r.get(k) == v for k, v in fields.items()) else None
    try:
        return wait_for("feed %s to be %s" % (name, state), look, PATIENCE)
    except Exception as e:
        raise AssertionError("%s\n%s\n%s" % (e, row(site, name), site.daemon.log_tail(20))) from e


def refresh(site, name):
    site.daemon.told("feed", "refresh", name)


def test_what_comes_acts(site):
    wait_state(site, "web", "ok", prefixes=100, acts=True)
    wait_state(site, "packed", "ok", prefixes=11)
    wait_state(site, "hop", "ok", prefixes=100)
    wait_state(site, "own", "ok", ipv4_addresses=9)
    wait_state(site, "empty", "ok", prefixes=0)
    wait_state(site, "cmd", "ok", ipv4_addresses=9)
    # one list taken out of the other; no temporary file, no link
    wait_state(site, "folder", "ok", prefixes=1, entries=3)
    assert site.daemon.ctl("feed", "find", "198.51.100.2").returncode == 0


def test_who_lies_gives_nothing(site):
    for name, word in HOSTILE.items():
        r = wait_state(site, "bad-" + name, "failed", word)
        assert r["text"] and not r["acts"], r
    wait_state(site, "gone", "failed", "No such file")
    # from outside to an address of ours
    assert not wait_state(site, "inward", "failed", "not public")["acts"]
    assert not wait_state(site, "inward-mapped", "failed", "not public")["acts"]


def test_commands_have_limits_and_no_rights(site):
    wait_state(site, "much", "failed", "more than size")
    # the shell goes on behind its child, and ends well
    wait_state(site, "child", "failed", "more than size")
    wait_state(site, "just", "ok", entries=1000)
    wait_state(site, "late", "failed", "longer than limit")
    # no shell: the words are the program's
    assert "status" in wait_state(site, "uid", "failed")["text"]
    pid = site.daemon.pids()["run"]
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        assert "Uid:\t0" not in f.read()


def test_a_spamd_conf_is_a_source(site):
    first = wait_state(site, "bad-ones", "ok", ipv4_addresses=16)
    assert first["action"] == "tarpit"
    wait_state(site, "second", "ok", prefixes=1)
    listed = site.daemon.json("feed", "find", "192.0.2.5")["feeds"]
    assert "bad-ones" in [f["feed"] for f in listed]
    free = site.daemon.ctl("feed", "find", "192.0.2.4", "--json").stdout
    assert "bad-ones" not in free


def test_ftp(site):
    one = wait_state(site, "ftp-one", "ok", ipv4_addresses=4)
    assert one["entries"] == 3 and one["action"] == "tarpit"
    assert '"ftp-one"' in site.daemon.ctl("feed", "find", "203.0.113.64", "--json").stdout
    assert '"ftp-one"' not in site.daemon.ctl("feed", "find", "203.0.113.65", "--json").stdout
    # data comes from the host that was asked, whatever host it names
    wait_state(site, "ftp-astray", "ok", ipv4_addresses=16)
    assert "PASV " in site.ftp.log()
    assert not wait_state(site, "ftp-none", "failed")["acts"]
    # the server is gone: what was good acts on
    site.ftp.close()
    refresh(site, "ftp-one")
    assert wait_state(site, "ftp-one", "failed", ipv4_addresses=4)["acts"]
    site.ftp.open()
    site.ftp.pack("pub/one.gz", "203.0.113.64/30\n203.0.113.80\n203.0.113.82\n")
    refresh(site, "ftp-one")
    wait_state(site, "ftp-one", "ok", ipv4_addresses=5)


def test_only_what_is_newer_is_asked_for(site):
    wait_state(site, "web", "ok")
    before = len(site.web.log())
    refresh(site, "web")
    wait_for("a conditional request", lambda: any(
        line.startswith("/list/web 304") for line in site.web.log()[before:]), PATIENCE)
    wait_state(site, "web", "ok", prefixes=100)
    tried = row(site, "own")["tried"]
    reads = site.daemon.log().count("feed_read feed=own")
    # put in its place by renaming: another file, in a sandbox that goes by files
    site.net.write(FILES + "/own.txt.new", "192.0.2.7\n192.0.2.8 - 192.0.2.15\n192.0.2.77\n")
    os.rename(site.net.path(FILES + "/own.txt.new"), site.net.path(FILES + "/own.txt"))
    refresh(site, "own")
    wait_state(site, "own", "ok", ipv4_addresses=10)
    assert row(site, "own")["tried"] >= tried
    assert site.daemon.log().count("feed_read feed=own") == reads + 1


def test_a_great_change_waits_for_a_person(site):
    wait_state(site, "web", "ok", prefixes=100)
    site.web.write("web", addresses("198.51.100.0", 30))
    refresh(site, "web")
    held = wait_state(site, "web", "held", "changes too much", prefixes=100)
    assert held["removed"] == 70
    refresh(site, "web")
    wait_for("the second look", lambda: len([x for x in site.web.log() if x.startswith("/list/web 304")]) >= 2, PATIENCE)
    wait_state(site, "web", "held", prefixes=100)
    assert site.daemon.log().count("feed_held feed=web") == 1
    site.daemon.told("feed", "confirm", "web")
    wait_state(site, "web", "ok", prefixes=30)


def test_an_empty_answer_changes_nothing(site):
    wait_state(site, "web", "ok", prefixes=30)
    site.web.write("web", "")
    refresh(site, "web")
    wait_state(site, "web", "held", "empty", prefixes=30)
    # the source is well again: nothing is left to confirm
    site.web.write("web", addresses("198.51.100.0", 31))
    refresh(site, "web")
    wait_state(site, "web", "ok", prefixes=31)
    site.web.write("web", "<html>\n" * 50 + "198.51.100.9\n")
    refresh(site, "web")
    wait_state(site, "web", "held", "more lines are refused", prefixes=31)
    site.web.write("web", addresses("198.51.100.0", 31))
    refresh(site, "web")
    wait_state(site, "web", "ok", prefixes=31)


def test_a_dirty_list_comes_in_clean(site):
    lines = ["%d.%d.%d.%d" % (11 + i % 80, i // 80 % 250, i // 20000, i % 250) for i in range(100000)]
    lines[500:500] = ["176.221.42.3234.90.93.23", "32.0.0.0/3", "74.125.0.0/15", "10.1.2.3", "192.168.1.1", "0.0.0.0",
                      "<html>", "999.1.1.1", "198.51.100.9 - 198.51.100.1", "127.0.0.1"]
    site.net.write(FILES + "/own.txt", "\n".join(lines) + "\n")
    refresh(site, "own")
    wait_state(site, "own", "held", "changes too much")
    site.daemon.told("feed", "confirm", "own")
    r = wait_state(site, "own", "ok", refused=10)
    assert r["ipv4_addresses"] == len(set(lines)) - 10
    for clean in ("74.125.3.4", "32.1.2.3", "10.1.2.3", "127.0.0.1", "90.93.23.1"):
        assert '"own"' not in site.daemon.ctl("feed", "find", clean, "--json").stdout, clean
    assert "feed_line_refused feed=own line=501" in site.daemon.log()


def test_a_large_list_is_live(site):
    wait_state(site, "large", "ok", prefixes=0)
    role = site.daemon.pids()["feed"]
    site.net.write(FILES + "/large.txt", "".join("%d.%d.%d.%d\n" % (
        11 + i % 80, i * 7919 // 80 % 256, i // 256 % 256, i % 256) for i in range(LINES)))
    began = time.monotonic()
    refresh(site, "large")
    wait_state(site, "large", "ok", entries=LINES)
    print("%d lines act after %.2f s" % (LINES, time.monotonic() - began))
    assert site.daemon.pids()["feed"] == role


def test_a_restart_without_network_changes_nothing(site):
    names = ("web", "packed", "bad-ones", "cmd")
    before = {name: wait_state(site, name, "ok")["prefixes"] for name in names}
    wait_for("the sets to be kept", lambda: all(
        os.path.exists(site.net.path(KEPT) + "/" + name + ".set") for name in names), PATIENCE)
    site.daemon.stop()
    site.web.close()
    begin = len(site.daemon.log())
    site.daemon.start()
    for name in names:
        wait_for("feed %s to act again" % name, lambda n=name: row(site, n).get("prefixes") == before[n], PATIENCE)
    refresh(site, "web")
    r = wait_state(site, "web", "failed", prefixes=before["web"], acts=True)
    assert "127.0.0.1" in r["text"]
    assert "feed_kept_refused" not in site.daemon.log()[begin:]
    site.web.open()
    refresh(site, "web")
    wait_state(site, "web", "ok", prefixes=before["web"])


def test_a_kept_set_that_is_torn_is_asked_for_again(site):
    path = site.net.path(KEPT) + "/web.set"
    wait_state(site, "web", "ok", prefixes=31)
    site.daemon.stop()
    with open(path, "r+b") as f:
        f.seek(1100)
        f.write(b"\xff\x00\xff")
    begin = len(site.daemon.log())
    site.daemon.start()
    wait_state(site, "web", "ok", prefixes=31)
    assert "feed_kept_refused feed=web" in site.daemon.log()[begin:]


def test_a_spamd_conf_that_breaks_keeps_its_lists(site):
    wait_state(site, "bad-ones", "ok", ipv4_addresses=16)
    site.net.write("/etc/mail/spamd.conf", "all:\\\n\t:nothing:\n")
    begin = len(site.daemon.log())
    site.daemon.reload()
    wait_for("the complaint", lambda: "feed_spamd_conf" in site.daemon.log()[begin:], PATIENCE)
    wait_state(site, "bad-ones", "ok", ipv4_addresses=16)
    assert "no such list" in site.daemon.log()[begin:]
    # it is whole again, and has a list more, in a file that was not allowed before: no reload is needed
    site.net.write("/srv/third.txt", "203.0.113.9\n")
    site.net.write("/etc/mail/spamd.conf", SPAMD_CONF.replace(":second:", ":second:third:") +
                   'third:\\\n\t:black:\\\n\t:msg="third":\\\n\t:file=/srv/third.txt:\n')
    # noticed by itself, or when asked; the role may just be away for that
    wait_for("a refresh", lambda: site.daemon.ctl("feed", "refresh", "bad-ones").returncode == 0, PATIENCE)
    wait_state(site, "third", "ok", prefixes=1)
    wait_state(site, "bad-ones", "ok", ipv4_addresses=16)


def test_a_role_that_dies_comes_back_with_its_sets(site):
    before = wait_state(site, "web", "ok")["prefixes"]
    old = site.daemon.pids()["feed"]
    os.kill(old, signal.SIGKILL)
    wait_for("another process", lambda: site.daemon.pids().get("feed", old) != old, PATIENCE)
    wait_state(site, "web", "ok", prefixes=before)


def test_a_name_is_looked_up_in_the_sandbox(site, folder):
    dns = Dns(site.net, folder)
    try:
        dns.record("list.example", A=["127.0.0.1"])
        site.daemon.configure(
            CONF + 'fetch {\n  resolvers = { "127.0.0.1:%d" }\n}\n' % DNS_PORT +
            section("named", "http://list.example:%d/list/web" % PORT) +
            section("unknown", "http://nothing.example:%d/list/web" % PORT))
        site.daemon.reload()
        wait_state(site, "named", "ok", prefixes=31)
        wait_state(site, "unknown", "failed", "nothing.example")
        # feeds that are no more are forgotten, here and on disk
        assert not row(site, "own")
        wait_for("their sets to go", lambda: os.listdir(site.net.path(KEPT)) in (
            ["named.set"], ["named.set", "spamd.conf"], ["spamd.conf", "named.set"]), PATIENCE)
    finally:
        dns.close()


def test_a_certificate_that_nobody_knows_is_refused(site, folder):
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate")
    pem = folder + "/own.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem + ".key", "-out", pem,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    with open(pem, "a", encoding="utf-8") as to, open(pem + ".key", encoding="utf-8") as key:
        to.write(key.read())
    web = Web(site.net, folder + "/web", TLS_PORT, pem)
    try:
        site.daemon.configure(CONF + section("tls", "https://127.0.0.1:%d/list/web" % TLS_PORT))
        site.daemon.reload()
        r = wait_state(site, "tls", "failed", "certificate")
        assert not r["acts"]
    finally:
        web.close()
