"""limetwig setup postfix on a Postfix that runs, on a free loopback port: captures, delivery reports, extensions."""
import os
import pathlib
import shutil
import socket
import subprocess

import pytest
from lab.network import wait_for
from lab.setup_site import Capture, Running, session

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("postconf"), reason="needs root and Postfix")


@pytest.fixture(name="running")
def make_running(site_of):
    r = Running(site_of("debian"))
    r.postfix("start")
    yield r
    r.postfix("stop")


def put_trap(site, *lines):
    """Lines of the alias map, as limetwigd would write them; seen by Postfix at once where it has lmdb."""
    table = site.value("virtual_alias_maps").split(",")[0]
    if not table.startswith("lmdb:"):
        pytest.skip("needs lmdb")
    subprocess.run(["postmap", "-c", site.dir, "-i", "-r", table], input="".join(line + "\n" for line in lines),
                   text=True, check=True, timeout=30)


def test_a_running_postfix_holds_captures_until_they_are_taken(running):
    s = running.site
    before = s.read()
    assert running.mail("trap@d.example").startswith("550")
    s.setup()
    assert running.mail("alice@d.example").startswith("250")
    table = s.value("virtual_alias_maps").split(",")[0]
    if table.startswith("lmdb:"):
        subprocess.run(["postmap", "-c", s.dir, "-i", table], input="trap@d.example trap=d.example=@limetwig.invalid\n",
                       text=True, check=True, timeout=30)
        wait_for("the map to be read", lambda: running.mail("trap@d.example").startswith("250"))
        wait_for("the capture in the queue", lambda: any("limetwig.invalid" in line and '"deferred"' in line for line in running.queued()))
        out = s.setup("--revert", status=1)
        assert "1 captures wait" in out and s.value("limetwig_policy") == "" and "limetwig" in s.value("transport_maps")
        assert running.mail("trap@d.example").startswith("550")
        out = s.setup("--revert", "--force")
        assert "1 queued captures deleted" in out
        assert not running.queued()
    else:
        s.setup("--revert")
    assert s.read() == before
    assert running.mail("alice@d.example").startswith("250")


@pytest.mark.parametrize("enter,said", [(["env", "PATH=/usr/bin:/bin"], "1 captures wait"), ([
    "unshare", "-m", "/bin/sh", "-c", "for f in /usr/sbin/post*; do mount --bind /dev/null $f; done; exec \"$@\"", "sh"],
    "a Postfix runs from there, but its commands are not found")], ids=["short PATH", "no commands"])
def test_a_postfix_whose_commands_are_not_found_is_not_taken_for_gone(running, enter, said):
    s = running.site
    s.setup()
    put_trap(s, "trap@d.example trap=d.example=@limetwig.invalid")
    wait_for("the map to be read", lambda: running.mail("trap@d.example").startswith("250"))
    wait_for("the capture in the queue", lambda: any('"deferred"' in line for line in running.queued()))
    s.enter = enter
    assert said in s.setup("--revert", status=1)
    s.enter = []
    assert "limetwig" in s.value("transport_maps") and len(running.queued()) == 1
    s.setup("--revert", "--force")


def listens(path):
    with socket.socket(socket.AF_UNIX) as c:
        return c.connect_ex(path) == 0


def test_a_setup_that_died_before_its_reload_is_completed(running):
    s = running.site
    s.setup()
    written = [text.decode() for text in s.read()]
    s.setup("--revert")
    s.write("main.cf", written[0])
    s.write("master.cf", written[1])
    for said in ("postfix reload", "Nothing to do"):
        shown = s.setup()
        assert said in shown and ("postfix reload" in shown) == (said == "postfix reload")
        wait_for("the master to listen", lambda: listens(s.top + "/queue/private/limetwig"))


def tries_later(site):
    log = pathlib.Path(site.top + "/mail.log").read_text(encoding="utf-8")
    return len([line for line in log.splitlines() if "to=<later@wait.example>" in line])


def test_ten_queued_captures_are_taken_before_all_is_reverted(running):
    s = running.site
    with open(s.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write("transport_maps = inline:{ wait.example=retry:later }\n")
    before = s.read()
    s.setup()
    put_trap(s, "trap@d.example trap=d.example=@limetwig.invalid", "later@d.example later@wait.example")
    assert running.mail("later@d.example").startswith("250")
    wait_for("what waits for something else", lambda: tries_later(s) == 1)
    for _ in range(10):
        assert running.mail("trap@d.example").startswith("250")
    wait_for("all captures in the queue", lambda: len([m for m in running.queued() if '"deferred"' in m]) == 11)
    out = s.setup("--revert", status=1)
    assert "10 captures wait" in out and "limetwigd does not run" in out and len(running.queued()) == 11
    capture = Capture(s.top + "/queue/limetwig/lmtp")
    s.setup("--revert")
    assert s.read() == before and capture.taken == ["trap=d.example=@limetwig.invalid"] * 10
    assert len(running.queued()) == 1 and tries_later(s) == 1  # what is not ours was left alone
    assert not [n for n in os.listdir(s.dir) if "limetwig" in n]
    assert "bounced" not in pathlib.Path(s.top + "/mail.log").read_text(encoding="utf-8")


def reports(site):
    """Reports to the sender that Postfix's bounce has made."""
    log = pathlib.Path(site.top + "/mail.log").read_text(encoding="utf-8")
    return log.count("sender delivery status notification")


def asked_report(running, rcpt):
    return session(running.port, "MAIL FROM:<a@b.example>", "RCPT TO:<%s> NOTIFY=SUCCESS" % rcpt, "RSET")[2]


def with_report(running, rcpt):
    """A whole message whose sender asks for a report; until Postfix is done with it."""
    s = running.site
    log = pathlib.Path(s.top + "/mail.log")
    answers = session(running.port, "MAIL FROM:<a@b.example>", "RCPT TO:<%s> NOTIFY=SUCCESS" % rcpt, "DATA",
                      "Subject: x\r\n\r\nx\r\n.")
    queue_id = answers[-1].split(" as ")[1].strip()
    wait_for("its end", lambda: queue_id + ": removed" in log.read_text(encoding="utf-8"))


def test_a_delivery_report_does_not_tell_a_trap(running):
    s = running.site
    before = s.read()
    with open(s.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write("virtual_mailbox_domains = box.example\nvirtual_transport = discard\n"
                "virtual_mailbox_maps = inline:{ box@box.example=x }\n")
    before = s.read()
    assert "--keep-dsn: who asks" in s.setup("--keep-dsn")
    assert s.value("smtpd_discard_ehlo_keywords") == "" and s.value("limetwig_ehlo") == ""
    capture = Capture(s.top + "/queue/limetwig/lmtp")
    put_trap(s, "trap@box.example trap=box.example=@limetwig.invalid")
    wait_for("DSN", lambda: "DSN" in session(running.port)[0])
    with_report(running, "trap@box.example")
    assert capture.taken and reports(s) == 1
    with_report(running, "box@box.example")
    kept = reports(s)
    ehlo = session(running.port)[0]
    shown = s.setup("--dry-run")
    assert "DSN is no longer offered" in shown and "--keep-dsn" in shown
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "$limetwig_ehlo"
    wait_for("no DSN", lambda: "DSN" not in session(running.port)[0])
    put_trap(s, "trap@box.example trap=box.example=@limetwig.invalid")
    answers = [asked_report(running, rcpt) for rcpt in ("trap@box.example", "box@box.example")]
    assert answers[0] == answers[1] and answers[0].startswith("501")
    for rcpt in ("trap@box.example", "box@box.example"):
        assert running.mail(rcpt).startswith("250")
    wait_for("both messages", lambda: len(capture.taken) == 2 and not running.queued())
    assert reports(s) == kept
    lines = session(running.port)[0].splitlines()
    assert [x[4:] for x in lines] == [x[4:] for x in ehlo.splitlines() if x[4:] != "DSN"]
    s.setup("--revert")
    assert s.read() == before


@pytest.mark.parametrize("propagate", ["canonical, virtual", ""])
def test_extensions_whatever_the_delimiter(running, propagate):
    s = running.site
    # not a second line: Postfix's warning about it, by each process, may fill the log socket before postlogd runs
    s.write("main.cf", s.read()[0].decode().replace("recipient_delimiter = +", "recipient_delimiter = +-._") +
            "propagate_unmatched_extensions = %s\n" % propagate)
    before = s.read()
    s.setup()
    assert s.settings()["extension"] == '"+-._"'
    capture = Capture(s.top + "/queue/limetwig/lmtp")
    put_trap(s, "trap@d.example trap=d.example=@limetwig.invalid",
             "@w.example @w.example.limetwig.invalid", "two-parts@d.example two-parts=d.example=@limetwig.invalid")
    domains = s.value("virtual_alias_domains").split(",")[0]
    subprocess.run(["postmap", "-c", s.dir, "-i", "-r", domains], input="w.example trap\n", text=True, check=True,
                   timeout=30)
    wait_for("the map to be read", lambda: running.mail("trap@d.example").startswith("250"))
    wait_for("an empty queue", lambda: not running.queued())
    wanted = {"trap%sx@d.example" % c: "trap=d.example=%s@limetwig.invalid" % (c + "x" if propagate else "")
              for c in "+-._"}
    wanted.update({"two-parts@d.example": "two-parts=d.example=@limetwig.invalid",
                   "any-x+y@w.example": "any-x+y@w.example.limetwig.invalid"})
    for rcpt, encoded in wanted.items():
        capture.taken.clear()
        assert running.mail(rcpt).startswith("250"), rcpt
        wait_for("the capture", lambda: capture.taken)
        assert capture.taken == [encoded]
    s.setup("--revert")
    assert s.read() == before


def test_the_map_is_closed_to_others(running):
    s = running.site
    s.setup()
    name = s.value("virtual_alias_maps").split(",")[0].split(":")[1]
    modes = [os.stat(name + suffix).st_mode for suffix in (".lmdb", ".db", ".cdb") if os.path.exists(name + suffix)]
    assert modes and not any(mode & 0o7 for mode in modes)
    assert running.mail("alice@d.example").startswith("250")
    s.setup("--revert")
