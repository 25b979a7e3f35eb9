#!/usr/bin/python3
"""Spam of our own making in many forms, sent to the trap's MX as bots do.
usage: spam.py [PART...]
SPDX-License-Identifier: ISC
"""
import base64
import quopri
import sys

from lab import MX, inject, settle, trap, world

N = [0]
FROM = ['lisa.m@bulk.test', 'noreply@werbung.bulk.test', 'k4711@dsl.example.net', 'support@bank.test', 'wu@factory.bulk.test',
        'mr.adams@freemail.test', 'news@offers.bulk.test']


def b64(text, charset='utf-8'):
    return base64.encodebytes(text.encode(charset)).decode()


def qp(text, charset='utf-8'):
    return quopri.encodestring(text.encode(charset)).decode()


def word(text, charset='utf-8'):
    return '=?%s?B?%s?=' % (charset, base64.b64encode(text.encode(charset)).decode())


def send(what, subject, body, head='', sender=None, frm=None, raw=None, bot=None, helo=None):
    N[0] += 1
    n = N[0]
    t = trap('spam', 'made-' + what)
    if sender is None:
        sender = FROM[n % len(FROM)]
    frm = frm or sender or 'postmaster@bulk.test'
    if raw is None:
        raw = 'From: %s\nTo: %s\nSubject: %s\nDate: Sun, 22 Nov 2026 0%d:1%d:00 +0000\nMessage-ID: <%d.%s@bulk.test>\n%s\n%s' % (
            frm, t, subject, n % 10, n % 9, 880000 + 331 * n, what, head, body)
    raw = raw if isinstance(raw, bytes) else raw.encode()
    inject(MX, sender, [t], raw.replace(b'@T@', t.encode()).replace(b'@F@', sender.encode()), bot=n % 3 if bot is None else bot,
           helo=helo or ['dsl-77.pool.example.net', 'localhost', 'User', '[203.0.113.14]', 'mail.bank.test'][n % 5],
           options=['BODY=8BITMIME'])


PILLS = 'Cheap pills, no prescription. Order now: http://pills.bulk.test/?%s\n'
UTF = 'MIME-Version: 1.0\nContent-Type: text/%s; charset=utf-8\nContent-Transfer-Encoding: %s\n'
ALT = 'MIME-Version: 1.0\nContent-Type: multipart/%s; boundary="%s"\n'


def two(b, plain, html):
    return ('This is a multi-part message in MIME format.\n\n--%s\nContent-Type: text/plain; charset=utf-8\n\n%s\n'
            '--%s\nContent-Type: text/html; charset=utf-8\n\n<html><body>%s</body></html>\n--%s--\n' % (b, plain, b, html, b))


def ordinary():
    send('pills', 'best price on meds', PILLS % 'a')
    send('watches', 'Replica watches 85% off', 'Rolex, Omega, Breitling. http://time.bulk.test/\n', 'X-Priority: 1\n')
    send('419', 'URGENT BUSINESS PROPOSAL', 'Dear Friend,\n\nI am Barrister John Adams, attorney to the late Engr. Smith who died '
         'intestate\nleaving USD 18.5 million. I seek your consent to present you as next of kin.\nReply to my private box.\n',
         'Reply-To: barr.adams@freemail.test\n')
    send('lottery', 'YOU HAVE WON!!!', 'Your e-mail has won 850,000 GBP. Ref: UK/9420X2/68. Contact the claims agent.\n')
    send('phish-bank', 'Your account has been limited', '<html><body><p>Dear customer, verify your account within 24 h: '
         '<a href="http://203.0.113.8/login">https://www.bank.test</a></p></body></html>\n', UTF % ('html', '7bit'))
    send('phish-mailbox', 'Your mailbox is almost full', '<p>Your mailbox @T@ has used 98% of its quota. '
         '<a href="http://quota.bulk.test/@T@">Increase quota now</a></p>\n', UTF % ('html', '7bit'), frm='IT Help Desk <@T@>')
    send('phish-parcel', word('Ihr Paket konnte nicht zugestellt werden'), b64('Bitte best\u00e4tigen Sie Ihre Adresse: '
         'http://paket.bulk.test/\n'), UTF % ('plain', 'base64'), frm='Paketdienst <info@paket.test>')
    send('alt', 'Hot singles near you', two('b1_8842', 'see http://date.bulk.test', '<a href="http://date.bulk.test">see</a>'),
         ALT % ('alternative', 'b1_8842'))
    send('image', 'hi', '<img src="http://img.bulk.test/o.png">\n', UTF % ('html', '7bit'))
    send('stock', 'Hot stock alert: XQZT', 'XQZT.PK is going to explode. Buy at 0.12 target 0.90!\n')
    send('seo', 'Top ranking for your website', 'Hi,\n\nwe can place your site on the first page. Shall I send a quote?\n\nNeha\n',
         'X-Mailer: Microsoft Outlook 16.0\n', frm='Neha <neha@seo.bulk.test>')
    send('invoice-attach', 'Invoice 20931', '--zz\nContent-Type: text/plain\n\nPlease see attached invoice.\n--zz\nContent-Type: '
         'application/octet-stream; name="invoice.doc.js"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; '
         'filename="invoice.doc.js"\n\n' + b64('made up, does nothing\n' * 9) + '--zz--\n', ALT % ('mixed', 'zz'))
    send('sextortion', 'I know your password', 'I recorded you. Pay 900 USD in bitcoin to 1ExampleAddressNotReal within 48 hours.\n')
    send('russian', word('\u0411\u0430\u0437\u044b e-mail \u0430\u0434\u0440\u0435\u0441\u043e\u0432', 'koi8-r'), b64('\u0420\u0430\u0441\u0441\u044b\u043b\u043a\u0430 \u043f\u043e 5 \u043c\u043b\u043d '
         '\u0430\u0434\u0440\u0435\u0441\u043e\u0432. \u0414\u0451\u0448\u0435\u0432\u043e.\n', 'koi8-r'), 'MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\n'
         'Content-Transfer-Encoding: base64\n')
    send('chinese', word('\u4ee3\u5f00\u53d1\u7968', 'gb2312'), b64('\u672c\u516c\u53f8\u4ee3\u5f00\u5404\u7c7b\u53d1\u7968\uff0c\u7535\u8bdd 138-0000-0000\n', 'gb2312'),
         'MIME-Version: 1.0\nContent-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n')
    send('japanese', word('\u5f53\u9078\u304a\u3081\u3067\u3068\u3046\u3054\u3056\u3044\u307e\u3059', 'iso-2022-jp'), '\u5f53\u9078\u3057\u307e\u3057\u305f http://jp.bulk.test/\n'
         .encode('iso-2022-jp').decode('ascii'), 'MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-2022-jp\n')
    send('french', '=?utf-8?Q?Cr=C3=A9dit_rapide?=', qp('Cr\u00e9dit de 5 000 \u00e0 90 000 \u20ac sans justificatif : http://credit.bulk.test\n'),
         UTF % ('plain', 'quoted-printable'))
    send('polish-8bit', 'Tania po\u017cyczka', 'Po\u017cyczka przez internet, bez BIK: http://kasa.bulk.test/\n')
    send('spanish', 'Gana dinero desde casa', 'Gane 3000 euros al mes. Escriba a @F@\n')
    send('nohead', '', '', raw='Buy gold now http://gold.bulk.test/\n', sender='zx9@dsl.example.net')
    send('nosubject', '', 'http://x.bulk.test/' + 'a' * 40 + '\n', frm='"" <q@bulk.test>')
    send('empty-body', 'hello', '')
    send('pt-portuguese', 'Boleto em atraso', '<p>Segue o boleto: <a href="http://boleto.bulk.test">abrir</a></p>', UTF % ('html', '8bit'))


def forged_headers():
    for what, head in (
            ('f-listid', 'List-Id: <announce.lists.bulk.test>\nList-Unsubscribe: <http://u.bulk.test/>\nPrecedence: list\n'),
            ('f-oneclick', 'List-Unsubscribe: <https://u.bulk.test/1>, <mailto:u@bulk.test>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n'
             'Feedback-ID: 12:spam:bulk\n'),
            ('f-precedence', 'Precedence: bulk\n'), ('f-junk', 'Precedence: junk\nX-Loop: me@bulk.test\n'),
            ('f-autosub', 'Auto-Submitted: auto-replied\n'), ('f-autogen', 'Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n'),
            ('f-mailman', 'X-Mailman-Version: 2.1.29\nX-BeenThere: users@lists.bulk.test\nSender: users-bounces@lists.bulk.test\n'
             'List-Id: Users <users.lists.bulk.test>\nList-Post: <mailto:users@lists.bulk.test>\n'),
            ('f-failed', 'X-Failed-Recipients: @T@\nAuto-Submitted: auto-replied\n'),
            ('f-xautoreply', 'X-Autoreply: yes\nX-Autorespond: vacation\nX-Vacation: 1\n'),
            ('f-inreply', 'In-Reply-To: <mail.1@trap.example>\nReferences: <mail.1@trap.example>\n'),
            ('f-all', 'List-Id: <a.b.test>\nPrecedence: bulk\nAuto-Submitted: auto-replied\nX-Failed-Recipients: @T@\nX-Loop: a\n'
             'List-Unsubscribe: <mailto:a@b.test>\nReturn-Path: <>\nX-Virus-Scanned: amavisd-new\n'),
            ('f-dkim', 'DKIM-Signature: v=1; a=rsa-sha256; d=bank.test; s=k1; h=from:to:subject; bh=AAAA; b=BBBB\n'
             'Authentication-Results: mx1.example.com; dkim=pass header.d=bank.test; spf=pass\n')):
        send(what, 'Lowest rates of the year', PILLS % what, head)
    send('null-plain', 'Cheap software', 'OEM software http://oem.bulk.test/\n', sender='', frm='Sales <sales@bulk.test>')
    send('null-daemon', 'Undelivered Mail Returned to Sender', PILLS % 'null', sender='',
         frm='MAILER-DAEMON@mail.bank.test (Mail Delivery System)')
    send('null-auto', 'Delivery Status Notification (Failure)', two('==q', 'See http://pills.bulk.test/',
         '<h1>See <a href="http://pills.bulk.test/">this</a></h1>'), ALT % ('alternative', '==q') + 'Auto-Submitted: auto-replied\n',
         sender='', frm='Mail Delivery Subsystem <mailer-daemon@mail.bank.test>')
    send('null-html', 'Mail delivery failed: returning message to sender', '<p>Your message was held. <a href="http://rel.bulk.test/@T@">'
         'Release</a></p>', UTF % ('html', '7bit') + 'X-Failed-Recipients: @T@\n', sender='', frm='postmaster@bank.test')


def fake_reports():
    rep = 'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=%s; boundary="%s"\n'
    send('r-type-only', 'Undelivered Mail Returned to Sender', PILLS % 'r1', rep % ('delivery-status', 'none'), sender='',
         frm='MAILER-DAEMON@bulk.test')
    send('r-alt-inside', 'Returned mail: see transcript for details', two('B7', 'pills http://pills.bulk.test', '<b>pills</b>'),
         rep % ('delivery-status', 'B7'), sender='', frm='MAILER-DAEMON <md@bulk.test>')
    send('r-nonnull', 'failure notice', two('B8', 'pills http://pills.bulk.test', '<b>pills</b>'), rep % ('delivery-status', 'B8'))
    send('r-empty-status', 'Delivery Status Notification (Failure)',
         '--E1\nContent-Type: text/plain\n\n' + PILLS % 'e1' + '\n--E1\nContent-Type: message/delivery-status\n\n\n--E1--\n',
         rep % ('delivery-status', 'E1'), sender='', frm='postmaster@bulk.test')
    send('r-junk-status', 'Delivery Status Notification (Failure)',
         '--E2\nContent-Type: text/html\n\n<a href="http://pills.bulk.test">open the returned mail</a>\n--E2\nContent-Type: '
         'message/delivery-status\n\nBuy now and save 80%\nhttp://pills.bulk.test/\n--E2--\n', rep % ('delivery-status', 'E2'))
    send('r-mdn-fake', 'Read: your order', '--M1\nContent-Type: text/plain\n\nYour order http://shop.bulk.test was read.\n--M1--\n',
         rep % ('disposition-notification', 'M1'))
    send('r-arf-fake', 'abuse report', '--A1\nContent-Type: text/plain\n\nClick http://abuse.bulk.test to answer the report.\n--A1--\n',
         rep % ('feedback-report', 'A1'), frm='abuse@bank.test')
    send('r-attach', 'Mail System Error - Returned Mail',
         '--X9\nContent-Type: text/plain\n\nThe original message was included as attachment.\n--X9\nContent-Type: message/rfc822\n\n'
         'From: me@bulk.test\nTo: @T@\nSubject: Rolex\n\nRolex for 99 USD http://time.bulk.test/\n--X9--\n', ALT % ('mixed', 'X9'),
         sender='', frm='MAILER-DAEMON <postmaster@trap.example>')
    send('r-attach-zip', 'Returned mail: Data format error',
         '--X8\nContent-Type: text/plain\n\nThe message was not delivered due to the following reason. See attachment.\n--X8\n'
         'Content-Type: application/zip; name="message.zip"\nContent-Transfer-Encoding: base64\n\n' + b64('made up\n' * 20) + '--X8--\n',
         ALT % ('mixed', 'X8'), frm='"Bounced mail" <MAILER-DAEMON@trap.example>')
    send('r-text-bounce', 'Undeliverable: invoice', 'Your message did not reach some or all of the intended recipients.\n\n'
         '      Subject:  invoice\n      Sent:     22.11.2026 03:11\n\nTo read it again: http://mail.bulk.test/view?u=@T@\n',
         frm='System Administrator <postmaster@bulk.test>')
    send('r-quotes', 'Re: Undelivered Mail Returned to Sender', 'Did your mail bounce? We deliver your newsletter: http://esp.bulk.test\n\n'
         '> This is the mail system at host mail.kontor.test.\n> I\'m sorry to have to inform you that your message could not\n'
         '> be delivered to one or more recipients.\n> <a@b.test>: host b.test said: 550 5.1.1 User unknown\n')
    send('r-qmail', 'failure notice', 'Hi. This is the best offer at casino.bulk.test.\nI\'m afraid I wasn\'t able to keep this price '
         'much longer.\n\nhttp://casino.bulk.test/\n', sender='', frm='MAILER-DAEMON@bulk.test')
    send('r-headers-only', 'Undelivered Mail Returned to Sender', '--H1\nContent-Type: text/plain\n\nGreat rates http://r.bulk.test\n'
         '--H1\nContent-Type: text/rfc822-headers\n\nFrom: someone@bulk.test\nTo: friend@ok.test\nSubject: rates\n--H1--\n',
         rep % ('delivery-status', 'H1'), sender='', frm='MAILER-DAEMON@bulk.test')
    send('r-challenge', 'Please confirm your message', 'You wrote to me? Click here to confirm you are human: http://c.bulk.test/@T@\n')
    send('r-confirm', 'Confirm your subscription', '<p>Please <a href="http://win.bulk.test/@T@">confirm</a> and win a phone.</p>',
         UTF % ('html', '7bit'))


def fake_replies():
    send('o-ooo', 'Out of office', 'While I am away, enjoy 30% off: http://shop.bulk.test\n')
    send('o-abwesenheit', 'Abwesenheitsnotiz: Re: Ihre Anfrage', 'W\u00e4hrend ich weg bin: Kredit ab 1,9 % http://kredit.bulk.test\n',
         UTF % ('plain', '8bit'))
    send('o-autoreply-null', 'Automatic reply: Your inquiry', 'Thank you. Our agent offers you a loan: http://loan.bulk.test\n',
         'Auto-Submitted: auto-replied\n', sender='', frm='agent@loan.bulk.test')
    send('o-virus', 'Virus alert', 'Your computer is infected. Clean it now: http://av.bulk.test/\n', 'X-Virus-Scanned: yes\n')
    send('o-quota', 'Mailbox quota warning', '<p>Quota exceeded. <a href="http://q.bulk.test">Keep my password</a></p>', UTF % ('html', '7bit'),
         frm='Mail Admin <admin@trap.example>')
    send('o-read', 'Read: Invoice', 'Your message was read on 22.11.2026. Pay the invoice: http://inv.bulk.test\n')
    send('o-dmarc', 'Report Domain: trap.example Submitter: bulk.test Report-ID: <1>', 'Report attached. Or see http://rep.bulk.test\n')
    send('o-list', '[users] new member offer', 'Hi all,\n\nhttp://pills.bulk.test\n\n_______________\nusers mailing list\nusers@lists.bulk.test\n',
         'List-Id: <users.lists.bulk.test>\nList-Unsubscribe: <mailto:users-request@lists.bulk.test?subject=unsubscribe>\n'
         'Mailing-List: contact users-help@lists.bulk.test; run by ezmlm\nPrecedence: bulk\n', sender='users-bounces@lists.bulk.test')


def whole_reports():
    """Spam in a report with all its parts: only who is said to have sent the original is wrong, or nobody is."""
    def dsn(what, status, original, kind='message/rfc822', sender='', text='Your message could not be delivered. See http://pills.bulk.test/', report='delivery-status',
            second='message/delivery-status'):
        b = 'W-%s' % what
        send('w-' + what, 'Undelivered Mail Returned to Sender', '--%s\nContent-Type: text/plain\n\n%s\n\n--%s\nContent-Type: %s\n\n%s\n\n--%s\nContent-Type: %s\n\n%s\n\n--%s--\n'
             % (b, text, b, second, status, b, kind, original, b),
             'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=%s; boundary="%s"\nAuto-Submitted: auto-replied\n' % (report, b), sender=sender,
             frm='MAILER-DAEMON@bulk.test (Mail Delivery System)')
    good = 'Reporting-MTA: dns; bulk.test\n\nFinal-Recipient: rfc822; someone@bulk.test\nAction: failed\nStatus: 5.1.1'
    own = 'From: Pills <sales@bulk.test>\nTo: someone@bulk.test\nSubject: Pills\nMessage-ID: <1@bulk.test>\n\nPills http://pills.bulk.test/'
    dsn('other-sender', good, own)
    dsn('other-headers', good, own.split('\n\n')[0], kind='text/rfc822-headers')
    dsn('to-trap', good.replace('someone@bulk.test', '@T@'), own.replace('someone@bulk.test', '@T@'))
    dsn('no-original', good, '', kind='text/plain')
    dsn('html-original', good, '<a href="http://pills.bulk.test/">open the message</a>', kind='text/html')
    dsn('delivered', good.replace('failed', 'delivered').replace('5.1.1', '2.0.0'), own)
    dsn('nonnull', good, own, sender='bounce@bulk.test')
    dsn('bad-fields', 'Reporting-MTA:\n\nFinal-Recipient: nobody\nAction: buy\nStatus: now', own)
    dsn('mdn', 'Reporting-UA: bulk\nFinal-Recipient: rfc822; someone@bulk.test\nDisposition: manual-action/MDN-sent-manually; displayed', own,
        report='disposition-notification', second='message/disposition-notification', text='Read: http://pills.bulk.test/', sender='someone@bulk.test')
    dsn('arf', 'Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1', own, report='feedback-report', second='message/feedback-report',
        text='Answer the complaint: http://pills.bulk.test/', sender='abuse@bulk.test')


def odd():
    big = ''.join('X-Spam-Pad-%04d: %s\n' % (i, 'z' * 60) for i in range(700))
    send('z-hugehead', 'offer', PILLS % 'huge', big)
    send('z-8bithead', '', '', raw=b'From: \xc4\xcf\xc2\xd2\xd9\xca <x@bulk.test>\nTo: you\nSubject: \xf0\xd2\xc5\xc4\xcc\xcf\xd6\xc5\xce\xc9\xc5\n'
         b'Message-ID: <8@bulk.test>\n\n\xf0\xcf\xcb\xd5\xd0\xc1\xca http://x.bulk.test\n', sender='x@bulk.test')
    send('z-noend', 'new', '--N\nContent-Type: text/plain\n\ncheap http://n.bulk.test\n--N\nContent-Type: text/html\n\n<b>cheap</b>\n',
         ALT % ('alternative', 'N'))
    send('z-brokenmime', 'new', '--other\nContent-Type: text/plain\n\ncheap http://n.bulk.test\n--other--\n',
         'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\nContent-Type: text/plain; charset="\n')
    send('z-dupheads', 'one', PILLS % 'dup', 'Subject: two\nFrom: b@bulk.test\nTo: other@trap.example\nContent-Type: text/plain\n'
         'Content-Type: multipart/report; report-type=delivery-status; boundary=q\n')
    send('z-fold', 'one\n two\n\tthree', PILLS % 'fold', 'Content-Type:\n multipart/report;\n\treport-type="delivery-\n status";\n boundary="x"\n')
    send('z-longline', 'long', 'http://l.bulk.test/' + 'q' * 3000 + '\n')
    send('z-nested', 'nest', '--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/report; boundary=c; report-type=delivery-status\n\n'
         '--c\nContent-Type: text/plain\n\npills http://p.bulk.test\n--c--\n--b--\n--a--\n', ALT % ('mixed', 'a'))


if __name__ == '__main__':
    world()
    for part in sys.argv[1:] or 'ordinary forged_headers fake_reports fake_replies whole_reports odd'.split():
        globals()[part]()
    settle(4, 30)
