"""main.cf and master.cf as sites have them: each layout is what is added to a small Postfix of its own ({top}: its folder)."""

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
