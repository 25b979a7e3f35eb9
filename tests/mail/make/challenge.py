#!/usr/bin/python3
"""Challenges of TMDA (run under Python 2.7 from its sources in SRC/tmda).
SPDX-License-Identifier: ISC
"""
import os

from lab import POSTFIX_START, inject, settle, site, stop, trap, wait_port, world, SITES, sh
from texts import PLAIN, FRENCH, RUSSIAN, HTML, ALT, EIGHT

ASK = {
    'en': None,
    'de': ('utf-8', 'Bitte best\u00e4tigen Sie Ihre Nachricht', 'Diese Nachricht wurde automatisch erzeugt (TMDA).\n\nIhre Nachricht wird '
           'zur\u00fcckgehalten, weil die Adresse\n<%(confirm_append_address)s> nicht bekannt ist.\n\nAntworten Sie bitte auf diese Nachricht oder '
           'schreiben Sie an:\n\n   %(confirm_accept_address)s\n'),
    'fr': ('iso-8859-1', 'Veuillez confirmer votre message', 'Votre message est retenu : l\'adresse <%(confirm_append_address)s>\nn\'est pas encore '
           'v\u00e9rifi\u00e9e. R\u00e9pondez \u00e0 ce courriel ou \u00e9crivez \u00e0 :\n\n   %(confirm_accept_address)s\n'),
    'es': ('utf-8', 'Por favor, confirme su mensaje', 'Su mensaje est\u00e1 retenido. Para entregarlo responda a este correo:\n\n   %(confirm_accept_address)s\n'),
    'ru': ('koi8-r', 'Confirm / \u041f\u043e\u0434\u0442\u0432\u0435\u0440\u0434\u0438\u0442\u0435', '\u0412\u0430\u0448\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u0437\u0430\u0434\u0435\u0440\u0436\u0430\u043d\u043e. '
           '\u041e\u0442\u0432\u0435\u0442\u044c\u0442\u0435 \u043d\u0430 \u044d\u0442\u043e \u043f\u0438\u0441\u044c\u043c\u043e:\n\n   %(confirm_accept_address)s\n'),
    'pl': ('utf-8', 'Prosz\u0119 potwierdzi\u0107 wiadomo\u015b\u0107', 'Wiadomo\u015b\u0107 czeka na potwierdzenie. Prosz\u0119 odpowiedzie\u0107 na ten list:\n\n   %(confirm_accept_address)s\n'),
}

SCRIPT = POSTFIX_START % '''
while [ ! -e /go ]; do sleep 0.1; done
postconf -e mynetworks=127.0.0.1 mydestination=garten.test myorigin=garten.test recipient_delimiter=+ home_mailbox=Maildir/ \
 propagate_unmatched_extensions=virtual,alias local_recipient_maps= forward_path='$home/.forward'
for u in USERS; do
  useradd -M -d /home/$u -c "$u Gartner" $u
  mkdir -p /home/$u/.tmda/lists /home/$u/.tmda/filters; 
  touch /home/$u/.tmda/filters/incoming /home/$u/.tmda/filters/outgoing
  chown -R $u: /home/$u; chmod 700 /home/$u /home/$u/.tmda
  su -s /bin/sh $u -c 'python2.7 /opt/tmda/bin/tmda-keygen -b > ~/.tmda/crypt_key'; chmod 600 /home/$u/.tmda/crypt_key
done
'''


def template(lang):
    if not ASK[lang]:
        return None
    charset, subject, text = ASK[lang]
    return ('From.%s: "%%(FULLNAME)s" <%%(recipient_address)s>\nSubject.%s: %s\nReply-To.%s: %%(confirm_accept_address)s\nBodyCharset: %s\n\n%s'
            % (charset, charset, subject, charset, charset, text)).encode(charset)


def tmda():
    users = []
    for n in range(18):
        users.append(('user%d' % n, list(ASK)[n % len(ASK)], n // len(ASK)))
    site('tmda', 'tmda', 'mail.garten.test', '198.51.100.131', SCRIPT.replace('USERS', ' '.join(u for u, _, _ in users)))
    m = SITES['tmda'][2]
    sh('mkdir -p %s/opt; cp -rL %s/tmda %s/opt/tmda' % (m, os.environ['SRC'], m))
    for user, lang, how in users:
        h = '%s/home/%s' % (m, user)
        os.makedirs(h + '/.tmda/templates')
        conf = ('MAIL_TRANSFER_AGENT = "postfix"\nRECIPIENT_DELIMITER = "+"\nDELIVERY = "~/Maildir/"\nMAIL_TRANSPORT = "sendmail"\n'
                'FULLNAME = "%s Gartner"\nTEMPLATE_DIR_MATCH_RECIPIENT = 0\nTEMPLATE_DIR = "~/.tmda/templates"\nPENDING_LIFETIME = "14d"\n' % user)
        conf += ['', 'AUTORESPONSE_INCLUDE_SENDER_COPY = 0\nBOUNCE_ENV_SENDER = "user%s@garten.test"\n' % user[4:],
                 'AUTORESPONSE_INCLUDE_SENDER_COPY = 1\nADDED_BOUNCE_HEADERS_CLIENT = None\n'.replace('ADDED_BOUNCE_HEADERS_CLIENT = None\n', '')][how]
        with open(h + '/.tmda/config', 'w') as f:
            f.write(conf)
        t = template(lang)
        if t:
            with open(h + '/.tmda/templates/confirm_request.txt', 'wb') as f:
                f.write(t)
        with open(h + '/.forward', 'w') as f:
            f.write('"|python2.7 /opt/tmda/bin/tmda-filter"\n')
    open(m + '/go', 'w').close()
    wait_port('198.51.100.131', 25, 60)
    for n, (user, lang, how) in enumerate(users):
        t = trap('challenge', 'tmda-' + lang)
        to = user + '@garten.test'
        inject('198.51.100.131', t, [to], [PLAIN, HTML, FRENCH, RUSSIAN, ALT, EIGHT][n * 5 % 6] % {'from': t, 'to': to, 'n': 8800 + n})
    settle(6, 40)
    stop('tmda')


if __name__ == '__main__':
    world()
    tmda()
