"""What each running role may do, tried by the role itself after it has served mail.

Each role is asked (LIMETWIG_TEST_HOOKS, src/role/trial.c) to make one call after another in its own process. The
answer is "killed" (by seccomp), the name of an errno, or "allowed"; the table below is the whole truth about them.
"""
import os
import re
import signal

import pytest
from lab.daemon import ALL_ROLES as ROLES
from lab.network import wait_for
from lab.scene import CONF, assert_code

EVERY_ROLE = CONF.replace("reject", "answer") + """fetch {
  dns = yes
}
dnsbl {
  zone = bl.example.org
  listen = { "127.0.0.1:53" }
}
feed "drop" {
  source = "/etc/limetwig/lists/drop.txt"
  action = list
  code = 9
}
export "plain" {
  format = plain
  file = "plain.txt"
}
"""
TRIALS = ["openat /etc/passwd", "openat /etc/shadow", "open another's folder", "create in another's folder",
          "socket AF_INET", "connect policy socket", "connect control socket", "execve", "clone a process",
          "ptrace a sibling", "kill a sibling", "process_vm_readv", "openat /proc/sibling/mem", "mount", "bpf",
          "userfaultfd", "mmap write and exec", "mprotect exec", "writable map of shared", "setuid 0"]
K, A, P, NONE, YES = "killed", "EACCES", "EPERM", "-", "allowed"
#                            engine firewall capture follow run aliasmap fetch tarpit feed dnsbl publish
EXPECTED = {
    "openat /etc/passwd":         (YES, A, A, A, YES, YES, A, A, A, A, A),  # engine: who gave a command; the others: programs
    "openat /etc/shadow":         (A, A, A, A, A, YES, A, A, A, A, A),  # aliasmap is root: it reads the site's files
    "open another's folder":      (A, A, A, A, A, YES, A, A, A, A, A),
    "create in another's folder": (A, A, A, A, A, A, A, A, A, A, A),
    "socket AF_INET":             (A, K, A, A, YES, YES, YES, A, YES, A, YES),  # alarm by HTTP; maps in a database; DNS; lists
    "connect policy socket":      (A, K, A, A, A, YES, K, A, K, A, K),
    "connect control socket":     (A, K, A, A, YES, YES, K, A, K, A, K),  # mode 0666: the engine looks at who asks
    "execve":                     (K, K, K, K, YES, YES, K, K, K, K, K),
    "clone a process":            (K, K, K, K, YES, YES, K, K, K, K, K),
    "ptrace a sibling":           (K, K, K, K, P, P, K, K, K, K, K),
    "kill a sibling":             (K, K, K, K, P, P, K, K, K, K, K),
    "process_vm_readv":           (K, K, K, K, P, P, K, K, K, K, K),
    "openat /proc/sibling/mem":   (A, A, A, A, A, A, A, A, A, A, A),
    "mount":                      (K, K, K, K, P, P, K, K, K, K, K),
    "bpf":                        (K, K, K, K, P, P, K, K, K, K, K),
    "userfaultfd":                (K, K, K, K, P, P, K, K, K, K, K),
    "mmap write and exec":        (K, K, K, K, YES, YES, K, K, K, K, K),  # programs with a JIT (PCRE in postmap)
    "mprotect exec":              (K, K, K, K, YES, YES, K, K, K, K, K),
    "writable map of shared":     (NONE, NONE, NONE, A, NONE, NONE, NONE, NONE, NONE, NONE, NONE),
    "setuid 0":                   (K, K, K, K, P, YES, K, K, K, K, K),
}


@pytest.fixture(scope="module")
def site(new_scene):
    os.environ["LIMETWIG_TEST_HOOKS"] = "1"
    try:
        scene = new_scene(hosts={"friend"})
        scene.daemon.configure(EVERY_ROLE)
        scene.net.write("/etc/limetwig/lists/drop.txt", "203.0.113.9\n")
        scene.net.write("/etc/shadow", "root:*:19000:0:99999:7:::\n", 0o640)
        scene.install()
    finally:
        del os.environ["LIMETWIG_TEST_HOOKS"]
    scene.may_crash = True  # most trials end by SIGSYS
    scene.enforce("full")
    return scene


def serve(scene, mark):
    """Every role has something to do, and does it."""
    scene.good_mail("friend", "ham " + mark)                               # engine (policy)
    key = scene.new_host()
    assert_code(scene.spam_mail(key, subject="spam " + mark), 250, "spam")
    scene.wait_hit(scene.address(key), "confirmed")                        # capture, engine, store
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)))        # firewall
    lines = scene.daemon.json("status")["log"]["last"]                     # follow
    scene.good_mail("friend", "more ham " + mark)
    wait_for("the log to be read on", lambda: scene.daemon.json("status")["log"]["last"] >= lines)
    trap = "seen-%s@example.org" % re.sub(r"\W", "-", mark)
    scene.daemon.told("trap", "add", trap)                                 # aliasmap, run (postmap, postconf)
    scene.daemon.told("trap", "remove", trap)


def ask(scene, roles, number):
    """One trial in these roles at the same time; the answers so far, by role. "unsent": it was not up."""
    done = scene.net.path("/run/limetwig/trials.done")
    if os.path.exists(done):
        os.unlink(done)
    scene.net.write("/run/limetwig/trials", "".join("%s %d\n" % (role, number) for role in roles))
    os.kill(scene.daemon.pids()["parent"], signal.SIGUSR2)

    def answers():
        if not os.path.exists(done):
            return {}
        with open(done) as f:
            return {role: result for role, n, result in (row.split() for row in f) if int(n) == number}
    wait_for("trial %d" % number, lambda: len(answers()) == len(roles))
    return {role: result for role, result in answers().items() if result != "unsent"}


def try_all(scene, number):
    """One trial in all roles; their answers in order."""
    seen = {}

    def all_answered():
        seen.update(ask(scene, [role for role in ROLES if role not in seen], number))
        return len(seen) == len(ROLES)
    wait_for("all roles to try %d" % number, all_answered, 60)
    return [seen[role] for role in ROLES]


def test_each_role_tries_what_it_may_not(site, capsys):
    serve(site, "before")
    seen = {name: try_all(site, number) for number, name in enumerate(TRIALS)}
    with capsys.disabled():
        print("\n%-28s" % "call" + "".join("%-10s" % role for role in ROLES))
        for name, results in seen.items():
            print("%-28s" % name + "".join("%-10s" % r for r in results))
    wait_for("all roles", site.daemon.is_up, 60)
    serve(site, "after")
    assert {name: tuple(r) for name, r in seen.items()} == EXPECTED


def test_without_the_hook_nothing_is_tried(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.install()
    engine = scene.daemon.pids()["engine"]
    scene.net.write("/run/limetwig/trials", "engine 0\n")
    os.kill(scene.daemon.pids()["parent"], signal.SIGUSR2)
    wait_for("an end by the signal, as without any hook", lambda: not os.path.exists("/proc/%d" % engine))
    assert not os.path.exists(scene.net.path("/run/limetwig/trials.done"))
