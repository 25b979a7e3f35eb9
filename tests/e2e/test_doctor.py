"""limetwig doctor: each fault is put into a healthy host, must be named with its remedy, and is taken back."""
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import time

import pytest
from lab.daemon import BIN, CONF, LOG, UID_BASE
from lab.messages import stamp
from lab.network import LabError, wait_for
from lab.postfix import MAIL_LOG
from lab.raw import POLICY, Raw, request
from lab.scene import TRAPS
from test_dns import PORT, Dns

MAIN, MASTER, OURS = "/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/limetwig/postfix.conf"
ALIAS, DOMAINS = "/etc/postfix/limetwig_virtual", "/etc/postfix/limetwig_domains"
STATE = "/var/lib/limetwig"
FOLDER = "/var/spool/postfix/limetwig"
BLOCKED, FOREIGN = "198.51.100.222", "198.51.100.223"
SECOND = "/etc/postfix-2"
SITE_CONF = """contact = "https://postmaster.example.org/"
firewall {
  offence = 1
  action = reject
}
storage {
  disk-reserve = 8M
}
"""


@pytest.fixture(scope="module")
def site(new_scene):
    """Full mode, one block in the kernel, a trap domain, a small disk of its own for the state."""
    scene = new_scene(hosts={"friend"})
    os.makedirs(scene.net.path(STATE))
    scene.net.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=755", "small", STATE], check=True)
    scene.daemon.configure(SITE_CONF)
    scene.install()
    scene.net.write("/etc/limetwig/traps.d/domain.txt", "@old.example state=armed\n")
    scene.daemon.told("reload")
    scene.wait_armed(len(TRAPS) + 1)
    scene.enforce("full")
    scene.daemon.told("block", "add", BLOCKED, "--note", "test")
    wait_for("the element", lambda: scene.in_kernel(BLOCKED))
    scene.good_mail("friend", "before everything")
    return scene


def doctor(site):
    done = site.daemon.ctl("doctor", "--json")
    if not done.stdout.startswith("{"):
        raise LabError("doctor: " + done.stdout + done.stderr)
    return done


def bad_items(site):
    done = doctor(site)
    items = json.loads(done.stdout)["items"]
    assert done.returncode == (1 if any(i["level"] == "fail" for i in items) else 0)
    return [i for i in items if i["level"] != "ok"]


def wait_clean(site, seconds=20):
    last = []

    def clean():
        last[:] = bad_items(site)
        return not last
    try:
        wait_for("a healthy host", clean, seconds)
    except LabError as e:
        raise LabError("%s: %s" % (e, last)) from None


# ---- faults: context managers that put one in and take it back

@contextlib.contextmanager
def changed(site, path, change):
    """A file with other bytes; the old ones afterwards. change(text) gives the new text."""
    old = site.net.read(path)
    new = change(old.decode())
    assert new != old.decode(), "the fault changes nothing in " + path
    write_old(site, path, new)
    try:
        yield
    finally:
        write_old(site, path, old)


def write_old(site, path, text):
    """Ten seconds old at once: Postfix's commands read a file of this second again and again until it is older."""
    site.net.write(path, text)
    then = time.time() - 10
    os.utime(site.net.path(path), (then, then))


def replaced(path, old, new):
    return lambda site: changed(site, path, lambda text: text.replace(old, new, 1))


def added(path, line):
    return lambda site: changed(site, path, lambda text: text + line + "\n")


def without(path, word):
    """Without each line in which this word stands."""
    return lambda site: changed(site, path, lambda text: "".join(
        row for row in text.splitlines(True) if word not in row))


@contextlib.contextmanager
def never_set_up(site):
    """main.cf and master.cf as before the first setup, or as somebody wrote them anew."""
    def foreign(text):
        return re.sub(r"limetwig", "elsewhere", re.sub(r"# limetwig begin.*?# limetwig end\n", "", text, flags=re.S))
    with changed(site, MAIN, foreign), changed(site, MASTER, foreign):
        yield


@contextlib.contextmanager
def stopped(site, role):
    """A role stands still; it mends what was broken meanwhile."""
    pid = site.daemon.pids()[role]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def while_stopped(role, *commands, **more):
    @contextlib.contextmanager
    def fault(site):
        with stopped(site, role):
            for argv in commands:
                site.net.run(argv, check=True, **more)
            yield
    return fault


@contextlib.contextmanager
def damaged_map(site):
    path = site.net.path(ALIAS + ".lmdb")
    with stopped(site, "aliasmap"):
        with open(path + ".bad", "wb") as f:  # another file: Postfix has the old one mapped
            f.write(b"this is no table\n" * 1000)
        os.rename(path + ".bad", path)
        yield


@contextlib.contextmanager
def modes(site, path, mode=None, owner=None):
    real = site.net.path(path)
    old = os.stat(real)
    if mode is not None:
        os.chmod(real, mode)
    if owner is not None:
        os.chown(real, owner, -1)
    try:
        yield
    finally:
        os.chown(real, old.st_uid, old.st_gid)
        os.chmod(real, old.st_mode & 0o7777)


@contextlib.contextmanager
def not_in_chain(site):
    """main.cf of another kind: content_filter, and setup never saw the way back."""
    with added(MAIN, "content_filter = smtp:[127.0.0.1]:10024")(site):
        with without(OURS, "reinjection")(site):
            yield


@contextlib.contextmanager
def reloaded(site, inner):
    """A change of the configuration that the daemon runs with."""
    with inner(site):
        site.daemon.told("reload")
        yield
    site.daemon.told("reload")


def while_we_answer(inner):
    """A change made while blocked hosts meet our own server."""
    @contextlib.contextmanager
    def fault(site):
        with reloaded(site, replaced(CONF, "action = reject", "action = answer")):
            with inner(site):
                yield
    return fault


def with_log(path, make=None):
    @contextlib.contextmanager
    def fault(site):
        if make:
            make(site)
        with reloaded(site, replaced(OURS, '"%s"' % MAIL_LOG, '"%s"' % path)):
            yield
    return fault


def old_log(site):
    """Postfix writes elsewhere: this file ends an hour ago, while Postfix asks us."""
    then = time.time() - 3000
    site.net.write("/var/log/old.log", "%s mx1 postfix/smtpd[1]: connect from x[192.0.2.1]\n" % stamp(then))
    os.utime(site.net.path("/var/log/old.log"), (then, then))
    with Raw(site.net, POLICY) as raw:
        raw.send(request())
        raw.read(b"\n\n")


def log_line(seconds):
    """A line of another time; then one of now."""
    def write(site, at):
        with open(site.net.path(MAIL_LOG), "a") as f:
            f.write("%s mx1 postfix/smtpd[1]: connect from unknown[192.0.2.1]\n" % stamp(at))

    @contextlib.contextmanager
    def fault(site):
        write(site, time.time() + seconds)
        try:
            yield
        finally:
            write(site, time.time())
    return fault


@contextlib.contextmanager
def old_captures(site):
    """Captures in the queue since three days: held, and their arrival time rewritten in the queue file."""
    site.net.run(["postconf", "-e", "defer_transports = limetwig"], check=True)
    site.postfix.reload()
    try:
        assert site.spam_mail("friend", recipients=[TRAPS[0]])["mails"][0]["code"] == 250
        files = wait_for("the capture in the queue", lambda: site.postfix.queue()["deferred"])
        for path in files:
            then = ("%d" % (time.time() - 3 * 86400)).encode()
            with open(path, "rb") as f:
                data = f.read()
            at = data.index(b"T", 1)  # record of the arrival time: type, length, digits
            while not data[at + 2:at + 12].isdigit():
                at = data.index(b"T", at + 1)
            with open(path, "r+b") as f:
                f.seek(at + 2)
                f.write(then)
        yield
    finally:
        site.net.run(["postsuper", "-d", "ALL"], check=True)
        site.net.run(["postconf", "-X", "defer_transports"], check=True)
        site.postfix.reload()


@contextlib.contextmanager
def without_capability(site):
    site.daemon.stop()
    argv = [BIN + "/limetwigd", "-f", "-c", CONF, "--uid-base", str(UID_BASE)]
    site.daemon.process = site.net.start(["setpriv", "--bounding-set", "-net_admin", *argv], LOG)
    site.daemon.wait_up()
    try:
        yield
    finally:
        site.daemon.stop()
        site.daemon.start()


@contextlib.contextmanager
def living_trap(site):
    """A mailbox that is made after the trap was armed."""
    def postmap():
        site.net.run(["postmap", "/etc/postfix/vmailbox"], check=True)
    with added("/etc/postfix/vmailbox", "%s example.org/mueller/" % TRAPS[1])(site):
        postmap()
        yield
    postmap()


@contextlib.contextmanager
def one_busy_client(site):
    with Raw(site.net, POLICY) as raw:
        for n in range(1100):
            raw.send(request(instance="busy.%d" % n))
            assert raw.read(b"\n\n")
    try:
        yield
    finally:
        site.daemon.stop()
        site.daemon.start()


def full_disk(left):
    """A file that leaves so many bytes on the disk of the state."""
    @contextlib.contextmanager
    def fault(site):
        path = site.net.path(STATE + "/filler")
        v = os.statvfs(site.net.path(STATE))
        with open(path, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, v.f_bavail * v.f_frsize - left)
        try:
            yield
        finally:
            os.unlink(path)
    return fault


@contextlib.contextmanager
def other_bytes(site, offset):
    """The store with other bytes there; the old ones afterwards."""
    path = site.net.path(STATE + "/db/data.mdb")
    with open(path, "rb") as f:
        f.seek(offset)
        old = f.read(4096)
    try:
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(b"\xa5" * len(old))
        yield
    finally:
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(old)


@contextlib.contextmanager
def damaged_store(site):
    """Behind the meta pages: the daemon does not start with it."""
    site.daemon.stop()
    try:
        with other_bytes(site, 3 * 4096), other_bytes(site, 2 * 4096), other_bytes(site, 4 * 4096), \
                other_bytes(site, 5 * 4096):
            yield
    finally:
        site.daemon.start()


@contextlib.contextmanager
def damaged_meta(site):
    """Both meta pages, while the engine, stopped, has them mapped."""
    with stopped(site, "engine"), other_bytes(site, 0), other_bytes(site, 4096):
        yield


@contextlib.contextmanager
def dead_daemon(site):
    site.daemon.stop()
    try:
        yield
    finally:
        site.daemon.start()


@contextlib.contextmanager
def kill_loop(site):
    """capture dies whenever it comes back; the pause doubles, so that it is away for a while at last."""
    for _ in range(4):
        pid = wait_for("capture", lambda: site.daemon.pids().get("capture"), 30)
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda p=pid: site.daemon.pids().get("capture") != p)
    yield


@contextlib.contextmanager
def switched_off(site):
    site.daemon.told("off")
    try:
        yield
    finally:
        site.daemon.told("enforce", "full", "--force")


@contextlib.contextmanager
def postfix_stopped(site):
    site.postfix.stop()
    try:
        yield
    finally:
        site.postfix.start()


@contextlib.contextmanager
def extra_file(site, path, text):
    site.net.write(path, text)
    try:
        yield
    finally:
        os.unlink(site.net.path(path))


def with_file(path, text):
    return lambda site: extra_file(site, path, text)


def with_shared(line, server=None):
    """A provider by its SPF record, and this line in section fetch; server: a DNS that knows no such name."""
    @contextlib.contextmanager
    def fault(site):
        with contextlib.ExitStack() as stack:
            if server:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                stack.callback(server(site.net, folder).close)
            stack.enter_context(extra_file(site, "/etc/limetwig/shared.d/x.txt", "spf:provider.example as p\n"))
            if server:  # asked in vain before; a reload asks again at once, not after a quarter of an hour
                site.daemon.told("reload")
                wait_for("no answer of the DNS", lambda: any(
                    entry["state"] == "temperror" for entry in site.daemon.json("status")["fetch"]["spf"]), 60)
            stack.enter_context(reloaded(site, added(CONF, "fetch {\n  %s\n}" % line)))
            yield
        site.daemon.told("reload")
    return fault


@contextlib.contextmanager
def second_instance(site):
    """postmulti's second instance, as it was before setup: it takes mail on a port of its own."""
    shutil.copytree(site.net.path("/etc/postfix"), site.net.path(SECOND))
    text = "".join(row for row in site.net.read(MAIN).decode().splitlines(True) if "limetwig" not in row)
    own = "queue_directory = /var/spool/postfix-2\ndata_directory = /var/lib/postfix-2\n"
    write_old(site, SECOND + "/main.cf", text + own)
    try:
        with added(MAIN, "multi_instance_directories = " + SECOND)(site):
            yield
    finally:
        shutil.rmtree(site.net.path(SECOND))


SETUP = "limetwig setup postfix"
SMTP = "smtp      inet  n       -       y       -       -       smtpd\n"
MENDS_ITSELF = "mends it within seconds"
# name: (the fault, level, name of the finding, words of the text, words of the remedy)
FAULTS = {
    "map: a trap is missing": (while_stopped("aliasmap", ["postmap", "-d", TRAPS[0], "lmdb:" + ALIAS]),
        "fail", "postfix", "alias map is stale: 3 entries, 4 armed traps", MENDS_ITSELF),
    "map: one entry too many": (
        while_stopped("aliasmap", ["postmap", "-i", "lmdb:" + ALIAS], input="alice@example.org x=y@limetwig.invalid\n"),
        "fail", "postfix", "alias map is stale: 5 entries, 4 armed traps", MENDS_ITSELF),
    "map: another trap instead": (
        while_stopped("aliasmap", ["postmap", "-d", TRAPS[0], "lmdb:" + ALIAS], ["postmap", "-i", "lmdb:" + ALIAS],
                      input="alice@example.org alice=example.org@limetwig.invalid\n"),
        "fail", "postfix", "alias map is stale: 4 entries as it should, but not the right ones", MENDS_ITSELF),
    "map: leads elsewhere": (
        while_stopped("aliasmap", ["postmap", "-ri", "lmdb:" + ALIAS], input=TRAPS[0] + " alice@example.org\n"),
        "fail", "postfix", "1 entries do not lead to limetwig", MENDS_ITSELF),
    "map: missing": (while_stopped("aliasmap", ["rm", ALIAS + ".lmdb"]),
        "fail", "postfix", "alias map is missing", MENDS_ITSELF),
    "map: damaged": (damaged_map,
        "fail", "postfix", "alias map is damaged", MENDS_ITSELF),
    "map: wrong type": (replaced(MAIN, "lmdb:" + ALIAS, "hash:" + ALIAS),
        "fail", "postfix", "virtual_alias_maps names hash:" + ALIAS + ", but limetwigd writes lmdb:", SETUP),
    "map: not in virtual_alias_maps": (replaced(MAIN, "lmdb:" + ALIAS + ",", ""),
        "fail", "postfix", "limetwig_virtual is gone from virtual_alias_maps", SETUP),
    "domain: not in the map": (while_stopped("aliasmap", ["postmap", "-d", "old.example", "lmdb:" + DOMAINS]),
        "fail", "postfix", "map of trap domains is stale: 0 entries, 1 armed", MENDS_ITSELF),
    "domain: map not in virtual_alias_domains": (replaced(MAIN, "lmdb:" + DOMAINS, "hash:/etc/postfix/virtual"),
        "fail", "postfix", "limetwig_domains is gone from virtual_alias_domains", SETUP),
    "socket: mode": (lambda s: modes(s, FOLDER + "/policy", 0o600),
        "fail", "postfix", "policy is closed to group postfix", "restart limetwigd"),
    "socket: mode of the folder": (lambda s: modes(s, FOLDER, 0o700),
        "fail", "postfix", "lmtp is closed to group postfix", "restart limetwigd"),
    "socket: owner of the folder": (lambda s: modes(s, FOLDER, owner=65534),
        "fail", "postfix", "can be written by others (owner 65534", "restart limetwigd"),
    "chroot: absolute path": (replaced(MAIN, "unix:limetwig/policy", "unix:/run/limetwig/policy"),
        "fail", "postfix", "limetwig_policy names a socket by an absolute path", SETUP),
    "policy: no default_action": (replaced(MAIN, ", default_action=DUNNO", ""),
        "warn", "postfix", "limetwig_policy is not what setup writes", SETUP),
    "hook: missing": (replaced(MAIN, "    $limetwig_client,\n", ""),
        "fail", "postfix", "$limetwig_client is gone from smtpd_client_restrictions", SETUP),
    "hook: not first": (replaced(MAIN, "    $limetwig_client,\n", "    permit_mynetworks, $limetwig_client,\n"),
        "warn", "postfix", "$limetwig_client is not the first of smtpd_client_restrictions", SETUP),
    "hook: overridden on port 25": (
        replaced(MASTER, SMTP, SMTP + "  -o smtpd_client_restrictions=permit_mynetworks\n"),
        "fail", "postfix", "smtp overrides smtpd_client_restrictions without $limetwig_client", SETUP),
    "end of data: missing": (
        replaced(MAIN, "smtpd_end_of_data_restrictions = $limetwig_eod", "smtpd_end_of_data_restrictions ="),
        "fail", "postfix", "$limetwig_eod is gone from smtpd_end_of_data_restrictions", SETUP),
    "filter: FILTER in an access table": (
        added("/etc/postfix/client_access", "192.0.2.77 FILTER smtp:[127.0.0.1]:10024"),
        "warn", "postfix", "/etc/postfix/client_access (main.cf) has FILTER actions", "milter or content_filter"),
    "filter: FILTER in main.cf": (
        added(MAIN, "smtpd_helo_restrictions = check_helo_access static:{FILTER smtp:[127.0.0.1]:10024}"),
        "warn", "postfix", "names a FILTER action", "milter or content_filter"),
    "filter: content_filter without a way back": (not_in_chain,
        "warn", "postfix", "no re-injection service is known", SETUP),
    "re-injection asks us": (
        replaced(MASTER, "  -o smtpd_client_restrictions=\n", "  -o smtpd_client_restrictions=$limetwig_client\n"),
        "warn", "postfix", "re-injection service 127.0.0.1:10025 asks us", "master.cf"),
    "DSN: no longer hidden": (without(MASTER, "limetwig_ehlo"),
        "warn", "postfix", "offers DSN to foreign mail", SETUP),
    "DSN: limetwig_ehlo changed": (replaced(MAIN, "silent-discard, dsn", "silent-discard"),
        "warn", "postfix", "limetwig_ehlo is not what setup writes", SETUP),
    "DSN: limetwig_ehlo gone": (without(MAIN, "limetwig_ehlo = "),
        "warn", "postfix", "limetwig_ehlo is used, but not set", SETUP),
    "DSN: offered by an override": (
        replaced(MASTER, "smtpd_discard_ehlo_keywords = $limetwig_ehlo", "smtpd_discard_ehlo_keywords = chunking"),
        "warn", "postfix", "smtp offers DSN to foreign mail", SETUP),
    "transport: gone from master.cf": (without(MASTER, "limetwig "),
        "fail", "postfix", "transport limetwig is gone from /etc/postfix/master.cf", SETUP),
    "way back: gone from master.cf": (without(MASTER, "limetwig-back "),
        "warn", "postfix", "the service limetwig-back is not in /etc/postfix/master.cf", SETUP),
    "way to postmaster@: gone from master.cf": (while_we_answer(without(MASTER, "limetwig-hand ")),
        "warn", "postfix", "the service limetwig-hand is not in /etc/postfix/master.cf", SETUP),
    "way to postmaster@: changed": (
        while_we_answer(replaced(MASTER, "smtpd_upstream_proxy_protocol=haproxy", "smtpd_upstream_proxy_protocol=")),
        "warn", "postfix", "limetwig-hand in /etc/postfix/master.cf is not what setup writes", SETUP),
    "transport: gone from transport_maps": (without(MAIN, "transport_maps"),
        "fail", "postfix", "does not name limetwig.invalid", SETUP),
    "queue: captures of three days": (old_captures,
        "fail", "postfix", "the oldest for 72 hours", "postqueue -f"),
    "delay_warning_time": (added(MAIN, "delay_warning_time = 4h"),
        "warn", "postfix", "delay_warning_time is 4h", "postconf -e delay_warning_time=0h"),
    "firewall: table deleted": (while_stopped("firewall", ["nft", "delete table inet limetwig"]),
        "fail", "firewall", "our table is gone from the kernel", MENDS_ITSELF),
    "firewall: set flushed": (while_stopped("firewall", ["nft", "flush set inet limetwig host4"]),
        "warn", "firewall", "of 1 elements 1 are missing, 0 are foreign", MENDS_ITSELF),
    "firewall: foreign element": (
        while_stopped("firewall", ["nft", "add element inet limetwig host4 { %s timeout 1h }" % FOREIGN]),
        "warn", "firewall", "of 1 elements 0 are missing, 1 are foreign", MENDS_ITSELF),
    "firewall: chain flushed": (while_stopped("firewall", ["nft", "flush chain inet limetwig blocked"]),
        "fail", "firewall", "not in its form", MENDS_ITSELF),
    "firewall: no CAP_NET_ADMIN": (without_capability,
        "fail", "firewall", "may not change nftables: no CAP_NET_ADMIN", "systemd unit"),
    "trap: living address": (living_trap,
        "fail", "traps", "live address (virtual_mailbox_maps)", "limetwig trap remove"),
    "trap: bad lines": (with_file("/etc/limetwig/traps.d/bad.txt", "not an address\n"),
        "warn", "traps", "bad.txt:1:", "mend or delete the line"),
    "allow: bad lines": (with_file("/etc/limetwig/allow.d/bad.txt", "192.0.2.0/24\nmail.example.org\n"),
        "warn", "allow", "bad.txt:2: not understood", "spf:example.org a line"),
    "shared: bad lines": (with_file("/etc/limetwig/shared.d/bad.txt", "192.0.2.0/24 as\n"),
        "warn", "allow", "bad.txt:1: not understood", "as LABEL"),
    "shared: nobody may ask the DNS": (with_shared("dns = no"),
        "warn", "dns", "spf: entries of allow and shared files are not looked up", "dns = yes"),
    "shared: the DNS does not answer": (with_shared('resolvers = { "127.0.0.1:9" }'),
        "warn", "dns", "the DNS does not answer for 1 of 1 spf: entries, 1 of them have no prefix", "/etc/resolv.conf"),
    "shared: an entry without a prefix": (with_shared('resolvers = { "127.0.0.1:%d" }' % PORT, Dns),
        "warn", "dns", "allow entry spf:provider.example", "dig TXT"),
    "one address makes most connections": (one_busy_client,
        "warn", "clients", "one address, 192.0.2.10, makes", "smtpd_upstream_proxy_protocol"),
    "disk: almost full": (full_disk(9 << 20),
        "warn", "store", "GB free in " + STATE, "make room"),
    "disk: reserve gone": (full_disk(4 << 20),
        "fail", "store", "GB free in " + STATE, "make room"),
    "store: damaged": (damaged_store,
        "fail", "store", "data.mdb is damaged", "limetwig db restore"),
    "store: damaged while it is in use": (damaged_meta,
        "fail", "store", "data.mdb is damaged", "limetwig db restore"),
    "clock: lines of the future": (log_line(7200),
        "fail", "clock", "min in the future", "timedatectl"),
    "clock: lines of the past": (log_line(-7200),
        "fail", "clock", "min before it was written", "timedatectl"),
    "log: absent": (with_log("/var/log/no-such.log"),
        "fail", "log", "/var/log/no-such.log is not there", "maillog_file"),
    "log: no file": (with_log("/var/log"),
        "fail", "log", "/var/log is no file", "maillog_file"),
    "log: does not grow": (with_log("/var/log/old.log", old_log),
        "fail", "log", "/var/log/old.log does not grow", "maillog_file"),
    "daemon: dead": (dead_daemon,
        "fail", "daemon", "limetwigd", "systemctl start limetwigd"),
    "daemon: a role stands still": (lambda s: stopped(s, "capture"),
        "fail", "daemon", "the role capture is stopped", "kill -CONT"),
    "daemon: the engine stands still": (lambda s: stopped(s, "engine"),
        "fail", "daemon", "the role engine is stopped", "kill -CONT"),
    "daemon: a role dies again and again": (kill_loop,
        "fail", "daemon", "the role capture is down", "journalctl -u limetwigd"),
    "off": (switched_off,
        "warn", "mode", "limetwig is off", "limetwig enforce"),
    "Postfix: limetwig is not in it": (never_set_up,
        "fail", "postfix", "limetwig is not in /etc/postfix", SETUP),
    "Postfix: not running": (postfix_stopped,
        "fail", "postfix", "Postfix in /etc/postfix is not running", "systemctl start postfix"),
    "Postfix: a second instance": (second_instance,
        "warn", "postfix", SECOND + " takes mail from outside", SETUP + " --config " + SECOND),
    "conf: own hosts empty": (without(OURS, "own-hosts"),
        "warn", "own side", "no own MX or relay is known", SETUP),
    "conf: broken": (added(CONF, "block {"),
        "fail", "conf", "limetwig.conf", "limetwigd -n"),
    "conf: not in force": (added(CONF, "alarm { repeat = 7h }"),
        "warn", "conf", "another configuration than the files say", "limetwig reload"),
}


def test_a_healthy_host_has_no_finding(site):
    wait_clean(site)
    done = site.daemon.ctl("doctor")
    assert done.returncode == 0 and "0 warnings, 0 FAILED, 0 skipped" in done.stdout, done.stdout


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_with_its_remedy(site, name):
    fault, level, who, text, mend = FAULTS[name]
    seen = []

    def named():
        seen[:] = bad_items(site)
        return [i for i in seen if i["level"] == level and i["name"] == who and text in i["text"] and mend in i["mend"]]
    with fault(site):
        try:
            found = wait_for("the finding", named, 30)
        except LabError:
            raise AssertionError("%s\nnot named; seen: %s" % (text, seen)) from None
        assert found[0]["means"] or level == "warn"
    wait_clean(site)


def test_a_fault_is_shown_to_people_as_text_means_mend(site):
    with replaced(MAIN, "    $limetwig_client,\n", "")(site):
        done = site.daemon.ctl("doctor")
    assert done.returncode == 1
    rows = done.stdout.splitlines()
    at = next(n for n, row in enumerate(rows) if row.startswith("FAIL  postfix   $limetwig_client is gone"))
    below = [row.split(None, 1)[0] for row in rows[at:at + 8] if row.startswith("      ") and row[6] != " "]
    assert below[:2] == ["means", "mend"], done.stdout
    assert not any(trap in done.stdout for trap in TRAPS)


def test_the_daemon_itself_notices_that_main_cf_has_changed(site):
    def warned(text):
        return [w for w in site.daemon.json("status")["warnings"] if text in w]
    with replaced(MAIN, "    $limetwig_client,\n", "")(site):
        site.daemon.told("reload")
        wait_for("a warning in status", lambda: warned("$limetwig_client is gone from smtpd_client_restrictions"))
        assert "postfix-drift" in site.daemon.log()
    with replaced(MASTER, SMTP, SMTP + "  -o smtpd_client_restrictions=permit_mynetworks\n")(site):
        site.daemon.told("reload")
        wait_for("a warning in status", lambda: warned("master.cf: smtp overrides smtpd_client_restrictions"))
    site.daemon.told("reload")
    wait_for("no warning", lambda: not warned("limetwig_client"))
    wait_clean(site)
