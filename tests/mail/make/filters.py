#!/usr/bin/python3
"""Notices of content filters and quotas, and feedback reports: amavis, Exim, dovecot, mailbot, opendmarc.
SPDX-License-Identifier: ISC
"""

import lab
from lab import POSTFIX_START, exim_site, inject, main, run_in, settle, site, stop, trap, wait_port
from texts import FRENCH, HTML, PLAIN, RUSSIAN

# The usual test file for scanners, in two halves so that no scanner minds this one.
TEST = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'


def attachment(sender, to, n, name, data, subject='your document'):
    return ('From: %s\nTo: %s\nSubject: %s\nMIME-Version: 1.0\nMessage-ID: <v%d@bulk.test>\nDate: Sun, 22 Nov 2026 01:00:00 +0000\n'
            'Content-Type: multipart/mixed; boundary="v%d"\n\n--v%d\nContent-Type: text/plain\n\nPlease open the file.\n'
            '--v%d\nContent-Type: application/octet-stream; name="%s"\nContent-Disposition: attachment; filename="%s"\n\n%s\n--v%d--\n'
            % (sender, to, subject, n, n, n, n, name, name, data, n))


AMAVIS = POSTFIX_START % '''
printf '\\nsmtp-amavis unix - - n - 2 smtp\\n127.0.0.1:10025 inet n - n - - smtpd\\n -o content_filter=\\n -o mynetworks=127.0.0.0/8\\n' >> /etc/postfix/master.cf
postconf -e content_filter=smtp-amavis:[127.0.0.1]:10024 mydestination=schule.test local_recipient_maps= mynetworks=127.0.0.1 \
 'mailbox_command=cat > /dev/null' recipient_delimiter=+
cat > /usr/local/bin/scan <<'X'
#!/bin/sh
grep -rlq EICAR-STANDARD "$1" && { echo "FOUND: Eicar-Test-Signature"; exit 1; }
exit 0
X
chmod +x /usr/local/bin/scan
cat > /etc/amavis/conf.d/50-user <<'X'
use strict;
$mydomain = 'schule.test'; $myhostname = 'av.schule.test';
@local_domains_maps = (1);
@bypass_virus_checks_maps = (0); @bypass_spam_checks_maps = (1);
@av_scanners = (['Home-Scan', '/usr/local/bin/scan', '{}', [0], [1], qr/FOUND: (.+)/m]);
@av_scanners_backup = ();
$final_virus_destiny = D_BOUNCE; $final_banned_destiny = D_BOUNCE; $final_bad_header_destiny = D_BOUNCE;
@viruses_that_fake_sender_maps = (0);
$warnbannedsender = 1; $warnbadhsender = 1; $warnvirusrecip = 1; 
$virus_admin = undef;
$enable_dkim_verification = 0; 
$banned_filename_re = new_RE(qr'.\\.(exe|vbs|pif|scr|js)$'i);
1;
X
chown -R amavis: /var/lib/amavis /run/amavis 2>/dev/null; mkdir -p /run/amavis; chown amavis: /run/amavis
amavisd foreground > /var/log/amavis.log 2>&1 &
'''.replace('%', '%%') % ()


def amavis():
    ip = '198.51.100.141'
    site('amavis', 'amavis', 'av.schule.test', ip, AMAVIS, 25)
    for _ in range(40):
        if run_in('amavis', 'timeout 2 bash -c "< /dev/tcp/127.0.0.1/10024" 2>/dev/null').returncode == 0:
            break
        lab.time.sleep(0.5)
    for n, (what, name, data) in enumerate([('virus', 'a.com', TEST), ('banned-exe', 'photo.exe', 'MZ not a program'),
                                            ('virus-zip', 'bill.txt', TEST + '\n'), ('banned-vbs', 'love.vbs', 'rem'),
                                            ('banned-scr', 'demo.scr', 'none'), ('virus-pif', 'x.dat', TEST),
                                            ('banned-js', 'rechnung.js', '//'), ('virus-de', 'rechnung.doc', TEST)]):
        t = trap('virus', 'amavis-' + what)
        to = 'klasse%d@schule.test' % n
        inject(ip, t, [to], attachment(t, to, n, name, data))
    for n in range(2):
        t = trap('virus', 'amavis-badheader')
        inject(ip, t, ['x@schule.test'], ('From: %s\nTo: x@schule.test\nSubject: f\u00fcr dich\nX-Bad: \xff\x01\n\nhi\n' % t).encode('latin-1'))
    # Warned recipients: the trap is a user of the site that was sent a virus.
    settle(8, 40)
    stop('amavis')


SCRIPTS = POSTFIX_START % '''
postconf -e mynetworks=127.0.0.1 mydestination=hotel.test local_recipient_maps= allow_mail_to_commands=alias
cat > /usr/local/bin/notice <<'X'
#!/bin/bash
# notice WHICH ENVELOPE: what home-made scanner hooks send to the sender
cat > /tmp/n.$$
s=$(formail -xSubject: < /tmp/n.$$ | tr -d '\\n'); f=$(formail -xFrom: < /tmp/n.$$ | tr -d '\\n')
. /usr/local/share/n.$1 > /tmp/t.$$
( sed -n '1,/^$/p' /tmp/t.$$ | sed '$d' | cat - <(formail -rxTo: < /tmp/n.$$ | sed 's/^/To:/') ; echo; sed '1,/^$/d' /tmp/t.$$ ) | /usr/sbin/sendmail -oi -t -f "$2"
exit 0
X
chmod +x /usr/local/bin/notice; : > /etc/aliases
@MORE@
'''

NOTICES = {
    'norton': ('postmaster@hotel.test', 'From: Symantec style gateway <postmaster@hotel.test>\nSubject: Virus found in a message "$s"',
               'The scanner found a virus in an attachment you sent.\n\nTo: guest@hotel.test\nSubject: $s\nScan result: virus "Eicar-Test" found; '
               'file deleted.\n'),
    'clamav': ('', 'From: MAILER-DAEMON@hotel.test\nSubject: Virus intercepted\nAuto-Submitted: auto-submitted (antivirus notify)',
               'A message you sent to\n\n\t<guest@hotel.test>\n\ncontained Eicar-Test-Signature and has not been delivered.\n'),
    'deutsch': ('virenschutz@hotel.test', 'From: Virenschutz <virenschutz@hotel.test>\nSubject: Virus in Ihrer E-Mail\nPrecedence: bulk',
                'Ihre Nachricht "$s" enthielt einen Virus (Eicar-Test) und wurde nicht zugestellt.\n'),
    'french': ('postmaster@hotel.test', 'From: antivirus@hotel.test\nSubject: ALERTE VIRUS\nX-Virus-Alert: yes',
               'Le message envoye par $f contenait un virus. Il a ete supprime.\n'),
    'blocked': ('', 'From: "Mail Gateway" <gateway@hotel.test>\nSubject: Attachment removed: $s\nAuto-Submitted: auto-generated',
                'The attachment of your message is of a type that this site does not accept.\nFile: photo.exe\n'),
    'content': ('scan@hotel.test', 'From: Content Check <scan@hotel.test>\nSubject: [Content Check] policy violation\nX-Auto-Response-Suppress: All',
                'Your mail "$s" breaks rule 4 (executables) of this company and is held in quarantine.\nIncident: 20261122-0017\n'),
    'spanish': ('', 'From: Antivirus <antivirus@hotel.test>\nSubject: Virus detectado', 'Su mensaje a guest@hotel.test contiene un virus y fue eliminado.\n'),
}


def scripts():
    more = ''
    for w, (env, head, text) in NOTICES.items():
        more += "cat > /usr/local/share/n.%s <<'Y'\ncat <<Z\n%s\n\n%sZ\nY\n" % (w, head, text)
        more += "echo '%s: \"|/usr/local/bin/notice %s %s\"' >> /etc/aliases\n" % (w, w, env or '\\"<>\\"')
    script = SCRIPTS.replace('@MORE@', more)
    ip = '198.51.100.142'
    site('hooks', 'postfix', 'mail.hotel.test', ip, script, 25)
    for n, w in enumerate(NOTICES):
        t = trap('virus', 'script-' + w)
        inject(ip, t, [w + '@hotel.test'], attachment(t, w + '@hotel.test', 50 + n, 'a.com', TEST))
    settle(4, 20)
    stop('hooks')


EXIM = exim_site('dorf.test', r'''
mkdir -p /var/spool/exim4 /var/log/exim4 /var/mail/q; chown Debian-exim: /var/spool/exim4 /var/log/exim4; chown mail: /var/mail/q
''', r'''people:
  driver = accept
  transport = box
  address_data = ${lookup{$local_part}lsearch{/etc/exim4/people}}
''', r'''box:
  driver = appendfile
  file = /var/mail/q/${lookup{$local_part}lsearch,ret=key{/etc/exim4/people}}
  user = mail
  quota = 100M
  quota_warn_threshold = 300
  quota_warn_message = "To: ${extract{1}{|}{$address_data}}\nSubject: ${extract{2}{|}{$address_data}}\nFrom: ${extract{3}{|}{$address_data}}\n\n${extract{4}{|}{$address_data}}\n"
''', 'PEOPLE\n')


def exim_quota():
    rows = [('Your mailbox is nearly full', 'postmaster@dorf.test', 'This message is automatically created by mail delivery software.\\n\\nThe size of your mailbox has exceeded a warning threshold set by the administrator.'),
            ('Ihr Postfach ist fast voll', 'Postmaster <postmaster@dorf.test>', 'Ihr Postfach ist zu 90 Prozent belegt. Bitte loeschen Sie alte Nachrichten.'),
            ('Quota presque atteint', 'admin@dorf.test', 'Votre boite est presque pleine.'),
            ('Cuota de correo', 'Correo <postmaster@dorf.test>', 'Su buzon esta casi lleno.')]
    traps = [trap('quota', 'exim-warn%d' % n) for n in range(len(rows))]
    people = "cat > /etc/exim4/people <<'Y'\n" + ''.join('u%d: %s|%s|%s|%s\n' % ((n, traps[n]) + rows[n]) for n in range(len(rows))) + 'Y'
    ip = '198.51.100.143'
    site('eximq', 'exim', 'mail.dorf.test', ip, EXIM.replace('PEOPLE', people), 25)
    for n in range(len(rows)):
        inject(ip, 'hans@ok.test', ['u%d@dorf.test' % n], PLAIN % {'from': 'hans@ok.test', 'to': 'u', 'n': n})
    settle(4, 20)
    stop('eximq')


DOVECOT = r'''
for u in q0 q1 q2 q3 q4 q5 w0 w1 w2 w3 w4; do useradd -m $u; done
cat > /usr/local/bin/quota-warning.sh <<'X'
#!/bin/bash
who=$(cat /etc/traps/$2)
case $2 in
w1) s='Postfach fast voll' b="Ihr Postfach ist zu $1 % belegt.";;
w2) s='=?utf-8?Q?Alerte_quota?=' b="Votre boite est pleine a $1 %.";;
w3) s='Quota warning' b="<html><body>Your mailbox is <b>$1% full</b>.</body></html>";;
*) s="quota warning: mailbox $1% full" b="Your mailbox can only store a limited amount of mail.
Currently it is $1% full. Delete some mail.";;
esac
ct=text/plain; [ $2 = w3 ] && ct=text/html
printf 'From: postmaster@wald.test\nTo: %s\nSubject: %s\nMIME-Version: 1.0\nContent-Type: %s; charset=utf-8\nX-Priority: 2\n\n%s\n' "$who" "$s" $ct "$b" | /usr/sbin/sendmail -oi -f postmaster@wald.test "$who"
X
chmod +x /usr/local/bin/quota-warning.sh
mkdir -p /etc/traps
@TRAPS@
cat > /etc/dovecot/dovecot.conf <<'X'
protocols = lmtp
ssl = no
mail_location = maildir:~/Maildir
userdb {
  driver = passwd
}
passdb {
  driver = static
  args = nopassword=y
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 24
  }
}
service quota-warning {
  executable = script /usr/local/bin/quota-warning.sh
  unix_listener quota-warning {
    mode = 0666
  }
}
postmaster_address = postmaster@wald.test
hostname = mail.wald.test
mail_plugins = quota
protocol lmtp {
  auth_username_format = %Ln
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0%%
  quota_rule = *:storage=1k
  quota_warning = storage=10%% quota-warning 10 %u
  quota_exceeded_message = Quota exceeded (mailbox for user is full)
}
X
for u in w0 w1 w2 w3 w4; do sed "s/storage=1k/storage=4k/" /etc/dovecot/dovecot.conf > /etc/dovecot/w.conf; done
for u in q3 q4 q5; do echo "\"|/usr/lib/dovecot/dovecot-lda -d $u -f \$SENDER\"" > /home/$u/.forward; chown $u: /home/$u/.forward; done
for u in w0 w1 w2 w3 w4; do echo "\"|/usr/lib/dovecot/dovecot-lda -c /etc/dovecot/w.conf -d $u -f \$SENDER\"" > /home/$u/.forward; chown $u: /home/$u/.forward; done
dovecot
'''


def dovecot_quota():
    names = ['w%d' % n for n in range(5)]
    traps = ''.join('echo %s > /etc/traps/%s\n' % (trap('quota', 'dovecot-warn'), w) for w in names)
    start = POSTFIX_START.replace('newaliases', '@DOVE@\nnewaliases') % (
        'postconf -e mydestination=wald.test mynetworks=127.0.0.1 mailbox_transport=lmtp:inet:127.0.0.1:24 myorigin=wald.test')
    ip = '198.51.100.144'
    site('doveq', 'postfix', 'mail.wald.test', ip, start.replace('@DOVE@', DOVECOT.replace('@TRAPS@', traps)), 25)
    for n in range(6):
        t = trap('quota', 'dovecot-%s' % ('lmtp' if n < 3 else 'lda'))
        inject(ip, t, ['q%d@wald.test' % n], [PLAIN, HTML, RUSSIAN][n % 3].replace('Dear home', 'x ' * 900 + '\nDear home') % {'from': t, 'to': 'q@wald.test', 'n': n}
               + 'filler line to pass the limit\n' * 60)
    for w in names:
        inject(ip, 'hans@ok.test', [w + '@wald.test'], 'From: hans@ok.test\nTo: w\nSubject: photo\n\n' + 'some text\n' * 120)
    settle(6, 30)
    stop('doveq')


ARF = POSTFIX_START % '''
postconf -e mynetworks=127.0.0.1 mydestination=see.test local_recipient_maps= allow_mail_to_commands=alias
printf 'This is a report about mail that our user marked as spam.\\n' > /usr/local/share/en
printf 'Dies ist ein Beschwerdebericht. Unser Nutzer hat die Nachricht als Spam gemeldet.\\n' > /usr/local/share/de
printf 'Ceci est un rapport de plainte.\\n' > /usr/local/share/fr
cat > /usr/local/bin/arf <<'X'
#!/bin/bash
cd /tmp
mailbot -T $2 -N ${@:5} -R "$3" -c utf-8 -t /usr/local/share/$1 -A "From: Abuse <fbl@see.test>" -A "Auto-Submitted: auto-generated" /usr/sbin/sendmail -oi -t -f "$4"
exit 0
X
chmod +x /usr/local/bin/arf; : > /etc/aliases
i=0
for l in en de fr; do for f in abuse fraud other virus; do i=$((i+1)); e=fbl@see.test; a=-a; [ $i -gt 6 ] && a='-a --feedback-source-ip 203.0.113.177'; [ $((i%%3)) = 0 ] && a=; [ $((i%%2)) = 0 ] && e='\\"<>\\"'; echo "f$i: \\"|/usr/local/bin/arf $l replyfeedback $f $e $a\\"" >> /etc/aliases; done; done
'''


def feedback():
    ip = '198.51.100.146'
    site('arf', 'postfix', 'fbl.see.test', ip, ARF.replace('%%', '%'), 25)
    for n in range(1, 13):
        t = trap('feedback', 'mailbot-%d' % n)
        inject(ip, t, ['f%d@see.test' % n], [PLAIN, HTML, FRENCH][n % 3] % {'from': t, 'to': 'f@see.test', 'n': n})
    settle(4, 20)
    stop('arf')


OPENDMARC = POSTFIX_START % '''
postconf -e mynetworks=127.0.0.1 mydestination=feld.test local_recipient_maps= smtpd_milters=inet:127.0.0.1:8893 milter_default_action=accept 'mailbox_command=cat > /dev/null'
cat > /etc/opendmarc.conf <<'X'
AuthservID mail.feld.test
FailureReports true
FailureReportsOnNone true
FailureReportsSentBy dmarc@feld.test
SPFSelfValidate true
SPFIgnoreResults true
RejectFailures false
Socket inet:8893@127.0.0.1
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
Syslog true
HistoryFile /tmp/dmarc.dat
X
sed -i '/PublicSuffix/d' /etc/opendmarc.conf
opendmarc -c /etc/opendmarc.conf -f > /var/log/od.log 2>&1 &
'''


def opendmarc():
    ip = '198.51.100.147'
    traps = [trap('feedback', 'opendmarc-ruf') for _ in range(6)]
    for n, t in enumerate(traps):
        lab.TXT['_dmarc.firma%d.test.' % n] = 'v=DMARC1; p=%s; fo=1; ruf=mailto:%s; rua=mailto:%s' % (['none', 'reject', 'quarantine'][n % 3], t, t)
        lab.TXT['firma%d.test._report._dmarc.%s.' % (n, t.split('@')[1])] = 'v=DMARC1'
        lab.TXT['firma%d.test.' % n] = 'v=spf1 ip4:192.0.2.200 -all'
        lab.A['firma%d.test.' % n] = '192.0.2.200'
        lab.MXS['firma%d.test.' % n] = 'mx.hansa-druck.test.'
    site('opendmarc', 'opendmarc', 'mail.feld.test', ip, OPENDMARC, 25)
    lab.time.sleep(2)
    for n in range(6):
        f = 'chef@firma%d.test' % n
        inject(ip, f, ['bauer@feld.test'], [PLAIN, HTML, FRENCH][n % 3] % {'from': f, 'to': 'bauer@feld.test', 'n': n})
    settle(5, 20)
    stop('opendmarc')


if __name__ == '__main__':
    main(globals(), 'amavis scripts exim_quota dovecot_quota feedback opendmarc')
