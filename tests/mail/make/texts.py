"""Messages of strangers that forge a trap as sender: what bounces are made of.
SPDX-License-Identifier: ISC
"""
import base64
import quopri

PLAIN = '''Received: from pc-4411 ([203.0.113.177]) by relay.bulk.test with SMTP; Sun, 22 Nov 2026 03:11:07 +0000
From: %(from)s
To: %(to)s
Subject: Lower your mortgage payment today
Date: Sun, 22 Nov 2026 03:11:05 +0000
Message-ID: <%(n)s.4411@relay.bulk.test>

Dear home owner,

you have been pre-approved for a 402,000 USD loan at 3.45%% fixed.
No credit check. Apply in 60 seconds: http://loans.bulk.test/?id=%(n)s

To stop, write to remove@bulk.test
'''

HTML = '''From: "Online Apotheke" <%(from)s>
To: <%(to)s>
Subject: =?utf-8?Q?Medikamente_g=C3=BCnstig_ohne_Rezept?=
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable
Message-ID: <apo-%(n)s@bulk.test>
Date: Sun, 22 Nov 2026 04:20:00 +0100

<html><body><h1>G=C3=BCnstige Medikamente</h1><p><a href=3D"http://pillen.bulk.test/%(n)s">Hier klicken</a></p>
<img src=3D"http://pillen.bulk.test/p.gif?u=3D%(n)s"></body></html>
'''

ALT = '''From: Casino Royal <%(from)s>
To: %(to)s
Subject: 200 free spins for you
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="----=_Next_%(n)s"
Message-ID: <%(n)s@casino.bulk.test>
Date: Sat, 21 Nov 2026 22:00:01 -0500
X-Mailer: Microsoft Outlook Express 6.00.2900.5512

------=_Next_%(n)s
Content-Type: text/plain; charset="iso-8859-1"

200 free spins wait for you at http://casino.bulk.test/

------=_Next_%(n)s
Content-Type: text/html; charset="iso-8859-1"

<b>200 free spins</b> <a href="http://casino.bulk.test/">here</a>
------=_Next_%(n)s--
'''

RUSSIAN = '''From: %(from)s
To: %(to)s
Subject: =?koi8-r?B?''' + base64.b64encode('\u0421\u0435\u043c\u0438\u043d\u0430\u0440 \u0434\u043b\u044f \u0431\u0443\u0445\u0433\u0430\u043b\u0442\u0435\u0440\u043e\u0432'.encode('koi8-r')).decode() + '''?=
MIME-Version: 1.0
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: base64
Message-ID: <sem%(n)s@bulk.test>

''' + base64.b64encode('\u041f\u0440\u0438\u0433\u043b\u0430\u0448\u0430\u0435\u043c \u043d\u0430 \u0441\u0435\u043c\u0438\u043d\u0430\u0440 24 \u043d\u043e\u044f\u0431\u0440\u044f.\n'.encode('koi8-r')).decode()

FRENCH = '''From: Service Client <%(from)s>
To: %(to)s
Subject: Votre colis est en attente
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable
Message-ID: <colis.%(n)s@bulk.test>

''' + quopri.encodestring('Votre colis n\u00b0 %(n)s est bloqu\u00e9. Payez 1,99 \u20ac : http://colis.bulk.test/\n'.encode()).decode()

EIGHT = '''From: %(from)s
To: %(to)s
Subject: Angebot f\u00fcr Sie
Message-ID: <8bit%(n)s@bulk.test>

Gr\u00fc\u00dfe! Billige Uhren: http://uhren.bulk.test/%(n)s
'''

LONG = PLAIN.replace('\n\nDear', '\n' + ''.join('X-Pad-%d: %s\n' % (i, 'pad ' * 12) for i in range(40)) + '\nDear')
NOHEAD = 'You have won 1,000,000 EUR. Reply with your bank account.\n'
ALL = [PLAIN, HTML, ALT, RUSSIAN, FRENCH, EIGHT]


def original(i, sender, to):
    text = ALL[i % len(ALL)]
    if '%(to)s' not in text:
        return text
    head = text % {'from': sender, 'to': to, 'n': 70311 + 7 * i}
    return head
