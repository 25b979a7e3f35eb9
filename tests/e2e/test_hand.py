"""Mail of blocked hosts to postmaster@ and abuse@ reaches the real Postfix through the answerer, and nothing else does."""
import os
import signal

import pytest
from lab import messages
from lab.network import wait_for
from lab.scene import ALICE, assert_code

POSTMASTER, ABUSE = "postmaster@example.org", "abuse@example.org"  # abuse@ is an alias of postmaster@ there
HAND = "/var/spool/postfix/private/limetwig-hand"
BOTH = pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
CONF = """contact = "https://postmaster.example.org/"
block {
  jitter = 0
}
firewall {
  action = tarpit
}
tarpit {
  host = mx.example.org
  offence = %d
  pace = 1s
}
"""


@pytest.fixture(scope="module")
def scene(new_scene):
    made = new_scene(hosts={"friend", "spam_a"})
    made.daemon.configure(CONF % 100)
    made.install()
    made.enforce("full")
    return made


def blocked(scene, six=False, key=None):
    """The key of a host whose element is in the kernel."""
    key = key or scene.new_host()
    address = scene.address(key, six)
    assert_code(scene.spam_mail(key, six=six), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(address))
    return key


def write(scene, key, to, subject, six=False, text=None, **more):
    sender = more.pop("sender", "person@innocent.example")
    return scene.host[key].mail(sender, [to], text or messages.plain(sender, to, subject), six=six, **more)


def opened(scene, key, id, six=False, to=POSTMASTER):
    """An open session behind an RCPT that Postfix has taken."""
    host = scene.host[key]
    assert host.ask("open", id=id, **host.end(six))["code"] == 250
    assert host.ask("say", id=id, line="MAIL FROM:<person@innocent.example>")["code"] == 250
    assert host.ask("say", id=id, line="RCPT TO:<%s>" % to)["code"] == 250
    return host


def mail_of(scene, subject):
    scene.postfix.wait_mail(POSTMASTER, subject)
    return next(m for m in scene.postfix.mailbox(POSTMASTER) if str(m["Subject"]) == subject)


@BOTH
def test_postmaster_and_abuse_are_reached(scene, six):
    key = blocked(scene, six)
    address = scene.address(key, six)
    for to in (POSTMASTER, ABUSE, "PostMaster@Example.ORG"):
        answer = write(scene, key, to, "help %s %s" % (to, six), six)
        assert answer["replies"][0]["text"] == "mx.example.org ESMTP"  # the answerer, not Postfix
        assert_code(answer, 250, "mail to " + to)
        assert "queued as" in answer["mails"][0]["text"]  # Postfix's own words
        received = mail_of(scene, "help %s %s" % (to, six)).get_all("Received")[-1]
        assert address in received and "from %s " % scene.host[key].helo in received
    items = scene.daemon.json("why", address)["matches"][0]["refusals"]["items"]
    assert not items  # what goes through is no refusal


def test_the_name_is_looked_up_by_postfix(scene):
    blocked(scene, key="spam_a")
    assert_code(write(scene, "spam_a", POSTMASTER, "by name"), 250, "mail")
    assert "(mail.spam-a.example [198.51.100.66])" in mail_of(scene, "by name").get_all("Received")[-1]


def test_others_are_refused_in_the_same_session(scene):
    key = blocked(scene)
    host = opened(scene, key, "both")
    refused = host.ask("say", id="both", line="RCPT TO:<%s>" % ALICE)
    assert refused["code"] == 450 and "Case " in refused["text"]
    assert host.ask("say", id="both", line="RCPT TO:<%s>" % ABUSE)["code"] == 250
    assert host.ask("body", id="both", text="Subject: both of you\n\nhello\n")["code"] == 250
    mail_of(scene, "both of you")
    # the next transaction begins like the first
    assert host.ask("say", id="both", line="MAIL FROM:<>")["code"] == 250
    assert host.ask("say", id="both", line="RCPT TO:<%s>" % ALICE)["code"] == 450
    assert host.ask("say", id="both", line="DATA")["code"] == 503
    assert host.ask("say", id="both", line="RCPT TO:<postmaster>")["code"] == 250
    assert host.ask("say", id="both", line="RSET")["code"] == 250
    assert host.ask("say", id="both", line="DATA")["code"] == 503
    assert host.ask("say", id="both", line="QUIT")["code"] == 221
    assert not scene.postfix.has_mail(ALICE, "both of you")


def test_postfix_refuses_in_its_own_words(scene):
    key = blocked(scene)
    code, text = write(scene, key, "postmaster@elsewhere.example", "no relay")["mails"][0]["rcpt"][0]
    assert code == 454 and "Relay access denied" in text
    host = scene.host[key]
    host.ask("open", id="big", **host.end())
    assert host.ask("say", id="big", line="MAIL FROM:<a@b.example> SIZE=99999999999")["code"] == 250
    told = host.ask("say", id="big", line="RCPT TO:<%s>" % POSTMASTER)
    assert told["code"] == 552 and "size" in told["text"]
    assert host.ask("say", id="big", line="RCPT TO:<%s>" % ALICE)["code"] == 450


def test_only_the_true_end_ends_a_message(scene):
    """A message in a message, behind an end that only a careless server would see."""
    key = blocked(scene)
    inner = "MAIL FROM:<x@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled %%d\r\n\r\nx\r\n.\r\n" % ALICE
    ends = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r\n.\r\r\n"]
    for n, end in enumerate(ends):
        host = opened(scene, key, "smuggle%d" % n)
        assert host.ask("say", id="smuggle%d" % n, line="DATA")["code"] == 354
        data = "Subject: outer %d\r\n\r\nhello%s%s" % (n, end, inner % n)
        replies = host.ask("bytes", id="smuggle%d" % n, data=data, replies=1)["replies"]
        assert replies[0]["code"] == 250, (end, replies)
        assert "RCPT TO:<%s>" % ALICE in mail_of(scene, "outer %d" % n).get_content()
        host.ask("close", id="smuggle%d" % n)
    assert not any("smuggled" in str(m["Subject"]) for m in scene.postfix.mailbox(ALICE))


def test_a_client_that_only_listens_any_more_has_its_answer(scene):
    host = opened(scene, blocked(scene), "half")
    assert host.ask("say", id="half", line="DATA")["code"] == 354
    told = host.ask("bytes", id="half", data="Subject: half\r\n\r\nx\r\n.\r\n", half_close=True, replies=1)
    assert told["replies"][0]["code"] == 250
    mail_of(scene, "half")


def test_what_ends_before_the_dot_leaves_nothing(scene):
    """The client goes, or the tarpit dies: Postfix has no message, and nobody was told that it has."""
    host = opened(scene, blocked(scene), "gone")
    assert host.ask("say", id="gone", line="DATA")["code"] == 354
    mark = scene.postfix.log_from()
    host.ask("bytes", id="gone", data="Subject: gone\r\n\r\nx\r\n")
    host.ask("close", id="gone")
    wait_for("Postfix to give up", lambda: "lost connection after DATA" in scene.postfix.log_since(mark), 30)
    key = blocked(scene)
    host = opened(scene, key, "killed")
    assert host.ask("say", id="killed", line="DATA")["code"] == 354
    mark = scene.postfix.log_from()
    for name, pid in scene.daemon.pids().items():
        if name.startswith("tarpit"):
            os.kill(pid, signal.SIGKILL)
    answer = host.ask("bytes", id="killed", data="Subject: killed\r\n\r\nx\r\n.\r\n", replies=1)
    assert "failed" in answer, answer
    wait_for("Postfix to give up", lambda: "lost connection after DATA" in scene.postfix.log_since(mark), 30)
    wait_for("the role", lambda: write(scene, key, POSTMASTER, "afterwards").get("mails"), 30)
    mail_of(scene, "afterwards")
    assert not any(scene.postfix.has_mail(POSTMASTER, subject) for subject in ("gone", "killed"))


def test_without_postfix_he_is_told_to_come_again(scene):
    key = blocked(scene)
    host = opened(scene, key, "down")
    scene.net.run(["mv", HAND, HAND + ".off"], check=True)
    try:
        code, text = write(scene, key, POSTMASTER, "down")["mails"][0]["rcpt"][0]
        assert code == 450 and "try again later" in text
    finally:
        scene.net.run(["mv", HAND + ".off", HAND], check=True)
    assert host.ask("say", id="down", line="QUIT")["code"] == 221
    assert_code(write(scene, key, POSTMASTER, "up again"), 250, "mail")
