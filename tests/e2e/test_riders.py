"""Trap and real recipients in one message, through a real Postfix: refuse, junk, withhold, deliver; release; faults."""
import os
import re
import signal

import pytest
from lab import messages, witness
from lab.network import wait_for
from lab.scene import ALICE, BOB, CONF, TRAPS, assert_code

CAROL = "carol@example.org"
BACK = "/var/spool/postfix/private/limetwig-back"


def conf(riders, more=""):
    return CONF + "traps {\n  riders = %s\n}\n%s" % (riders, more)


@pytest.fixture(scope="module")
def scene(new_scene):
    made = new_scene(hosts={"friend"})
    made.daemon.configure(conf("junk"))
    made.install()
    made.enforce("soft")
    return made


def reloads(scene):
    return scene.daemon.log().count(" reload mode=")


def use(scene, riders, more=""):
    """This way with riders, once the engine has read it."""
    before = reloads(scene)
    scene.daemon.configure(conf(riders, more))
    scene.daemon.told("reload")
    wait_for("the new configuration", lambda: reloads(scene) > before, 30)
    scene.enforce("soft")


@pytest.fixture
def junk(scene):
    use(scene, "junk")
    return scene


@pytest.fixture
def withhold(scene):
    use(scene, "withhold")
    return scene


def settled(scene):
    wait_for("an empty queue", lambda: scene.postfix.queued() == 0, 30)


def mails(scene, address, subject):
    return [m for m in scene.postfix.mailbox(address) if str(m["Subject"]) == subject]


def files(scene, subject):
    return witness.in_corpus(scene.net, "Subject: " + subject)


def ride(scene, subject, riders=(ALICE,), key=None, **more):
    """Spam of a fresh host to a trap and riders; the host's key."""
    key = key or scene.new_host()
    mail = assert_code(scene.spam_mail(key, subject=subject, recipients=[*riders, TRAPS[1]], **more), 250, "riders")
    assert all(code == 250 for code, _ in mail["rcpt"])
    return key


def withheld_id(scene, key):
    return next(h["corpus_id"] for h in scene.hits_of(scene.address(key)) if h.get("riders") == "withheld")


# ---- the four ways

def test_refuse(scene):
    use(scene, "refuse")
    key = scene.new_host()
    answer = scene.spam_mail(key, subject="way refuse", recipients=[ALICE, TRAPS[1]])
    mail = assert_code(answer, 550, "riders")
    case = witness.case_of(mail["text"])
    scene.wait_hit(scene.address(key), "unseen")
    assert scene.postfix.queued() == 0 and not scene.postfix.has_mail(ALICE, "way refuse")
    assert not files(scene, "way refuse")
    text = scene.daemon.told("release", case, status=1)
    assert "refused" in text and "nothing to release" in text


def test_deliver(scene):
    use(scene, "deliver")
    key = ride(scene, "way deliver")
    scene.postfix.wait_mail(ALICE, "way deliver")
    scene.wait_block(scene.address(key))
    settled(scene)
    mail, = mails(scene, ALICE, "way deliver")
    assert mail["X-Limetwig-Junk"] is None
    assert len(files(scene, "way deliver")) == 1


def test_junk(junk):
    key = ride(junk, "way junk", riders=[ALICE, BOB])
    junk.postfix.wait_mail(ALICE, "way junk")
    settled(junk)
    block = junk.wait_block(junk.address(key))
    for who in (ALICE, BOB):
        mail, = mails(junk, who, "way junk")
        assert mail["X-Limetwig-Junk"] == "case=" + block["case"]
        assert mail["X-Spam-Flag"] == "YES"
        assert not [h for h in mail.keys() if h.lower().startswith("x-limetwig") and h != "X-Limetwig-Junk"]
        assert TRAPS[1] not in mail.as_string()[:200]
    assert len(files(junk, "way junk")) == 1
    assert junk.try_mail(key)[0] == 450
    log = junk.postfix.log()
    assert re.search(r"limetwig-back/smtpd\[\d+\]: \w+: client=localhost\[127.0.0.1\], orig_queue_id=\w+, "
                     r"orig_client=\S*\[%s\]" % re.escape(junk.address(key)), log)


def test_junk_header_of_the_site(scene):
    use(scene, "junk", 'traps {\n  junk-header = "X-Our-Mark: bad host"\n}\n')
    ride(scene, "own header")
    scene.postfix.wait_mail(ALICE, "own header")
    mail, = mails(scene, ALICE, "own header")
    assert mail["X-Our-Mark"] == "bad host" and mail["X-Spam-Flag"] is None


def test_withhold_and_release(withhold):
    key = ride(withhold, "way withhold", riders=[ALICE, BOB])
    address = withhold.address(key)
    block = withhold.wait_block(address)
    settled(withhold)
    assert not mails(withhold, ALICE, "way withhold") and not mails(withhold, BOB, "way withhold")
    name, = files(withhold, "way withhold")
    assert withhold.daemon.json("status")["capture"]["withheld"] >= 1
    assert withheld_id(withhold, key) == name
    dry = withhold.daemon.json("release", name, "--dry-run")
    assert dry["messages"][0]["to"] == [ALICE, BOB] and withhold.block_of(address)
    done = withhold.daemon.json("release", block["case"], "--note", "was the bank")
    assert [m["to"] for m in done["messages"]] == [[ALICE, BOB]]
    for who in (ALICE, BOB):
        withhold.postfix.wait_mail(who, "way withhold")
        mail, = mails(withhold, who, "way withhold")
        assert mail["X-Limetwig-Junk"] is None and mail["X-Limetwig-Sender"] is None
    assert withhold.block_of(address) is None
    assert withhold.try_mail(key, subject="after release")[0] == 250
    assert "released already" in withhold.daemon.told("release", name)
    assert withhold.daemon.ctl("release", block["case"]).returncode == 1
    settled(withhold)
    assert len(mails(withhold, ALICE, "way withhold")) == 1
    assert [h["riders"] for h in withhold.hits_of(address) if h["corpus_id"] == name] == ["released"]


def test_a_forgotten_rider_takes_nothing_from_the_others(withhold):
    """Of a withheld message he is taken out; what is only evidence goes as a whole."""
    key = ride(withhold, "forget one", riders=(BOB, CAROL))
    withhold.wait_block(withhold.address(key))
    settled(withhold)
    name = withheld_id(withhold, key)
    kept = withhold.daemon.json("status")["capture"]["withheld"]
    assert withhold.daemon.json("forget", CAROL)["removed"]["corpus"] >= 1
    assert withhold.daemon.json("person", CAROL)["data"]["captured"] == 0
    assert withhold.daemon.json("status")["capture"]["withheld"] == kept
    done = withhold.daemon.json("release", name)
    assert [m["to"] for m in done["messages"]] == [[BOB]]
    withhold.postfix.wait_mail(BOB, "forget one")
    settled(withhold)
    assert not mails(withhold, CAROL, "forget one")
    withhold.daemon.told("forget", BOB)
    wait_for("no file", lambda: not files(withhold, "forget one"))


def test_a_bounce_with_riders_is_released_by_itself(withhold):
    key = withhold.new_host()
    answer = withhold.host[key].mail("", [ALICE, TRAPS[0]], messages.bounce(TRAPS[0], "bounce with riders"))
    assert_code(answer, 250, "bounce")
    withhold.postfix.wait_mail(ALICE, "bounce with riders")
    settled(withhold)
    mail, = mails(withhold, ALICE, "bounce with riders")
    assert mail["X-Limetwig-Junk"] is None
    assert withhold.block_of(withhold.address(key)) is None
    assert len(files(withhold, "bounce with riders")) == 1


def test_monitor_gives_riders_their_mail(withhold):
    withhold.daemon.told("enforce", "monitor")
    key = ride(withhold, "monitor riders")
    withhold.postfix.wait_mail(ALICE, "monitor riders")
    withhold.wait_hit(withhold.address(key), "confirmed")
    mail, = mails(withhold, ALICE, "monitor riders")
    assert mail["X-Limetwig-Junk"] is None


def good_mails(scene, key):
    """What the ledger has of this host, matured or not."""
    return scene.daemon.json("block", "add", scene.address(key), "--dry-run")["blast"]["mails"]


def test_hand_back_is_no_good_mail_and_no_alarm(junk):
    key = ride(junk, "no credit")
    junk.postfix.wait_mail(ALICE, "no credit")
    settled(junk)
    counters = junk.daemon.json("status")["counters"]["24h"]
    assert counters["insider"] == 0
    # what comes later in the log is good mail by now
    other = junk.new_host()
    junk.good_mail(other, "credit")
    wait_for("the credit", lambda: good_mails(junk, other) == 1, 60)
    assert good_mails(junk, key) == 0


# ---- release

def test_release_of_a_captured_message_to_a_person(junk):
    key = junk.new_host()
    assert_code(junk.spam_mail(key, subject="for the postmaster"), 250, "spam")
    junk.wait_block(junk.address(key))
    name, = files(junk, "for the postmaster")
    assert "name a person" in junk.daemon.told("release", name, status=1)
    assert "is a trap" in junk.daemon.told("release", name, "--to", TRAPS[0], status=1)
    junk.daemon.told("release", name, "--to", CAROL, "--keep-block")
    junk.postfix.wait_mail(CAROL, "for the postmaster")
    assert junk.block_of(junk.address(key))
    assert "released already" in junk.daemon.told("release", name, "--to", CAROL)
    junk.daemon.told("release", name, "--to", BOB)
    junk.postfix.wait_mail(BOB, "for the postmaster")
    assert junk.block_of(junk.address(key)) is None
    settled(junk)
    assert len(mails(junk, CAROL, "for the postmaster")) == 1


@pytest.mark.parametrize("what, status", [("1111111111.0123456789abcdef", 1), ("ZZZZ-ZZZZ", 2), ("nobody", 2)])
def test_release_of_what_is_not_there(junk, what, status):
    assert junk.daemon.ctl("release", what).returncode in (status, 1)


# ---- odd mail

def test_fifty_riders(junk):
    riders = ["box%d@example.org" % n for n in range(48)] + [ALICE, BOB]
    table = junk.net.read("/etc/postfix/vmailbox").decode()
    if "box0@" not in table:
        junk.net.write("/etc/postfix/vmailbox", table + "".join(
            "%s example.org/%s/\n" % (r, r.split("@")[0]) for r in riders[:48]))
        junk.net.run(["postmap", "/etc/postfix/vmailbox"], check=True)
        junk.postfix.reload()
    ride(junk, "fifty", riders=riders)
    for who in riders:
        junk.postfix.wait_mail(who, "fifty")
    settled(junk)
    assert all(len(mails(junk, who, "fifty")) == 1 for who in riders)
    assert len(files(junk, "fifty")) == 1


@pytest.mark.parametrize("sender, options", [
    ('"odd sender"@spam.example', ""), ("j\u00f6rg@b\u00fccher.example", " SMTPUTF8"), ("", ""),
    ("a+b=c/d{e}|f@spam.example", " BODY=8BITMIME"), ("x" * 64 + "@" + ("y" * 60 + ".") * 3 + "example", "")],
    ids=["quoted", "utf8", "null", "signs", "long"])
def test_odd_senders(withhold, sender, options):
    key = withhold.new_host()
    host = withhold.host[key]
    subject = "odd %d" % abs(hash(sender))
    host.ask("open", id=subject, **host.end())
    for line, code in (("MAIL FROM:<%s>%s" % (sender, options), 250), ("RCPT TO:<%s>" % ALICE, 250),
                       ("RCPT TO:<%s>" % TRAPS[1], 250)):
        assert host.ask("say", id=subject, line=line)["code"] == code
    text = messages.spam("x@spam.example", ALICE, subject) + ".dot\n..two dots\n.\nend \u00e4\u00f6\n"
    assert host.ask("body", id=subject, text=text)["code"] == 250
    host.ask("close", id=subject)
    withhold.wait_block(host.v4)
    settled(withhold)
    name, = files(withhold, subject)
    withhold.daemon.told("release", name)
    withhold.postfix.wait_mail(ALICE, subject)
    mail, = mails(withhold, ALICE, subject)
    assert str(mail["Return-Path"]).strip("<>") or sender == ""
    body = mail.get_payload(decode=True)
    assert b".dot\n..two dots\n.\nend \xc3\xa4\xc3\xb6\n" in body


def test_long_lines_and_ten_megabytes(withhold):
    """storage message-size is 1 MB: what is withheld is kept whole, and given whole."""
    key = withhold.new_host()
    big = "x" * 900 + "\n"
    text = (messages.spam("big@spam.example", ALICE, "ten megabytes").replace("Buy now", "X: " + "y" * 1500 + "\nBuy now")
            + big * 9500 + "last line\n")
    text = text.replace("Subject:", "X-Long: " + "z" * 1900 + "\nSubject:", 1)
    before = memory(withhold)
    mail = assert_code(withhold.host[key].mail("big@spam.example", [ALICE, TRAPS[1]], text), 250, "big")
    assert mail
    withhold.wait_block(withhold.address(key))
    settled(withhold)
    name, = files(withhold, "ten megabytes")
    withhold.daemon.told("release", name)
    withhold.postfix.wait_mail(ALICE, "ten megabytes")
    mail, = mails(withhold, ALICE, "ten megabytes")
    body = mail.get_payload()
    assert body.count("x" * 900) == 9500 and body.rstrip().endswith("last line")
    assert memory(withhold) - before < 6000, "capture's memory in kB"


def test_the_largest_message_that_postfix_takes(junk):
    """On its way back it has grown by header lines: the size limit must not meet it again."""
    limit = 30000
    junk.net.run(["postconf", "-e", "message_size_limit=%d" % limit], check=True)
    junk.postfix.reload()
    try:
        for size in range(limit, limit - 2000, -50):
            subject = "largest %d" % size
            text = messages.spam("big@spam.example", ALICE, subject).replace("\n", "\r\n")
            text += ("z" * 70 + "\r\n") * ((size - len(text)) // 72)
            key = junk.new_host()
            answer = junk.host[key].mail("big@spam.example", [ALICE, TRAPS[1]], text + "q" * (size - len(text) - 2))
            if answer["mails"][0]["code"] == 250:
                break
            assert answer["mails"][0]["code"] == 552
        junk.postfix.wait_mail(ALICE, subject)
        settled(junk)
    finally:
        junk.net.run(["postconf", "-X", "message_size_limit"], check=True)
        junk.postfix.reload()


def test_the_content_filter_sees_what_is_handed_back(junk):
    """FILTER takes its place on the way to us; behind us it has its turn."""
    junk.net.run(["postconf", "-e", "content_filter=smtp:[127.0.0.1]:10025"], check=True)
    junk.postfix.reload()
    try:
        mark = junk.postfix.log_from()
        ride(junk, "filtered")
        junk.postfix.wait_mail(ALICE, "filtered")
        settled(junk)
        assert "reinject/smtpd" in junk.postfix.log_since(mark)
        mail, = mails(junk, ALICE, "filtered")
        assert mail["X-Limetwig-Junk"].startswith("case=")
    finally:
        junk.net.run(["postconf", "-X", "content_filter"], check=True)
        junk.postfix.reload()


def memory(scene):
    with open("/proc/%d/status" % scene.daemon.pids()["capture"]) as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


# ---- faults

def test_way_back_down_mail_waits_and_arrives_later(junk):
    path = junk.net.path(BACK)
    os.rename(path, path + ".away")
    try:
        key = ride(junk, "way back down")
        junk.wait_hit(junk.address(key), "confirmed")
        wait_for("451 in the log", lambda: "handback" in junk.daemon.log() and junk.postfix.queued() == 1)
        wait_for("deferred", lambda: junk.postfix.queue()["deferred"])
        assert not mails(junk, ALICE, "way back down")
    finally:
        os.rename(path + ".away", path)
    junk.postfix.flush()
    junk.postfix.wait_mail(ALICE, "way back down", 30)
    settled(junk)
    mail, = mails(junk, ALICE, "way back down")
    assert mail["X-Limetwig-Junk"].startswith("case=")
    assert len(files(junk, "way back down")) == 1
    assert len([h for h in junk.hits_of(junk.address(key)) if h["grade"] == "confirmed"]) == 1


def test_capture_killed_while_a_message_is_on_its_way(junk):
    """Frozen Postfix service: the message is under way when capture dies. It comes again, once."""
    subject = "killed on the way"
    key = None
    pids = back_pids(junk)
    if not pids:
        ride(junk, "wake the service")
        settled(junk)
        pids = wait_for("the service's process", lambda: back_pids(junk))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        key = ride(junk, subject)
        junk.wait_hit(junk.address(key), "confirmed")
        kill_capture(junk)
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    junk.daemon.wait_up()
    wait_for("mail of the riders", lambda: junk.postfix.flush() or mails(junk, ALICE, subject), 40)
    settled(junk)
    assert len(mails(junk, ALICE, subject)) == 1
    assert len(files(junk, subject)) == 1


def kill_capture(scene):
    old = scene.daemon.pids()["capture"]
    os.kill(old, signal.SIGKILL)
    wait_for("a new capture", lambda: scene.daemon.pids().get("capture") not in (None, old))


def restart(scene):
    """So that the pause before a role's restart is a short one again."""
    scene.daemon.stop()
    scene.daemon.start()
    scene.wait_armed()


def back_pids(scene):
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
        except (OSError, ValueError):
            continue
        if b"smtpd" in words[0] and b"limetwig-back" in words and os.readlink("/proc/%s/ns/net" % pid) == \
                os.readlink("/proc/%d/ns/net" % scene.net.init):
            found.append(int(pid))
    return found


def begun(scene):
    """Riders whose final dot was sent, and no answer noted: state 1 in the notes of capture."""
    notes = scene.net.read("/var/lib/limetwig/corpus/handed")
    return sum(1 for at in range(40, len(notes), 48) if notes[at] == 1)


def test_capture_killed_between_the_final_dot_and_its_answer(junk):
    """Postfix takes its time over the answer; the next capture hears it, and riders have one copy."""
    subject = "killed behind the dot"
    restart(junk)
    before = begun(junk)
    junk.net.run(["postconf", "-P", "limetwig-back/unix/smtpd_end_of_data_restrictions=sleep,2"], check=True)
    junk.postfix.reload()
    try:
        ride(junk, subject, riders=(ALICE, BOB))
        wait_for("a final dot", lambda: begun(junk) == before + 2)
        kill_capture(junk)
        assert not mails(junk, ALICE, subject)
        junk.postfix.wait_mail(ALICE, subject, 30)
    finally:
        junk.net.run(["postconf", "-PX", "limetwig-back/unix/smtpd_end_of_data_restrictions"], check=True)
        junk.postfix.reload()
    wait_for("the answer", lambda: begun(junk) == before)
    wait_for("an empty queue", lambda: junk.postfix.flush() or junk.postfix.queued() == 0, 60)
    assert "handback_known" in junk.daemon.log()
    for who in (ALICE, BOB):
        assert len(mails(junk, who, subject)) == 1
    assert len(files(junk, subject)) == 1


@pytest.mark.parametrize("riders", ["junk", "withhold"])
def test_kill_9_of_capture_loses_nothing(scene, riders):
    """Each rider has it once: what is withheld, and what is handed back."""
    restart(scene)
    use(scene, riders)
    keys = []
    for n in range(8):
        keys.append(ride(scene, "kill %s %d" % (riders, n)))
        if n % 2:
            kill_capture(scene)
    scene.daemon.wait_up()
    wait_for("an empty queue", lambda: scene.postfix.flush() or scene.postfix.queued() == 0, 60)
    for n, key in enumerate(keys):
        subject = "kill %s %d" % (riders, n)
        assert len(files(scene, subject)) == 1
        if riders == "withhold" and not mails(scene, ALICE, subject):
            assert scene.daemon.json("release", withheld_id(scene, key))["messages"][0]["to"] == [ALICE]
        scene.postfix.wait_mail(ALICE, subject)
        settled(scene)
        assert len(mails(scene, ALICE, subject)) == 1


def test_withheld_after_a_lost_reply_is_withheld_once(withhold):
    """Capture dies right after the hit is stored: the same message comes again, one file, one withheld."""
    restart(withhold)
    before = withhold.daemon.json("status")["capture"]["withheld"]
    key = withhold.new_host()
    pid = withhold.daemon.pids()["capture"]
    os.kill(pid, signal.SIGSTOP)
    ride(withhold, "lost reply", key=key)
    os.kill(pid, signal.SIGCONT)
    withhold.wait_hit(withhold.address(key), "confirmed")
    kill_capture(withhold)
    withhold.daemon.wait_up()
    wait_for("an empty queue", lambda: withhold.postfix.flush() or withhold.postfix.queued() == 0, 60)
    assert len(files(withhold, "lost reply")) == 1
    assert withhold.daemon.json("status")["capture"]["withheld"] == before + 1
    assert [m["to"] for m in withhold.daemon.json("release", withheld_id(withhold, key))["messages"]] == [[ALICE]]
    withhold.postfix.wait_mail(ALICE, "lost reply")


@pytest.mark.parametrize("riders", ["junk", "withhold"])
def test_kill_9_of_the_engine_loses_and_doubles_nothing(scene, riders):
    restart(scene)
    use(scene, riders)
    subject = "engine dies " + riders
    key = scene.new_host()
    capture = scene.daemon.pids()["capture"]
    os.kill(capture, signal.SIGSTOP)
    ride(scene, subject, key=key)
    engine = scene.daemon.pids()["engine"]
    os.kill(engine, signal.SIGKILL)
    os.kill(capture, signal.SIGCONT)
    wait_for("a new engine", lambda: scene.daemon.pids().get("engine") not in (None, engine))
    scene.daemon.wait_up()
    wait_for("an empty queue", lambda: scene.postfix.flush() or scene.postfix.queued() == 0, 60)
    assert len(files(scene, subject)) == 1
    if not mails(scene, ALICE, subject):
        scene.daemon.told("release", withheld_id(scene, key))
    scene.postfix.wait_mail(ALICE, subject)
    settled(scene)
    assert len(mails(scene, ALICE, subject)) == 1


def test_release_while_the_way_back_is_down_changes_nothing(withhold):
    key = ride(withhold, "release later")
    withhold.wait_block(withhold.address(key))
    settled(withhold)
    name = withheld_id(withhold, key)
    path = withhold.net.path(BACK)
    os.rename(path, path + ".away")
    try:
        withhold.daemon.told("release", name, status=1)
        assert withhold.block_of(withhold.address(key))
    finally:
        os.rename(path + ".away", path)
    withhold.daemon.told("release", name)
    withhold.postfix.wait_mail(ALICE, "release later")


def test_setup_revert_takes_the_way_back_out(scene):
    assert "limetwig-back" in scene.net.read("/etc/postfix/master.cf").decode()
    assert "limetwig-back" in scene.net.read("/etc/limetwig/postfix.conf").decode()
