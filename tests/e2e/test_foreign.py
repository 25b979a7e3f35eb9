"""A trap at a domain that is none of this server's: refused wherever it comes from, also when the domain goes later."""
import os

import pytest
from lab.network import wait_for
from lab.scene import TRAPS, assert_code

MAP = "lmdb:/etc/postfix/limetwig_virtual"
LISTS = ["mydestination", "virtual_mailbox_domains", "relay_domains", "virtual_alias_domains"]
FILE = "/etc/limetwig/traps.d/foreign.txt"


@pytest.fixture(scope="module")
def site(new_scene):
    """Also a backup MX for two others, one of them in a table; subdomains as Postfix has them."""
    s = new_scene(hosts={"friend"})
    s.net.write("/etc/postfix/backup", "backup.example x\n")
    s.net.run(["postmap", "/etc/postfix/backup"], check=True)
    s.net.run(["postconf", "-e", "relay_domains=relay.example, hash:/etc/postfix/backup"], check=True)
    s.postfix.reload()
    s.install()
    return s


def in_map(site, key):
    return site.net.run(["postmap", "-q", key, MAP]).returncode == 0


def reload(site, *postconf):
    if postconf:
        site.net.run(["postconf", "-e", *postconf], check=True)
        site.postfix.reload()
    site.daemon.told("reload")


def bad_of(site, name):
    return {b["line"]: b["reason"] for b in site.daemon.json("status")["bad_lines"] if b["file"].endswith(name)}


def doctor(site):
    return " ".join(site.daemon.ctl("doctor").stdout.split())


def test_trap_add_refuses_it(site):
    done = site.daemon.ctl("trap", "add", "Foo@Provider.example", "--arm")
    assert done.returncode == 1
    assert "refused: Foo@Provider.example: provider.example is not a domain of this server" in done.stderr
    assert all(name in done.stderr for name in LISTS)
    assert not os.path.exists(site.net.path("/etc/limetwig/traps.d/added.txt"))
    assert not in_map(site, "foo@provider.example")
    # mail of a user to it is on its way out
    assert site.net.run(["sendmail", "-f", "alice@example.org", "foo@provider.example"], input="\n").returncode == 0
    wait_for("the mail to leave", lambda: "to=<foo@provider.example>" in site.postfix.log())
    assert "foo=provider.example" not in site.postfix.log()


def test_import_names_its_lines(site):
    rows = ["a1998@example.org", "a@provider.example", "b1998@sub.relay.example", "c1998@backup.example", "d@gone.example",
            "e@own.example", "@own.example"]
    site.net.write("/run/lab/list.txt", "".join(row + "\n" for row in rows))
    done = site.daemon.ctl("trap", "import", "/run/lab/list.txt", "--arm", "--dry-run")
    assert done.returncode == 0 and not in_map(site, "a1998@example.org")
    done = site.daemon.ctl("trap", "import", "/run/lab/list.txt", "--arm")
    assert done.returncode == 0 and "5 added" in done.stdout and "2 refused" in done.stdout
    assert ":2: provider.example is not a domain of this server" in done.stderr
    assert ":5: gone.example is not a domain of this server" in done.stderr
    assert done.stderr.count("your own users") == 1
    for key in ("a1998@example.org", "b1998@sub.relay.example", "c1998@backup.example", "e@own.example", "@own.example"):
        wait_for(key, lambda key=key: in_map(site, key))
    assert not in_map(site, "a@provider.example")


def test_a_trap_behind_relay_domains_catches(site):
    key = site.new_host()
    assert_code(site.spam_mail(key, trap="b1998@sub.relay.example", subject="to the backup"), 250, "spam")
    site.wait_hit(site.address(key), "confirmed")


def test_a_line_of_a_file_is_refused_with_its_number(site):
    site.net.write(FILE, "x1998@example.org state=armed\n# far away\ny@provider.example state=armed\n")
    reload(site)
    reason = wait_for("the bad line", lambda: bad_of(site, "foreign.txt").get(3))
    assert reason.startswith("provider.example is not a domain of this server") and "relay_domains" in reason
    assert "swallowed" in reason and "remove the trap" in reason
    wait_for("the other", lambda: in_map(site, "x1998@example.org"))
    assert not in_map(site, "y@provider.example")


def test_a_domain_that_leaves_main_cf_takes_its_traps_along(site):
    net = TRAPS[0].replace("example.org", "example.net")
    site.net.write(FILE, net + " state=armed\n")
    reload(site)
    wait_for("the trap", lambda: in_map(site, net))
    site.net.run(["postconf", "-e", "virtual_mailbox_domains=example.org"], check=True)
    found = doctor(site)
    assert "example.net is not a domain of this server" in found and "then limetwig reload" in found
    reload(site)
    wait_for("the trap to go", lambda: not in_map(site, net))
    assert 1 in bad_of(site, "foreign.txt")
    assert in_map(site, TRAPS[0])
    assert "foreign.txt:1: example.net is not a domain of this server" in doctor(site)
    # a list that cannot be asked is not held against a trap
    reload(site, "virtual_mailbox_domains=example.org, hash:/etc/postfix/no-such")
    wait_for("the trap", lambda: in_map(site, net))
    assert bad_of(site, "foreign.txt") == {}
    done = site.daemon.ctl("trap", "add", "z1998@unknown.example")
    assert done.returncode == 0 and "virtual_mailbox_domains" in done.stdout and "not refused" in done.stdout
    reload(site, "virtual_mailbox_domains=example.org, example.net")
    wait_for("the one that was not ours", lambda: bad_of(site, "added.txt"))
    assert in_map(site, net)
