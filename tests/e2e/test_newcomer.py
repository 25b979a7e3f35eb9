"""A newcomer's first days at two sites: behind postscreen and a content filter, its way back as amavis's own manual has
it; and with the milter of rspamd, its submission service as Debian ships it.

The other two sites of a newcomer, plain and with logins, are those of the demo and of test_main_job.
"""
import os

import pytest
from lab import messages, witness
from lab.network import HERE, PYTHON, wait_for
from lab.postfix import PASSWORD, USER
from lab.scene import ALICE, BOB, TRAPS, assert_code

SCREEN = """\
smtp      inet  n       -       y       -       1       postscreen
smtpd     pass  -       -       y       -       -       smtpd
dnsblog   unix  -       -       y       -       0       dnsblog
smtp-amavis unix -      -       y       -       2       smtp
  -o smtp_send_xforward_command=yes
"""


def screened(master):
    """postscreen in front; the re-injection service without a word about XFORWARD."""
    rows = [row for row in master.splitlines(True) if "smtpd_authorized_xforward_hosts" not in row]
    at = next(i for i, row in enumerate(rows) if row.startswith("smtp      inet"))
    return "".join(rows[:at]) + SCREEN + "".join(rows[at + 1:])


def with_macro(master):
    """As Debian's master.cf has it: a milter is told who comes with a login."""
    return master.replace("  -o smtpd_sasl_auth_enable=yes\n",
                          "  -o smtpd_sasl_auth_enable=yes\n  -o milter_macro_daemon_name=ORIGINATING\n")


SITES = {
    "postscreen and amavis": (screened, "content_filter.py", ["10024", "10025"], [
        "content_filter=smtp-amavis:[127.0.0.1]:10024", "postscreen_greet_wait=1s"]),
    "rspamd": (with_macro, "milter.py", ["11332"], [
        "smtpd_milters=inet:127.0.0.1:11332", "non_smtpd_milters=$smtpd_milters", "milter_default_action=accept"]),
}


def made(s, change, program, ports, settings):
    """The existing site of a scene, filtered by a program of the lab, before anybody heard of limetwig."""
    master = "/etc/postfix/master.cf"
    s.postfix.stop()
    s.net.write(master, change(s.net.read(master).decode()))
    s.net.run(["postconf", "-e", *settings], check=True)
    with open(os.path.join(HERE, program), "rb") as f:
        s.net.write("/run/lab/" + program, f.read())
    s.net.start([PYTHON, "/run/lab/" + program, *ports], "/run/lab/" + program + ".log")
    wait_for("the filter", lambda: s.postfix.listens(int(ports[0])))
    s.before = s.postfix.configuration()
    s.postfix.start()
    s.install()
    return s


@pytest.fixture(scope="module", params=SITES)
def site(request, new_scene):
    s = made(new_scene(hosts={"friend"}), *SITES[request.param])
    s.name = request.param
    return s


def refused_by_the_milter(s):
    """What rspamd refuses at the dot was never delivered to the trap: it blocks nobody."""
    key = s.new_host()
    assert_code(s.spam_mail(key, subject="GTUBE"), 550, "what the milter refuses")
    s.wait_log()
    assert s.try_mail(key)[0] == 250 and s.block_of(s.address(key)) is None


def a_login_still_sends(s, key):
    """From a blocked address, past the milter."""
    answer = s.host[key].mail(ALICE, [BOB], messages.plain(ALICE, BOB, "from the hotel"), port=587, login=[USER, PASSWORD])
    assert_code(answer, 250, "submission")
    s.postfix.wait_mail(BOB, "from the hotel")


def test_the_first_days(site):
    s = site
    status = s.daemon.json("status")
    assert status["mode"] == "monitor" and not status["ready"]["ok"]
    assert "asked nothing yet" in status["ready"]["text"]
    s.good_mail("friend", "through the filter", seconds=30)

    # the hit: charged to the host in front of postscreen and filter, not to the filter
    key = s.new_host()
    address = s.address(key)
    assert_code(s.spam_mail(key, subject="screened"), 250, "spam")
    hit, = s.wait_hit(address, "confirmed")
    assert hit["counted"] and hit["client"] == address
    assert s.hits_of("127.0.0.1") == []
    assert s.daemon.json("status")["counters"]["7d"]["insider"] == 0

    # monitor, soft, full
    assert s.try_mail(key)[0] == 250
    assert "Early: watched for less than 7 days" in s.daemon.told("enforce", "soft", "--force")
    code, reply = s.try_mail(key)
    assert code == 450
    case = witness.case_of(reply)
    assert case == s.wait_block(address)["case"]
    s.enforce("full")
    wait_for("the kernel element", lambda: s.in_kernel(address))
    assert s.try_mail(key)[0] == "refused"
    s.good_mail("friend", "while another is blocked", seconds=30)
    if s.name == "rspamd":
        a_login_still_sends(s, key)
        refused_by_the_milter(s)

    # he calls
    told = s.daemon.told("why", case)
    assert told.startswith("BLOCKED") and TRAPS[0] not in told and "limetwig block remove " + case in told
    assert "is no case id" not in told and "no case id" in s.daemon.ctl("why", case[:-1]).stdout
    s.daemon.told("block", "remove", case, "--note", "he called")
    wait_for("the kernel element to go", lambda: not s.in_kernel(address))
    assert s.try_mail(key)[0] == 250

    # gone without a trace
    s.daemon.told("uninstall")
    assert s.postfix.configuration() == s.before
    assert s.try_mail(key, subject="after limetwig")[0] == 250
