"""backend = hook: blocks are handed to another program, the real ipset, in the namespaces of the server."""
import os
import shutil

import pytest
from lab.network import wait_for

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
