#!/usr/bin/python3
"""Automatic answers: vacation of many programs, sieve reject, quota notices.
SPDX-License-Identifier: ISC
"""
import base64

from lab import POSTFIX_START, exim_site, inject, main, settle, site, stop, trap, wait_port, SITES
from texts import PLAIN, FRENCH, RUSSIAN, HTML

TEXT = {
    'en': ('utf-8', 'Out of office', 'I am away until 4 December and will answer after that.\nIn urgent cases call the front desk.\n'),
    'de': ('utf-8', 'Abwesenheitsnotiz: Ihre Nachricht', 'Guten Tag,\n\nich bin bis zum 4. Dezember nicht im B\u00fcro. Ihre Nachricht wird nicht weitergeleitet.\n\nMit freundlichen Gr\u00fc\u00dfen\n'),
    'fr': ('iso-8859-1', 'R\u00e9ponse automatique : absence', 'Bonjour,\n\nje suis en cong\u00e9s jusqu\'au 4 d\u00e9cembre et vous r\u00e9pondrai \u00e0 mon retour.\n'),
    'es': ('utf-8', 'Respuesta autom\u00e1tica', 'Hola:\n\nestoy de vacaciones hasta el 4 de diciembre. Le contestar\u00e9 a mi regreso.\n'),
    'pl': ('iso-8859-2', 'Autoodpowied\u017a: jestem na urlopie', 'Dzie\u0144 dobry,\n\njestem na urlopie do 4 grudnia. Odpowiem po powrocie.\n'),
    'ru': ('koi8-r', '\u0410\u0432\u0442\u043e\u043e\u0442\u0432\u0435\u0442: \u043c\u0435\u043d\u044f \u043d\u0435\u0442 \u043d\u0430 \u043c\u0435\u0441\u0442\u0435', '\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439\u0442\u0435,\n\n\u044f \u0432 \u043e\u0442\u043f\u0443\u0441\u043a\u0435 \u0434\u043e 4 \u0434\u0435\u043a\u0430\u0431\u0440\u044f.\n'),
    'ja': ('iso-2022-jp', '\u4e0d\u5728\u306e\u304a\u77e5\u3089\u305b', '\u305f\u3060\u3044\u307e\u4f11\u6687\u4e2d\u3067\u3059\u3002\u5341\u4e8c\u6708\u56db\u65e5\u306b\u623b\u308a\u307e\u3059\u3002\n'),
    'zh': ('gb2312', '\u81ea\u52a8\u56de\u590d', '\u60a8\u597d\uff0c\u6211\u6b63\u5728\u4f11\u5047\uff0c\u5341\u4e8c\u6708\u56db\u65e5\u56de\u6765\u540e\u56de\u590d\u60a8\u3002\n'),
    'it': ('iso-8859-15', 'Risposta automatica', 'Buongiorno,\n\nsono in ferie fino al 4 dicembre, risponder\u00f2 al pi\u00f9 presto.\n'),
    'nl': ('us-ascii', 'Afwezig', 'Ik ben afwezig tot 4 december. Mail wordt niet doorgestuurd.\n'),
}


def encoded(subject, charset):
    if subject.isascii():
        return subject
    return '=?%s?B?%s?=' % (charset, base64.b64encode(subject.encode(charset)).decode())


class Users:
    """Files of the users' homes, put in before the servers start."""

    def __init__(self):
        self.files = {}
        self.names = []

    def add(self, name, files):
        self.names.append(name)
        for path, data in files.items():
            self.files['home/%s/%s' % (name, path)] = data if isinstance(data, bytes) else data.encode()

    def write(self, root):
        import os
        for path, data in self.files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'wb') as f:
                f.write(data)


def sieve(lang, n):
    charset, subject, text = TEXT[lang]
    how = n % 5
    if how == 0:
        return 'require ["vacation"];\nvacation :days 7 :subject "%s" "%s";\n' % (subject, text)
    if how == 1:
        return 'require ["vacation"];\nvacation "%s";\n' % text
    if how == 2:
        return ('require ["vacation"];\nvacation :from "Empfang <empfang@buero.test>" :addresses "team@buero.test" '
                ':handle "h%d" "%s";\n' % (n, text))
    if how == 3:
        return ('require ["vacation"];\nvacation :mime text:\nContent-Type: multipart/alternative; boundary=fuzz%d\n\n'
                '--fuzz%d\nContent-Type: text/plain; charset=utf-8\n\n%s\n--fuzz%d\nContent-Type: text/html; '
                'charset=utf-8\n\n<html><body><p>%s</p></body></html>\n--fuzz%d--\n.\n;\n'
                % (n, n, text, n, text.replace('\n', '<br>'), n))
    return ('require ["vacation", "variables"];\nif header :matches "Subject" "*" { set "s" "${1}"; }\n'
            'vacation :subject "Auto: ${s}" "%s";\n' % text)


def vacation_msg(lang, n):
    charset, subject, text = TEXT[lang]
    body = text.encode(charset)
    head = 'From: %s\n' % ('me@buero.test' if n % 2 else '"Sekretariat" <vac%d@buero.test>' % n)
    if n % 3 != 2:
        head += 'Subject: %s\n' % (encoded(subject, charset) if n % 2 else 'away from my mail: $SUBJECT')
    if n % 3 == 0:
        head += 'Precedence: bulk\nDelivered-By-The-Graces-Of: The Vacation program\n'
    if charset != 'us-ascii':
        head += 'MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: 8bit\n' % charset
    return head.encode() + b'\n' + body


def procmailrc(lang, n):
    charset, subject, text = TEXT[lang]
    extra = ['-I"Precedence: junk" -A"X-Loop: pm%d@buero.test"' % n, '-A"X-Loop: pm%d@buero.test"' % n,
             '-I"Subject: %s" -A"X-Loop: pm%d@buero.test" -I"Auto-Submitted: auto-replied"' % (encoded(subject, charset), n)][n % 3]
    quote = 'cat $HOME/text; echo; echo "> Your mail:"; head -20 $HOME/last' if n % 2 else 'cat $HOME/text'
    return ('SHELL=/bin/sh\n:0 c\nlast\n:0 Whc: $HOME/v.lock\n* !^FROM_DAEMON\n* !^X-Loop: pm%d@buero.test\n'
            '| formail -rD 8192 $HOME/v.cache\n:0 ehc\n| (formail -r %s; %s) | /usr/sbin/sendmail -oi -t%s\n'
            ':0\n/dev/null\n' % (n, extra, quote, ['', ' -f pm%d@buero.test' % n, ' -f "<>"'][n % 3]))


def mailbot(lang, n):
    charset, subject, text = TEXT[lang]
    opts = ['-s "%s"' % encoded(subject, charset), '-A "X-Auto: yes" -A "Precedence: junk"', '-N -n', '-T replyfeedback -F abuse',
            '-T replydsn', '-M md%d@buero.test' % n][n % 6]
    if n % 6 == 3:
        opts = '-T replydsn'
    return ('#!/bin/sh\nexec mailbot -c %s -t $HOME/text -d $HOME/autodb -D 1 %s -A "From: md%d@buero.test" '
            '/usr/sbin/sendmail -oi -t -f "%s"\n' % (charset, opts, n, '' if n % 2 else 'md%d@buero.test' % n))


START = POSTFIX_START % '''
for u in %s; do useradd -M -d /home/$u -s /bin/bash $u; chown -R $u: /home/$u; chmod 700 /home/$u; touch /var/mail/$u; chown $u:mail /var/mail/$u; done
postconf -e mydestination=buero.test mynetworks=127.0.0.1 mailbox_transport=lmtp:inet:127.0.0.1:24 recipient_delimiter=+ \
 myorigin=buero.test local_recipient_maps=
cat > /etc/dovecot/dovecot.conf <<'X'
protocols = lmtp
ssl = no
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
mail_location = maildir:~/Maildir
auth_username_format = %%Ln
userdb {
  driver = passwd
}
passdb {
  driver = static
  args = nopassword=y
}
lmtp_save_to_detail_mailbox = no
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 24
  }
}
service quota-warning {
  executable = script /usr/local/bin/quota-warning.sh
  user = root
  unix_listener quota-warning {
    mode = 0666
  }
}
postmaster_address = postmaster@buero.test
hostname = mail.buero.test
mail_plugins = quota
protocol lmtp {
  mail_plugins = quota sieve
  auth_username_format = %%Ln
}
protocol lda {
  mail_plugins = quota sieve
}
plugin {
  sieve = ~/.dovecot.sieve
  sieve_extensions = +notify +enotify +vacation-seconds
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M
  quota_warning = storage=60%%%% quota-warning 60 %%u
  quota_exceeded_message = %s
%s
}
X
dovecot
'''


def people():
    u = Users()
    jobs = []
    for n, lang in enumerate(TEXT):
        charset, subject, text = TEXT[lang]
        u.add('siv%d' % n, {'.dovecot.sieve': sieve(lang, n)})
        jobs.append(('autoreply', 'dovecot-%s' % lang, 'siv%d' % n))
        u.add('vac%d' % n, {'.forward': '"|/usr/bin/vacation %s vac%d"\n' % (['', '-j', '-a team'][n % 3], n),
                            '.vacation.msg': vacation_msg(lang, n)})
        jobs.append(('autoreply', 'vacation-%s' % lang, 'vac%d' % n))
        u.add('pm%d' % n, {'.forward': '"|/usr/bin/procmail"\n', '.procmailrc': procmailrc(lang, n), 'text': text.encode(charset)})
        jobs.append(('autoreply', 'procmail-%s' % lang, 'pm%d' % n))
        u.add('md%d' % n, {'.forward': '"|/usr/bin/maildrop"\n', '.mailfilter': 'cc "| sh $HOME/reply"\nto "/dev/null"\n',
                           'reply': mailbot(lang, n), 'text': text.encode(charset)})
        jobs.append(('receipt' if n % 6 == 5 else 'autoreply', 'mailbot-%s' % lang, 'md%d' % n))
    for n, lang in enumerate(('en', 'de', 'fr', 'ru', 'ja', 'it')):
        text = TEXT[lang][2]
        what = ['reject', 'ereject'][n % 2]
        lda = n > 2
        files = {'.dovecot.sieve': 'require "%s";\n%s "%s";\n' % (what, what, text)}
        if lda:
            files['.forward'] = '"|/usr/lib/dovecot/dovecot-lda -d rej%d -f $SENDER"\n' % n
            files['.dovecot.sieve'] = files['.dovecot.sieve'].replace('ereject', 'reject')
        u.add('rej%d' % n, files)
        jobs.append(('receipt', 'dovecot-%s-%s' % (what if not lda else 'ldareject', lang), 'rej%d' % n))
    for n, lang in enumerate(('en', 'de', 'fr', 'it', 'zh')):
        u.add('rcv%d' % n, {'.forward': '"|/usr/bin/maildrop"\n', '.mailfilter': 'cc "| sh $HOME/reply"\nto "/dev/null"\n',
                            'reply': '#!/bin/sh\nexec mailbot -c %s -t $HOME/text -T replydsn -N %s -M rcv%d@buero.test -A "From: rcv%d@buero.test" '
                            '/usr/sbin/sendmail -oi -t -f "%s"\n' % (TEXT[lang][0], ['', '-a'][n % 2], n, n, ['', 'rcv%d@buero.test' % n][n % 3 == 2]),
                            'text': TEXT[lang][2].encode(TEXT[lang][0])})
        jobs.append(('receipt', 'mailbot-M-%s' % lang, 'rcv%d' % n))
    for n in range(3):
        u.add('ntf%d' % n, {'.dovecot.sieve': 'require ["enotify","variables"];\nnotify :message "mail for ntf%d" '
                            '"mailto:NOTIFYTO";\n' % n})
    return u, jobs


def postfix_dovecot():
    u, jobs = people()
    told = []
    for n in range(3):
        t = trap('autoreply', 'dovecot-notify')
        told.append(t)
        k = 'home/ntf%d/.dovecot.sieve' % n
        u.files[k] = u.files[k].replace(b'NOTIFYTO', t.encode())
    script = 'while [ ! -e /go ]; do sleep 0.1; done\n' + START % (' '.join(u.names), 'Quota exceeded (mailbox for user is full)', '')
    site('dove', 'postfix', 'mail.buero.test', '198.51.100.111', script)
    u.write(SITES['dove'][2])
    open(SITES['dove'][2] + '/go', 'w').close()
    wait_port('198.51.100.111', 25)
    originals = [PLAIN.replace('Precedence: bulk\n', ''), FRENCH, RUSSIAN, HTML]
    for i, (kind, what, user) in enumerate(jobs):
        t = trap(kind, what)
        to = user + '@buero.test'
        inject('198.51.100.111', t, [to], originals[i % 4] % {'from': t, 'to': to, 'n': 5120 + i}, bot=i % 2)
    for n, t in enumerate(told):
        inject('198.51.100.111', 'hans@ok.test', ['ntf%d@buero.test' % n], PLAIN % {'from': 'hans@ok.test', 'to': 'ntf', 'n': n})
    settle(8, 60)
    stop('dove')


EXIM = exim_site('hafen.test', r'''
mkdir -p /var/spool/exim4 /var/log/exim4; chown Debian-exim: /var/spool/exim4 /var/log/exim4
while [ ! -e /go ]; do sleep 0.1; done
for u in USERS; do useradd -M -d /home/$u $u; chown -R $u: /home/$u; done
''', r'''filtered:
  driver = redirect
  check_local_user
  require_files = $local_part:$home/.forward
  file = $home/.forward
  allow_filter
  reply_transport = address_reply
  file_transport = address_file
  pipe_transport = address_file
  sieve_vacation_directory = $home/.vac
  user = $local_part
  group = mail
auto:
  driver = accept
  check_local_user
  condition = ${if !eq{$sender_address}{}}
  transport = auto_reply
  unseen
people:
  driver = accept
  check_local_user
  transport = box
''', r'''address_reply:
  driver = autoreply
address_file:
  driver = appendfile
  file = /dev/null
box:
  driver = appendfile
  file = /dev/null
  user = mail
auto_reply:
  driver = autoreply
  file = $home/text
  file_expand
  from = $local_part@$domain
  to = $sender_address
  subject = ${if def:h_Subject: {Auto-Reply: ${quote:${escape:${length_50:$h_Subject:}}}} {Auto-Reply} }
  headers = MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit
  user = mail
''')


def exim():
    u = Users()
    jobs = []
    for n, lang in enumerate(TEXT):
        charset, subject, text = TEXT[lang]
        name = 'usr%d' % n
        if n % 3 == 0:
            u.add(name, {'text': text})
        elif n % 3 == 1:
            u.add(name, {'.forward': '# Exim filter\nif personal then\n mail to $reply_address subject "%s" file $home/text '
                         'once $home/once once_repeat 7d extra_headers "Auto-Submitted: auto-replied\\nX-Away: yes"\nendif\n' % subject
                         if n % 2 else '# Exim filter\nvacation file $home/text return message\n', 'text': text})
        else:
            u.add(name, {'.forward': '# Sieve filter\nrequire ["vacation"];\nvacation :subject "%s" "%s";\n' % (subject, text),
                         '.vac/x': '', 'text': text})
        jobs.append((lang, name))
    site('eximauto', 'exim', 'mail.hafen.test', '198.51.100.112', EXIM.replace('USERS', ' '.join(u.names)))
    u.write(SITES['eximauto'][2])
    open(SITES['eximauto'][2] + '/go', 'w').close()
    wait_port('198.51.100.112', 25)
    for i, (lang, name) in enumerate(jobs):
        t = trap('autoreply', 'exim-' + lang)
        to = name + '@hafen.test'
        inject('198.51.100.112', t, [to], [PLAIN, HTML, FRENCH][i % 3] % {'from': t, 'to': to, 'n': 9120 + i})
    settle(6, 30)
    stop('eximauto')


if __name__ == '__main__':
    main(globals(), 'postfix_dovecot exim')
