#!/usr/bin/python3
"""Mailman 3: confirmations, welcome, posts, digests, holds and rejections in several languages.
SPDX-License-Identifier: ISC
"""
from lab import POSTFIX_START, inject, run_in, settle, site, stop, trap, wait_port, world
from texts import FRENCH, HTML, PLAIN

LANGS = ['en', 'de', 'fr', 'es', 'ja', 'ru', 'pl', 'it']
SCRIPT = POSTFIX_START % '''
postconf -e mynetworks=127.0.0.1,198.51.100.122 mydestination=localhost relay_domains=verein.test recipient_delimiter=+ \
 transport_maps=regexp:/etc/postfix/tr local_recipient_maps= relay_recipient_maps=
echo '/@verein\\.test$/ lmtp:[127.0.0.1]:8024' > /etc/postfix/tr
cat > /etc/mailman3/mailman.cfg <<'X'
[mailman]
layout: debian
site_owner: owner@ok.test
default_language: en
[mta]
incoming: mailman.mta.null.NullMTA
outgoing: mailman.mta.deliver.deliver
lmtp_host: 127.0.0.1
smtp_host: 127.0.0.1
lmtp_port: 8024
smtp_port: 25
[paths.debian]
var_dir: /var/lib/mailman3
queue_dir: $var_dir/queue
bin_dir: /usr/lib/mailman3/bin
list_data_dir: $var_dir/lists
log_dir: /var/log/mailman3
lock_dir: $var_dir/locks
data_dir: $var_dir/data
cache_dir: $var_dir/cache
etc_dir: /etc/mailman3
ext_dir: $var_dir/ext
messages_dir: $var_dir/messages
archive_dir: $var_dir/archives
template_dir: $var_dir/templates
pid_file: /run/mailman3/master.pid
lock_file: $lock_dir/master.lck
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:////var/lib/mailman3/data/mailman.db
[archiver.prototype]
enable: no
X
mkdir -p /run/mailman3 /var/lib/mailman3/data; chown -R list: /run/mailman3 /var/lib/mailman3 /var/log/mailman3
cat > /m.sh <<'X'
cd /var/lib/mailman3
M=/usr/lib/mailman3/bin/mailman
for l in LANGS; do $M create -d --language $l runde-$l@verein.test; done
cat > /tmp/s.py <<'Y'
from mailman.interfaces.mailinglist import SubscriptionPolicy
from mailman.interfaces.action import Action
from mailman.interfaces.digests import DigestFrequency
def go():
    from mailman.interfaces.listmanager import IListManager
    from zope.component import getUtility
    for n, m in enumerate(getUtility(IListManager).mailing_lists):
        m.subscription_policy = SubscriptionPolicy.confirm
        m.default_nonmember_action = [Action.hold, Action.reject][n % 2]
        m.send_welcome_message = True
        m.respond_to_post_requests = True
        m.autorespond_requests = m.autorespond_requests
        m.digest_size_threshold = 0.5
        m.description = 'round table'
Y
cp /tmp/s.py /var/lib/mailman3/setlists.py
PYTHONPATH=/var/lib/mailman3 $M withlist -r setlists.go_all -l runde-en@verein.test || true
$M start --force
X
sed -i 's/^def go():/def go_all(m0):/' /m.sh; sed -i "s#^        m.autorespond_requests.*##" /m.sh
setpriv --reuid list --regid list --clear-groups bash /m.sh
'''.replace('LANGS', ' '.join(LANGS))


def mailman():
    ip = '198.51.100.122'
    site('mailman', 'mailman3', 'lists.verein.test', ip, SCRIPT, 25)
    import subprocess
    import time
    for _ in range(90):
        if run_in('mailman', 'timeout 2 bash -c "< /dev/tcp/127.0.0.1/8024" 2>/dev/null').returncode == 0:
            break
        time.sleep(1)
    for n, l in enumerate(LANGS):
        base = 'runde-%s' % l
        for ext, kind, what in (('-join', 'confirm', 'join'), ('', 'bounce-nonnull', 'post'), ('-request', 'autoreply', 'help')):
            t = trap(kind, 'mailman-%s-%s' % (l, what))
            to = base + ext + '@verein.test'
            text = (PLAIN % {'from': t, 'to': to, 'n': 500 + n})
            if ext == '-request':
                text = text.replace('Lower your mortgage payment today', 'help')
            inject(ip, t, [to], text)
        t = trap('list', 'mailman-%s-member' % l)
        d = trap('list', 'mailman-%s-digest' % l)
        run_in('mailman', 'cd /var/lib/mailman3; M="setpriv --reuid list --regid list --clear-groups /usr/lib/mailman3/bin/mailman"; '
               'echo %s | $M addmembers -w - %s@verein.test; echo %s | $M addmembers -d mime - %s@verein.test; '
               'echo writer@ok.test | $M addmembers - %s@verein.test' % (t, base, d, base, base))
        inject(ip, 'writer@ok.test', [base + '@verein.test'], 'From: Writer <writer@ok.test>\nTo: %s@verein.test\nSubject: minutes %d\n'
               'Message-ID: <mm%d@ok.test>\nDate: Sun, 22 Nov 2026 01:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n'
               'Content-Transfer-Encoding: 8bit\n\nHello, the minutes of Friday follow.\nGr\u00fc\u00dfe\n' % (base, n, n))
    settle(10, 60)
    run_in('mailman', 'cd /var/lib/mailman3; setpriv --reuid list --regid list --clear-groups /usr/lib/mailman3/bin/mailman digests --send')
    settle(8, 30)
    stop('mailman')


if __name__ == '__main__':
    world()
    mailman()
