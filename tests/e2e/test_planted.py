"""A thousand planted traps: everything is run, then everything that came out is searched for them in every form."""
import os
import re
import signal
import stat
import tempfile

import pytest
from lab.daemon import LOG
from lab.network import wait_for
from lab.planted import Needles
from lab.planted_site import Site
from test_tls import CERTIFICATE, KEY


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend"})
    with tempfile.TemporaryDirectory() as folder:
        made = Site(scene, folder, CERTIFICATE, KEY)
        try:
            made.everything()
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def needles(site):
    return Needles(site.traps.word, [t for t in site.traps.all() if not t.startswith("/")])


def test_nothing_that_came_out_names_a_trap(site, needles):
    found = site.seen.findings(needles)
    assert not found, "%d findings:\n%s" % (len(found), "\n".join(found[:60]))
    for kind in ("notify", "notes", "dns question", "zone", "policy", "lmtp", "alarm mail", "arguments", "limetwig watch"):
        assert any(where == kind for where, _ in site.seen.texts), "nothing of " + kind


def test_our_log_names_no_trap(site, needles):
    log = site.net.read(LOG)
    assert log.count(b" hit trap=") > 50  # 20 of a kind in a second
    lines = [line for line in log.splitlines() if needles.search(line)]
    assert not lines, "%d lines:\n%s" % (len(lines), b"\n".join(lines[:40]).decode())


def memory_of(pid, is_wanted=lambda rights, row: "rw" in rights or "memfd" in row):
    """Every page that the process could have written, or that others have given it."""
    with open("/proc/%d/smaps" % pid) as f:
        maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) (.*)\n(?:[A-Z].*\n)*?Rss: +(\d+) kB", f.read(), re.M)
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for first, last, rights, rest, resident in maps:
            if resident == "0" or not is_wanted(rights, rest):
                continue
            try:
                memory.seek(int(first, 16))
                yield memory.read(int(last, 16) - int(first, 16))
            except OSError:
                pass


def test_arguments_and_environment(site, needles):
    for role, pid in site.daemon.pids().items():
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (pid, name), "rb") as f:
                assert not needles.search(f.read()), (role, name)


def test_what_roles_share_has_no_traps(site, needles):
    areas = 0
    for role in ("tarpit", "dnsbl", "publish", "firewall", "feed"):
        for data in memory_of(site.daemon.pids()[role], lambda _, row: "memfd" in row):
            areas += 1
            assert not needles.search(data), role
    assert areas >= 4


def test_roles_that_need_no_trap_have_none_in_memory(site, needles):
    """fetch: its questions; feed: its sources, one of which is a list of traps by mistake."""
    secrets = Needles("".join(reversed(site.traps.word)) * 3, exact=site.traps.secrets)
    assert any(needles.word.encode() in data for data in memory_of(site.daemon.pids()["engine"])), "the search itself"
    for role in ("dnsbl", "publish", "firewall", "fetch", "run"):
        assert not any(needles.word.encode() in data.lower() for data in memory_of(site.daemon.pids()[role])), role
    for role in ("engine", "dnsbl", "firewall", "capture", "follow", "run", "fetch", "feed", "aliasmap"):
        for data in memory_of(site.daemon.pids()[role]):
            assert not [what for what, secret in secrets.exact.items() if what[0] == "secret" and secret in data], role


def test_secrets_come_out_nowhere(site):
    secrets = Needles("".join(reversed(site.traps.word)) * 3, exact=site.traps.secrets)
    found = site.seen.findings(secrets)
    assert not found and not secrets.search(site.net.read(LOG)), found


def others_may_read(net, path):
    """Somebody who is neither owner nor of the group, by this file and all folders above it."""
    folder = os.path.dirname(path)
    while folder != "/":
        if not os.stat(net.path(folder)).st_mode & stat.S_IXOTH:
            return False
        folder = os.path.dirname(folder)
    return bool(os.stat(net.path(path)).st_mode & stat.S_IROTH)


def test_where_traps_rest_nobody_else_may_read(site, needles):
    net, seen = site.net, {}
    for top in ("/etc/limetwig", "/etc/postfix", "/var/lib/limetwig", "/var/spool/postfix/limetwig", "/run/limetwig"):
        for folder, _, names in os.walk(net.path(top)):
            for name in names:
                path = folder[len(net.path("")):] + "/" + name
                if not stat.S_ISREG(os.lstat(net.path(path)).st_mode) or path == "/etc/limetwig/wrong.txt":
                    continue
                if needles.search(net.read(path), True):
                    seen[path] = others_may_read(net, path)
    assert not [path for path, is_open in seen.items() if is_open]
    places = {re.sub(r"/(new|cur)$", "", os.path.dirname(path)) for path in seen}
    assert places == {"/etc/limetwig/traps.d", "/etc/postfix", "/var/lib/limetwig/db", "/var/lib/limetwig/corpus"}, places
    mode = os.stat(net.path("/run/lab/backup.lmdb")).st_mode
    assert stat.S_IMODE(mode) == 0o600, oct(mode)


def test_no_process_leaves_a_core_file(site):
    """By SIGABRT, with room for core files; the parent is the last."""
    daemon, found = site.daemon, []
    site.scene.may_crash = True
    folders = {os.readlink("/proc/%d/cwd" % pid) for pid in daemon.pids().values()}
    before = {folder: set(os.listdir(site.net.path(folder))) for folder in folders}
    for role, pid in [*((r, p) for r, p in daemon.pids().items() if r != "parent"), ("parent", daemon.pids()["parent"])]:
        with open("/proc/%d/limits" % pid) as f:
            limit = next(row.split()[4] for row in f if row.startswith("Max core file size"))
        if limit != "0":
            found.append("%s may write %s" % (role, limit))
        os.kill(pid, signal.SIGABRT)
        wait_for("the end of " + role, lambda pid=pid: not os.path.exists("/proc/%d" % pid), 30)
    for folder in folders:
        found += ["%s/%s" % (folder, name) for name in set(os.listdir(site.net.path(folder))) - before[folder] if "core" in name]
    daemon.wait_end()
    assert not found, found
