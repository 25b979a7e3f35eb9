#!/usr/bin/python3
"""Mail that no program at hand makes: forms of well-known products, newsletters, people's letters.

The text is our own; the header fields and the layout follow what the products
and the standards document. Sent to the trap's MX by SMTP like the rest.
SPDX-License-Identifier: ISC
"""
import base64
import gzip
import quopri

import lab
from lab import MX, inject, settle, trap, world

N = [0]
HOSTS = {'mail.person.test': '192.0.2.140', 'out.newsletter.test': '203.0.113.14'}


def send(kind, what, sender, head, body, bot=3, helo='mail.blumen-weiss.test', options=('BODY=8BITMIME',)):
    """head without To, Date, Message-ID; @T@ becomes the trap."""
    N[0] += 1
    n = N[0]
    t = trap(kind, 'form-' + what if kind not in ('ham', 'newsletter') else 'made-' + what)
    text = head
    if '\nTo:' not in '\n' + head:
        text += 'To: %s\n' % t
    text += 'Date: Sun, 22 Nov 2026 0%d:%02d:00 +0100\nMessage-ID: <%08x.%d@%s>\n' % (
        n % 10, n % 60, 0x5a3c1122 + n * 977, n, helo if '.' in helo else 'host.test')
    raw = (text + '\n' + body).replace('@T@', t).replace('@VERP@', t.replace('@', '='))
    inject(MX, sender.replace('@VERP@', t.replace('@', '=')), [t], raw.encode('utf-8'), bot=bot, helo=helo, options=options)


def qp(text):
    return quopri.encodestring(text.encode()).decode()


def b64(text):
    return base64.encodebytes(text.encode()).decode()


MIME = 'MIME-Version: 1.0\nContent-Type: text/%s; charset=utf-8\nContent-Transfer-Encoding: %s\n'


def receipts():
    def mdn(what, ua, disp, subject, text, sender='', extra='', orig=True, lang=''):
        b = '----=_mdn_%s' % what
        body = '--%s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n--%s\nContent-Type: message/disposition-notification\n\n' % (b, text, b)
        body += '%sFinal-Recipient: rfc822;kim@person.test\nOriginal-Message-ID: <offer.1@trap.example>\nDisposition: %s\n\n' % (
            'Reporting-UA: %s\n' % ua if ua else '', disp)
        if orig:
            body += '--%s\nContent-Type: text/rfc822-headers\n\nFrom: @T@\nTo: kim@person.test\nSubject: Offer\nDisposition-Notification-To: @T@\n\n' % b
        body += '--%s--\n' % b
        send('receipt', what, sender, 'From: Kim Lund <kim@person.test>\nSubject: %s\nReferences: <offer.1@trap.example>\n%s'
             'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification;\n boundary="%s"\n' % (subject, extra, b), body)
    mdn('tb-read', 'person.test; Thunderbird-like 115.0', 'manual-action/MDN-sent-manually; displayed', 'Return Receipt (displayed) - Offer',
        'This is a Return Receipt for the mail that you sent to kim@person.test.\n\nNote: This Return Receipt only acknowledges that the message was '
        'displayed on the recipient\'s computer.\n')
    mdn('tb-read-de', 'person.test; Thunderbird-like 115.0', 'manual-action/MDN-sent-manually; displayed', '=?utf-8?Q?Empfangsbest=C3=A4tigung?= (angezeigt) - Offer',
        'Dies ist eine Empfangsbest\u00e4tigung f\u00fcr eine Nachricht an kim@person.test.\n')
    mdn('ol-read', '', 'automatic-action/MDN-sent-automatically; displayed', 'Read: Offer', 'Your message\n\n  To: Kim Lund\n  Subject: Offer\n  Sent: 22.11.2026 '
        '01:00\n\nwas read on 22.11.2026 01:05.\n', extra='Thread-Topic: Offer\nX-MS-Has-Attach: \n', orig=False)
    mdn('ol-deleted', '', 'automatic-action/MDN-sent-automatically; deleted', 'Not read: Offer', 'Your message was deleted without being read.\n',
        sender='kim@person.test', orig=False)
    mdn('ol-gelesen', '', 'automatic-action/MDN-sent-automatically; displayed', 'Gelesen: Offer', 'Ihre Nachricht wurde am 22.11.2026 gelesen.\n',
        sender='kim@person.test', orig=False)
    mdn('fr-lu', 'webmail.person.test; Webmail 1.6', 'manual-action/MDN-sent-manually; displayed', 'Lu : Offer', 'Ceci est un accus\u00e9 de lecture.\n')
    mdn('web-es', 'webmail.person.test; Webmail 1.6', 'manual-action/MDN-sent-automatically; displayed', 'Confirmacion de lectura', 'Acuse de recibo de lectura.\n',
        sender='kim@person.test')
    mdn('dispatched', 'MailClient 8', 'manual-action/MDN-sent-manually; dispatched', 'Disposition notification', 'The message was forwarded.\n')
    mdn('denied', 'mail.person.test; srv', 'automatic-action/MDN-sent-automatically; processed/error', 'Receipt', 'The message could not be shown.\n')
    send('receipt', 'oldtext', 'kim@person.test', 'From: Kim <kim@person.test>\nSubject: Registered: kim@person.test\nX-MailServer-Receipt: yes\n',
         'Confirmation of reading: your message "Offer" was read at 01:05.\n')


def feedback():
    def arf(what, kind, extra, orig='message/rfc822', sender='', rtype='feedback-report'):
        b = 'arf_%s_b1' % what
        send('feedback', what, sender, 'From: feedback loop <fbl@isp.test>\nSubject: FW: Cheap watches\nMIME-Version: 1.0\nContent-Type: multipart/report; '
             'report-type=%s; boundary="%s"\n' % (rtype, b),
             '--%s\nContent-Type: text/plain; charset="US-ASCII"\nContent-Transfer-Encoding: 7bit\n\nThis is an email abuse report for an email message received '
             'from IP 192.0.2.77 on Sun, 22 Nov 2026.\n\n--%s\nContent-Type: message/feedback-report\n\nFeedback-Type: %s\nUser-Agent: Loop/1.1\nVersion: 1\n%s\n'
             '--%s\nContent-Type: %s\nContent-Disposition: inline\n\nReceived: from x (192.0.2.77)\nFrom: @T@\nTo: someone@isp.test\nSubject: Cheap watches\n'
             'Message-ID: <w1@trap.example>\n\nwatches\n--%s--\n' % (b, b, kind, extra, b, orig, b))
    arf('abuse', 'abuse', 'Original-Mail-From: <@T@>\nSource-IP: 192.0.2.77\nReported-Domain: trap.example\n')
    arf('min', 'abuse', '')
    arf('fraud', 'fraud', 'Arrival-Date: Sun, 22 Nov 2026 01:00:00 +0000\nIncidents: 3\n', sender='fbl@isp.test')
    arf('headers', 'abuse', 'Original-Rcpt-To: <redacted@isp.test>\n', orig='text/rfc822-headers', sender='fbl-bounces@isp.test')
    arf('optout', 'opt-out', 'Removal-Recipient: someone@isp.test\n')
    xml = ('<?xml version="1.0" encoding="UTF-8"?>\n<feedback><report_metadata><org_name>isp.test</org_name><email>dmarc@isp.test</email><report_id>%d</report_id>'
           '<date_range><begin>1795219200</begin><end>1795305599</end></date_range></report_metadata><policy_published><domain>trap.example</domain><p>none</p>'
           '</policy_published><record><row><source_ip>203.0.113.177</source_ip><count>4</count></row><identifiers><header_from>trap.example</header_from>'
           '</identifiers></record></feedback>\n')
    for n, (org, mt) in enumerate((('isp.test', 'application/gzip'), ('webmail.test', 'application/zip'), ('firma.test', 'application/gzip'), ('uni.test', 'application/x-gzip'))):
        name = '%s!trap.example!1795219200!1795305599.xml.gz' % org
        data = base64.encodebytes(gzip.compress((xml % n).encode(), mtime=0)).decode()
        head = 'From: noreply-dmarc@%s\nSubject: Report Domain: trap.example Submitter: %s Report-ID: <%d>\nMIME-Version: 1.0\n' % (org, org, 77 + n)
        part = 'Content-Type: %s; name="%s"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="%s"\n' % (mt, name, name)
        if n % 2:
            send('feedback', 'dmarc-' + org.split('.')[0], ['', 'noreply-dmarc@' + org][n // 2], head + part, data)
        else:
            send('feedback', 'dmarc-' + org.split('.')[0], 'noreply-dmarc@' + org, head + 'Content-Type: multipart/mixed; boundary="r%d"\nAuto-Submitted: auto-generated\n' % n,
                 '--r%d\nContent-Type: text/plain\n\nThis is an aggregate report from %s.\n--r%d\n%s\n%s--r%d--\n' % (n, org, n, part, data, n))
    send('feedback', 'tlsrpt', 'tls-noreply@isp.test', 'From: tls-noreply@isp.test\nSubject: Report Domain: trap.example Submitter: isp.test Report-ID: <x@isp.test>\n'
         'TLS-Report-Domain: trap.example\nTLS-Report-Submitter: isp.test\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type="tlsrpt"; boundary="tr"\n',
         '--tr\nContent-Type: text/plain\n\nThis is an aggregate TLS report.\n--tr\nContent-Type: application/tlsrpt+json\n\n{"organization-name":"isp.test",'
         '"report-id":"x","policies":[]}\n--tr--\n')


def bounces():
    """Old servers' bounces as documented: not multipart/report, some with a sender."""
    orig = 'From: @T@\nTo: b.klein@firma.test\nSubject: Angebot\nDate: Sun, 22 Nov 2026 00:58:00 +0000\n'
    send('bounce-nonnull', 'exch55', 'postmaster@firma.test', 'From: System Administrator <postmaster@firma.test>\nSubject: Undeliverable: Angebot\n'
         'X-Mailer: Internet Mail Service (5.5.2653.19)\nMIME-Version: 1.0\nX-MS-Embedded-Report: \nContent-Type: multipart/mixed;\n boundary="----_=_NextPart_000_01C1"\n',
         'This message is in MIME format.\n\n------_=_NextPart_000_01C1\nContent-Type: text/plain\n\nYour message\n\n  To:      b.klein@firma.test\n  Subject: Angebot\n'
         '  Sent:    Sun, 22 Nov 2026 00:58:00 -0000\n\ndid not reach the following recipient(s):\n\nb.klein@firma.test on Sun, 22 Nov 2026 00:59:00 -0000\n'
         '    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=de;a= ;p=firma;l=POST\n    MSEXCH:IMS:Firma:BERLIN:POST 0 (000C05A6) '
         'Unknown Recipient\n\n------_=_NextPart_000_01C1\nContent-Type: message/rfc822\n\n' + orig + '\nHallo\n------_=_NextPart_000_01C1--\n')
    send('bounce-nonnull', 'exch-de', 'administrator@firma.test', 'From: Systemadministrator <administrator@firma.test>\nSubject: Unzustellbar: Angebot\n' + MIME % ('plain', '8bit'),
         'Ihre Nachricht hat einige oder alle Empf\u00e4nger nicht erreicht.\n\n      Betreff:  Angebot\n      Gesendet am:  22.11.2026 00:58\n\nFolgende(r) Empf\u00e4nger '
         'kann/k\u00f6nnen nicht erreicht werden:\n\n      b.klein@firma.test am 22.11.2026 00:59\n            Das E-Mail-Konto ist in der Organisation nicht vorhanden.\n'
         '            <post.firma.test #5.1.1>\n')
    send('bounce-nonnull', 'groupwise', 'Mailer-Daemon@amt.test', 'From: Mailer-Daemon@amt.test\nSubject: Message status - undeliverable\nX-Mailer: Novell GroupWise like 6.5\n',
         'The message that you sent was undeliverable to the following:\n\n\tb.klein (b.klein@amt.test)\n\nPossibly truncated original message follows:\n\n' + orig + '\nHallo\n')
    send('bounce-nonnull', 'msn', 'postmaster@webmail.test', 'From: postmaster@webmail.test\nSubject: Delivery Status Notification (Failure)\nMIME-Version: 1.0\n'
         'Content-Type: multipart/report; report-type=delivery-status;\n boundary="9B095B5ADSN=_01"\n',
         'This is a MIME-formatted message.\n\n--9B095B5ADSN=_01\nContent-Type: text/plain; charset=unicode-1-1-utf-7\n\nThis is an automatically generated Delivery Status '
         'Notification.\n\nDelivery to the following recipients failed.\n\n       b.klein@webmail.test\n\n--9B095B5ADSN=_01\nContent-Type: message/delivery-status\n\n'
         'Reporting-MTA: dns;mc1.webmail.test\nReceived-From-MTA: dns;dsl-77.pool.example.net\n\nFinal-Recipient: rfc822;b.klein@webmail.test\nAction: failed\nStatus: 5.5.0\n'
         'Diagnostic-Code: smtp;550 Requested action not taken: mailbox unavailable\n\n--9B095B5ADSN=_01\nContent-Type: message/rfc822\n\n' + orig + '\nHi\n--9B095B5ADSN=_01--\n')
    send('bounce-nonnull', 'domino', 'notes@werk.test', 'From: notes@werk.test\nSubject: DELIVERY FAILURE: User klein (klein@werk.test) not listed in Domino Directory\n'
         'MIME-Version: 1.0\nX-MIMETrack: Itemize by SMTP Server on HUB/WERK(Release 8.5)\nContent-Type: multipart/report; report-type=delivery-status; boundary="==IFJR"\n',
         '--==IFJR\nContent-Type: text/plain; charset=us-ascii\n\nYour message\n\n  Subject: Angebot\n\nwas not delivered to:\n\n  klein@werk.test\n\nbecause:\n\n  User klein '
         '(klein@werk.test) not listed in Domino Directory\n\n--==IFJR\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;hub.werk.test\n\nFinal-Recipient: '
         'rfc822;klein@werk.test\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; User klein not listed\n\n--==IFJR--\n')
    send('dsn', 'gmail-like', '', 'From: Mail Delivery Subsystem <mailer-daemon@bigmail.test>\nAuto-Submitted: auto-replied\nSubject: Delivery Status Notification (Failure)\n'
         'X-Failed-Recipients: b.klein@bigmail.test\nReferences: <offer.1@trap.example>\nIn-Reply-To: <offer.1@trap.example>\nMIME-Version: 1.0\n'
         'Content-Type: multipart/report; boundary="0000000000009"; report-type=delivery-status\n',
         '--0000000000009\nContent-Type: multipart/related; boundary="00000000000a"\n\n--00000000000a\nContent-Type: multipart/alternative; boundary="00000000000b"\n\n'
         '--00000000000b\nContent-Type: text/plain; charset="UTF-8"\n\n** Address not found **\n\nYour message wasn\'t delivered to b.klein@bigmail.test.\n\n--00000000000b\n'
         'Content-Type: text/html; charset="UTF-8"\n\n<html><body><h2>Address not found</h2></body></html>\n--00000000000b--\n--00000000000a--\n--0000000000009\n'
         'Content-Type: message/delivery-status\n\nReporting-MTA: dns; bigmail.test\nArrival-Date: Sun, 22 Nov 2026 00:58:00 -0800 (PST)\nX-Original-Message-ID: '
         '<offer.1@trap.example>\n\nFinal-Recipient: rfc822; b.klein@bigmail.test\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550-5.1.1 The email account does '
         'not exist.\n\n--0000000000009\nContent-Type: message/rfc822\n\n' + orig + '\nHi\n--0000000000009--\n')
    send('dsn', 'm365-like', '', 'From: <postmaster@firma365.test>\nSubject: Undeliverable: Angebot\nContent-Language: en-US\nX-MS-Exchange-Message-Is-Ndr: \nAuto-Submitted: auto-replied\n'
         'X-Auto-Response-Suppress: DR, OOF, AutoReply\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary="7d2f_ndr"\n',
         '--7d2f_ndr\nContent-Type: multipart/alternative; differences=Content-Type;\n\tboundary="7d2f_alt"\n\n--7d2f_alt\nContent-Type: text/plain; charset="us-ascii"\n\n'
         'Your message to b.klein@firma365.test couldn\'t be delivered.\n\n--7d2f_alt\nContent-Type: text/html; charset="us-ascii"\n\n<html><body><p>Your message to '
         '<b>b.klein</b> couldn\'t be delivered.</p></body></html>\n--7d2f_alt--\n\n--7d2f_ndr\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;DB7.firma365.test\n'
         'Received-From-MTA: dns;dsl-77.pool.example.net\nArrival-Date: Sun, 22 Nov 2026 00:58:00 +0000\n\nFinal-Recipient: rfc822;b.klein@firma365.test\nAction: failed\n'
         'Status: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound\n\n--7d2f_ndr\nContent-Type: message/rfc822\n\n' + orig + '\nHi\n--7d2f_ndr--\n')


def replies():
    for what, sender, head, body in (
            ('ol-ooo', '', 'From: Kim Lund <kim@firma365.test>\nSubject: Automatic reply: Angebot\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n'
             'X-MS-Exchange-Inbox-Rules-Loop: kim@firma365.test\nIn-Reply-To: <a.1@trap.example>\n' + MIME % ('html', '7bit'), '<html><body><p>I am out of the office.</p></body></html>\n'),
            ('ol-ooo-de', '', 'From: Kim Lund <kim@firma365.test>\nSubject: Automatische Antwort: Angebot\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n'
             + MIME % ('plain', '8bit'), 'Ich bin zur\u00fcck am 4.12.\n'),
            ('exch-ooo', 'kim@firma.test', 'From: Kim Lund <kim@firma.test>\nSubject: Out of Office AutoReply: Angebot\nX-MS-TNEF-Correlator: \n', 'I am on holiday.\n'),
            ('notes-ooo', 'kim@werk.test', 'From: kim@werk.test\nSubject: Kim Lund is out of the office.\nX-MIMETrack: Serialize by Router\n', 'I will be out of the office starting 20.11.2026.\n'),
            ('gw-ooo', 'kim@amt.test', 'From: kim@amt.test\nSubject: Re: Angebot (Abwesenheit)\nX-Autoreply: yes\nX-Autorespond: Angebot\n', 'Bin nicht da.\n'),
            ('ticket', 'support@shop.test', 'From: Support <support@shop.test>\nSubject: [Ticket#20261122001] Angebot\nAuto-Submitted: auto-replied\nX-Powered-By: Helpdesk\n'
             'Precedence: bulk\n', 'Thank you. Your request has the number 20261122001.\n'),
            ('gone', 'kim@alt.test', 'From: kim@alt.test\nSubject: New address\nX-Autogenerated: Reply\n', 'I no longer work here. Write to info@alt.test.\n'),
            ('cpanel', 'kim@web.test', 'From: kim@web.test\nSubject: Re: Angebot\nX-Precedence: auto_reply\nX-Loop: kim@web.test\nAuto-Submitted: auto-replied\n', 'Thanks, I will answer soon.\n')):
        send('autoreply', what, sender, head, body)
    for what, sender, subj, body in (
            ('boxtrapper', 'kim@web.test', 'Your email requires verification verify#a8d7-1795-22', 'The message you sent requires that you verify that you are a real live human being.\nReply to this message, leaving the subject line intact.\n'),
            ('spamarrest', '', 'Re: Angebot (verification)', 'I am protecting myself from junk. Please click http://cr.guard.test/v?k=91 to complete the verification.\n'),
            ('ask', 'kim@web.test', 'Please confirm (conf#0a9d8f7c6b5a49382716)', 'Diese Nachricht wartet auf Best\u00e4tigung. Antworten Sie, ohne den Betreff zu \u00e4ndern.\n'),
            ('qconfirm', 'kim-return@web.test', 'confirm your mail to kim@web.test', 'Hi, this is the qconfirm mail-handling program.\n\nPlease reply to confirm.\n\n--- Below the header of your mail.\n\nFrom: @T@\nSubject: Angebot\n')):
        send('challenge', what, sender, 'From: Kim <kim@web.test>\nSubject: %s\nAuto-Submitted: auto-replied\n%s' % (subj, MIME % ('plain', '8bit')), body)
    for what, sender, subj, head, body in (
            ('web-shop', 'noreply@shop.test', 'Confirm your e-mail address', 'Auto-Submitted: auto-generated\n', 'Please confirm: https://shop.test/c/1f2e3d\n'),
            ('newsletter-de', 'bounce-@VERP@@newsletter.test', '=?utf-8?Q?Bitte_best=C3=A4tigen_Sie_Ihre_Anmeldung?=', '', 'Klicken Sie zum Best\u00e4tigen: https://newsletter.test/doi/9981\n'),
            ('majordomo', 'Majordomo-Owner@listen.test', 'Confirmation for subscribe tech', 'Reply-To: majordomo@listen.test\n', 'Someone (possibly you) has requested that your email address be added\nto the mailing list "tech@listen.test".\n\n\tauth 1f2e3d4c subscribe tech @T@\n'),
            ('listserv', 'owner-listserv@uni.test', 'Command confirmation request (A1B2C3D4)', 'X-LSV-ListID: None\n', 'Your command: SUBSCRIBE CHESS\n\nhas been received. You must now reply to this message (OK).\n'),
            ('sympa', 'sympa-request@verein2.test', 'AUTH 6d7c8a subscribe tanz', 'Auto-Submitted: auto-replied\nX-Loop: sympa@verein2.test\nPrecedence: bulk\n', 'To confirm, answer with:\n\n  AUTH 6d7c8a subscribe tanz @T@\n'),
            ('mailman2', 'klub-bounces@listen2.test', 'confirm 0f9e8d7c6b5a', 'Reply-To: klub-request@listen2.test\nX-Mailman-Version: 2.1.39\nX-BeenThere: klub@listen2.test\nX-List-Administrivia: yes\nList-Id: <klub.listen2.test>\nPrecedence: bulk\n',
             'Mailing list subscription confirmation notice for mailing list Klub\n\nWe have received a request from 203.0.113.177 for subscription of your\nemail address, "@T@".\n'),
            ('ezmlm', 'tanz-return-@listen3.test', 'confirm subscribe to tanz@listen3.test', 'Mailing-List: contact tanz-help@listen3.test; run by ezmlm\nReply-To: tanz-sc.1795.abcdef-@VERP@@listen3.test\nDelivered-To: responder for tanz@listen3.test\n',
             'Hi! This is the ezmlm program. To confirm that you would like\n\n   @T@\n\nadded to the tanz mailing list, please send a short reply.\n')):
        send('confirm', what, sender, 'From: %s\nSubject: %s\n%s%s' % (sender.replace('-@VERP@', ''), subj, head, MIME % ('plain', '8bit')), body)
    for what, sender, subj, body in (
            ('isp', '', 'Mailbox 95% full', 'Your mailbox is 95 % full. New mail will be refused when it is full.\n'),
            ('isp-fr', 'postmaster@fai.test', 'Votre bo\u00eete est pleine', 'Votre bo\u00eete est pleine \u00e0 95 %.\n'),
            ('host-it', 'root@web.test', '[web.test] Avviso quota disco', 'La casella @T@ usa il 96% dello spazio.\n'),
            ('recipient-full', 'kim@web.test', 'Mailbox full', 'The mailbox of kim@web.test is full. Your message is kept for 3 days.\n')):
        send('quota', what, sender, 'From: Mail System <%s>\nSubject: %s\nAuto-Submitted: auto-generated\n%s' % (sender or 'postmaster@isp.test', subj, MIME % ('plain', '8bit')), body)


def newsletters():
    one = 'List-Unsubscribe: <https://newsletter.test/u/%d>, <mailto:u-%d@newsletter.test>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n'
    shops = [('garden', 'Autumn in the garden', 'en'), ('buecher', 'Neue B\u00fccher im November', 'de'), ('theatre', 'Le programme de d\u00e9cembre', 'fr'), ('museo', 'Novedades del museo', 'es'),
             ('sklep', 'Nowo\u015bci w sklepie', 'pl'), ('church', 'Parish letter', 'en'), ('software', 'Release 4.2 is out', 'en'), ('bank', 'Ihr Kontoauszug ist da', 'de'),
             ('airline', 'Your bonus statement', 'en'), ('radio', '\u041d\u043e\u0432\u043e\u0441\u0442\u0438 \u0440\u0430\u0434\u0438\u043e', 'ru'), ('school', 'Elternbrief', 'de'),
             ('meteo', '\u5929\u6c17\u306e\u304a\u77e5\u3089\u305b', 'ja'), ('shipping', 'Your order has been sent', 'en'), ('forum', 'New reply to your topic', 'en')]
    for n, (what, subj, lang) in enumerate(shops):
        enc = '=?utf-8?B?%s?=' % base64.b64encode(subj.encode()).decode()
        head = 'From: %s news <news@%s.test>\nSubject: %s\n' % (what, what, enc if n % 2 or not subj.isascii() else subj)
        head += [one % (n, n), 'List-Unsubscribe: <mailto:leave-%d@newsletter.test>\nPrecedence: bulk\n' % n, 'List-Id: <%s.newsletter.test>\nFeedback-ID: %d:news\n' % (what, n) + one % (n, n),
                 'X-Campaign: %d\nX-Mailer: Sender 3\nAuto-Submitted: auto-generated\n' % n][n % 4]
        if n % 3 == 0:
            head += 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="nl%d"\n' % n
            body = '--nl%d\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n%s\n--nl%d\nContent-Type: text/html; charset=utf-8\n' \
                   'Content-Transfer-Encoding: quoted-printable\n\n%s\n--nl%d--\n' % (n, qp(subj + '\n\nhttps://%s.test/\n' % what), n, qp('<h1>%s</h1><p><a href="https://%s.test/">more</a></p>' % (subj, what)), n)
        else:
            head += MIME % ('html' if n % 3 == 1 else 'plain', 'base64')
            body = b64('<h1>%s</h1><p>https://%s.test/</p>\n' % (subj, what))
        send('newsletter', what, 'bounce+%d.@VERP@@newsletter.test' % n, head, body, helo='out.newsletter.test')


def ham():
    letters = [('lunch', 'Lunch on Friday?', 'Hi,\n\nare you free on Friday at noon? The place at the corner has soup.\n\nMia\n'),
               ('anfrage', 'Anfrage Ersatzteil', 'Guten Tag,\n\nhaben Sie die Dichtung Nr. 4411 noch auf Lager? Wir br\u00e4uchten zwei St\u00fcck.\n\nGr\u00fc\u00dfe\nT. Wolf\n'),
               ('devis', 'Demande de devis', 'Bonjour,\n\npourriez-vous nous envoyer un devis pour 12 chaises ?\n\nCordialement\nL. Petit\n'),
               ('reply', 'Re: minutes of the meeting', 'Thanks, two remarks below.\n\n> 1. The roof is done.\nNot quite, the gutter is missing.\n'),
               ('typo', 'Fotos vom Sommer', 'Hallo Anna,\n\nhier die Fotos, wie versprochen. Lag die Adresse richtig?\n\nOpa\n'),
               ('job', 'Application as a gardener', 'Dear Ms Lind,\n\nI apply for the position in your advertisement. My papers are attached.\n'),
               ('pytanie', 'Pytanie o termin', 'Dzie\u0144 dobry,\n\nczy termin 4 grudnia jest nadal aktualny?\n\nIwona\n'),
               ('russian', '\u0412\u043e\u043f\u0440\u043e\u0441', '\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439\u0442\u0435!\n\n\u041a\u043e\u0433\u0434\u0430 \u043c\u043e\u0436\u043d\u043e \u0437\u0430\u0431\u0440\u0430\u0442\u044c \u043a\u043d\u0438\u0433\u0443?\n'),
               ('japanese', '\u4f1a\u8b70\u306e\u4ef6', '\u660e\u65e5\u306e\u4f1a\u8b70\u306f\u5341\u6642\u304b\u3089\u3067\u3059\u3002\n'),
               ('short', 'ok', 'ok\n'), ('nosubject', '', 'see you at 8\n'), ('spanish', 'Presupuesto', 'Hola, \u00bfme env\u00eda el presupuesto?\n'),
               ('bounce-question', 'My mail to you came back', 'Hi,\n\nI got this from your server, can you check?\n\n> <mia@person.test>: host mx1.example.com said: 550 5.1.1 User unknown\n> Undelivered Mail Returned to Sender\n'),
               ('away', 'Out of office next week', 'Hi,\n\njust to let you know I am out of office next week. The key is with Tom.\n'),
               ('abuse', 'Spam from your network', 'Hello,\n\nwe got spam from 192.0.2.77 on Sunday. Please look into it.\n'),
               ('quota', 'Re: mailbox full?', 'Your mailbox was full yesterday, so I send it again.\n'),
               ('confirm', 'Please confirm the date', 'Hi, please confirm 4 December, 10:00.\n'), ('list', 'the mailing list for the club', 'Who runs the list now? I want to unsubscribe.\n')]
    uas = ['User-Agent: Mozilla Thunderbird\n', 'X-Mailer: Apple Mail (2.3654)\n', 'X-Mailer: Microsoft Outlook 16.0\nThread-Index: AdrAxyz\n', 'User-Agent: Mutt/2.2.9\n', 'X-Mailer: webmail\n', '']
    for n, (what, subj, body) in enumerate(letters):
        enc = subj if subj.isascii() else '=?utf-8?B?%s?=' % base64.b64encode(subj.encode()).decode()
        who = ['Mia Berg <mia@person.test>', 'tom@person.test', '"T. Wolf" <wolf@werk.test>', 'Iwona <iwona@biuro.test>'][n % 4]
        head = 'From: %s\nSubject: %s\n%s' % (who, enc, uas[n % 6])
        form = n % 4
        if form == 0 or (form == 3 and not body.isascii()):
            head += 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: 8bit\n'
        elif form == 1:
            head += MIME % ('plain', 'quoted-printable')
            body = qp(body)
        elif form == 2:
            head += 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="Apple-%d"\nReferences: <old.%d@trap.example>\n' % (n, n)
            body = '--Apple-%d\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n--Apple-%d\nContent-Type: text/html; charset=utf-8\n' \
                   'Content-Transfer-Encoding: 8bit\n\n<html><body>%s</body></html>\n--Apple-%d--\n' % (n, body, n, body.replace('\n', '<br>'), n)
        send('ham', what, who.split('<')[-1].strip('>'), head, body, bot=2, helo='mail.person.test')
    send('ham', 'forwarded-bounce', 'mia@person.test', 'From: Mia Berg <mia@person.test>\nSubject: Fwd: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n'
         'Content-Type: multipart/mixed; boundary="fw"\n', '--fw\nContent-Type: text/plain\n\nCan you look at this?\n--fw\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@kontor.test\n'
         'Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="in"\n\n--in\nContent-Type: text/plain\n\n'
         'not delivered\n--in\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; kontor.test\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.1.1\n\n--in--\n--fw--\n',
         bot=2, helo='mail.person.test')
    send('ham', 'attachment', 'tom@person.test', 'From: Tom <tom@person.test>\nSubject: the plan\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="at"\n',
         '--at\nContent-Type: text/plain\n\nHere it is.\n--at\nContent-Type: application/pdf; name="plan.pdf"\nContent-Transfer-Encoding: base64\n\n' + b64('%PDF-1.4 made up\n' * 40) + '--at--\n', bot=2, helo='mail.person.test')


if __name__ == '__main__':
    lab.A['mail.person.test.'] = lab.BOTS[2]
    world()
    receipts()
    feedback()
    bounces()
    replies()
    newsletters()
    ham()
    settle(4, 30)
