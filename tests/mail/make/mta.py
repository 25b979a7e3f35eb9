#!/usr/bin/python3
"""Non-delivery reports and delay warnings of real mail servers.
usage: mta.py [SOFTWARE...]
SPDX-License-Identifier: ISC
"""

from lab import POSTFIX_START, inject, main, run_in, settle, site, stop, trap, wait_port, SITES
from texts import NOHEAD, LONG, PLAIN, original

I = [0]
BAD = [('unknown', 'office@hansa-druck.test'), ('full', 'kontakt@nordwind.test'), ('spam', 'verkauf@polaris.test'),
       ('blocked', 'sales@sequoia.test'), ('bare550', 'wood@kleinholz.test'), ('french', 'contact@riviere.test'),
       ('eightbit', 'post@muelheim.test'), ('nodomain', 'joe@nowhere.test'), ('nullmx', 'joe@nullmx.test'),
       ('closing', 'x@closing.test')]
SLOW = [('grey', 'inge@greyhound.test'), ('busy', 'max@slowpoke.test'), ('closed', 'max@closed.test')]


def shoot(ip, software, cases, tag='', kind='dsn', **kw):
    n = 0
    for what, to in cases:
        t = trap(kind, '%s-%s%s' % (software, tag, what))
        tos = to if isinstance(to, list) else [to]
        n += inject(ip, t, tos, original(I[0], t, tos[0]), **kw)
        I[0] += 1
    return n


def odd(ip, software, to):
    t = trap('dsn', software + '-nohead')
    inject(ip, t, [to], NOHEAD)
    t = trap('dsn', software + '-longhead')
    inject(ip, t, [to], LONG % {'from': t, 'to': to, 'n': 9})
    t = trap('dsn', software + '-notify')
    inject(ip, t, [to, 'liese@ok.test'], original(0, t, to), options=['RET=HDRS', 'ENVID=QQ17'])


POSTFIX = POSTFIX_START % '''
useradd -m hilda || true
postconf -e mynetworks=0.0.0.0/0 mydestination=%(dom)s local_recipient_maps= home_mailbox=Maildir/ \
 delay_warning_time=4s queue_run_delay=3s minimal_backoff_time=3s maximal_backoff_time=4s maximal_queue_lifetime=%(life)s \
 bounce_queue_lifetime=12s smtp_connect_timeout=2s transport_maps=lmdb:/etc/postfix/transport %(more)s
echo 'loop.test smtp:[127.0.0.1]' > /etc/postfix/transport
postmap lmdb:/etc/postfix/transport
cat > /etc/postfix/bounce.tmpl <<'X'
%(tmpl)s
X
'''

TEMPLATES = {
    'de': ('utf-8', 'Unzustellbar: Nachricht zur\u00fcck an Absender', '''Hier ist das Mailsystem auf $myhostname.

Ihre Nachricht konnte an einen oder mehrere Empf\u00e4nger nicht
ausgeliefert werden. Sie ist unten angeh\u00e4ngt.

Wenden Sie sich bei Fragen an <postmaster>.'''),
    'fr': ('utf-8', 'Message non distribu\u00e9 retourn\u00e9 \u00e0 son exp\u00e9diteur', '''Ceci est le syst\u00e8me de courrier de l'h\u00f4te $myhostname.

Nous sommes d\u00e9sol\u00e9s : votre message n'a pas pu \u00eatre remis
\u00e0 un ou plusieurs destinataires. Il est joint ci-dessous.'''),
    'es': ('iso-8859-1', 'Correo no entregado devuelto al remitente', '''Este es el sistema de correo de $myhostname.

Lamento informarle de que su mensaje no pudo entregarse a uno
o m\u00e1s destinatarios. Se adjunta a continuaci\u00f3n.'''),
    'pl': ('iso-8859-2', 'Niedostarczona wiadomosc zwrocona do nadawcy', '''To jest system pocztowy na serwerze $myhostname.

Z przykro\u015bci\u0105 informujemy, \u017ce wiadomo\u015b\u0107 nie mog\u0142a zosta\u0107
dostarczona do jednego lub wi\u0119cej adresat\u00f3w.'''),
    'ru': ('koi8-r', 'Undelivered Mail Returned to Sender', '''\u042d\u0442\u043e \u043f\u043e\u0447\u0442\u043e\u0432\u0430\u044f \u0441\u0438\u0441\u0442\u0435\u043c\u0430 \u043d\u0430 $myhostname.

\u0412\u0430\u0448\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043d\u0435 \u043c\u043e\u0436\u0435\u0442 \u0431\u044b\u0442\u044c \u0434\u043e\u0441\u0442\u0430\u0432\u043b\u0435\u043d\u043e.'''),
    'ja': ('utf-8', '\u914d\u4fe1\u3067\u304d\u306a\u304b\u3063\u305f\u30e1\u30fc\u30eb\u3092\u8fd4\u9001\u3057\u307e\u3059', '''$myhostname \u306e\u30e1\u30fc\u30eb\u30b7\u30b9\u30c6\u30e0\u3067\u3059\u3002

\u4ee5\u4e0b\u306e\u5b9b\u5148\u306b\u30e1\u30fc\u30eb\u3092\u914d\u4fe1\u3067\u304d\u307e\u305b\u3093\u3067\u3057\u305f\u3002'''),
    'zh': ('utf-8', '\u9000\u4fe1\u901a\u77e5', '''\u8fd9\u662f $myhostname \u7684\u90ae\u4ef6\u7cfb\u7edf\u3002

\u60a8\u7684\u90ae\u4ef6\u65e0\u6cd5\u6295\u9012\u5230\u4e00\u4e2a\u6216\u591a\u4e2a\u6536\u4ef6\u4eba\u3002'''),
}


def template(lang):
    charset, subject, text = TEMPLATES[lang]
    subj = subject if subject.isascii() else '=?utf-8?B?%s?=' % __import__('base64').b64encode(subject.encode()).decode()
    out = ''
    for kind, warn in (('failure_template', ''), ('delay_template', ' (Warnung)')):
        out += ('%s = <<EOF\nCharset: %s\nFrom: MAILER-DAEMON (Mail Delivery System)\nSubject: %s%s\n%s\n%s\nEOF\n\n'
                % (kind, charset, subj, warn, 'Postmaster-Subject: Postmaster Copy', '\n' + text))
    return out, charset


def postfix(*langs):
    if not langs:
        script = POSTFIX % {'dom': 'kontor.test', 'life': '12s', 'tmpl': '', 'more': ''}
        site('postfix', 'postfix', 'mail.kontor.test', '198.51.100.11', script, 25)
        shoot('198.51.100.11', 'postfix', BAD + SLOW + [('localunknown', 'nobody77@kontor.test'), ('loop', 'a@loop.test'),
              ('two', ['a@hansa-druck.test', 'b@nordwind.test'])])
        odd('198.51.100.11', 'postfix', 'office@hansa-druck.test')
        settle(8, 50)
        stop('postfix')
    for lang in langs or TEMPLATES:
        tmpl, charset = template(lang)
        more = 'bounce_template_file=/etc/postfix/bounce.tmpl'
        script = POSTFIX % {'dom': 'kontor.test', 'life': '9s', 'tmpl': '@TMPL@', 'more': more}
        script = script.replace("cat > /etc/postfix/bounce.tmpl <<'X'\n@TMPL@\nX", 'true')
        name = 'postfix-' + lang
        script = script.replace('postfix start', 'while [ ! -e /go ]; do sleep 0.1; done; postfix start')
        site(name, 'postfix', 'mx.%s.post.test' % lang, '198.51.100.12', script)
        with open(SITES[name][2] + '/etc/postfix/bounce.tmpl', 'wb') as f:
            f.write(tmpl.encode(charset))
        open(SITES[name][2] + '/go', 'w').close()
        wait_port('198.51.100.12', 25)
        shoot('198.51.100.12', 'postfix', [BAD[I[0] % 7], SLOW[0], ('localunknown', 'zz@kontor.test')], tag=lang + '-')
        settle(7, 30)
        stop(name)


EXIM = r'''
useradd -m hilda || true
mkdir -p /var/spool/exim4 /var/log/exim4; chown Debian-exim: /var/spool/exim4 /var/log/exim4
cat > /etc/exim4/exim4.conf <<'X'
primary_hostname = mail.werft.test
domainlist local_domains = werft.test
acl_smtp_rcpt = accept
acl_smtp_data = accept
delay_warning = 4s
delay_warning_condition = yes
timeout_frozen_after = 1d
ignore_bounce_errors_after = 1h
smtp_accept_max_per_host = 50
MORE
begin acl
accept:
  accept
begin routers
lookup:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  no_more
people:
  driver = accept
  check_local_user
  local_parts = hilda
  transport = box
quota:
  driver = accept
  local_parts = kurt
  transport = full
piper:
  driver = accept
  local_parts = tickets
  transport = pipe
begin transports
remote_smtp:
  driver = smtp
  connect_timeout = 2s
  hosts_try_fastopen =
  tls_tempfail_tryclear
  hosts_avoid_tls = *
box:
  driver = appendfile
  file = /var/mail/$local_part
full:
  driver = appendfile
  file = /var/mail/kurt
  user = mail
  quota = 10
  create_file = anywhere
pipe:
  driver = pipe
  command = /bin/sh -c "echo ticket system refused: unknown queue; exit 69"
  user = mail
  return_fail_output
begin retry
*  quota
*  *  F,10s,3s
X
MSGS
exim4 -bd -q3s
'''


def exim():
    site('exim', 'exim', 'mail.werft.test', '198.51.100.21', EXIM.replace('MORE', '').replace('MSGS', ''), 25)
    shoot('198.51.100.21', 'exim', BAD + SLOW + [('localunknown', 'nobody77@werft.test'), ('overquota', 'kurt@werft.test'),
          ('pipe', 'tickets@werft.test'), ('two', ['a@hansa-druck.test', 'b@nordwind.test'])])
    odd('198.51.100.21', 'exim', 'office@hansa-druck.test')
    settle(9, 50)
    stop('exim')
    for lang, subj, text in (
            ('de', 'Zustellung fehlgeschlagen', 'Ihre Nachricht konnte nicht zugestellt werden an:'),
            ('pl', '=?utf-8?Q?Nie_dor=C4=99czono?=', 'Wiadomo\u015b\u0107 nie mog\u0142a zosta\u0107 dostarczona:'),
            ('ru', 'Mail delivery failed', '\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043d\u0435 \u0434\u043e\u0441\u0442\u0430\u0432\u043b\u0435\u043d\u043e:')):
        msgs = ('cat > /etc/exim4/bounce.txt <<"X"\nSubject: %s\n****\n%s\n****\n\n****\n\n****\n'
                '------ Kopie / copy / kopia:\n****\n(head only)\n****\n(cut)\n****\nX\n'
                'cp /etc/exim4/bounce.txt /etc/exim4/warn.txt' % (subj, text))
        more = 'bounce_message_file = /etc/exim4/bounce.txt\nbounce_return_body = false'
        site('exim-' + lang, 'exim', 'mail.werft.test', '198.51.100.22',
             EXIM.replace('MORE', more).replace('MSGS', msgs), 25)
        shoot('198.51.100.22', 'exim', [('unknown', 'office@hansa-druck.test'), ('localunknown', 'zz@werft.test'),
                                       ('eightbit', 'post@muelheim.test')], tag=lang + '-')
        settle(5, 20)
        stop('exim-' + lang)


SENDMAIL = r'''
useradd -m hilda || true
cat > /etc/mail/s.mc <<'X'
divert(0)dnl
VERSIONID(`x')
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`mailertable', `text /etc/mail/mailertable')dnl
define(`confTO_QUEUEWARN', `4s')dnl
define(`confTO_QUEUERETURN', `14s')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confTO_ICONNECT', `2s')dnl
define(`confTO_CONNECT', `2s')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDOMAIN_NAME', `sm.lagerhaus.test')dnl
define(`confPRIVACY_FLAGS', `')dnl
MORE
LOCAL_DOMAIN(`lagerhaus.test')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
X
touch /etc/mail/mailertable
cd /etc/mail; m4 /usr/share/sendmail/cf/m4/cf.m4 s.mc > sendmail.cf
cat > /etc/mail/aliases <<'X'
postmaster: root
root: /dev/null
old: office@hansa-druck.test
team: a@hansa-druck.test, b@nordwind.test
robot: "|/bin/false"
X
mkdir -p /var/spool/mqueue /var/run/sendmail/mta /var/run/sendmail/stampdir; chmod 700 /var/spool/mqueue
cp /usr/share/sendmail/cf/m4/../../../../etc/mail/submit.cf . 2>/dev/null || true
newaliases
/usr/sbin/sendmail-mta -bd -q3s || /usr/lib/sm.bin/sendmail -bd -q3s
'''


def sendmail():
    site('sendmail', 'sendmail', 'sm.lagerhaus.test', '198.51.100.31', SENDMAIL.replace('MORE', ''), 25)
    ip = '198.51.100.31'
    shoot(ip, 'sendmail', BAD[:7] + [BAD[9]] + SLOW + [('alias', 'old@lagerhaus.test'), ('team', 'team@lagerhaus.test'),
          ('pipe', 'robot@lagerhaus.test'), ('nodomain', 'joe@nowhere.test')])
    odd(ip, 'sendmail', 'office@hansa-druck.test')
    settle(9, 60)
    stop('sendmail')
    site('sendmail-b', 'sendmail', 'sm.lagerhaus.test', '198.51.100.32', SENDMAIL.replace(
        'MORE', "define(`confMIME_FORMAT_ERRORS', `False')dnl"), 25)
    shoot('198.51.100.32', 'sendmail', [BAD[0], BAD[1], BAD[4], ('team', 'team@lagerhaus.test')], tag='nomime-')
    settle(6, 30)
    stop('sendmail-b')


OPENSMTPD = r'''
useradd -m hilda || true
mkdir -p /var/spool/smtpd; chmod 711 /var/spool/smtpd; chown root:root /var/spool/smtpd
cat > /etc/smtpd.conf <<'X'
table aliases file:/etc/aliases
bounce warn-interval 4s
queue ttl 14s
listen on 198.51.100.41
action "local" mbox alias <aliases>
action "relay" relay
match from any for domain "segel.test" action "local"
match from any for any action "relay"
X
cat > /etc/aliases <<'X'
old: office@hansa-druck.test
team: a@hansa-druck.test, b@nordwind.test
robot: "|/bin/false"
root: hilda
X
echo smtp.segel.test > /etc/mailname
smtpd -d > /var/log/smtpd.log 2>&1 &
'''


def opensmtpd():
    site('opensmtpd', 'opensmtpd', 'smtp.segel.test', '198.51.100.41', OPENSMTPD, 25)
    shoot('198.51.100.41', 'opensmtpd', BAD[:7] + BAD[8:] + SLOW + [('alias', 'old@segel.test'), ('team', 'team@segel.test'),
          ('pipe', 'robot@segel.test')])
    odd('198.51.100.41', 'opensmtpd', 'office@hansa-druck.test')
    settle(20, 70)
    stop('opensmtpd')


COURIER = r'''
mkdir -p /run/courier /var/lib/courier
echo mail.insel.test > /etc/courier/me
echo mail.insel.test > /etc/courier/defaultdomain
printf 'localhost\ninsel.test\n' > /etc/courier/locals
printf 'insel.test\n' > /etc/courier/esmtpacceptmailfor
echo 4s > /etc/courier/warntime; echo 14s > /etc/courier/queuetime; echo 10s > /etc/courier/faxqueuetime
printf '3s\n' > /etc/courier/retryalpha; echo 1 > /etc/courier/retrybeta; echo 3s > /etc/courier/retrygamma; echo 1 > /etc/courier/retrymaxdelta
sed -i 's/^BLACKLISTS=.*/BLACKLISTS=/; s/^BOFHCHECKDNS=.*/BOFHCHECKDNS=0/; s/^NOADDMSGID=.*/NOADDMSGID=0/; s/^TCPDOPTS=.*/TCPDOPTS="-nodnslookup -noidentlookup"/; s/^ESMTP_USE_STARTTLS=.*/ESMTP_USE_STARTTLS=0/' /etc/courier/esmtpd
grep -q ^ESMTP_USE_STARTTLS /etc/courier/courierd || echo ESMTP_USE_STARTTLS=0 >> /etc/courier/courierd
sed -i 's/^ESMTP_USE_STARTTLS=.*/ESMTP_USE_STARTTLS=0/' /etc/courier/courierd
mkdir -p /etc/courier/smtpaccess
printf '203.0.113\tallow,RELAYCLIENT\n192.0.2\tallow,RELAYCLIENT\n' > /etc/courier/smtpaccess/default
makesmtpaccess; makeacceptmailfor; makealiases
printf 'hilda: /dev/null\nteam: a@hansa-druck.test, b@nordwind.test\nold: office@hansa-druck.test\npostmaster: root\nroot: /dev/null\n' > /etc/courier/aliases/system
makealiases
LANGSET
/usr/lib/courier/courierfilter start || true
/usr/lib/courier/authdaemond start 2>/dev/null || /usr/sbin/authdaemond start || true
/usr/sbin/courier start; /usr/sbin/esmtpd start
'''


def courier():
    site('courier', 'courier', 'mail.insel.test', '198.51.100.51', COURIER.replace('LANGSET', ''), 25)
    shoot('198.51.100.51', 'courier', BAD[:7] + BAD[9:] + SLOW + [('alias', 'old@insel.test'), ('team', 'team@insel.test')])
    odd('198.51.100.51', 'courier', 'office@hansa-druck.test')
    settle(12, 70)
    stop('courier')


CHASQUID = r'''
cat > /etc/chasquid/chasquid.conf <<'X'
hostname: "chas.turm.test"
smtp_address: "198.51.100.61:25"
submission_address: "198.51.100.61:587"
monitoring_address: ""
mail_delivery_agent_bin: "/bin/false"
data_dir: "/var/lib/chasquid"
X
mkdir -p /etc/chasquid/domains/turm.test /etc/chasquid/certs/chas.turm.test /var/lib/chasquid
printf 'old: office@hansa-druck.test\nteam: a@hansa-druck.test, b@nordwind.test\nfull: kontakt@nordwind.test\nspam: verkauf@polaris.test\nfr: contact@riviere.test\nblk: sales@sequoia.test\nbare: wood@kleinholz.test\nzz: x@closing.test\nnull: joe@nullmx.test\n' > /etc/chasquid/domains/turm.test/aliases
cd /etc/chasquid/certs/chas.turm.test
openssl req -x509 -newkey rsa:2048 -nodes -keyout privkey.pem -out fullchain.pem -days 3650 -subj /CN=chas.turm.test -addext subjectAltName=DNS:chas.turm.test 2>/dev/null
chasquid -config_dir /etc/chasquid > /var/log/chasquid.log 2>&1 &
'''


def chasquid():
    site('chasquid', 'chasquid', 'chas.turm.test', '198.51.100.61', CHASQUID, 25)
    shoot('198.51.100.61', 'chasquid', [(w, w + '@turm.test') for w in
                                       ('old', 'team', 'full', 'spam', 'fr', 'blk', 'bare', 'zz', 'null')])
    settle(10, 60)
    stop('chasquid')


DMA = r'''
useradd -m hilda || true
mkdir -p /var/spool/dma; 
printf 'MAILNAME dma.kate.test\n' > /etc/dma/dma.conf
echo dma.kate.test > /etc/mailname
'''


def dma():
    site('dma', 'dma', 'dma.kate.test', '198.51.100.71', DMA)
    for i, (what, to) in enumerate(BAD[:6] + BAD[9:]):
        t = trap('dsn', 'dma-' + what)
        run_in('dma', '/usr/sbin/dma -f %s %s' % (t, to), original(i, t, to).encode())
    settle(6, 30)
    stop('dma')


NULLMAILER = r'''
echo nm.eiche.test > /etc/mailname; echo nm.eiche.test > /etc/nullmailer/me; echo nm.eiche.test > /etc/nullmailer/defaulthost
echo '192.0.2.25 smtp' > /etc/nullmailer/remotes
echo 3 > /etc/nullmailer/pausetime; echo 8 > /etc/nullmailer/queuelifetime
mkdir -p /var/spool/nullmailer/{queue,tmp,failed}
[ -p /var/spool/nullmailer/trigger ] || mkfifo /var/spool/nullmailer/trigger
chown -R mail: /var/spool/nullmailer; chmod 622 /var/spool/nullmailer/trigger
setpriv --reuid mail --regid mail --clear-groups nullmailer-send > /var/log/nm.log 2>&1 &
sleep 1
'''


def nullmailer():
    """Its smart host is the trap's MX, which refuses to relay and so makes it bounce, and then takes the bounce."""
    site('nullmailer', 'nullmailer', 'nm.eiche.test', '198.51.100.81', NULLMAILER)
    for i, (what, to) in enumerate(BAD[:6]):
        t = trap('dsn', 'nullmailer-' + what)
        run_in('nullmailer', 'nullmailer-inject -f %s %s' % (t, to), original(i, t, to).encode())
    settle(8, 30)
    stop('nullmailer')


def nonnull():
    """Exim that gives its bounces a sender (return_path on the transport), and hosts that answer with scripts."""
    conf = EXIM.replace('MORE', '').replace('MSGS', '').replace(
        '  driver = smtp\n', "  driver = smtp\n  return_path = ${if eq{$sender_address}{}{MAILER-DAEMON@werft.test}{$sender_address}}\n")
    site('exim-nn', 'exim', 'mail.werft.test', '198.51.100.23', conf, 25)
    shoot('198.51.100.23', 'exim', BAD[:6] + SLOW[:1] + [('localunknown', 'nobody77@werft.test'), ('overquota', 'kurt@werft.test'),
          ('pipe', 'tickets@werft.test')], kind='bounce-nonnull')
    settle(5, 30)
    stop('exim-nn')
    texts = [('gone', "Your message could not be delivered.\n\nThe mailbox $1 does not exist any more.\n", 'Delivery failed'),
             ('leer', "Ihre E-Mail an $1 konnte nicht zugestellt werden:\nDer Mitarbeiter ist nicht mehr im Hause.\n", 'Unzustellbar: $s'),
             ('plein', "Le message pour $1 n'a pas pu etre remis: boite pleine.\n", 'Echec de remise: $s'),
             ('system', "Your message\n\n  To:      $1\n  Subject: $s\n\ndid not reach the following recipient(s):\n\n$1\n    "
              "The recipient name is not recognized\n    MSEXCH:IMS:Firma:WERK:POST 0 (000C05A6) Unknown Recipient\n", 'Undeliverable: $s'),
             ('nie', "Nie mozna dostarczyc wiadomosci do $1: uzytkownik nieznany.\n", 'Zwrot: $s'),
             ('notes', "Your message\n\n  Subject: $s\n\nwas not delivered to:\n\n  $1\n\nbecause:\n\n  User $1 not listed in "
              "public Name & Address Book\n", 'DELIVERY FAILURE: User not listed in public Name & Address Book')]
    script = POSTFIX_START % """
postconf -e mynetworks=127.0.0.1 mydestination=amt.test local_recipient_maps= alias_maps=lmdb:/etc/aliases allow_mail_to_commands=alias
cat > /usr/local/bin/bounce <<'X'
#!/bin/bash
# bounce WHICH ADDRESS: answer as home-made bounce scripts do
cat > /tmp/m.$$
s=$(formail -xSubject: < /tmp/m.$$ | tr -d '\\n'); s=${s# }
. /usr/local/share/b.$1 "$2" > /tmp/b.$$
subj=$(sed -n 1p /tmp/b.$$)
how=$3
( formail -r -I"Subject: $subj" -I"From: Postmaster <postmaster@amt.test>" < /tmp/m.$$
  sed 1d /tmp/b.$$; [ $how = full ] && { echo; echo '----- Original message -----'; cat /tmp/m.$$; }
  [ $how = head ] && { echo; echo 'Headers of the message:'; sed '/^$/q' /tmp/m.$$; } ) | /usr/sbin/sendmail -oi -t -f postmaster@amt.test
exit 0
X
chmod +x /usr/local/bin/bounce
: > /etc/aliases
"""
    script = script.replace('newaliases', '%s\nnewaliases', 1)
    more = ''
    for i, (w, text, subj) in enumerate(texts):
        more += "cat > /usr/local/share/b.%s <<'Y'\ncat <<Z\n%s\n%sZ\nY\n" % (w, subj, text)
        more += 'echo \'%s: "|/usr/local/bin/bounce %s %s@amt.test %s"\' >> /etc/aliases\n' % (w, w, w, ['full', 'head', 'none'][i % 3])
    script = script.replace('\nnewaliases', '\n' + more.replace('\\', '\\\\') + 'newaliases').replace('%s\n', '')
    site('script', 'postfix', 'mail.amt.test', '198.51.100.24', script, 25)
    shoot('198.51.100.24', 'script', [(w, w + '@amt.test') for w, _, _ in texts], kind='bounce-nonnull')
    settle(5, 30)
    stop('script')


def big():
    """Large and odd originals, so large and odd reports."""
    pad = 'In this long letter every line is the same, and there are many of them.\n' * 900
    raw = ('From: \u041e\u0442\u0434\u0435\u043b <x@bulk.test>\nSubject: \u0421\u0447\u0451\u0442\nX-Raw: \u00ff\u00fe\nMIME-Version: 1.0\n'
           'Content-Type: multipart/mixed; boundary="gone"\n\n--gone\nContent-Type: text/plain\n\nno end of it\n')
    many = ''.join('Received: from hop%d.test by hop%d.test; Sun, 22 Nov 2026 00:00:00 +0000\n' % (i, i + 1) for i in range(40))
    for software, ip, tree, host, script in (
            ('postfix', '198.51.100.13', 'postfix', 'mail.kontor.test', POSTFIX % {'dom': 'kontor.test', 'life': '12s', 'tmpl': '', 'more': ''}),
            ('exim', '198.51.100.14', 'exim', 'mail.werft.test', EXIM.replace('MORE', '').replace('MSGS', '')),
            ('sendmail', '198.51.100.15', 'sendmail', 'sm.lagerhaus.test', SENDMAIL.replace('MORE', '')),
            ('opensmtpd', '198.51.100.16', 'opensmtpd', 'smtp.segel.test', OPENSMTPD.replace('198.51.100.41', '198.51.100.16')),
            ('courier', '198.51.100.17', 'courier', 'mail.insel.test', COURIER.replace('LANGSET', ''))):
        site(software + '-big', tree, host, ip, script, 25)
        for what, text in (('big', PLAIN + pad), ('raw8', None), ('many', many + PLAIN)):
            if what == 'big' and software not in ('postfix', 'exim'):
                continue
            t = trap('dsn', '%s-odd-%s' % (software, what))
            to = 'office@hansa-druck.test'
            inject(ip, t, [to], raw if text is None else text % {'from': t, 'to': to, 'n': 77})
        settle(4, 15)
        stop(software + '-big')


QMAIL = r"""
cd /var/qmail
mkdir -p control alias users; echo qm.birke.test > control/me; echo birke.test > control/locals
printf 'birke.test\nqm.birke.test\n' > control/rcpthosts; echo birke.test > control/defaultdomain; echo test > control/plusdomain
echo 8 > control/queuelifetime; echo 3 > control/timeoutconnect
useradd -m hilda
echo './Mailbox' > alias/.qmail-postmaster
echo '&office@hansa-druck.test' > alias/.qmail-old
echo '|bouncesaying "This address is closed. Diese Adresse gibt es nicht mehr."' > alias/.qmail-closed
printf '&a@hansa-druck.test\n&b@nordwind.test\n' > alias/.qmail-team
for w in full:kontakt@nordwind.test spam:verkauf@polaris.test blk:sales@sequoia.test fr:contact@riviere.test bit:post@muelheim.test nodom:joe@nowhere.test bare:wood@kleinholz.test; do echo "&${w#*:}" > alias/.qmail-${w%%:*}; done
chown -R alias: alias; chmod 644 alias/.qmail-*
PATH=/var/qmail/bin:$PATH qmail-start ./Mailbox cat > /var/log/qmail.log 2>&1 &
cat > /tmp/sv.sh <<'X'
#!/bin/sh
export TCPREMOTEIP=$SOCAT_PEERADDR TCPLOCALIP=$SOCAT_SOCKADDR TCPLOCALPORT=25 TCPREMOTEPORT=$SOCAT_PEERPORT PROTO=TCP TCPREMOTEHOST=dsl-77.pool.example.net TCPLOCALHOST=qm.birke.test
exec setpriv --reuid qmaild --regid nofiles --clear-groups /var/qmail/bin/qmail-smtpd
X
chmod 755 /tmp/sv.sh
socat TCP-LISTEN:25,fork,reuseaddr EXEC:/tmp/sv.sh &
"""


def qmail():
    site('qmail', 'qmail', 'qm.birke.test', '198.51.100.91', QMAIL, 25)
    ip = '198.51.100.91'
    shoot(ip, 'qmail', [(w, w + '@birke.test') for w in ('nobody77', 'old', 'closed', 'team', 'full', 'spam', 'blk', 'fr', 'bit',
                                                       'nodom', 'bare', 'zzz')])
    odd(ip, 'qmail', 'nobody78@birke.test')
    settle(9, 40)
    stop('qmail')


if __name__ == '__main__':
    main(globals(), 'postfix exim sendmail opensmtpd courier chasquid dma nullmailer nonnull big qmail')
