#!/usr/bin/python3
"""Mailing lists: confirmations, posts, digests, refusals (mlmmj, in its languages).
SPDX-License-Identifier: ISC
"""
import time

from lab import POSTFIX_START, inject, main, run_in, settle, site, stop, trap, wait_port, SITES, SINKS
from texts import FRENCH, HTML, PLAIN

LANGS = ['en', 'de', 'fr', 'cs', 'fi', 'it', 'pt', 'sk', 'zh-cn', 'gr', 'ast']
MLMMJ = POSTFIX_START % '''
useradd -r -d /var/spool/mlmmj mlmmj || true
mkdir -p /var/spool/mlmmj
printf '\\nmlmmj unix - n n - - pipe\\n flags=ORhu user=mlmmj argv=/usr/bin/mlmmj-receive -F -L /var/spool/mlmmj/$nexthop\\n' >> /etc/postfix/master.cf
postconf -e mynetworks=127.0.0.1 mydestination=localhost mlmmj_destination_recipient_limit=1 recipient_delimiter=+ \
 virtual_alias_domains=listen.test virtual_alias_maps=lmdb:/etc/postfix/virt transport_maps=lmdb:/etc/postfix/tr propagate_unmatched_extensions=virtual
: > /etc/postfix/virt; : > /etc/postfix/tr
for l in LANGS; do
  d=/var/spool/mlmmj/club-$l; mkdir -p $d/{incoming,queue/discarded,archive,subconf,unsubconf,bounce,control,moderation,subscribers.d,digesters.d,requeue,nomailsubs.d,text}
  echo club-$l@listen.test > $d/control/listaddress; echo owner@listen.test > $d/control/owner
  cp /usr/share/mlmmj/text.skel/$l/* $d/text/
  echo 127.0.0.1 > $d/control/relayhost
  touch $d/control/subonlypost
  printf 'List-Id: <club-%s.listen.test>\\nPrecedence: bulk\\nList-Unsubscribe: <mailto:club-%s+unsubscribe@listen.test>\\n' $l $l > $d/control/customheaders
  printf -- '-- \\nTo leave: club-%s+unsubscribe@listen.test\\n' $l > $d/control/footer
  echo "[club-$l]" > $d/control/prefix
  echo 3 > $d/control/digestmaxmails; echo 1 > $d/control/digestinterval
  echo "club-$l@listen.test club-$l@mlmmj.invalid" >> /etc/postfix/virt
  echo "club-$l@mlmmj.invalid mlmmj:club-$l" >> /etc/postfix/tr
done
touch /var/spool/mlmmj/club-de/control/moderated; echo mod@ok.test > /var/spool/mlmmj/club-de/control/moderators
touch /var/spool/mlmmj/club-fi/control/closedlist
rm -f /var/spool/mlmmj/club-de/control/subonlypost
chown -R mlmmj: /var/spool/mlmmj
echo 'owner@listen.test owner@ok.test' >> /etc/postfix/virt
postmap lmdb:/etc/postfix/virt lmdb:/etc/postfix/tr
'''.replace('LANGS', ' '.join(LANGS))


def mlmmj():
    ip = '198.51.100.121'
    site('mlmmj', 'postfix', 'lists.listen.test', ip, MLMMJ, 25)
    for n, l in enumerate(LANGS):
        addr = 'club-%s@listen.test' % l
        for ext, kind, what in (('+subscribe', 'confirm', 'sub'), ('+subscribe-digest', 'confirm', 'subdigest'), ('+help', 'autoreply', 'help'),
                                ('', 'bounce-nonnull', 'deny'), ('+unsubscribe', 'confirm', 'unsub')):
            if (ext in ('+subscribe-digest', '+unsubscribe') and n % 3) or (ext == '+help' and n % 2):
                continue
            t = trap(kind, 'mlmmj-%s-%s' % (l, what))
            if ext == '+unsubscribe':
                run_in('mlmmj', '/usr/bin/mlmmj-sub -L /var/spool/mlmmj/club-%s -a %s -s; chown -R mlmmj: /var/spool/mlmmj' % (l, t))
            to = addr.replace('@', ext + '@')
            inject(ip, t, [to], PLAIN % {'from': t, 'to': to, 'n': 400 + n})
    settle(4, 30)
    # Members by hand: what a list sends to a trap that someone subscribed.
    for n, l in enumerate(LANGS[:8]):
        addr = 'club-%s@listen.test' % l
        t = trap('list', 'mlmmj-' + l + '-post')
        cmd = '/usr/bin/mlmmj-sub -L /var/spool/mlmmj/club-%s -s -a ' % l
        run_in('mlmmj', cmd + t)
        d = trap('list', 'mlmmj-' + l + '-digest')
        run_in('mlmmj', cmd + d + ' -d')
        w = trap('list', 'mlmmj-' + l + '-welcome')
        if n % 2:
            run_in('mlmmj', cmd.replace('-s -a', '-c -a') + w)
        run_in('mlmmj', cmd + 'writer@ok.test; rm -f /var/spool/mlmmj/club-%s/control/moderated; chown -R mlmmj: /var/spool/mlmmj' % l)
        texts = ['Hello all,\n\nthe next meeting is on Friday at 18:00.\n', 'Hallo,\n\nwer bringt den Schl\u00fcssel mit?\n',
                 '<html><body><p>Ciao a tutti, <b>foto</b> della gita.</p></body></html>\n']
        for k in range(3 if n % 2 else 1):
            ct = 'text/html' if k == 2 else 'text/plain'
            inject(ip, 'writer@ok.test', [addr], 'From: Writer <writer@ok.test>\nTo: %s\nSubject: meeting %d\nMIME-Version: 1.0\n'
                   'Content-Type: %s; charset=utf-8\nContent-Transfer-Encoding: 8bit\nMessage-ID: <w%d.%d@ok.test>\n'
                   'Date: Sun, 22 Nov 2026 01:0%d:00 +0000\n\n%s' % (addr, k, ct, n, k, k, texts[(n + k) % 3]))
    settle(3, 20)
    run_in('mlmmj', 'for l in %s; do setpriv --reuid mlmmj --regid mlmmj --clear-groups /usr/bin/mlmmj-maintd -F -L /var/spool/mlmmj/club-$l; done' % ' '.join(LANGS[:8]))
    settle(4, 20)
    stop('mlmmj')


if __name__ == '__main__':
    main(globals(), 'mlmmj')
