"""Programs of others that ask our zone: Postfix and postscreen by a local unbound, SpamAssassin, dig, dnsperf."""
import glob
import os
import re
import shutil
import time

import pytest
from lab import messages
from lab.dns_client import reverse
from lab.network import wait_for
from lab.scene import ALICE, TRAPS, assert_code

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ZONE = "bl.example.org"
TTL = 2
CONF = """contact = "postmaster@example.org"
block {
  jitter = 0
}
dnsbl {
  zone = %s
  listen = { "127.0.0.1:5353" }
  url = "https://example.org/why/%%s"
  ttl = %ds
  negative-ttl = 1s
  amplification = 3
}
""" % (ZONE, TTL)
# questions for shorter names first (RFC 9156) are left on: resolvers do that
UNBOUND = """server:
	directory: "/run/lab"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	interface: 127.0.0.1
	access-control: 127.0.0.0/8 allow
	do-not-query-localhost: no
	module-config: "iterator"
	local-zone: "." static
	local-zone: "%(zone)s." transparent
stub-zone:
	name: "%(zone)s"
	stub-addr: 127.0.0.1@5353
""" % {"zone": ZONE}
RBL, SCREEN = 2525, 2526
# another gateway's Postfix: it asks the zone, and nothing of limetwig's is in its restrictions. An smtpd process remembers
# what a DNS list has said of an address until the process ends: with max_use=1 that is the end of the session.
MASTER = """
%d inet n - y - - smtpd
  -o syslog_name=postfix/rbl
  -o max_use=1
  -o smtpd_client_restrictions=reject_rbl_client,%s=127.0.0.[2..5]
  -o smtpd_recipient_restrictions=reject_unauth_destination
  -o smtpd_end_of_data_restrictions=
%d inet n - y - 1 postscreen
  -o smtpd_service_name=screened
  -o postscreen_dnsbl_sites=%s=127.0.0.[2..5]
  -o postscreen_dnsbl_action=enforce
  -o postscreen_greet_wait=1s
  -o postscreen_dnsbl_min_ttl=1s
  -o postscreen_dnsbl_max_ttl=1s
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
screened pass - - y - - smtpd
  -o syslog_name=postfix/screened
  -o smtpd_client_restrictions=
  -o smtpd_recipient_restrictions=reject_unauth_destination
  -o smtpd_end_of_data_restrictions=
""" % (RBL, ZONE, SCREEN, ZONE)
SPAMASSASSIN = """dns_server 127.0.0.1
dns_available yes
util_rb_tld example
add_header all Tests _TESTS_
clear_trusted_networks
trusted_networks 203.0.113.25/32
internal_networks 203.0.113.25/32
header RCVD_IN_LIMETWIG eval:check_rbl('limetwig-lastexternal', '%s.')
describe RCVD_IN_LIMETWIG the last host outside has mailed a trap
tflags RCVD_IN_LIMETWIG net
score RCVD_IN_LIMETWIG 4
""" % ZONE


@pytest.fixture(scope="module")
def site(new_scene):
    for program in ("unbound", "dig"):
        if not shutil.which(program):
            pytest.skip(program + " is not installed")
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF)
    scene.install()
    scene.enforce("soft")  # Postfix must see them
    scene.net.write("/run/lab/unbound.conf", UNBOUND)
    scene.net.start([shutil.which("unbound"), "-d", "-c", "/run/lab/unbound.conf"], "/run/lab/unbound.log")
    for root in ("", "/var/spool/postfix"):
        scene.net.write(root + "/etc/resolv.conf", "nameserver 127.0.0.1\n")
    wait_for("the resolver", lambda: dig(scene, "2.0.0.127." + ZONE) == ["127.0.0.2"], 60)
    with open(scene.net.path("/etc/postfix/master.cf"), "a", encoding="utf-8") as file:
        file.write(MASTER)
    scene.postfix.reload()
    for port in (RBL, SCREEN):
        wait_for("port %d" % port, lambda p=port: scene.postfix.listens(p), 60)
    return scene


def dig(site, name, kind="A", server="127.0.0.1", port=53, *more):
    """The data of the answer; none: []. SERVFAIL and silence are failures of the test's own."""
    done = site.net.run(["dig", "@" + server, "-p", str(port), "+time=5", "+tries=3", "+noall", "+answer", "+comments",
                         *more, name, kind])
    status = re.search(r"status: (\w+)", done.stdout)
    if not status or status.group(1) not in ("NOERROR", "NXDOMAIN"):
        return [status.group(1) if status else done.stdout]
    rows = [line.split(None, 4) for line in done.stdout.splitlines() if line and not line.startswith(";")]
    assert all(int(row[1]) <= TTL for row in rows), rows
    return [row[4].strip('"') for row in rows]


def name_of(address):
    return reverse(address) + "." + ZONE


def is_listed(site, address):
    """At the resolver; it keeps "not listed" for negative-ttl, a listing for ttl."""
    return bool(dig(site, name_of(address)))


def wait_listed(site, address, wanted=True):
    wait_for("%s %s the resolver's view" % (address, "in" if wanted else "out of"),
             lambda: is_listed(site, address) == wanted, 60)


def try_port(site, key, port, subject):
    """(code, text) of the RCPT; a mail that is taken is waited for in the mailbox."""
    answer = site.host[key].mail("somebody@nameless.example", [ALICE],
                                 messages.plain("somebody@nameless.example", ALICE, subject), port=port, timeout=60)
    assert answer.get("mails"), answer
    code, text = answer["mails"][0]["rcpt"][0]
    if code == 250:
        assert_code(answer, 250, "mail to port %d" % port)
        site.postfix.wait_mail(ALICE, subject, 60)
    return code, text


def screened(site, key, code, subject):
    """Until postscreen answers so: what it has found good it keeps for a second here."""
    def attempt():
        attempt.count += 1
        got = try_port(site, key, SCREEN, "%s %d" % (subject, attempt.count))
        return got if got[0] == code else None
    attempt.count = 0
    return wait_for("postscreen to say %d" % code, attempt, 60)[1]


def test_reject_rbl_client(site):
    key = site.new_host()
    address = site.address(key)
    assert try_port(site, key, RBL, "before its listing")[0] == 250
    assert_code(site.spam_mail(key), 250, "mail to a trap")
    case = site.wait_block(address)["case"]
    wait_listed(site, address)
    code, text = try_port(site, key, RBL, "while it is listed")
    assert code == 554
    assert "[%s] blocked using %s; Spam came from this host, case %s, https://example.org/why/%s" % (
        address, ZONE, case, case) in text
    assert not any(trap.split("@")[0] in text for trap in TRAPS)
    assert try_port(site, "friend", RBL, "of somebody else")[0] == 250
    site.daemon.told("block", "remove", case, "--note", "the caller has mended it")
    began = time.monotonic()
    wait_listed(site, address, False)
    print("the resolver says so %.1f s after the removal, ttl %d s" % (time.monotonic() - began, TTL))
    assert try_port(site, key, RBL, "after its removal")[0] == 250


def test_reject_rbl_client_ipv6(site):
    key = site.new_host()
    address = site.address(key, six=True)
    site.daemon.told("block", "add", address, "--note", "by hand")
    wait_listed(site, address)
    assert dig(site, name_of(address)) == ["127.0.0.4"]
    answer = site.host[key].mail("somebody@nameless.example", [ALICE], "Subject: six\n\nsix\n", six=True, port=RBL)
    code, text = answer["mails"][0]["rcpt"][0]
    assert code == 554 and "blocked using %s; Blocked by the postmaster" % ZONE in text


def test_postscreen(site):
    key = site.new_host()
    address = site.address(key)
    screened(site, key, 250, "before its listing")
    site.daemon.told("block", "add", address, "--note", "by hand")
    wait_listed(site, address)
    text = screened(site, key, 550, "while it is listed")
    assert "client [%s] blocked using %s" % (address, ZONE) in text
    screened(site, "friend", 250, "of somebody else")
    assert "addr %s listed by domain %s as 127.0.0.4" % (address, ZONE) in site.postfix.log()
    site.daemon.told("block", "remove", address, "--note", "mended")
    wait_listed(site, address, False)
    screened(site, key, 250, "after its removal")


def test_dig_at_our_server(site):
    site.daemon.told("block", "add", "198.51.100.88", "--note", "by hand")
    case = site.block_of("198.51.100.88")["case"]
    name = name_of("198.51.100.88")
    own = ("127.0.0.1", 5353)
    wait_for("the listing", lambda: dig(site, name, "A", *own) == ["127.0.0.4"], 30)
    text = "Blocked by the postmaster, case %s, https://example.org/why/%s" % (case, case)
    for more in ((), ("+tcp",), ("+noedns",), ("+bufsize=4096",), ("+nsid", "+cookie")):
        assert dig(site, name, "A", *own, *more) == ["127.0.0.4"]
        assert dig(site, name, "TXT", *own, *more) == [text]  # cut in UDP: dig asks again over TCP
        assert dig(site, name, "AAAA", *own, *more) == []
        assert dig(site, name_of("198.51.100.89"), "A", *own, *more) == []
    assert dig(site, ZONE, "SOA", *own)[0].split()[:2] == ["ns.%s." % ZONE, "hostmaster.%s." % ZONE]
    assert dig(site, ZONE, "SOA", *own)[0].split()[-1] == "1"


def test_dnsperf(site):
    program = shutil.which("dnsperf")
    if not program:
        pytest.skip("dnsperf is not installed")
    site.daemon.told("block", "add", "198.51.103.0/24", "--note", "by hand")
    wait_for("the listing", lambda: dig(site, name_of("198.51.103.255"), "A", "127.0.0.1", 5353), 30)
    names = [name_of("198.51.%d.%d" % (102 + n % 4, n // 4 % 256)) + " A" for n in range(8000)]
    listed = len(names) // 4
    site.net.write("/run/lab/questions", "\n".join(names) + "\n")
    done = site.net.run([program, "-s", "127.0.0.1", "-p", "5353", "-d", "/run/lab/questions", "-n", "1", "-c", "4",
                         "-q", "20", "-t", "20"], timeout=120)
    counts = {word: int(count) for word, count in re.findall(r"(NOERROR|NXDOMAIN|\w+) (\d+) \(", done.stdout)}
    assert "Queries lost:         0 (" in done.stdout, done.stdout
    assert counts.get("NOERROR") == listed and counts.get("NXDOMAIN") == len(names) - listed, done.stdout


def spamassassin():
    """The words that start it, installed or unpacked, or None."""
    for root in ("", os.path.join(TOP, "build-host/peers")):
        program = root + "/usr/bin/spamassassin"
        if os.path.exists(program):  # in taint mode perl does not look at PERL5LIB
            folders = [folder for place in ("share/perl5", "lib/*/perl5/5.*", "share/perl/5.*", "lib/*/perl/5.*")
                       for folder in glob.glob(root + "/usr/" + place)]
            return ["perl", "-T", *("-I" + folder for folder in folders), program]
    return None


def test_spamassassin(site):
    found = spamassassin()
    if not found:
        pytest.skip("spamassassin is not installed (tools/install-packages.sh peers unpacks it)")
    site.net.write("/run/lab/sa/limetwig.cf", SPAMASSASSIN)
    site.net.write("/run/lab/sa/init.pre", "".join(
        "loadplugin Mail::SpamAssassin::Plugin::%s\n" % name for name in ("Check", "DNSEval")))

    def rules(address):
        text = ("Received: from client.example (client.example [%s])\n\tby mx1.example.org (Postfix) with ESMTP id 4F2\n"
                "\tfor <alice@example.org>; Sun, 22 Nov 2026 08:00:00 +0000 (UTC)\n" % address
                + messages.plain("a@client.example", ALICE, "hello"))
        done = site.net.run([*found, "-t", "-x", "-C", "/run/lab/sa", "--siteconfigpath", "/run/lab/sa"], input=text,
                            timeout=120)
        assert "X-Spam-Tests: " in done.stdout, done.stderr
        return re.search("X-Spam-Tests: (.*)", done.stdout).group(1)
    site.daemon.told("block", "add", "198.51.100.90", "--note", "by hand")
    wait_listed(site, "198.51.100.90")
    assert "RCVD_IN_LIMETWIG" in rules("198.51.100.90")
    assert "RCVD_IN_LIMETWIG" not in rules("192.0.2.10")
