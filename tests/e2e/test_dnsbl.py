"""Our list as a DNS zone: over real sockets, beside a real Postfix whose traps fill it."""
import json
import os
import signal
import socket
import struct
import threading
import time

import pytest
from lab import dns_client
from lab.dns_client import A, AAAA, ANY, NS, SOA, TXT, Answer, DnsClient, reverse
from lab.network import SERVER4, SERVER6, wait_for
from lab.scene import TRAPS, assert_code

ZONE = "bl.example.org"
CONF = """contact = "postmaster@example.org"
block {
  jitter = 0
}
dnsbl {
  zone = %s
  listen = { "127.0.0.1:53", "[::1]:53", "%s:53", "%s" }
  url = "https://example.org/why/%%s"
  allow = { 127.0.0.0/8, ::1, 2001:db8::/32 }
}
"""
FEED = """feed "drop" {
  source = /etc/limetwig/drop.txt
  action = list
  layers = dnsbl
  code = 9
  widest-ipv4 = 24
  change = 100
  documentation = yes
}
"""
NOERROR, FORMERR, NXDOMAIN, REFUSED = 0, 1, 3, 5
TAKEN = SERVER4 + ":5300"


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts=("friend", "spam_a"))
    scene.daemon.configure(CONF % (ZONE, SERVER4, TAKEN))
    # somebody else has one of the addresses
    scene.other = dns_client.socket_in(scene.net.init, socket.AF_INET, socket.SOCK_DGRAM)
    scene.other.bind((SERVER4, 5300))
    scene.install()
    scene.enforce("full")
    return scene


@pytest.fixture(scope="module")
def dns(site):
    client = DnsClient(site.net.init)
    yield client
    client.close()


def name(address):
    return reverse(address) + "." + ZONE


def wait_rcode(dns, address, rcode):
    return wait_for("%s to be answered with %d" % (address, rcode),
                    lambda: (lambda a: a if a.rcode == rcode and not a.is_cut else None)(dns.ask(name(address))), 30)


def state(site):
    return site.daemon.json("status")["dnsbl"]


def doctor(site):
    items = json.loads(site.daemon.ctl("doctor", "--json").stdout)["items"]
    return [i for i in items if i["name"] == "dnsbl"]


def command(site, **fields):
    """As `limetwig` says it to the engine, without the time that a process takes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect(site.net.path("/run/limetwig/control.sock"))
        s.sendall(json.dumps(fields).encode() + b"\n")
        answer = json.loads(s.makefile().readline())
        assert answer["ok"], answer
        return answer


def test_an_address_that_is_taken_is_named(site, dns):
    assert state(site)["listening"] == 3 and state(site)["wanted"] == 4
    assert TAKEN + ": Address already in use" in state(site)["text"]
    assert any(TAKEN in w for w in site.daemon.json("status")["warnings"])
    rows = doctor(site)
    assert [r["level"] for r in rows] == ["fail"] and TAKEN in rows[0]["text"], rows
    site.other.close()
    site.daemon.reload()
    wait_for("the fourth address", lambda: state(site)["up"] and state(site)["listening"] == 4, 30)
    assert state(site)["text"] == ""
    rows = doctor(site)
    assert [r["level"] for r in rows] == ["ok"], rows


def test_test_entries(site, dns):
    wait_for("the state", lambda: state(site)["test"] and state(site)["blocks"] and state(site)["acting"], 30)
    for ask in (dns.ask, dns.ask_tcp):
        assert ask(name("127.0.0.2")).data() == ["127.0.0.2"]
        assert ask(name("::ffff:127.0.0.2")).data() == ["127.0.0.2"]
        assert ask(name("127.0.0.1")).rcode == NXDOMAIN
        assert ask(name("::ffff:127.0.0.1")).rcode == NXDOMAIN
        assert ask("0.0.127." + ZONE).rcode == NOERROR
    six = DnsClient(site.net.init, "::1")
    assert six.ask(name("127.0.0.2")).data() == ["127.0.0.2"]
    assert six.ask_tcp(ZONE, SOA).answers[0][0] == SOA
    assert [kind for kind, _, _ in six.ask_tcp(ZONE, NS).answers] == [NS]
    # the address of the name server is the one it listens on
    assert SERVER4 in dns.ask_tcp("ns." + ZONE).data()
    six.close()


def test_a_spammer_is_listed(site, dns):
    assert_code(site.spam_mail("spam_a"), 250, "spam")
    address = site.address("spam_a")
    answer = wait_rcode(dns, address, NOERROR)
    assert answer.data() == ["127.0.0.2"] and answer.is_own
    case = site.wait_block(address)["case"]
    cut = dns.ask(name(address), TXT)
    assert cut.is_cut and not cut.answers
    text = dns.ask_tcp(name(address), TXT).data()
    assert text == ["Spam came from this host, case %s, https://example.org/why/%s" % (case, case)]
    for trap in TRAPS:
        assert trap.split("@")[0] not in text[0]


@pytest.mark.parametrize("subject, host", [("198.51.100.77", "198.51.100.77"),
                                           ("2001:db8:77::/64", "2001:db8:77::1:2:3")])
def test_a_block_is_in_the_zone_at_once(site, dns, subject, host):
    assert dns.ask(name(host)).rcode == NXDOMAIN
    command(site, cmd="block_add", subject=subject, seconds=90, note="by hand")
    began = time.monotonic()
    answer = wait_rcode(dns, host, NOERROR)
    print("listed after %.2f ms" % ((time.monotonic() - began) * 1000))
    assert answer.data() == ["127.0.0.4"]
    assert 0 < answer.answers[0][1] <= 90
    assert dns.ask_tcp(name(host), AAAA).authority[0][0] == SOA
    command(site, cmd="block_remove", what=subject, note="mended")
    began = time.monotonic()
    wait_rcode(dns, host, NXDOMAIN)
    print("gone after %.2f ms" % ((time.monotonic() - began) * 1000))


def test_nothing_is_listed_that_does_not_act(site, dns):
    address = site.address("spam_a")
    site.enforce("monitor")
    wait_rcode(dns, address, NXDOMAIN)
    assert dns.ask(name("127.0.0.2")).data() == ["127.0.0.2"]
    site.enforce("full")
    wait_rcode(dns, address, NOERROR)
    site.daemon.told("off")
    wait_rcode(dns, address, NXDOMAIN)
    site.enforce("full")
    site.daemon.told("enforce", "full", "--force")
    wait_rcode(dns, address, NOERROR)


def test_who_is_allowed_is_never_listed(site, dns):
    command(site, cmd="block_add", subject="198.51.100.96/28", seconds=3600, note="a network")
    assert wait_rcode(dns, "198.51.100.97", NOERROR).data() == ["127.0.0.4"]
    command(site, cmd="allow_add", prefix="198.51.100.97", seconds=0, note="a customer in it")
    wait_rcode(dns, "198.51.100.97", NXDOMAIN)
    wait_rcode(dns, "198.51.100.98", NOERROR)
    command(site, cmd="allow_remove", prefix="198.51.100.97", note="no more")
    wait_rcode(dns, "198.51.100.97", NOERROR)


def test_others_may_not_ask(site):
    pid = site.host["friend"].process.pid
    outside = DnsClient(pid, SERVER4)
    answer = outside.ask(name("127.0.0.2"))
    assert answer.rcode == REFUSED and not answer.answers
    assert len(answer.packet) <= len(dns_client.question(name("127.0.0.2")))
    with outside.socket(socket.SOCK_STREAM) as s:
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    outside.close()


def test_many_questions_of_one_connection(site, dns):
    names = [name("127.0.0.%d" % (i % 4)) for i in range(500)]
    sent = b"".join(struct.pack(">H", len(q)) + q for q in
                    (dns_client.question(n, number=i) for i, n in enumerate(names)))
    with dns.socket(socket.SOCK_STREAM) as s:
        writer = threading.Thread(target=lambda: [s.sendall(sent[i:i + 7]) for i in range(0, len(sent), 7)])
        writer.start()
        for i in range(len(names)):
            answer = Answer(dns.take(s))
            assert answer.number == i and (answer.rcode == NOERROR) == (i % 4 == 2)
        writer.join()


def drips(s):
    """One more byte of a question that never ends: a length of 512 and so on. False: the connection is gone."""
    s.setblocking(False)
    try:
        s.send(b"\2")
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_slow_clients_are_closed(site, dns):
    """More than may be of one network; those who drip bytes go, others are served all the time."""
    began = time.monotonic()
    slow = [dns.socket(socket.SOCK_STREAM) for _ in range(30)]
    with dns.socket(socket.SOCK_STREAM) as last:  # the 21st and later ones are closed at once
        last.settimeout(30)
        try:
            assert last.recv(1) == b""
        except ConnectionResetError:
            pass
    left = list(slow)
    six = DnsClient(site.net.init, "::1")
    while left and time.monotonic() - began < 60:
        assert six.ask_tcp(name("127.0.0.2")).data() == ["127.0.0.2"]
        assert dns.ask(name("127.0.0.2")).data() == ["127.0.0.2"]
        left = [s for s in left if drips(s)]
        time.sleep(0.5)
    assert not left
    six.close()
    for s in slow:
        s.close()
    wait_for("connections to end", lambda: state(site)["connections"] == 0, 30)


def test_floods_of_nonsense(site, dns):
    before = site.daemon.pids()["dnsbl"]
    rest = dns_client.question(name("127.0.0.2"))
    with dns.socket(socket.SOCK_DGRAM) as s:
        for i in range(20000):
            try:
                s.send((rest[:i % len(rest)] if i % 3 else os.urandom(i % 700)) or b"\0")
            except (ConnectionRefusedError, BlockingIOError):
                pass
    assert dns.ask(name("127.0.0.2")).data() == ["127.0.0.2"]
    assert site.daemon.pids()["dnsbl"] == before
    assert dns.ask(name("127.0.0.2"), ANY).answers[0][0] == 13


def test_questions_wait_while_it_is_started_anew(site, dns):
    old = site.daemon.pids()["dnsbl"]
    os.kill(old, signal.SIGKILL)
    # one datagram: it lies in the parent's socket until the new process takes it
    assert dns.ask(name("127.0.0.2"), seconds=30.0, tries=1).data() == ["127.0.0.2"]
    wait_rcode(dns, "198.51.100.98", NOERROR)
    assert site.daemon.pids()["dnsbl"] != old


def test_metrics(site):
    text = site.daemon.told("status", "--metrics")
    assert "limetwig_dnsbl_answers_total{result=\"listed\"}" in text
    assert "limetwig_dnsbl_addresses{state=\"listening\"} 4" in text


def test_a_rate_limit_answers_with_tc(site, dns):
    site.daemon.configure((CONF % (ZONE, SERVER4, TAKEN)).replace("dnsbl {", "dnsbl {\n  rate = 5"))
    site.daemon.reload()
    cut = wait_for("an answer with TC", lambda: (lambda a: a if a.is_cut else None)(dns.ask(name("127.0.0.2"), seconds=0.2,
                                                                                            tries=100)), 30)
    assert not cut.answers
    assert dns.ask_tcp(name("127.0.0.2")).data() == ["127.0.0.2"]
    site.daemon.configure(CONF % (ZONE, SERVER4, TAKEN))
    site.daemon.reload()


def test_a_feed_is_in_the_zone(site, dns):
    """Its own code and name; who is allowed is not in it; a new list takes the place of the old one."""
    site.net.write("/etc/limetwig/drop.txt", "192.0.2.128/25\n2001:db8:f00::/48\n")
    site.daemon.configure(CONF % (ZONE, SERVER4, TAKEN) + FEED)
    site.daemon.reload()
    assert wait_rcode(dns, "192.0.2.200", NOERROR).data() == ["127.0.0.9"]
    assert wait_rcode(dns, "2001:db8:f00:1::1", NOERROR).data() == ["127.0.0.9"]
    assert dns.ask_tcp(name("192.0.2.200"), TXT).data() == ["Listed by drop"]
    assert dns.ask(name("192.0.2.127")).rcode == NXDOMAIN
    command(site, cmd="allow_add", prefix="192.0.2.201", seconds=0, note="a customer")
    wait_rcode(dns, "192.0.2.201", NXDOMAIN)
    assert dns.ask(name("192.0.2.200")).rcode == NOERROR
    wait_for("the state", lambda: state(site)["feeds"] == 1, 30)
    site.net.write("/etc/limetwig/drop.txt", "192.0.2.160/27\n192.0.2.224/27\n2001:db8:f00::/48\n")
    site.daemon.told("feed", "refresh")
    wait_rcode(dns, "192.0.2.200", NXDOMAIN)
    assert dns.ask(name("192.0.2.230")).rcode == NOERROR


def test_the_zone_can_go_and_come(site, dns):
    site.daemon.configure((CONF % (ZONE, SERVER4, TAKEN)).replace("zone = " + ZONE, "zone = \"\""))
    site.daemon.reload()
    wait_for("the role to end", lambda: "dnsbl" not in site.daemon.pids() and
             "dnsbl" not in site.daemon.json("status"), 30)
    site.daemon.configure(CONF % (ZONE, SERVER4, TAKEN))
    site.daemon.reload()
    wait_rcode(dns, "198.51.100.98", NOERROR)


def test_all_addresses_of_a_host(site):
    """Who listens everywhere answers from the address that was asked: the client takes no other answer."""
    text = CONF % (ZONE, SERVER4, TAKEN)
    begin = text.index("  listen")
    site.daemon.configure(text[:begin] + '  listen = { "0.0.0.0:53", "[::]:53" }\n' + text[text.index("  url"):])
    site.daemon.reload()
    # what had port 53 at single addresses ends first
    wait_for("two addresses", lambda: state(site)["up"] and state(site)["wanted"] == 2 and
             state(site)["listening"] == 2, 90)
    for server in ("127.0.0.5", SERVER4, "::1", SERVER6):
        source = None if server != SERVER4 else "127.0.0.1"
        client = DnsClient(site.net.init, server, source=source)
        assert client.ask(name("127.0.0.2")).data() == ["127.0.0.2"]
        assert client.ask_tcp(name("127.0.0.2")).data() == ["127.0.0.2"]
        client.close()
