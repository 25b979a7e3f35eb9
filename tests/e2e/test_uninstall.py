"""limetwig uninstall: what it takes out of Postfix, what it leaves, what --purge removes."""
import fcntl
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("postconf"), reason="needs root and Postfix")


# Postfix's commands are gone, in a mount namespace of its own
HIDDEN = "for f in /usr/sbin/post*; do mount --bind /dev/null $f; done; "


def uninstall(site, *args, status=0, before="", env=None):
    """In a network namespace of its own: the table that goes is not the host's."""
    conf = os.path.join(site.etc, "limetwig.conf")
    os.makedirs(site.etc + "/traps.d", exist_ok=True)
    with open(conf, "w", encoding="utf-8") as f:
        f.write('storage {\n  dir = "%s"\n  run = "%s/run"\n}\npostfix {\n  dir = "%s"\n}\n' % (
            site.state, site.top, site.dir))
    done = subprocess.run(["unshare", "-n", "-m", "/bin/sh", "-c", "/sbin/ip link set lo up; %sexec \"$@\"" % before,
                           "sh", site.command, "uninstall", "--conf", conf, *args],
                          capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ, **(env or {})))
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def leave_state(site):
    """What a daemon that ran leaves."""
    for name in ("db/data.mdb", "db.before-restore-1763760000/data.mdb", "corpus/new/1", "corpus/cur/2", "feeds/drop.feed", "export/list.txt"):
        os.makedirs(os.path.dirname(os.path.join(site.state, name)), exist_ok=True)
        with open(os.path.join(site.state, name), "w", encoding="utf-8"):
            pass
    for name in ("run", "queue/limetwig", "queue/private", "queue/public", "queue/pid"):
        os.makedirs(os.path.join(site.top, name), exist_ok=True)
    for name in ("run/limetwigd.lock", "queue/limetwig/policy", "postfix/limetwig_virtual.new.db", "queue/private/limetwig",
                 "queue/public/limetwig-clean", "queue/pid/unix.limetwig-hand", "queue/private/rewrite"):
        with open(os.path.join(site.top, name), "w", encoding="utf-8"):
            pass


def left_in_queue(site):
    """Files of ours, and one that is not."""
    names = [name for _, _, files in os.walk(site.top + "/queue") for name in files]
    return [name for name in names if name == "rewrite" or "limetwig" in name or name == "policy"]


def test_uninstall_keeps_data_and_purge_does_not(site_of, top):
    s = site_of("folded")
    before = s.read()
    s.setup()
    leave_state(s)
    os.symlink("/etc/hostname", s.state + "/corpus/link")
    shown = uninstall(s, "--purge", "--dry-run")
    assert "gone for good" in shown and s.state + "/db" in shown and s.value("limetwig_policy")
    assert s.state + "/db.before-restore-1763760000  (ours)" in shown
    shown = uninstall(s)
    assert s.read() == before and "--purge removes it" in shown and "limetwigd does not run" in shown
    assert os.path.exists(s.state + "/db/data.mdb") and not os.path.exists(s.state + "/off")
    assert left_in_queue(s) == ["rewrite"]
    shown = uninstall(s)
    assert "nothing to take out" in shown or "nothing to do" in shown
    shown = uninstall(s, "--purge")
    assert "traps.d  (yours)" in shown and "limetwig.conf  (yours)" in shown
    assert not os.path.exists(s.state) and not os.path.exists(s.top + "/run")
    assert not os.path.exists(s.top + "/queue/limetwig") or not os.listdir(s.top + "/queue/limetwig")
    assert sorted(os.listdir(s.etc)) == ["limetwig.conf", "traps.d"] and os.path.exists("/etc/hostname")
    assert not [n for n in os.listdir(s.dir) if "limetwig" in n]


def test_purge_at_once(site_of):
    s = site_of("debian")
    before = s.read()
    s.setup()
    leave_state(s)
    uninstall(s, "--purge")
    assert s.read() == before and not os.path.exists(s.state)
    assert sorted(os.listdir(s.dir)) == ["main.cf", "master.cf"] and not os.path.exists(s.top + "/queue/limetwig")
    assert left_in_queue(s) == ["rewrite"]


def test_the_package_says_nothing_of_steps_that_it_takes_itself(site_of):
    s = site_of("debian")
    s.setup()
    assert "Next: systemctl disable" in uninstall(s) and "make uninstall" in uninstall(s)
    s.setup()
    shown = uninstall(s, env={"DPKG_MAINTSCRIPT_PACKAGE": "limetwig"})
    assert "traps.d  (yours)" in shown and "systemctl" not in shown and "make uninstall" not in shown


def test_purge_is_refused_while_the_daemon_runs(site_of):
    s = site_of("debian")
    s.setup()
    leave_state(s)
    after = s.read()
    with open(s.top + "/run/limetwigd.lock", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shown = uninstall(s, "--purge", status=1)
    assert "systemctl disable --now limetwigd" in shown and s.read() == after
    assert os.path.exists(s.state + "/db/data.mdb")
    with open(s.etc + "/limetwig.conf", "w", encoding="utf-8") as f:
        f.write("broken {")
    done = subprocess.run([s.command, "uninstall", "--purge", "--conf", s.etc + "/limetwig.conf"], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 1 and s.read() == after


def test_uninstall_where_postfix_has_gone(site_of):
    s = site_of("debian")
    before = s.read()
    s.setup()
    shown = uninstall(s, before=HIDDEN)
    assert s.read() == before and "as they were" in shown
    s.setup()
    os.rename(s.dir, s.dir + "-away")
    shown = uninstall(s, "--purge")
    assert "no Postfix configuration there any more" in shown and not os.path.exists(s.state)
