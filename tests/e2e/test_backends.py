"""backend = hook: blocks are handed to another program, the real one, in the namespaces of the server."""
import os
import shutil
import signal

import pytest
from lab.daemon import UID_BASE
from lab.network import children_of, wait_for

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../etc/share/")
F2B = "/run/lab/fail2ban"  # of the scene: its configuration, socket and log; nothing of the host's is used
F2B_CONF = """[DEFAULT]
loglevel = INFO
logtarget = %(d)s/log
syslogsocket = auto
socket = %(d)s/sock
pidfile = %(d)s/pid
dbfile = None
[Definition]
[Thread]
"""
F2B_ACTION = """[Definition]
actionban = echo "ban <ip>" >>%(d)s/bans
actionunban = echo "unban <ip>" >>%(d)s/bans
"""

CONF = """contact = "https://postmaster.example.org/"
block {
  jitter = 0
  ipv6 = 128
}
firewall {
  offence = 1
  backend = hook
%s
}
"""
IPSET = """  hook-add = { "%(p)s", "-exist", "restore" }
  hook-add-line = "add limetwig%%f %%s timeout %%t"
  hook-remove = { "%(p)s", "-exist", "restore" }
  hook-remove-line = "del limetwig%%f %%s"
  hook-list = { "%(p)s", "save" }
  hook-own = yes
  hook-check = 10s
  hook-net-admin = yes
"""


def test_ipset(new_scene):
    program = shutil.which("ipset")
    if not program:
        pytest.skip("ipset is not installed")
    scene = new_scene(hosts={"friend", "spam_a"})
    for family, name in (("inet", "limetwig4"), ("inet6", "limetwig6")):
        scene.net.run([program, "create", name, "hash:net", "family", family, "timeout", "0"], check=True)
    scene.daemon.configure(CONF % (IPSET % {"p": os.path.realpath(program)}))
    scene.install()
    scene.enforce("full")

    def has(address, is_there=True):
        wait_for("%s %s the set" % (address, "in" if is_there else "out of"),
                 lambda: (scene.net.run([program, "test", "limetwig4", address]).returncode == 0) == is_there, 30)

    def status():
        return scene.daemon.json("status")["firewall"]

    for n in range(1, 6):
        scene.daemon.told("block", "add", "198.51.100.%d" % n)
    for n in range(1, 6):
        has("198.51.100.%d" % n)
    wait_for("the count", lambda: status()["present"] == status()["wanted"] == 5, 30)
    assert status()["state"] == "ok" and status()["backend"] == "hook"
    scene.daemon.told("block", "remove", "198.51.100.1")
    has("198.51.100.1", False)
    # a foreign one is taken away, a missing one comes back
    scene.net.run([program, "add", "limetwig4", "203.0.113.99"], check=True)
    scene.net.run([program, "del", "limetwig4", "198.51.100.2"], check=True)
    has("198.51.100.2")
    has("203.0.113.99", False)
    # the program fails: named, mail flows, and it recovers
    scene.net.run([program, "destroy", "limetwig4"], check=True)
    scene.daemon.told("block", "add", "198.51.100.77")
    wait_for("a word of it", lambda: "hook-add" in status()["text"], 30)
    assert "exit status 1" in status()["text"]
    scene.good_mail("friend", "while a hook fails")
    scene.net.run([program, "create", "limetwig4", "hash:net", "timeout", "0"], check=True)
    has("198.51.100.77")
    has("198.51.100.3")


def example(name):
    """The firewall section of an example, without its first and last line."""
    with open(EXAMPLES + name, encoding="utf-8") as file:
        return file.read().split("\nfirewall {\n")[1].rsplit("}", 1)[0]


def example_jail():
    """The jail that the comment of the example shows, with an action that writes down what it is told."""
    with open(EXAMPLES + "firewall-fail2ban.conf", encoding="utf-8") as file:
        lines = [line[1:].strip() for line in file if line.startswith("#     ")]
    return "\n".join(["action = note" if line.startswith("banaction") else line for line in lines]) + "\n"


def start_fail2ban(scene):
    """The server process; its socket is open to the role run, as the example says."""
    for name, text in (("fail2ban.conf", F2B_CONF), ("action.d/note.conf", F2B_ACTION), ("filter.d/.keep", ""),
                       ("jail.conf", example_jail())):
        scene.net.write(F2B + "/conf/" + name, text % {"d": F2B} if "%(d)s" in text else text)
    process = scene.net.start(["fail2ban-server", "-c", F2B + "/conf", "-s", F2B + "/sock", "-p", F2B + "/pid", "-f",
                               "start"], F2B + "/out")
    wait_for("fail2ban", lambda: "pong" in fail2ban(scene, "ping") and "limetwig" in fail2ban(scene, "status"), 30)
    return process


def stop_fail2ban(scene, process):
    for pid in children_of(process.pid)[:1]:
        os.kill(pid, signal.SIGTERM)
    process.wait(30)


def fail2ban(scene, *words):
    return scene.net.run(["fail2ban-client", "-c", F2B + "/conf", "-s", F2B + "/sock", *words]).stdout


def open_socket(scene):
    """To the user of the role run, by its owner: setfacl may not be installed."""
    with open("/proc/%d/status" % scene.daemon.pids()["run"], encoding="utf-8") as file:
        uid = next(int(line.split()[1]) for line in file if line.startswith("Uid:"))
    assert uid > UID_BASE
    os.chown(scene.net.path(F2B + "/sock"), uid, -1)


def test_fail2ban(new_scene):
    client = shutil.which("fail2ban-client")
    if not client:
        pytest.skip("fail2ban is not installed")
    scene = new_scene(hosts={"friend"})
    words = '"%s", "-c", "%s/conf", "-s", "%s/sock"' % (client, F2B, F2B)
    hooks = example("firewall-fail2ban.conf").replace("  backend     = hook\n", "")
    assert hooks.count('"/usr/bin/fail2ban-client"') == 3
    hooks = hooks.replace('"/usr/bin/fail2ban-client"', words)
    scene.daemon.configure(CONF % (hooks + "  hook-check = 10s\n"))
    scene.install()
    process = start_fail2ban(scene)

    def banned():
        return set(fail2ban(scene, "get", "limetwig", "banip").split())

    def status():
        return scene.daemon.json("status")["firewall"]

    # the socket is root's: the failure is named, and it recovers when the socket is opened
    scene.enforce("full")
    scene.daemon.told("block", "add", "198.51.100.1")
    wait_for("a word of it", lambda: "hook-" in status()["text"], 30)
    open_socket(scene)
    wait_for("the first ban", lambda: banned() == {"198.51.100.1"}, 60)
    for n in range(2, 6):
        scene.daemon.told("block", "add", "198.51.100.%d" % n)
    scene.daemon.told("block", "add", "2001:db8:77::1")
    wanted = {"198.51.100.%d" % n for n in range(1, 6)} | {"2001:db8:77::1"}
    wait_for("the bans", lambda: banned() == wanted, 60)
    wait_for("the count", lambda: status()["state"] == "ok" and status()["present"] == len(wanted), 60)
    scene.daemon.told("block", "remove", "198.51.100.1")
    wait_for("an unban", lambda: banned() == wanted - {"198.51.100.1"}, 30)
    # what its action was told
    wait_for("the action", lambda: b"unban 198.51.100.1\n" in scene.net.read(F2B + "/bans"), 30)
    told = scene.net.read(F2B + "/bans").decode().split("\n")
    assert all("ban " + subject in told for subject in wanted)
    # a foreign ban is taken away, a missing one comes back
    fail2ban(scene, "set", "limetwig", "banip", "203.0.113.99")
    fail2ban(scene, "set", "limetwig", "unbanip", "198.51.100.2")
    wait_for("the same as before", lambda: banned() == wanted - {"198.51.100.1"}, 60)
    stop_fail2ban(scene, process)
    scene.good_mail("friend", "without fail2ban")
