"""limetwig setup postfix on several configurations: on, again, off, byte for byte; the real postconf as witness.

No network and no running Postfix but for the last tests, which start one of their own on a free loopback port."""
import fcntl
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("postconf"), reason="needs root and Postfix")

BASE = """\
compatibility_level = 3.6
myhostname = mx1.example.org
mydestination = localhost
mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/28
inet_interfaces = all
recipient_delimiter = +
queue_directory = {top}/queue
data_directory = {top}/data
maillog_file = {top}/mail.log
maillog_file_prefixes = {top}
alias_maps =
alias_database =
"""

SERVICES = """\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
"""

SMTP = "smtp      inet  n       -       y       -       -       smtpd\n"

SUBMISSION = """\
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
#     Instead of specifying complex smtpd_<xxx>_restrictions here,
#     specify "smtpd_<xxx>_restrictions=$mua_<xxx>_restrictions"
  -o smtpd_client_restrictions=$mua_client_restrictions
  -o smtpd_recipient_restrictions=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
submissions     inet  n       -       y       -       -       smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_client_restrictions=$mua_client_restrictions
  -o { smtpd_end_of_data_restrictions = check_client_access hash:/x, permit }
"""

AMAVIS = """\
127.0.0.1:10025 inet n    -       n       -       -     smtpd
    -o content_filter=
    -o smtpd_client_restrictions=permit_mynetworks,reject
    -o smtpd_end_of_data_restrictions=
    -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
"""

LAYOUTS = {
    "debian": ("", SMTP),
    "folded": ("""\
# jan 2019: do not move
smtpd_client_restrictions =
   # the list

   permit_mynetworks,
# a comment in column 1
\tpermit_sasl_authenticated
virtual_alias_maps = hash:/etc/aliases,   # not a comment
transport_maps =
virtual_alias_domains = old.example
    older.example
smtpd_end_of_data_restrictions = check_sender_access {{ inline:{{ a=b }}, timeout=3s }}
""", SMTP),
    "rspamd": ("smtpd_milters = inet:localhost:11332\nnon_smtpd_milters = $smtpd_milters\n", SMTP),
    "submission": ("mua_client_restrictions = permit_sasl_authenticated,reject\n", SMTP + SUBMISSION),
    "postscreen": ("", "smtp inet n - y - 1 postscreen\nsmtpd     pass  -       -       y       -       -       smtpd\n"
                   "  -o smtpd_client_restrictions=permit_mynetworks\n"),
    "amavis": ("content_filter = smtp-amavis:[127.0.0.1]:10024\n", SMTP + AMAVIS),
    "no end of line": ("", SMTP + "# the end"),
    "early": ("smtpd_delay_reject = no\nsmtpd_recipient_restrictions = permit_mynetworks, reject\n", SMTP),
    "mailman": ("""\
recipient_delimiter = +
unknown_local_recipient_reject_code = 550
owner_request_special = no
transport_maps =
    regexp:{top}/mailman/postfix_lmtp
local_recipient_maps =
    regexp:{top}/mailman/postfix_lmtp, $alias_maps
relay_domains =
    regexp:{top}/mailman/postfix_domains
mydestination = localhost, $myhostname
""", SMTP),
    "iredmail": ("""\
smtpd_helo_required = yes
virtual_alias_domains =
# hash: where iRedMail has proxy:mysql:/etc/postfix/mysql/virtual_alias_maps.cf
virtual_alias_maps =
    static:root@localhost
\tinline:{{ staff@d.example=anna@d.example }}
    # catch-all, last
    inline:{{ @d.example=box@d.example }}
virtual_mailbox_domains = d.example
virtual_mailbox_maps = inline:{{ anna@d.example=x, box@d.example=x }}
proxy_read_maps = $canonical_maps $lmtp_generic_maps $local_recipient_maps $virtual_alias_maps
smtpd_sender_restrictions =
    reject_unknown_sender_domain
    reject_non_fqdn_sender
    reject_unlisted_sender
    permit_mynetworks
    permit_sasl_authenticated
smtpd_recipient_restrictions =
    reject_non_fqdn_recipient
    reject_unlisted_recipient
    check_policy_service inet:127.0.0.1:7777
    permit_mynetworks
    permit_sasl_authenticated
    reject_unauth_destination
    check_policy_service inet:127.0.0.1:12340
smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:7777
content_filter = smtp-amavis:[127.0.0.1]:10024
""", SMTP + SUBMISSION.replace("hash:/x", "inline:{a=b}") + AMAVIS + AMAVIS.replace("10025", "10027") +
                 AMAVIS.replace("10025", "10028") + """\
smtp-amavis unix -  -   n   -   2  smtp
    -o smtp_data_done_timeout=1200
    -o max_use=20
"""),
    "mailcow": ("""\
smtpd_relay_restrictions = permit_mynetworks,
  permit_sasl_authenticated,
  defer_unauth_destination
site_checks = check_client_access cidr:{top}/clients,
  check_reverse_client_hostname_access inline:{{ x.example=DUNNO }},
  # one more, soon

  check_helo_access inline:{{ y.example=DUNNO }}
smtpd_client_restrictions = $site_checks
smtpd_sender_restrictions = $smtpd_client_restrictions,
\treject_authenticated_sender_login_mismatch,\tpermit_mynetworks
smtpd_recipient_restrictions = check_recipient_mx_access cidr:{top}/clients,
  permit_sasl_authenticated,
  permit_mynetworks,
  reject_invalid_helo_hostname,
  reject_unauth_destination
smtpd_milters = inet:rspamd:9900
non_smtpd_milters = inet:rspamd:9900
milter_mail_macros = i {{mail_addr}} {{client_addr}} {{client_name}} {{auth_authen}}
transport_maps = inline:{{ a.example=smtp:[b.example] }}, inline:{{ c.example=discard: }}
virtual_alias_maps = inline:{{ a@d.example=b@d.example }},
  inline:{{ c@d.example=d@d.example }},
  regexp:{top}/clients
postscreen_dnsbl_sites = wl.example*-8
""", """\
smtp       inet  n       -       n       -       1       postscreen
smtpd      pass  -       -       n       -       -       smtpd
  -o smtpd_helo_restrictions=permit_mynetworks,reject_non_fqdn_helo_hostname
  -o smtpd_sasl_auth_enable=no
  -o smtpd_sender_restrictions=permit_mynetworks,reject_unlisted_sender,reject_unknown_sender_domain
smtps    inet  n       -       n       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_client_restrictions=permit_mynetworks,permit_sasl_authenticated,reject
10465    inet  n       -       n       -       -       smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_mynetworks,permit_sasl_authenticated,reject
submission inet n       -       n       -       -       smtpd
  -o smtpd_client_restrictions=permit_mynetworks,permit_sasl_authenticated,reject
  -o { smtpd_sender_restrictions = check_sasl_access inline:{ a=OK }, permit }
588 inet n      -       n       -       -       smtpd
  -o smtpd_client_restrictions=permit_mynetworks,permit_sasl_authenticated,reject
  -o smtpd_sasl_auth_enable=yes
590 inet n      -       n       -       -       smtpd
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8 -o content_filter=
"""),
    "docker-mailserver": ("""\
mua_sender_restrictions = reject_authenticated_sender_login_mismatch, $dms_smtpd_sender_restrictions
dms_smtpd_sender_restrictions = permit_sasl_authenticated, permit_mynetworks, reject_unknown_sender_domain
smtpd_sender_restrictions = $dms_smtpd_sender_restrictions
smtpd_client_restrictions =
smtpd_recipient_restrictions = permit_sasl_authenticated, permit_mynetworks, check_policy_service unix:private/spf
smtpd_discard_ehlo_keywords = silent-discard, chunking
mua_client_restrictions = $mua_helo_restrictions, permit_sasl_authenticated, reject
mua_helo_restrictions = permit_mynetworks
virtual_mailbox_domains = {top}/vhost
virtual_mailbox_maps = texthash:{top}/vmailbox
virtual_alias_maps = texthash:{top}/virtual pcre:{top}/clients
""", "smtp inet n - n - 1 postscreen\n" "smtpd     pass  -       -       n       -       -       smtpd\n" + SUBMISSION +
                          "127.0.0.1:smtp-amavis2 unix - - n - 2 smtp\n"),
    "twice": ("""\
smtpd_client_restrictions = permit_mynetworks
virtual_alias_maps = inline:{{ a@d.example=b@d.example }}
biff = no
smtpd_client_restrictions=$smtpd_helo_restrictions,permit
\t
smtpd_helo_restrictions = permit_mynetworks
virtual_alias_maps\t=\tinline:{{ c@d.example=b@d.example }}
transport_maps = $my_transports
my_transports = inline:{{ a.example=smtp: }}
""", SMTP.replace("       ", "\t")),
    "crlf": ("smtpd_client_restrictions = permit_mynetworks,\r\n\tpermit\r\nvirtual_alias_maps =\r\n"
             "  inline:{{ c@d.example=b@d.example }}\r\n", SMTP),
    "braces": ("smtpd_end_of_data_restrictions = \n", SMTP.rstrip("\n") + """
\t-o { smtpd_client_restrictions = check_client_access inline:{ a=b, c=d }, permit }
# between
 -o smtpd_end_of_data_restrictions=${smtpd_data_restrictions}   -o myhostname=x.example
"""),
}


class Site:
    def __init__(self, build, top, extra, services):
        self.top, self.etc, self.state = str(top), str(top / "etc"), str(top / "state")
        self.dir = str(top / "postfix")
        self.command = os.path.join(build, "limetwig")
        top.chmod(0o755)
        for name in ("postfix", "queue", "data"):
            (top / name).mkdir()
        shutil.chown(self.top + "/data", "postfix")
        main = BASE.format(top=self.top) + extra.format(top=self.top)
        self.write("main.cf", main[:-1] if services.endswith("# the end") else main)
        self.write("master.cf", SERVICES + services)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)

    def read(self):
        texts = []
        for name in ("main.cf", "master.cf"):
            with open(os.path.join(self.dir, name), "rb") as f:
                texts.append(f.read())
        return texts

    def setup(self, *args, status=0):
        done = subprocess.run([self.command, "setup", "postfix", "--config", self.dir, "--etc", self.etc, "--state",
                               self.state, *args], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def postconf(self, *args):
        return subprocess.run(["postconf", "-c", self.dir, *args], capture_output=True, text=True, timeout=30,
                              check=True).stdout

    def effective(self):
        """All that the two files say, and what it comes to."""
        return self.postconf("-n"), self.postconf("-nx"), self.postconf("-P"), self.postconf("-M")

    def value(self, name):
        return self.postconf("-h", name).strip()

    def option(self, service, name):
        out = self.postconf("-P", "%s/%s" % (service, name)).strip()
        return out.split("=", 1)[1].strip()

    def settings(self):
        with open(self.etc + "/postfix.conf", encoding="utf-8") as f:
            return dict((k.strip(), v.strip()) for k, v in (line.split("=", 1) for line in f if "=" in line))


@pytest.fixture(name="top")
def make_top():
    """A folder that Postfix's own user may enter, as pytest's are not."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="limetwig-setup-"))
    yield top
    shutil.rmtree(top)


@pytest.fixture(name="site")
def make_site(build, top):
    def make(layout):
        return Site(build, top, *LAYOUTS[layout])
    return make


HOOKED = ("smtpd_client_restrictions", "smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions",
          "virtual_alias_maps", "transport_maps")


def words(value):
    return value.replace(",", " ").split()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_again_off(site, layout):
    s = site(layout)
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


def test_defaults_stay(site):
    s = site("debian")
    s.setup()
    assert s.value("virtual_alias_maps").endswith(", $virtual_maps")
    assert s.value("virtual_alias_domains").endswith(", $virtual_alias_maps")


def test_existing_values_stay(site):
    s = site("folded")
    s.setup()
    assert s.value("smtpd_client_restrictions") == "$limetwig_client, permit_mynetworks, permit_sasl_authenticated"
    assert s.value("virtual_alias_domains").split()[1:] == ["old.example", "older.example"]
    assert s.value("transport_maps").count("inline:") == 1


def test_submission_keeps_its_rules(site):
    s = site("submission")
    shown = s.setup()
    assert s.option("submission/inet", "smtpd_client_restrictions") == "$mua_client_restrictions"
    assert s.option("submissions/inet", "smtpd_end_of_data_restrictions").split(",")[0] == "$limetwig_eod"
    assert "submission: your rules stay" in shown
    assert s.settings()["submission"] == '{ "587", "465" }'
    assert s.settings()["own-services"] == '{ "25" }'
    assert s.settings()["lmtp-trusted"] == "yes"


def test_behind_postscreen_the_override_gets_the_check(site):
    s = site("postscreen")
    s.setup()
    assert s.option("smtpd/pass", "smtpd_client_restrictions") == "$limetwig_client,permit_mynetworks"
    assert s.settings()["own-services"] == '{ "25" }'


def test_reinjection_is_not_asked_and_may_name_the_client(site):
    s = site("amavis")
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


def test_reinjection_that_names_the_client_is_left_alone(site):
    s = site("amavis")
    with open(s.dir + "/master.cf", "a", encoding="utf-8") as f:
        f.write("    -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n")
    assert "127.0.0.1:10025: re-injection, left alone" in s.setup()
    assert s.option("127.0.0.1:10025/inet", "smtpd_authorized_xforward_hosts") == "127.0.0.0/8"
    assert b"limetwig_xforward" not in b"".join(s.read())


def test_settings_are_read_by_the_daemon(site, build):
    s = site("submission")
    s.setup()
    with open(s.etc + "/limetwig.conf", "w", encoding="utf-8") as f:
        f.write('contact = "x"\n')
    out = subprocess.run([os.path.join(build, "limetwigd"), "-c", s.etc + "/limetwig.conf", "-nv"], capture_output=True,
                         text=True, timeout=30, check=True).stdout
    assert s.dir in out and "192.0.2.0/28" in out and s.top + "/mail.log" in out and s.top + "/queue" in out


def test_what_others_change_meanwhile_stays(site):
    s = site("folded")
    before = s.read()
    s.setup()
    with open(s.dir + "/main.cf", "a", encoding="utf-8") as f:
        f.write("# later\nbiff = no\n")
    s.setup()
    s.setup("--revert")
    assert s.read() == [before[0] + b"# later\nbiff = no\n", before[1]]


def test_a_rewritten_list_gets_its_check_back(site):
    s = site("folded")
    s.setup()
    s.postconf("-e", "smtpd_client_restrictions=permit_mynetworks, $limetwig_client")
    s.setup()
    assert s.value("smtpd_client_restrictions").startswith("$limetwig_client, permit_mynetworks")


def test_refusals(site, build):
    s = site("debian")
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


def test_print_is_what_postconf_would_say(site):
    s = site("submission")
    lines = s.setup("--print").splitlines()
    s.setup()
    for line in lines:
        if " = " in line and not line.startswith(("#", " ", "  -o")):
            name, value = line.split(" = ", 1)
            assert s.value(name) == value


def test_two_instances_and_a_lock(site, top, build):
    s = site("debian")
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


def test_two_instances_in_one_run(site, top, build):
    s = site("mailman")
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


def test_hash_maps_where_lmdb_is_not_wanted(site):
    s = site("debian")
    before = s.read()
    s.setup("--map-type", "hash")
    assert os.path.exists(s.dir + "/limetwig_virtual.db")
    s.setup("--map-type", "cdb", status=0 if "cdb" in s.postconf("-m").split() else 1)
    s.setup("--map-type", "lmdb") if "lmdb" in s.postconf("-m").split() else None
    assert s.value("virtual_alias_maps").count("limetwig_virtual") == 1
    s.setup("--revert")
    assert s.read() == before


class Running:
    """A real Postfix of this site on a free port of 127.0.0.1, which stands for the outside."""

    def __init__(self, site):
        self.site = site
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        site.write("master.cf", SERVICES + "%d inet n - n - - smtpd\n" % self.port)
        with open(site.dir + "/main.cf", "a", encoding="utf-8") as f:
            f.write("inet_protocols = ipv4\nvirtual_alias_domains = d.example\ndefault_transport = error:none\n"
                    "virtual_alias_maps = inline:{ alice@d.example=root@localhost }\nlocal_transport = discard:\n"
                    "local_recipient_maps =\n")

    def postfix(self, word):
        subprocess.run(["postfix", "-c", self.site.dir, word], check=True, timeout=60, capture_output=True)

    def mail(self, rcpt):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as c:
            f = c.makefile("rwb")
            f.readline()
            answer = b""
            for line in (b"HELO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % rcpt.encode(), b"DATA"):
                f.write(line + b"\r\n")
                f.flush()
                answer = f.readline()
                if not answer.startswith((b"2", b"3")):
                    return answer.decode()
            f.write(b"Subject: x\r\n\r\nx\r\n.\r\n")
            f.flush()
            return f.readline().decode()

    def queued(self):
        return subprocess.run(["postqueue", "-c", self.site.dir, "-j"], capture_output=True, text=True, timeout=30,
                              check=False).stdout.splitlines()


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(name="running")
def make_running(site):
    r = Running(site("debian"))
    r.postfix("start")
    yield r
    r.postfix("stop")


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
        wait_for(lambda: running.mail("trap@d.example").startswith("250"))
        wait_for(lambda: any("limetwig.invalid" in line and '"deferred"' in line for line in running.queued()))
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


class Capture(threading.Thread):
    """Stands for limetwigd: an LMTP server in the queue directory that takes everything."""

    def __init__(self, path):
        super().__init__(daemon=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.taken = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(20)
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        try:
            self.talk(connection.makefile("rwb"))
        except OSError:
            pass

    def talk(self, f):
        self.say(f, b"220 x")
        rcpt = []
        for line in f:
            word = line[:4].upper()
            if word == b"RCPT":
                rcpt.append(line.split(b"<")[1].split(b">")[0].decode())
            if word == b"LHLO":
                self.say(f, b"250-x\r\n250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n250 DSN")
            elif word == b"DATA":
                self.say(f, b"354 x")
                while f.readline() != b".\r\n":
                    pass
                for r in rcpt:
                    self.taken.append(r)
                    self.say(f, b"250 x")
                rcpt = []
            else:
                self.say(f, b"250 x")

    @staticmethod
    def say(f, line):
        f.write(line + b"\r\n")
        f.flush()


def test_ten_queued_captures_are_taken_before_all_is_reverted(running):
    s = running.site
    before = s.read()
    s.setup()
    put_trap(s, "trap@d.example trap=d.example=@limetwig.invalid")
    for _ in range(10):
        assert running.mail("trap@d.example").startswith("250")
    wait_for(lambda: len([m for m in running.queued() if '"deferred"' in m]) == 10)
    out = s.setup("--revert", status=1)
    assert "10 captures wait" in out and "limetwigd does not run" in out and len(running.queued()) == 10
    capture = Capture(s.top + "/queue/limetwig/lmtp")
    s.setup("--revert")
    assert s.read() == before and capture.taken == ["trap=d.example=@limetwig.invalid"] * 10
    assert not running.queued() and not [n for n in os.listdir(s.dir) if "limetwig" in n]
    assert "bounced" not in pathlib.Path(s.top + "/mail.log").read_text(encoding="utf-8")


def session(port, *lines):
    """Answers to EHLO and these lines."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
        f = c.makefile("rwb")
        f.readline()
        for line in ("EHLO x",) + lines:
            f.write(line.encode() + b"\r\n")
            f.flush()
            answer = [f.readline()]
            while answer[-1][3:4] == b"-":
                answer.append(f.readline())
            answers.append(b"".join(answer).decode())
    return answers


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
    wait_for(lambda: queue_id + ": removed" in log.read_text(encoding="utf-8"))


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
    wait_for(lambda: "DSN" in session(running.port)[0])
    with_report(running, "trap@box.example")
    assert capture.taken and reports(s) == 1
    with_report(running, "box@box.example")
    kept = reports(s)
    ehlo = session(running.port)[0]
    shown = s.setup("--dry-run")
    assert "DSN is no longer offered" in shown and "--keep-dsn" in shown
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "$limetwig_ehlo"
    wait_for(lambda: "DSN" not in session(running.port)[0])
    put_trap(s, "trap@box.example trap=box.example=@limetwig.invalid")
    answers = [asked_report(running, rcpt) for rcpt in ("trap@box.example", "box@box.example")]
    assert answers[0] == answers[1] and answers[0].startswith("501")
    for rcpt in ("trap@box.example", "box@box.example"):
        assert running.mail(rcpt).startswith("250")
    wait_for(lambda: len(capture.taken) == 2 and not running.queued())
    assert reports(s) == kept
    lines = session(running.port)[0].splitlines()
    assert [x[4:] for x in lines] == [x[4:] for x in ehlo.splitlines() if x[4:] != "DSN"]
    s.setup("--revert")
    assert s.read() == before


def test_dsn_of_others_stays(site):
    s = site("submission")
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


def test_the_sites_own_list_of_keywords_gets_ours(site):
    s = site("docker-mailserver")
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "$limetwig_ehlo, silent-discard, chunking"
    s.setup("--revert")
    s.write("main.cf", s.read()[0].decode() + "smtpd_discard_ehlo_keywords = DSN,etrn\n")
    before = s.read()
    s.setup()
    assert s.value("smtpd_discard_ehlo_keywords") == "DSN,etrn" and s.value("limetwig_ehlo") == ""
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
    wait_for(lambda: running.mail("trap@d.example").startswith("250"))
    wait_for(lambda: not running.queued())
    wanted = {"trap%sx@d.example" % c: "trap=d.example=%s@limetwig.invalid" % (c + "x" if propagate else "")
              for c in "+-._"}
    wanted.update({"two-parts@d.example": "two-parts=d.example=@limetwig.invalid",
                   "any-x+y@w.example": "any-x+y@w.example.limetwig.invalid"})
    for rcpt, encoded in wanted.items():
        capture.taken.clear()
        assert running.mail(rcpt).startswith("250"), rcpt
        wait_for(lambda: capture.taken)
        assert capture.taken == [encoded]
    s.setup("--revert")
    assert s.read() == before


def put_trap(site, *lines):
    """Lines of the alias map, as limetwigd would write them; seen by Postfix at once where it has lmdb."""
    table = site.value("virtual_alias_maps").split(",")[0]
    if not table.startswith("lmdb:"):
        pytest.skip("needs lmdb")
    subprocess.run(["postmap", "-c", site.dir, "-i", "-r", table], input="".join(line + "\n" for line in lines),
                   text=True, check=True, timeout=30)


def test_the_map_is_closed_to_others(running):
    s = running.site
    s.setup()
    name = s.value("virtual_alias_maps").split(",")[0].split(":")[1]
    for suffix in (".lmdb", ".db", ".cdb"):
        if os.path.exists(name + suffix):
            assert os.stat(name + suffix).st_mode & 0o7 == 0
    assert running.mail("alice@d.example").startswith("250")
    s.setup("--revert")


def uninstall(site, *args, status=0, path=None):
    """In a network namespace of its own: the table that goes is not the host's."""
    conf = os.path.join(site.etc, "limetwig.conf")
    os.makedirs(site.etc + "/traps.d", exist_ok=True)
    with open(conf, "w", encoding="utf-8") as f:
        f.write('storage {\n  dir = "%s"\n  run = "%s/run"\n}\npostfix {\n  dir = "%s"\n}\n' % (
            site.state, site.top, site.dir))
    done = subprocess.run(["unshare", "-n", "/bin/sh", "-c", "/sbin/ip link set lo up; %sexec \"$@\"" % (
        "PATH=%s; " % path if path else ""), "sh", site.command, "uninstall", "--conf", conf, *args],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def leave_state(site):
    """What a daemon that ran leaves."""
    for name in ("db/data.mdb", "corpus/new/1", "corpus/cur/2"):
        os.makedirs(os.path.dirname(os.path.join(site.state, name)), exist_ok=True)
        with open(os.path.join(site.state, name), "w", encoding="utf-8"):
            pass
    for name in ("run", "queue/limetwig"):
        os.makedirs(os.path.join(site.top, name), exist_ok=True)
    for name in ("run/limetwigd.lock", "queue/limetwig/policy", "postfix/limetwig_virtual.new.db"):
        with open(os.path.join(site.top, name), "w", encoding="utf-8"):
            pass


def test_uninstall_keeps_data_and_purge_does_not(site, top):
    s = site("folded")
    before = s.read()
    s.setup()
    leave_state(s)
    os.symlink("/etc/hostname", s.state + "/corpus/link")
    shown = uninstall(s, "--purge", "--dry-run")
    assert "gone for good" in shown and s.state + "/db" in shown and s.value("limetwig_policy")
    shown = uninstall(s)
    assert s.read() == before and "--purge removes it" in shown and "limetwigd does not run" in shown
    assert os.path.exists(s.state + "/db/data.mdb") and not os.path.exists(s.state + "/off")
    shown = uninstall(s)
    assert "nothing to take out" in shown or "nothing to do" in shown
    shown = uninstall(s, "--purge")
    assert "traps.d  (yours)" in shown and "limetwig.conf  (yours)" in shown
    assert not os.path.exists(s.state) and not os.path.exists(s.top + "/run")
    assert not os.path.exists(s.top + "/queue/limetwig") or not os.listdir(s.top + "/queue/limetwig")
    assert sorted(os.listdir(s.etc)) == ["limetwig.conf", "traps.d"] and os.path.exists("/etc/hostname")
    assert not [n for n in os.listdir(s.dir) if "limetwig" in n]


def test_purge_at_once(site):
    s = site("debian")
    before = s.read()
    s.setup()
    leave_state(s)
    uninstall(s, "--purge")
    assert s.read() == before and not os.path.exists(s.state)
    assert sorted(os.listdir(s.dir)) == ["main.cf", "master.cf"] and not os.path.exists(s.top + "/queue/limetwig")


def test_purge_is_refused_while_the_daemon_runs(site):
    s = site("debian")
    s.setup()
    leave_state(s)
    after = s.read()
    with open(s.top + "/run/limetwigd.lock", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shown = uninstall(s, "--purge", status=1)
    assert "systemctl disable --now limetwigd" in shown and s.read() == after
    assert os.path.exists(s.state + "/db/data.mdb")
    with open(s.etc + "/limetwig.conf", "w", encoding="utf-8") as f:
        f.write("broken {")
    done = subprocess.run([s.command, "uninstall", "--purge", "--conf", s.etc + "/limetwig.conf"], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 1 and s.read() == after


def test_uninstall_where_postfix_has_gone(site):
    s = site("debian")
    before = s.read()
    s.setup()
    shown = uninstall(s, path="/usr/bin:/bin")
    assert s.read() == before and "as they were" in shown
    s.setup()
    os.rename(s.dir, s.dir + "-away")
    shown = uninstall(s, "--purge")
    assert "no Postfix configuration there any more" in shown and not os.path.exists(s.state)
