"""limetwig setup postfix on several configurations: on, again, off, byte for byte; the real postconf as witness.

No network and no running Postfix."""
import fcntl
import os
import shutil
import subprocess

import pytest
from lab.postfix_layouts import LAYOUTS, SERVICES, SMTP
from lab.setup_site import Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("postconf"), reason="needs root and Postfix")

HOOKED = ("smtpd_client_restrictions", "smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions",
          "virtual_alias_maps", "transport_maps")


def words(value):
    return value.replace(",", " ").split()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_again_off(site_of, layout):
    s = site_of(layout)
    before, effective = s.read(), s.effective()
    values = {name: s.postconf("-xh", name).strip() for name in HOOKED}
    shown = s.setup("--dry-run")
    assert "Nothing was changed" in shown and s.read() == before and not os.path.exists(s.etc)
    s.setup()
    after = s.read()
    hook = "smtpd_recipient_restrictions" if layout == "early" else "smtpd_client_restrictions"
    assert s.value(hook).split(",")[0] == "$limetwig_client"
    assert s.value("smtpd_end_of_data_restrictions").split(",")[0] == "$limetwig_eod"
    for name, old in values.items():
        now = s.postconf("-xh", name).strip()
        assert [w for w in words(now) if "limetwig" not in w and w != "check_policy_service" or w in words(old)][
            -len(words(old)):] == words(old) or not words(old), name
    assert s.value("virtual_alias_maps").split(",")[0].endswith(":%s/limetwig_virtual" % s.dir)
    assert "limetwig_domains" in s.value("virtual_alias_domains")
    assert s.value("limetwig_policy") == "{ unix:limetwig/policy, timeout=2s, try_limit=1, default_action=DUNNO }"
    assert "limetwig.invalid=limetwig:unix:limetwig/lmtp" in s.value("transport_maps")
    assert s.value("limetwig_destination_recipient_limit") == "1000"
    assert s.postconf("-M", "limetwig/unix").split() == (
        "limetwig unix - - " + ("n" if layout == "mailcow" else "y") + " - 10 lmtp -o lmtp_send_xforward_command=yes -o syslog_name=postfix/limetwig").split()
    for line in before[0].splitlines():
        assert not line.lstrip().startswith(b"#") or line in after[0].splitlines()
    assert "Nothing to do" in s.setup() and s.read() == after
    subprocess.run(["postfix", "-c", s.dir, "check"], check=True, timeout=30)
    assert "as they were" in s.setup("--revert")
    assert s.read() == before and s.effective() == effective
    assert not os.path.exists(s.etc + "/postfix.conf")
    assert not [n for n in os.listdir(s.dir) if "limetwig" in n] and os.listdir(s.state + "/setup") == ["lock"]
    assert "nothing to do" in s.setup("--revert")


def test_defaults_stay(site_of):
    s = site_of("debian")
    s.setup()
    assert s.value("virtual_alias_maps").endswith(", $virtual_maps")
    assert s.value("virtual_alias_domains").endswith(", $virtual_alias_maps")


def test_existing_values_stay(site_of):
    s = site_of("folded")
    s.setup()
    assert s.value("smtpd_client_restrictions") == "$limetwig_client, permit_mynetworks, permit_sasl_authenticated"
    assert s.value("virtual_alias_domains").split()[1:] == ["old.example", "older.example"]
    assert s.value("transport_maps").count("inline:") == 1


def test_submission_keeps_its_rules(site_of):
    s = site_of("submission")
    shown = s.setup()
    assert s.option("submission/inet", "smtpd_client_restrictions") == "$mua_client_restrictions"
    assert s.option("submissions/inet", "smtpd_end_of_data_restrictions").split(",")[0] == "$limetwig_eod"
    assert "submission: your rules stay" in shown
    assert s.settings()["submission"] == '{ "587", "465" }'
    assert s.settings()["own-services"] == '{ "25" }'
    assert s.settings()["lmtp-trusted"] == "yes"


def test_behind_postscreen_the_override_gets_the_check(site_of):
    s = site_of("postscreen")
    s.setup()
    assert s.option("smtpd/pass", "smtpd_client_restrictions") == "$limetwig_client,permit_mynetworks"
    assert s.settings()["own-services"] == '{ "25" }'


def test_reinjection_is_not_asked_and_may_name_the_client(site_of):
    s = site_of("amavis")
    before = s.read()
    shown = s.setup()
    assert "127.0.0.1:10025: re-injection, not asked; the filter may name the client (XFORWARD)" in shown
    assert "smtp_send_xforward_command" in shown
    assert s.option("127.0.0.1:10025/inet", "smtpd_client_restrictions") == "permit_mynetworks,reject"
    assert s.option("127.0.0.1:10025/inet", "smtpd_authorized_xforward_hosts") == "$limetwig_xforward"
    after = s.read()
    s.setup()
    assert s.read() == after
    assert s.settings()["reinjection"] == '{ "127.0.0.1:10025" }'
    assert s.settings()["lmtp-trusted"] == "no"
    s.setup("--revert")
    assert s.read() == before


def test_reinjection_that_names_the_client_is_left_alone(site_of):
    s = site_of("amavis")
    with open(s.dir + "/master.cf", "a", encoding="utf-8") as f:
        f.write("    -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n")
    assert "127.0.0.1:10025: re-injection, left alone" in s.setup()
    assert s.option("127.0.0.1:10025/inet", "smtpd_authorized_xforward_hosts") == "127.0.0.0/8"
    assert b"limetwig_xforward" not in b"".join(s.read())


def test_settings_are_read_by_the_daemon(site_of, build):
    s = site_of("submission")
    s.setup()
    with open(s.etc + "/limetwig.conf", "w", encoding="utf-8") as f:
        f.write('contact = "x"\n')
    out = subprocess.run([os.path.join(build, "limetwigd"), "-c", s.etc + "/limetwig.conf", "-nv"], capture_output=True,
                         text=True, timeout=30, check=True).stdout
    assert s.dir in out and "192.0.2.0/28" in out and s.top + "/mail.log" in out and s.top + "/queue" in out


def test_what_others_change_meanwhile_stays(site_of):
    s = site_of("folded")
    before = s.read()
    s.setup()
    with open(s.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write("# later\nbiff = no\n")
    s.setup()
    s.setup("--revert")
    assert s.read() == [before[0] + b"# later\nbiff = no\n", before[1]]


def test_a_rewritten_list_gets_its_check_back(site_of):
    s = site_of("folded")
    s.setup()
    s.postconf("-e", "smtpd_client_restrictions=permit_mynetworks, $limetwig_client")
    s.setup()
    assert s.value("smtpd_client_restrictions").startswith("$limetwig_client, permit_mynetworks")


def test_refusals(site_of, build):
    s = site_of("debian")
    s.write("master.cf", SERVICES + SMTP.replace("smtp ", "127.0.0.1:smtp "))
    before = s.read()
    assert "takes mail from outside" in s.setup(status=1)
    s.write("master.cf", SERVICES + SMTP + "broken line here\n")
    assert "Nothing was changed" in s.setup(status=1)
    assert s.read()[0] == before[0]
    assert s.setup("--nonsense", status=2)
    done = subprocess.run([os.path.join(build, "limetwig"), "setup", "postfix", "--config", s.top + "/none", "--state",
                           s.state], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "Nothing was changed" in done.stderr


def test_print_is_what_postconf_would_say(site_of):
    s = site_of("submission")
    lines = s.setup("--print").splitlines()
    s.setup()
    for line in lines:
        if " = " in line and not line.startswith(("#", " ", "  -o")):
            name, value = line.split(" = ", 1)
            assert s.value(name) == value


def test_two_instances_and_a_lock(site_of, top, build):
    s = site_of("debian")
    (top / "b").mkdir()
    second = Site(build, top / "b", *LAYOUTS["rspamd"])
    before = s.read(), second.read()
    s.setup()
    s.setup("--config", second.dir)
    assert s.settings()["queues"] == '{ "%s/queue", "%s/queue" }' % (s.top, second.top)
    assert ":%s/limetwig_virtual" % s.dir in second.value("virtual_alias_maps")
    with open(s.state + "/setup/lock", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another limetwig setup" in s.setup(status=1)
    s.setup("--revert", "--config", second.dir)
    assert (s.read(), second.read()) == before


def test_two_instances_in_one_run(site_of, top, build):
    s = site_of("mailman")
    (top / "b").mkdir()
    second = Site(build, top / "b", *LAYOUTS["mailcow"])
    before = s.read(), second.read()
    s.setup("--config", second.dir)
    assert s.settings()["queues"] == '{ "%s/queue", "%s/queue" }' % (s.top, second.top)
    assert "Nothing to do" in s.setup("--config", second.dir)
    assert second.option("10465/inet", "smtpd_client_restrictions").startswith("permit_mynetworks")
    assert s.settings()["submission"] == '{ "465", "10465", "587", "588" }'
    assert s.settings()["reinjection"] == '{ "127.0.0.1:590", "[::1]:590" }'
    second.write("master.cf", "nothing to read\n")
    broken = second.read()
    assert "Nothing was changed" in s.setup("--config", second.dir, status=1)
    assert second.read() == broken and s.value("limetwig_policy")
    second.write("master.cf", before[1][1].decode())
    s.setup("--config", second.dir)
    s.setup("--revert", "--config", second.dir)
    assert (s.read(), second.read()) == before
    assert not [n for n in os.listdir(s.dir) if "limetwig" in n]


def test_the_configuration_says_where_the_texts_go(site_of, top, build):
    """What setup remembers, uninstall and doctor look for: of each instance."""
    first = site_of("debian")
    (top / "more").mkdir()
    second = Site(build, top / "more", "", SERVICES + SMTP)
    before = first.read(), second.read()
    os.mkdir(first.etc)
    with open(first.etc + "/limetwig.conf", "w", encoding="utf-8") as f:
        f.write('storage {\n  dir = "%s"\n  run = "%s/run"\n}\n' % (first.state, first.top))
    command = [first.command, "--conf", first.etc + "/limetwig.conf"]
    subprocess.run([first.command, "setup", "postfix", *command[1:], "--config", first.dir, "--config", second.dir], check=True,
                   timeout=120)
    assert os.path.exists(first.etc + "/postfix.conf") and len(os.listdir(first.state + "/setup")) == 3
    assert (first.read(), second.read()) != before
    subprocess.run(["unshare", "-n", "/bin/sh", "-c", "/sbin/ip link set lo up; exec \"$@\"", "sh", *command, "uninstall"],
                   check=True, timeout=120)
    assert (first.read(), second.read()) == before


def test_hash_maps_where_lmdb_is_not_wanted(site_of):
    s = site_of("debian")
    before = s.read()
    s.setup("--map-type", "hash")
    assert os.path.exists(s.dir + "/limetwig_virtual.db")
    s.setup("--map-type", "cdb", status=0 if "cdb" in s.postconf("-m").split() else 1)
    s.setup("--map-type", "lmdb") if "lmdb" in s.postconf("-m").split() else None
    assert s.value("virtual_alias_maps").count("limetwig_virtual") == 1
    s.setup("--revert")
    assert s.read() == before


def test_networks_in_a_table_are_named(site_of):
    s = site_of("debian")
    assert "mynetworks names" not in s.setup("--dry-run")
    with open(s.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write("mynetworks = 127.0.0.0/8, [::1]/128, !192.0.2.9 192.0.2.0/28 cidr:/etc/postfix/networks, hash:/x\n")
    assert "mynetworks names cidr:/etc/postfix/networks" in s.setup()
    assert '"192.0.2.0/28"' in s.settings()["own-hosts"]


def test_dsn_of_others_stays(site_of):
    s = site_of("submission")
    before = s.read()
    s.setup()
    assert s.option("smtp/inet", "smtpd_discard_ehlo_keywords") == "$limetwig_ehlo"
    assert s.value("smtpd_discard_ehlo_keywords") == "" and s.value("limetwig_ehlo") == "silent-discard, dsn"
    assert s.postconf("-P", "submission/inet").count("ehlo") == 0
    s.setup("--keep-dsn")
    assert s.value("limetwig_ehlo") == ""
    assert not [line for line in s.postconf("-P").splitlines()
                if "smtpd_discard" in line and not line.startswith(("limetwig-back/", "limetwig-hand/"))]
    s.setup()
    s.setup("--revert")
    assert s.read() == before


def test_the_sites_own_list_of_keywords_gets_ours(site_of):
    s = site_of("docker-mailserver")
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "$limetwig_ehlo, silent-discard, chunking"
    s.setup("--revert")
    s.write("main.cf", s.read()[0].decode() + "smtpd_discard_ehlo_keywords = DSN,etrn\n")
    before = s.read()
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "DSN,etrn" and s.value("limetwig_ehlo") == ""
    s.setup("--revert")
    assert s.read() == before


def test_services_that_are_too_many_are_not_passed_over_in_silence(site_of):
    s = site_of("debian")
    s.write("master.cf", SERVICES + SMTP + "".join("%d inet n - n - - smtpd\n" % n for n in range(2000, 2063)))
    assert "more than 64" not in s.setup() and s.settings()["lmtp-trusted"] == "yes"
    with open(s.dir + "/master.cf", "a", encoding="utf-8") as f:
        f.write("2063 inet n - n - - smtpd\n")
    assert "more than 64 smtpd services" in s.setup() and s.settings()["lmtp-trusted"] == "no"


@pytest.mark.parametrize("folder", ["/etc/skel", "/etc/postfix"])
def test_a_map_where_the_unit_may_not_write_is_named(site_of, folder):
    s = site_of("debian")
    assert "ReadWritePaths" not in s.setup("--dry-run")
    s.enter = ["unshare", "-m", "/bin/sh", "-c", 'mount --bind "$0" "$1"; shift; exec "$@"', s.dir, folder]
    s.dir = folder
    assert ("[Service] and ReadWritePaths=/etc/skel," in s.setup("--dry-run")) == (folder == "/etc/skel")
