"""Faults of a healthy host: context managers of a site (a Scene) that put one in and take it back, and functions that make them."""
import contextlib
import os
import re
import shutil
import signal
import tempfile
import time

from lab.daemon import BIN, CONF, LOG, UID_BASE
from lab.messages import stamp
from lab.network import wait_for
from lab.postfix import MAIL_LOG
from lab.raw import POLICY, Raw, request
from lab.scene import TRAPS

MAIN, MASTER, OURS = "/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/limetwig/postfix.conf"
ALIAS, DOMAINS = "/etc/postfix/limetwig_virtual", "/etc/postfix/limetwig_domains"
STATE = "/var/lib/limetwig"
FOLDER = "/var/spool/postfix/limetwig"
SECOND = "/etc/postfix-2"


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
