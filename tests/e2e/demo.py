#!/usr/bin/python3
"""The main job, shown on a real Postfix and a real firewall in network namespaces (`make demo`).

Every step is witnessed from outside the daemon: SMTP replies, mailboxes and
corpus on disk, kernel sets by nft -j. Exit 0 only if every step was seen;
else the failed step is named. Writes demo.log.
SPDX-License-Identifier: ISC
"""
import argparse
import difflib
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import messages, witness  # noqa: E402
from lab.network import LabError, wait_for  # noqa: E402
from lab.postfix import PASSWORD, USER  # noqa: E402
from lab.scene import ALICE, BOB, TRAPS, Scene, Unexpected, assert_code, expect  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEPS = []
# as installed, but for the jitter and what tells our banner from Postfix's
CONF = """# the demo's site
contact = "https://postmaster.example.org/ or +49 30 5550100"
block {
  jitter = 0
}
tarpit {
  host = answerer.example.org
}
"""
ACTION = """firewall {
  action = %s
}
"""
EXPIRY = 5      # seconds of the block that expires in the demo; a real one lasts 24 h
MEANWHILE = 40  # mails while the daemon is dead


def step(title):
    def keep(function):
        STEPS.append((title, function))
        return function
    return keep


class Demo:
    """What the steps share."""

    def __init__(self, scene):
        self.s = scene
        self.before = None
        self.cases = {}
        self.refused = 0
        self.kernel_ms = None

    def answered(self, key, to=ALICE, six=False, subject="again"):
        """(code, text) of the RCPT of a blocked host that our own server answers."""
        host = self.s.host[key]
        before = self.s.postfix.log().count("connect from %s" % host.name)
        sender = "offers@blocked.example"
        answer = host.mail(sender, [to], messages.plain(sender, to, subject), six=six)
        banner = answer["replies"][0]["text"] if answer.get("replies") else answer
        expect("our own server's greeting", str(banner).startswith("answerer.example.org"), banner)
        if to == ALICE:
            expect("Postfix has not heard of it", self.s.postfix.log().count("connect from %s" % host.name) == before,
                   "it came to Postfix")
            self.refused += 1
        return tuple(answer["mails"][0]["rcpt"][0])


@step("the existing site, without limetwig, delivers over IPv4 and IPv6")
def existing_site(d):
    d.before = (d.s.postfix.configuration(), witness.rule_set(d.s.net))
    d.s.good_mail("friend", "before 4")
    d.s.good_mail("friend", "before 6", six=True)
    return "2 mails in alice's mailbox"


@step("limetwig setup postfix: in place, comments and folding kept; a second run changes nothing")
def setup_postfix(d):
    shown = d.s.daemon.told("setup", "postfix", "--dry-run")
    expect("--dry-run changes nothing", d.s.postfix.configuration() == d.before[0], "main.cf or master.cf changed")
    d.s.daemon.told("setup", "postfix")
    now = d.s.postfix.configuration()
    old_lines = d.before[0]["main.cf"].decode().splitlines()
    new_lines = now["main.cf"].decode().splitlines()
    gone = [line for line in old_lines if line.lstrip().startswith("#") and line not in new_lines]
    expect("every comment line is still there", not gone, gone)
    d.s.daemon.told("setup", "postfix")
    again = d.s.postfix.configuration()
    for name in now:
        expect("second run leaves %s alone" % name, again[name] == now[name], "changed")
    expect("the re-injection service is left alone",
           b"127.0.0.1:10025 inet n  -       y       -       -       smtpd\n  -o syslog_name=postfix/reinject\n"
           in now["master.cf"], "other lines")
    return "%d lines of main.cf added, %d shown by --dry-run" % (len(new_lines) - len(old_lines),
                                                                len(shown.splitlines()))


@step("limetwigd starts: all roles up, traps armed, weeks of mail log read")
def start_daemon(d):
    began = time.monotonic()
    d.s.write_traps()
    d.s.daemon.configure(CONF)
    d.s.daemon.start()
    d.s.wait_armed()
    up = time.monotonic() - began
    d.s.wait_log()
    status = d.s.daemon.json("status")
    expect("monitor mode after installation", status["mode"] == "monitor", status["mode"])
    return "%d traps after %.1f s, %d log lines, mode monitor" % (status["traps"]["armed"], up, status["log"]["lines"])


@step("enforce soft")
def enforce_soft(d):
    d.s.daemon.told("enforce", "soft", "--force")
    status = d.s.daemon.json("status")
    expect("mode soft", status["mode"] == "soft", status["mode"])
    return "mode soft"


@step("a ham host delivers to alice")
def ham(d):
    took = [d.s.good_mail("friend", "ham %d" % n, six=n % 2 == 1) for n in range(4)]
    return "4 mails, IPv4 and IPv6, the slowest in the mailbox after %.2f s" % max(took)


def spam_then_policy(d, six):
    """Host A mails a trap, is refused afterwards, its neighbour is not. Returns (case, text)."""
    family = "six" if six else "four"
    address = d.s.host["spam_a"].v6 if six else d.s.host["spam_a"].v4
    text = "watches for %s" % family
    mail = assert_code(d.s.spam_mail("spam_a", subject=text, six=six), 250, "spam to a trap")
    block = d.s.wait_block(address)
    files = witness.in_corpus(d.s.net, text)
    expect("one captured message on disk", len(files) == 1, files)
    hits = d.s.wait_hit(address, "confirmed")
    expect("one hit, by the original client", len(hits) == 1 and hits[0]["client"] == address, hits)
    code, reply = d.s.try_mail("spam_a", six=six)
    expect("the next message is refused with 450", code == 450, (code, reply))
    case = witness.case_of(reply)
    expect("the reply names the case of the block", case == block["case"], (reply, block["case"]))
    expect("no trap is named in the reply", not re.search(r"\bT-\d", reply) and "sales1998" not in reply, reply)
    expect("limetwig why CASE explains it", case in d.s.daemon.told("why", case), "other")
    d.s.good_mail("neighbour", "neighbour " + family, six=six)
    expect("nothing in the kernel in mode soft", d.s.in_kernel(address) is None, witness.elements(d.s.net))
    d.refused += 1
    d.cases[address] = case
    return "250 in %.1f ms, corpus, hit, block; then %d %s ..." % (mail["dot_seconds"] * 1000, code,
                                                              reply.split(": ", 2)[-1][:58])


@step("spam host A mails a trap: taken; its next message is refused by policy, its neighbour's is not")
def spam_a(d):
    return spam_then_policy(d, False)


@step("enforce full: a blocked host is led to our own SMTP server, from its first offence on")
def enforce_full(d):
    d.s.daemon.told("enforce", "full", "--force")
    address = d.s.host["spam_a"].v4
    left = wait_for("host A in the kernel set", lambda: d.s.in_kernel(address))
    expect("the kernel's timeout is that of the block", 86000 < left <= 86400, left)
    return "host A's block reached the kernel, %d s left there" % left


def spam_then_kernel(d, six):
    address = d.s.host["spam_b"].v6 if six else d.s.host["spam_b"].v4
    in_set = "2001:db8:99::" if six else address
    watch = d.s.watch_kernel()
    began = time.monotonic()
    mail = assert_code(d.s.spam_mail("spam_b", subject="pills %s" % address, six=six), 250, "spam to a trap")
    wait_for(address + " in the kernel set", lambda: d.s.in_kernel(address))
    at = wait_for("nft monitor to tell of it", lambda: watch.added_at(in_set, began))
    sent = began + mail["dot_seconds"]
    expect("message on disk", witness.in_corpus(d.s.net, "pills %s" % address), "nothing")
    code, text = d.answered("spam_b", six=six)
    expect("450 with its case", code == 450 and witness.case_of(text) == d.s.wait_block(address)["case"], (code, text))
    d.s.good_mail("neighbour", "neighbour B %s" % address, six=six)
    d.kernel_ms = (at - sent) * 1000
    return "250, in the set (nft -j); next connection: our answerer, %d %s ..." % (code, text[:52])


@step("spam host B mails a trap: in the kernel set, its next connection does not reach Postfix")
def spam_b(d):
    return spam_then_kernel(d, False)


@step("spam host B over IPv6: its /64 is in the kernel set")
def spam_b6(d):
    return spam_then_kernel(d, True)


@step("spam host A over IPv6 (mode soft again): refused by policy, its whole /64 too, the next /64 is not")
def spam_a6(d):
    d.s.daemon.told("enforce", "soft", "--force")
    wait_for("an empty kernel set", lambda: not witness.elements(d.s.net))
    seen = spam_then_policy(d, True)
    code, reply = d.s.try_mail("spam_a2", six=True)
    expect("another address of the /64 is refused", code == 450, (code, reply))
    d.s.daemon.told("enforce", "full", "--force")
    return seen


@step("[alice, trap] from a spam host: alice gets nothing, the sender is told (riders = refuse)")
def riders(d):
    answer = d.s.spam_mail("spam_c", recipients=[ALICE, TRAPS[1]], subject="for both")
    mail = assert_code(answer, 550, "a message to alice and a trap")
    expect("both recipients were taken at RCPT", [c for c, _ in mail["rcpt"]] == [250, 250], mail["rcpt"])
    expect("nothing queued", d.s.postfix.queued() == 0, d.s.postfix.queue())
    expect("alice has nothing", not d.s.postfix.has_mail(ALICE, "for both"), "it is in her mailbox")
    d.s.wait_hit(d.s.host["spam_c"].v4, "unseen")
    d.refused += 1
    return "250, 250, after the dot %d %s" % (mail["code"], mail["text"].split(": ", 1)[-1][:60])


@step("[alice, trap] from a list host with matured good mail: alice gets it, nobody is blocked")
def list_host(d):
    host = d.s.host["club"]
    answer = host.mail("news@club.example", [ALICE, TRAPS[1]], messages.newsletter("news@club.example", ALICE, "club news"))
    assert_code(answer, 250, "newsletter to alice and a trap")
    d.s.postfix.wait_mail(ALICE, "club news")
    d.s.good_sent += 1
    hit = wait_for("the graded trap copy", lambda: d.s.hits_of(host.v4))[0]
    expect("not blocked", d.s.block_of(host.v4) is None, d.s.block_of(host.v4))
    d.s.good_mail("club", "club again", to=BOB)
    why = d.s.daemon.json("why", host.v4)["matches"][0]
    expect("good mail raised what is needed", why["good"] > 20 and why["need"] > why["score"], why)
    return "graded %s, score %.1f of %.1f needed, good mail %.0f" % (hit["grade"], why["score"], why["need"], why["good"])


@step("a bounce to a trap (null sender, report): nobody blocked")
def bounce(d):
    host = d.s.host["victim"]
    assert_code(host.mail("", [TRAPS[0]], messages.bounce(TRAPS[0])), 250, "bounce to a trap")
    hits = d.s.wait_hit(host.v4, "backscatter")
    expect("no weight", all(h["weight"] == 0 for h in hits), hits)
    expect("not blocked", d.s.block_of(host.v4) is None, d.s.block_of(host.v4))
    d.s.good_mail("victim", "after the bounce")
    return "graded backscatter, weight 0; its next mail is delivered"


@step("an RCPT-only call-out to a trap: nobody blocked")
def callout(d):
    host = d.s.host["callout"]
    answer = host.mail("", [TRAPS[0]], "", rcpt_only=True)
    expect("the trap looks like any recipient", answer["mails"][0]["rcpt"][0][0] == 250, answer)
    answer = host.mail("", [ALICE], "", rcpt_only=True)
    expect("as alice does", answer["mails"][0]["rcpt"][0] == [250, "2.1.5 Ok"], answer)
    d.s.wait_hit(host.v4, "probe")
    expect("not blocked", d.s.block_of(host.v4) is None, d.s.block_of(host.v4))
    d.s.good_mail("callout", "after the call-out")
    return "250 as for alice, counted as probe; its next mail is delivered"


@step("an authenticated user on a blocked address still sends")
def submission(d):
    host = d.s.host["spam_b"]
    expect("the address is blocked", d.s.in_kernel(host.v4), "not in the kernel")
    text = messages.plain(ALICE, BOB, "from a hotel")
    answer = host.mail(ALICE, [BOB], text, port=587, login=[USER, PASSWORD])
    assert_code(answer, 250, "submission with login")
    d.s.postfix.wait_mail(BOB, "from a hotel")
    answer = host.mail(ALICE, [BOB], text, port=587, login=[USER, "wrong"])
    expect("without the right password nothing", "535" in answer.get("failed", ""), answer)
    d.s.good_sent += 1
    return "port 587, login %s: delivered" % USER


@step("a blocked innocent reads his case id at the answerer, writes to postmaster@, and is let in again")
def innocent(d):
    host = d.s.host["victim"]
    d.s.daemon.told("block", "add", host.v4, "--note", "demo")
    wait_for("the kernel element", lambda: d.s.in_kernel(host.v4))
    code, text = d.answered("victim")
    case = witness.case_of(text)
    expect("450, the case and whom to ask", code == 450 and case and "+49 30 5550100" in text, (code, text))
    code, _ = d.answered("victim", to="postmaster@example.org", subject="why me")
    expect("postmaster@ is open to him", code == 250, code)
    d.s.postfix.wait_mail("postmaster@example.org", "why me")
    d.s.daemon.told("block", "remove", case, "--note", "he called")
    wait_for("the element to go", lambda: not d.s.in_kernel(host.v4))
    d.s.good_mail("victim", "let in again")
    return "450 ... %s; his mail to postmaster@ is delivered; `block remove %s` lets him in" % (text[-58:], case)


@step("action = tarpit: a spammer sits; action = reject: the kernel refuses his connection")
def tarpit(d):
    d.s.daemon.configure(CONF.replace("tarpit {", "tarpit {\n  offence = 1") + ACTION % "tarpit")
    d.s.daemon.told("reload")

    def drips():
        heard = d.s.hear("spam_b", 4)
        return heard if heard and len(heard) < 8 and "220 answerer".startswith(heard) else None
    heard = wait_for("a greeting that drips", drips, 30)
    d.s.daemon.configure(CONF + ACTION % "reject")
    d.s.daemon.told("reload")
    wait_for("a refused connection", lambda: d.s.try_mail("spam_b")[0] == "refused", 30)
    d.refused += 1
    d.s.daemon.configure(CONF)
    d.s.daemon.told("reload")
    wait_for("the answerer again", lambda: d.s.try_mail("spam_b")[0] == 450, 30)
    return "%d bytes of the greeting in 4 s; connection refused" % len(heard)


@step("postmaster@ stays open for a blocked host at Postfix too (mode soft)")
def postmaster(d):
    d.s.daemon.told("enforce", "soft", "--force")
    wait_for("an empty kernel set", lambda: not witness.elements(d.s.net))
    code, reply = d.s.try_mail("spam_a", to="postmaster@example.org", subject="please unblock")
    expect("postmaster takes it", code == 250, (code, reply))
    d.s.postfix.wait_mail("postmaster@example.org", "please unblock")
    code, reply = d.s.try_mail("spam_a", to=ALICE)
    expect("alice's is refused", code == 450, (code, reply))
    d.refused += 1
    d.s.daemon.told("enforce", "full", "--force")
    return "250 and delivered, alice@ still 450"


@step("a block expires (%d s here, 24 h by default): the host may try again" % EXPIRY)
def expiry(d):
    host = d.s.host["spam_d"]
    d.s.daemon.told("block", "add", host.v4, "--for", "%ds" % EXPIRY, "--note", "demo")
    began = time.monotonic()
    left = wait_for("the kernel element", lambda: d.s.in_kernel(host.v4) is not None)
    expect("in the kernel, and answered by us", left and d.answered("spam_d")[0] == 450, left)

    def again():
        code, _ = d.s.try_mail("spam_d", subject="after the block")
        return code == 250
    wait_for("the host to be let in again", again, EXPIRY + 15)
    took = time.monotonic() - began
    expect("not before its time", took > EXPIRY - 1.5, "%.1f s" % took)
    expect("gone from the kernel", d.s.in_kernel(host.v4) is None, witness.elements(d.s.net))
    d.s.postfix.wait_mail(ALICE, "after the block")
    return "refused, then delivered after %.1f s" % took


@step("kill -9 limetwigd: mail flows; what a trap got meanwhile is captured after the restart")
def killed(d):
    host = d.s.host["spam_e"]
    d.s.daemon.kill()
    friend = d.s.host["friend"]
    sender = "someone@friend.example"
    sessions = [friend.session(sender, [ALICE], messages.plain(sender, ALICE, "meanwhile %d" % n), six=n % 2 == 1)
                for n in range(MEANWHILE)]
    answer = friend.ask("many", sessions=sessions, parallel=4)
    codes = [s["mails"][0]["code"] if s.get("mails") else s for s in answer["sessions"]]
    expect("all %d mails taken" % MEANWHILE, codes == [250] * MEANWHILE, codes)
    slowest = max(s["seconds"] for s in answer["sessions"])
    for n, six in enumerate((False, True)):
        assert_code(d.s.spam_mail("spam_e", subject="while you were out %d" % n, six=six), 250, "spam to a trap")
    for n in range(MEANWHILE):
        d.s.postfix.wait_mail(ALICE, "meanwhile %d" % n)
    d.s.good_sent += MEANWHILE
    expect("the trap's mail waits in the queue", d.s.postfix.queued() == 2, d.s.postfix.queue())
    d.s.daemon.start()

    def captured():
        d.s.postfix.flush()
        return all(witness.in_corpus(d.s.net, "while you were out %d" % n) for n in range(2))
    wait_for("the captured messages", captured, 30)
    for address in (host.v4, host.v6):
        d.s.wait_hit(address, "confirmed")
        wait_for("block of the original host " + address, lambda a=address: d.s.block_of(a))
    return "%d mails meanwhile, %d delivered, slowest session %.2f s; 2 trap messages charged to their hosts" % (
        MEANWHILE, MEANWHILE, slowest)


@step("monitor, soft, full: what is refused in each")
def modes(d):
    host = d.s.host["spam_a"]
    seen = []
    d.s.daemon.told("enforce", "monitor")
    wait_for("no element in the kernel", lambda: not witness.elements(d.s.net))
    code, _ = d.s.try_mail("spam_a", subject="in monitor")
    expect("monitor: nothing refused", code == 250, code)
    d.s.postfix.wait_mail(ALICE, "in monitor")
    assert_code(d.s.spam_mail("spam_f", recipients=[BOB, TRAPS[2]], subject="riders in monitor"), 250,
                "riders in monitor")
    d.s.postfix.wait_mail(BOB, "riders in monitor")
    d.s.wait_hit(d.s.host["spam_f"].v4, "confirmed")
    seen.append("monitor 250 (recorded as would)")
    would = wait_for("a recorded would-be refusal",
                     lambda: [i for m in d.s.daemon.json("why", host.v4)["matches"]
                              for i in m.get("refusals", {}).get("items", []) if i["would"]])
    expect("recorded with the case", would[0]["case"] == d.cases[host.v4], would)
    d.s.daemon.told("enforce", "soft", "--force")
    code, _ = d.s.try_mail("spam_a")
    expect("soft: refused by policy", code == 450, code)
    seen.append("soft 450")
    d.s.daemon.told("enforce", "full", "--force")
    wait_for("host A in the kernel set", lambda: d.s.in_kernel(host.v4))
    expect("full: answered by us", d.answered("spam_a")[0] == 450, "other")
    seen.append("full 450 by our own server, Postfix never hears of it")
    d.refused += 1
    return ", ".join(seen)


@step("limetwig off with the daemon dead: everybody gets in; after a restart it is still off")
def off(d):
    host = d.s.host["spam_a"]
    d.s.daemon.kill()
    expect("the kernel still keeps him out", d.s.in_kernel(host.v4), witness.elements(d.s.net))
    d.s.daemon.told("off")
    expect("our table is gone", witness.TABLE not in witness.tables(d.s.net), witness.tables(d.s.net))
    code, _ = d.s.try_mail("spam_a", subject="while off")
    expect("host A delivers", code == 250, code)
    d.s.postfix.wait_mail(ALICE, "while off")
    d.s.daemon.start()
    code, _ = d.s.try_mail("spam_a", subject="still off")
    expect("after the restart too", code == 250, code)
    expect("no element in the kernel", d.s.in_kernel(host.v4) is None, witness.elements(d.s.net))
    d.s.daemon.told("enforce", "full", "--force")
    wait_for("host A in the kernel set again", lambda: d.s.in_kernel(host.v4))
    return "nft table gone, 250; `enforce full` brings it back"


@step("all removed: main.cf, master.cf, postconf -n, nftables byte for byte as before")
def removed(d):
    d.s.daemon.told("setup", "postfix", "--revert")
    d.s.daemon.stop()
    d.s.daemon.told("uninstall")
    now = d.s.postfix.configuration()
    for name, content in d.before[0].items():
        expect(name + " as before", now[name] == content, difference(content, now[name]))
    rules = witness.rule_set(d.s.net)
    expect("the ruleset as before", rules == d.before[1], difference(d.before[1].encode(), rules.encode()))
    expect("nothing left in the queue", d.s.postfix.queued() == 0, d.s.postfix.queue())
    d.s.good_mail("friend", "afterwards")
    return "%d things compared; mail flows" % (len(now) + 1)


def difference(before, after):
    return "\n" + "\n".join(difflib.unified_diff(before.decode("utf-8", "replace").splitlines(),
                                                 after.decode("utf-8", "replace").splitlines(), "before", "after",
                                                 lineterm=""))


class Report:
    """Prints to the terminal and to demo.log."""

    def __init__(self, path):
        self.began = time.monotonic()
        self.file = open(path, "w", encoding="utf-8")

    def say(self, text):
        print(text, flush=True)
        self.note(text)

    def note(self, text):
        self.file.write(text + "\n")
        self.file.flush()

    def step(self, word, title, seen):
        self.say("%5.1f s %-4s %s" % (time.monotonic() - self.began, word, title))
        for line in str(seen).splitlines():
            self.say("%12s %s" % ("", line))


def run_steps(scene, report):
    """True when every step was seen."""
    demo = Demo(scene)
    for number, (title, function) in enumerate(STEPS):
        try:
            report.step("ok", title, function(demo))
        except Exception as e:  # whatever it is: the step was not seen
            report.step("FAIL", title, e if isinstance(e, (Unexpected, LabError)) else repr(e))
            report.say("\nlimetwigd's log (the end):\n%s\n\nPostfix's log (the end):\n%s\n"
                       % (scene.daemon.log_tail(), scene.postfix.log_tail()))
            report.say("FAILED at step %d of %d: %s" % (number + 1, len(STEPS), title))
            return False
    report.say("%d of %d steps seen. Spam hosts were refused %d times; kernel %.1f ms after the final dot was sent."
               % (len(STEPS), len(STEPS), demo.refused, demo.kernel_ms))
    report.say("Innocent hosts: %d messages sent, %d delivered." % (scene.good_sent, scene.good_sent))
    return True


def packages_line():
    path = os.path.join(TOP, "build-host/packages-added.txt")
    names = open(path).read().split() if os.path.exists(path) else []
    return "This machine: %d packages added%s, no service touched." % (
        len(names), " (build-host/packages-added.txt)" if names else "")


def find_postfix():
    """"" when Postfix is installed, else the folder in which it is unpacked."""
    unpacked = os.path.join(TOP, "build-host/postfix")
    if os.path.exists("/usr/sbin/postfix"):
        return ""
    if os.path.exists(os.path.join(unpacked, "usr/sbin/postfix")):
        return unpacked
    raise LabError("no Postfix here, installed or unpacked: tools/install-packages.sh demo")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default="build")
    options.add_argument("--log", default=os.path.join(TOP, "demo.log"))
    options = options.parse_args()
    if os.geteuid() != 0:
        sys.exit("the demo makes network namespaces and needs root: sudo make demo")
    for tool in ("unshare", "nsenter", "ip", "nft"):
        if not shutil.which(tool):
            sys.exit("%s is missing: tools/install-packages.sh demo" % tool)
    report = Report(options.log)
    report.note("limetwig demo, %s\n%s" % (time.strftime("%Y-%m-%d %H:%M:%S"), packages_line()))
    try:
        with Scene(os.path.join(TOP, options.build), find_postfix()) as scene:
            is_seen = run_steps(scene, report)
            report.note("\n--- limetwigd's log\n%s\n--- Postfix's log\n%s" % (scene.daemon.log(), scene.postfix.log()))
    except LabError as e:
        report.say("the laboratory could not be built: %s" % e)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    if not is_seen:
        sys.exit(1)
    report.say(packages_line() + " Everything is in demo.log.")
    report.say("What it would have done to your own mail, by the log alone (only read, nothing installed):\n"
               "    %s/limetwig replay --suggest /var/log/mail.log*" % options.build)


if __name__ == "__main__":
    main()
