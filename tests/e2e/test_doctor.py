"""limetwig doctor: each fault is put into a healthy host, must be named with its remedy, and is taken back."""
import json
import os

import pytest
from lab.daemon import CONF
from lab.dns_host import PORT, Dns
from lab.host_faults import (ALIAS, DOMAINS, FOLDER, MAIN, MASTER, OURS, SECOND, STATE, added,
                             damaged_map, damaged_meta, damaged_store, dead_daemon, full_disk, kill_loop,
                             living_trap, log_line, modes, never_set_up, not_in_chain, old_captures, old_log,
                             one_busy_client, postfix_stopped, replaced, second_instance, stopped, switched_off,
                             while_stopped, while_we_answer, with_file, with_log, with_shared, without,
                             without_capability)
from lab.network import LabError, wait_for
from lab.scene import TRAPS

BLOCKED, FOREIGN = "198.51.100.222", "198.51.100.223"
SITE_CONF = """contact = "https://postmaster.example.org/"
firewall {
  offence = 1
  action = reject
}
storage {
  disk-reserve = 8M
}
"""


@pytest.fixture(scope="module")
def site(new_scene):
    """Full mode, one block in the kernel, a trap domain, a small disk of its own for the state."""
    scene = new_scene(hosts={"friend"})
    os.makedirs(scene.net.path(STATE))
    scene.net.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=755", "small", STATE], check=True)
    scene.daemon.configure(SITE_CONF)
    scene.install()
    scene.net.write("/etc/limetwig/traps.d/domain.txt", "@old.example state=armed\n")
    scene.daemon.told("reload")
    scene.wait_armed(len(TRAPS) + 1)
    scene.enforce("full")
    scene.daemon.told("block", "add", BLOCKED, "--note", "test")
    wait_for("the element", lambda: scene.in_kernel(BLOCKED))
    scene.good_mail("friend", "before everything")
    return scene


def doctor(site):
    done = site.daemon.ctl("doctor", "--json")
    if not done.stdout.startswith("{"):
        raise LabError("doctor: " + done.stdout + done.stderr)
    return done


def bad_items(site):
    done = doctor(site)
    items = json.loads(done.stdout)["items"]
    assert done.returncode == (1 if any(i["level"] == "fail" for i in items) else 0)
    return [i for i in items if i["level"] != "ok"]


def wait_clean(site, seconds=20):
    last = []

    def clean():
        last[:] = bad_items(site)
        return not last
    try:
        wait_for("a healthy host", clean, seconds)
    except LabError as e:
        raise LabError("%s: %s" % (e, last)) from None


SETUP = "limetwig setup postfix"
SMTP = "smtp      inet  n       -       y       -       -       smtpd\n"
MENDS_ITSELF = "mends it within seconds"
# name: (the fault, level, name of the finding, words of the text, words of the remedy)
FAULTS = {
    "map: a trap is missing": (while_stopped("aliasmap", ["postmap", "-d", TRAPS[0], "lmdb:" + ALIAS]),
        "fail", "postfix", "alias map is stale: 3 entries, 4 armed traps", MENDS_ITSELF),
    "map: one entry too many": (
        while_stopped("aliasmap", ["postmap", "-i", "lmdb:" + ALIAS], input="alice@example.org x=y@limetwig.invalid\n"),
        "fail", "postfix", "alias map is stale: 5 entries, 4 armed traps", MENDS_ITSELF),
    "map: another trap instead": (
        while_stopped("aliasmap", ["postmap", "-d", TRAPS[0], "lmdb:" + ALIAS], ["postmap", "-i", "lmdb:" + ALIAS],
                      input="alice@example.org alice=example.org@limetwig.invalid\n"),
        "fail", "postfix", "alias map is stale: 4 entries as it should, but not the right ones", MENDS_ITSELF),
    "map: leads elsewhere": (
        while_stopped("aliasmap", ["postmap", "-ri", "lmdb:" + ALIAS], input=TRAPS[0] + " alice@example.org\n"),
        "fail", "postfix", "1 entries do not lead to limetwig", MENDS_ITSELF),
    "map: missing": (while_stopped("aliasmap", ["rm", ALIAS + ".lmdb"]),
        "fail", "postfix", "alias map is missing", MENDS_ITSELF),
    "map: damaged": (damaged_map,
        "fail", "postfix", "alias map is damaged", MENDS_ITSELF),
    "map: wrong type": (replaced(MAIN, "lmdb:" + ALIAS, "hash:" + ALIAS),
        "fail", "postfix", "virtual_alias_maps names hash:" + ALIAS + ", but limetwigd writes lmdb:", SETUP),
    "map: not in virtual_alias_maps": (replaced(MAIN, "lmdb:" + ALIAS + ",", ""),
        "fail", "postfix", "limetwig_virtual is gone from virtual_alias_maps", SETUP),
    "domain: not in the map": (while_stopped("aliasmap", ["postmap", "-d", "old.example", "lmdb:" + DOMAINS]),
        "fail", "postfix", "map of trap domains is stale: 0 entries, 1 armed", MENDS_ITSELF),
    "domain: map not in virtual_alias_domains": (replaced(MAIN, "lmdb:" + DOMAINS, "hash:/etc/postfix/virtual"),
        "fail", "postfix", "limetwig_domains is gone from virtual_alias_domains", SETUP),
    "socket: mode": (lambda s: modes(s, FOLDER + "/policy", 0o600),
        "fail", "postfix", "policy is closed to group postfix", "restart limetwigd"),
    "socket: mode of the folder": (lambda s: modes(s, FOLDER, 0o700),
        "fail", "postfix", "lmtp is closed to group postfix", "restart limetwigd"),
    "socket: owner of the folder": (lambda s: modes(s, FOLDER, owner=65534),
        "fail", "postfix", "can be written by others (owner 65534", "restart limetwigd"),
    "chroot: absolute path": (replaced(MAIN, "unix:limetwig/policy", "unix:/run/limetwig/policy"),
        "fail", "postfix", "limetwig_policy names a socket by an absolute path", SETUP),
    "policy: no default_action": (replaced(MAIN, ", default_action=DUNNO", ""),
        "warn", "postfix", "limetwig_policy is not what setup writes", SETUP),
    "hook: missing": (replaced(MAIN, "    $limetwig_client,\n", ""),
        "fail", "postfix", "$limetwig_client is gone from smtpd_client_restrictions", SETUP),
    "hook: not first": (replaced(MAIN, "    $limetwig_client,\n", "    permit_mynetworks, $limetwig_client,\n"),
        "warn", "postfix", "$limetwig_client is not the first of smtpd_client_restrictions", SETUP),
    "hook: overridden on port 25": (
        replaced(MASTER, SMTP, SMTP + "  -o smtpd_client_restrictions=permit_mynetworks\n"),
        "fail", "postfix", "smtp overrides smtpd_client_restrictions without $limetwig_client", SETUP),
    "end of data: missing": (
        replaced(MAIN, "smtpd_end_of_data_restrictions = $limetwig_eod", "smtpd_end_of_data_restrictions ="),
        "fail", "postfix", "$limetwig_eod is gone from smtpd_end_of_data_restrictions", SETUP),
    "filter: FILTER in an access table": (
        added("/etc/postfix/client_access", "192.0.2.77 FILTER smtp:[127.0.0.1]:10024"),
        "warn", "postfix", "/etc/postfix/client_access (main.cf) has FILTER actions", "milter or content_filter"),
    "filter: FILTER in main.cf": (
        added(MAIN, "smtpd_helo_restrictions = check_helo_access static:{FILTER smtp:[127.0.0.1]:10024}"),
        "warn", "postfix", "names a FILTER action", "milter or content_filter"),
    "filter: content_filter without a way back": (not_in_chain,
        "warn", "postfix", "no re-injection service is known", SETUP),
    "re-injection asks us": (
        replaced(MASTER, "  -o smtpd_client_restrictions=\n", "  -o smtpd_client_restrictions=$limetwig_client\n"),
        "warn", "postfix", "re-injection service 127.0.0.1:10025 asks us", "master.cf"),
    "DSN: no longer hidden": (without(MASTER, "limetwig_ehlo"),
        "warn", "postfix", "offers DSN to foreign mail", SETUP),
    "DSN: limetwig_ehlo changed": (replaced(MAIN, "silent-discard, dsn", "silent-discard"),
        "warn", "postfix", "limetwig_ehlo is not what setup writes", SETUP),
    "DSN: limetwig_ehlo gone": (without(MAIN, "limetwig_ehlo = "),
        "warn", "postfix", "limetwig_ehlo is used, but not set", SETUP),
    "DSN: offered by an override": (
        replaced(MASTER, "smtpd_discard_ehlo_keywords = $limetwig_ehlo", "smtpd_discard_ehlo_keywords = chunking"),
        "warn", "postfix", "smtp offers DSN to foreign mail", SETUP),
    "transport: gone from master.cf": (without(MASTER, "limetwig "),
        "fail", "postfix", "transport limetwig is gone from /etc/postfix/master.cf", SETUP),
    "way back: gone from master.cf": (without(MASTER, "limetwig-back "),
        "warn", "postfix", "the service limetwig-back is not in /etc/postfix/master.cf", SETUP),
    "way to postmaster@: gone from master.cf": (while_we_answer(without(MASTER, "limetwig-hand ")),
        "warn", "postfix", "the service limetwig-hand is not in /etc/postfix/master.cf", SETUP),
    "way to postmaster@: changed": (
        while_we_answer(replaced(MASTER, "smtpd_upstream_proxy_protocol=haproxy", "smtpd_upstream_proxy_protocol=")),
        "warn", "postfix", "limetwig-hand in /etc/postfix/master.cf is not what setup writes", SETUP),
    "transport: gone from transport_maps": (without(MAIN, "transport_maps"),
        "fail", "postfix", "does not name limetwig.invalid", SETUP),
    "queue: captures of three days": (old_captures,
        "fail", "postfix", "the oldest for 72 hours", "postqueue -f"),
    "delay_warning_time": (added(MAIN, "delay_warning_time = 4h"),
        "warn", "postfix", "delay_warning_time is 4h", "postconf -e delay_warning_time=0h"),
    "mynetworks: a table": (added(MAIN, "mynetworks = 127.0.0.0/8 [::1]/128 inline:{192.0.2.200=x}"),
        "warn", "postfix", "mynetworks names inline:{192.0.2.200=x}", "own-networks"),
    "firewall: table deleted": (while_stopped("firewall", ["nft", "delete table inet limetwig"]),
        "fail", "firewall", "our table is gone from the kernel", MENDS_ITSELF),
    "firewall: set flushed": (while_stopped("firewall", ["nft", "flush set inet limetwig host4"]),
        "warn", "firewall", "of 1 elements 1 are missing, 0 are foreign", MENDS_ITSELF),
    "firewall: foreign element": (
        while_stopped("firewall", ["nft", "add element inet limetwig host4 { %s timeout 1h }" % FOREIGN]),
        "warn", "firewall", "of 1 elements 0 are missing, 1 are foreign", MENDS_ITSELF),
    "firewall: chain flushed": (while_stopped("firewall", ["nft", "flush chain inet limetwig blocked"]),
        "fail", "firewall", "not in its form", MENDS_ITSELF),
    "firewall: no CAP_NET_ADMIN": (without_capability,
        "fail", "firewall", "may not change nftables: no CAP_NET_ADMIN", "systemd unit"),
    "trap: living address": (living_trap,
        "fail", "traps", "live address (virtual_mailbox_maps)", "limetwig trap remove"),
    "trap: bad lines": (with_file("/etc/limetwig/traps.d/bad.txt", "not an address\n"),
        "warn", "traps", "bad.txt:1:", "mend or delete the line"),
    "allow: bad lines": (with_file("/etc/limetwig/allow.d/bad.txt", "192.0.2.0/24\nmail.example.org\n"),
        "warn", "allow", "bad.txt:2: not understood", "spf:example.org a line"),
    "shared: bad lines": (with_file("/etc/limetwig/shared.d/bad.txt", "192.0.2.0/24 as\n"),
        "warn", "allow", "bad.txt:1: not understood", "as LABEL"),
    "shared: nobody may ask the DNS": (with_shared("dns = no"),
        "warn", "dns", "spf: entries of allow and shared files are not looked up", "dns = yes"),
    "shared: the DNS does not answer": (with_shared('resolvers = { "127.0.0.1:9" }'),
        "warn", "dns", "the DNS does not answer for 1 of 1 spf: entries, 1 of them have no prefix", "/etc/resolv.conf"),
    "shared: an entry without a prefix": (with_shared('resolvers = { "127.0.0.1:%d" }' % PORT, Dns),
        "warn", "dns", "allow entry spf:provider.example", "dig TXT"),
    "one address makes most connections": (one_busy_client,
        "warn", "clients", "one address, 192.0.2.10, makes", "smtpd_upstream_proxy_protocol"),
    "disk: almost full": (full_disk(9 << 20),
        "warn", "store", "GB free in " + STATE, "make room"),
    "disk: reserve gone": (full_disk(4 << 20),
        "fail", "store", "GB free in " + STATE, "make room"),
    "store: damaged": (damaged_store,
        "fail", "store", "data.mdb is damaged", "limetwig db restore"),
    "store: damaged while it is in use": (damaged_meta,
        "fail", "store", "data.mdb is damaged", "limetwig db restore"),
    "clock: lines of the future": (log_line(7200),
        "fail", "clock", "min in the future", "timedatectl"),
    "clock: lines of the past": (log_line(-7200),
        "fail", "clock", "min before it was written", "timedatectl"),
    "log: absent": (with_log("/var/log/no-such.log"),
        "fail", "log", "/var/log/no-such.log is not there", "maillog_file"),
    "log: no file": (with_log("/var/log"),
        "fail", "log", "/var/log is no file", "maillog_file"),
    "log: does not grow": (with_log("/var/log/old.log", old_log),
        "fail", "log", "/var/log/old.log does not grow", "maillog_file"),
    "daemon: dead": (dead_daemon,
        "fail", "daemon", "limetwigd", "systemctl start limetwigd"),
    "daemon: a role stands still": (lambda s: stopped(s, "capture"),
        "fail", "daemon", "the role capture is stopped", "kill -CONT"),
    "daemon: the engine stands still": (lambda s: stopped(s, "engine"),
        "fail", "daemon", "the role engine is stopped", "kill -CONT"),
    "daemon: a role dies again and again": (kill_loop,
        "fail", "daemon", "the role capture is down", "journalctl -u limetwigd"),
    "off": (switched_off,
        "warn", "mode", "limetwig is off", "limetwig enforce"),
    "Postfix: limetwig is not in it": (never_set_up,
        "fail", "postfix", "limetwig is not in /etc/postfix", SETUP),
    "Postfix: not running": (postfix_stopped,
        "fail", "postfix", "Postfix in /etc/postfix is not running", "systemctl start postfix"),
    "Postfix: a second instance": (second_instance,
        "warn", "postfix", SECOND + " takes mail from outside", SETUP + " --config " + SECOND),
    "conf: own hosts empty": (without(OURS, "own-hosts"),
        "warn", "own side", "no own MX or relay is known", SETUP),
    "conf: broken": (added(CONF, "block {"),
        "fail", "conf", "limetwig.conf", "limetwigd -n"),
    "conf: not in force": (added(CONF, "alarm { repeat = 7h }"),
        "warn", "conf", "another configuration than the files say", "limetwig reload"),
}


def test_a_healthy_host_has_no_finding(site):
    wait_clean(site)
    done = site.daemon.ctl("doctor")
    assert done.returncode == 0 and "0 warnings, 0 FAILED, 0 skipped" in done.stdout, done.stdout


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_with_its_remedy(site, name):
    fault, level, who, text, mend = FAULTS[name]
    seen = []

    def named():
        seen[:] = bad_items(site)
        return [i for i in seen if i["level"] == level and i["name"] == who and text in i["text"] and mend in i["mend"]]
    with fault(site):
        try:
            found = wait_for("the finding", named, 30)
        except LabError:
            raise AssertionError("%s\nnot named; seen: %s" % (text, seen)) from None
        assert found[0]["means"] or level == "warn"
    wait_clean(site)


def test_a_fault_is_shown_to_people_as_text_means_mend(site):
    with replaced(MAIN, "    $limetwig_client,\n", "")(site):
        done = site.daemon.ctl("doctor")
    assert done.returncode == 1
    rows = done.stdout.splitlines()
    at = next(n for n, row in enumerate(rows) if row.startswith("FAIL  postfix   $limetwig_client is gone"))
    below = [row.split(None, 1)[0] for row in rows[at:at + 8] if row.startswith("      ") and row[6] != " "]
    assert below[:2] == ["means", "mend"], done.stdout
    assert not any(trap in done.stdout for trap in TRAPS)


def test_the_daemon_itself_notices_that_main_cf_has_changed(site):
    def warned(text):
        return [w for w in site.daemon.json("status")["warnings"] if text in w]
    with replaced(MAIN, "    $limetwig_client,\n", "")(site):
        site.daemon.told("reload")
        wait_for("a warning in status", lambda: warned("$limetwig_client is gone from smtpd_client_restrictions"))
        assert "postfix-drift" in site.daemon.log()
    with replaced(MASTER, SMTP, SMTP + "  -o smtpd_client_restrictions=permit_mynetworks\n")(site):
        site.daemon.told("reload")
        wait_for("a warning in status", lambda: warned("master.cf: smtp overrides smtpd_client_restrictions"))
    site.daemon.told("reload")
    wait_for("no warning", lambda: not warned("limetwig_client"))
    wait_clean(site)
