"""The spam trap recipe of 2009 for Postfix and OpenBSD's spamd, on our spamdb: its scripts, its Postfix, a pfctl."""
import gzip
import os
import time

import pytest
from lab import messages
from lab.daemon import BIN, UID_BASE
from lab.network import LabError, wait_for
from lab.scene import assert_code

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPE = os.path.join(HERE, "recipe2009")
PF_CONF = os.path.join(HERE, "../../etc/share/firewall-pf.conf")
SPAMDB = "/usr/local/sbin/spamdb"
RUN = 5  # the role that runs the exec list, with --uid-base
TRAPS = ["old.sales@example.org", "nobody1999@example.org"]
CONF = """contact = "https://postmaster.example.org/"
block {
  jitter = 0
}
storage {
  admin-group = nogroup
  read-group = limetwig-run
}
feeds {
  spamd-conf = "/usr/local/etc/spamd/spamd.conf"
  spamd-action = block
  documentation = yes
}
%s
"""
MASTER = """
spamtrapper unix - n n - - pipe
  flags=X user=nobody argv=/usr/local/bin/sudo /usr/local/scripts/spamtrap ${client_address}
"""


def overlay(net, folder):
    """Files can be put beside what the host has there; in the server's own mounts."""
    work = "/run/lab/over" + folder.replace("/", "-")
    for name in ("/up", "/work"):
        os.makedirs(net.path(work + name))
    done = net.run(["mount", "-t", "overlay", "overlay", "-o",
                    "lowerdir=%s,upperdir=%s/up,workdir=%s/work" % (folder, work, work), folder])
    if done.returncode != 0:
        pytest.skip("no overlay on %s: %s" % (folder, done.stderr.strip()))


def put(net, name, path):
    with open(os.path.join(RECIPE, name), "rb") as file:
        net.write(path, file.read(), 0o755 if os.access(file.name, os.X_OK) else 0o644)


def place(scene):
    """The recipe's files where it has them, on FreeBSD's paths; our command under the names of spamd's."""
    net = scene.net
    net.run(["mount", "-t", "tmpfs", "-o", "mode=755", "recipe", "/usr/local"], check=True)
    overlay(net, "/usr/sbin")
    for name, path in (("spamtrap", "scripts/spamtrap"), ("get-spamtrapped", "scripts/get-spamtrapped"),
                       ("sudo", "bin/sudo"), ("spamd.conf", "etc/spamd/spamd.conf"),
                       ("local-whitelist.txt", "etc/spamd/local-whitelist.txt")):
        put(net, name, "/usr/local/" + path)
    net.write("/usr/local/etc/spamd/traplist.gz", gzip.compress(b"198.51.100.128/25\n198.51.100.99\n"))
    net.write("/etc/group", net.read("/etc/group") + b"limetwig-run:x:%d:\n" % (UID_BASE + RUN))
    put(net, "pfctl", "/usr/sbin/pfctl")
    net.run(["mkdir", "-p", "/usr/local/sbin"], check=True)
    for name in ("spamdb", "spamd-setup"):
        net.run(["cp", BIN + "/limetwig", "/usr/local/sbin/" + name], check=True)  # an exec list may run what is there
    net.start(["/usr/sbin/pfctl", "serve", "/run/lab/pf.sock"], "/run/lab/pf.log")
    wait_for("the pfctl of the test", lambda: pf(scene, "spamd") == set())


def pf(scene, table):
    """Addresses in a table of pf, or None."""
    done = scene.net.run(["/sbin/pfctl", "-qt", table, "-T", "show"])
    return set(done.stdout.split()) if done.returncode == 0 else None


def recipe_postfix(scene):
    """A trap is an alias of spamtrap@localhost, which a transport gives to the script."""
    net = scene.net
    net.write("/etc/postfix/spamtrap_maps", "".join("%s spamtrap\n" % t for t in TRAPS))
    net.write("/etc/postfix/spamtrap_recipients", "".join("%s REDIRECT spamtrap@localhost\n" % t for t in TRAPS))
    net.write("/etc/postfix/transport", "spamtrap@localhost spamtrapper\n")
    for name in ("spamtrap_maps", "spamtrap_recipients", "transport"):
        net.run(["postmap", "/etc/postfix/" + name], check=True)
    net.write("/etc/postfix/master.cf", net.read("/etc/postfix/master.cf") + MASTER.encode())
    net.run(["postconf", "-e", "transport_maps = hash:/etc/postfix/transport",
             "virtual_alias_maps = hash:/etc/postfix/virtual, hash:/etc/postfix/spamtrap_maps",
             "smtpd_recipient_restrictions = permit_mynetworks, check_recipient_access "
             "hash:/etc/postfix/spamtrap_recipients, reject_unauth_destination"], check=True)
    scene.postfix.reload()


def hook_section():
    with open(PF_CONF, encoding="utf-8") as file:
        return "firewall {\n  offence = 1\n" + file.read().split("\nfirewall {\n")[1]


@pytest.fixture(scope="module")
def scene(new_scene):
    scene = new_scene(hosts={"friend", "spam_a", "spam_b"})
    scene.daemon.configure(CONF % hook_section())
    place(scene)
    scene.daemon.start()
    recipe_postfix(scene)
    scene.enforce("full")
    return scene


def spamdb(scene, *words, status=0, **more):
    """What it prints; it must end with this status."""
    done = scene.net.run([SPAMDB, *words], **more)
    if done.returncode != status:
        raise LabError("spamdb %s: exit %d, expected %d: %s" % (
            " ".join(words), done.returncode, status, (done.stdout + done.stderr).strip()))
    return done.stdout


def rows(scene, kind, *keys):
    return [line.split("|") for line in spamdb(scene, *keys).splitlines() if line.split("|")[0] == kind]


def test_recipe(scene):
    """A message to a trap: its client is in spamdb, in the recipe's table and in ours."""
    spammer = scene.address("spam_a")
    answer = scene.host["spam_a"].mail("offers@spam-a.example", [TRAPS[0]],
                                       messages.spam("offers@spam-a.example", TRAPS[0], "2009"))
    assert_code(answer, 250, "mail to a trap of the recipe")
    wait_for("the script's table", lambda: spammer in (pf(scene, "spamd") or ()), 30)
    wait_for("our own table, by the hook", lambda: spammer in (pf(scene, "limetwig") or ()), 30)
    found = rows(scene, "TRAPPED", spammer)
    assert [row[:2] for row in found] == [["TRAPPED", spammer]]
    assert 86000 < int(found[0][2]) - time.time() <= 86400
    assert scene.net.run(["/usr/local/scripts/get-spamtrapped"]).stdout.split() == [spammer]
    wait_for("Postfix's log", lambda: "status=sent" in scene.postfix.log() and scene.postfix.queued() == 0, 30)
    # its own check of the words
    assert scene.net.run(["/usr/local/scripts/spamtrap", "198.51.100.1;id"]).returncode == 1
    # one of ours: refused, and the script says so to Postfix
    assert scene.net.run(["/usr/local/scripts/spamtrap", "127.0.0.1"]).returncode == 1
    spamdb(scene, "-d", spammer)
    wait_for("out of our table", lambda: spammer not in pf(scene, "limetwig"), 30)
    assert rows(scene, "TRAPPED") == []


def test_verbs(scene):
    """Letters, lines and exit status as spamdb(8) has them."""
    spamdb(scene, "-t", "-a", "198.51.100.1", "2001:db8:5::1")
    assert [r[1] for r in rows(scene, "TRAPPED")] == ["198.51.100.1", "2001:db8:5::/64"]
    assert spamdb(scene, "198.51.100.1", "198.51.100.2", "nobody@example.org", status=2).count("\n") == 1
    # -a makes a trapped host white, and it stays so
    spamdb(scene, "-a", "198.51.100.1")
    white = rows(scene, "WHITE", "198.51.100.1")
    assert white[0][:4] == ["WHITE", "198.51.100.1", "", ""] and len(white[0]) == 9
    assert abs(int(white[0][6]) - time.time() - 36 * 86400) < 1000 and white[0][4] == white[0][5]
    wait_for("the block is gone", lambda: rows(scene, "TRAPPED", "198.51.100.1") == [], 30)
    spamdb(scene, "-t", "-a", "198.51.100.1", "198.51.100.3", status=1)
    spamdb(scene, "-d", "198.51.100.1", "198.51.100.3", "198.51.100.4", status=1)
    assert rows(scene, "WHITE") == [] and [r[1] for r in rows(scene, "TRAPPED")] == ["2001:db8:5::/64"]
    spamdb(scene, "-d", "2001:db8:5::/64")
    for words, status in ((("-t",), 1), (("-a",), 2), (("-G", "-a", "198.51.100.1"), 2), (("-Gd", "x", "y"), 2),
                          (("-T", "-a", "word"), 255), (("-a", "198.51.100.256"), 1)):
        spamdb(scene, *words, status=status)


def test_traps(scene):
    """Traps go into the trap file, and into force; who is not administrator does not see them."""
    spamdb(scene, "-T", "-a", "Attic1998@Example.org")
    assert ["SPAMTRAP", "attic1998@example.org"] in rows(scene, "SPAMTRAP")
    assert b"attic1998@example.org\n" in scene.net.read("/etc/limetwig/traps.d/added.txt")
    assert scene.daemon.json("trap", "test", "attic1998@example.org")["found"]
    # a live mailbox is none
    spamdb(scene, "-T", "-a", "alice@example.org", "attic1999@example.org", status=1)
    assert [r[1] for r in rows(scene, "SPAMTRAP")] == ["attic1998@example.org", "attic1999@example.org"]
    many = "".join("old%d@example.org\n" % n for n in range(20000))
    spamdb(scene, "-T", "-a", "-", input=many)
    assert len(rows(scene, "SPAMTRAP")) == 20002
    spamdb(scene, "-d", "-", input=many + "attic1998@example.org\n")
    assert [r[1] for r in rows(scene, "SPAMTRAP")] == ["attic1999@example.org"]
    done = scene.net.run(["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups", SPAMDB])
    assert done.returncode == 1 and "not allowed" in done.stderr and "SPAMTRAP" not in done.stdout


def feeds(scene):
    return {f["name"]: f for f in scene.daemon.json("feed", "list")["feeds"]}


def test_spamd_setup(scene):
    """The black lists of spamd.conf, each without what is white behind it; the exec list is what spamdb lists."""
    wait_for("the list in a file", lambda: feeds(scene)["others"].get("prefixes"), 30)
    assert set(feeds(scene)) == {"others", "spamtrapped"}
    assert feeds(scene)["others"]["ipv4_addresses"] == 128  # .99 is white
    spamdb(scene, "-t", "-a", "203.0.113.77")
    setup = "/usr/local/sbin/spamd-setup"
    done = scene.net.run([setup, "-bd"])
    assert done.returncode == 0 and done.stdout.split() == ["others:", "asked", "for", "spamtrapped:", "asked", "for"]
    wait_for("the exec list", lambda: feeds(scene)["spamtrapped"].get("ipv4_addresses") == 1, 30)
    assert scene.daemon.json("feed", "find", "203.0.113.77")["feeds"]
    done = scene.net.run([setup, "-n"])
    assert done.returncode == 0 and "others: 1 prefixes: 128 IPv4" in done.stdout
    assert scene.net.run([setup, "-x"]).returncode == 1
