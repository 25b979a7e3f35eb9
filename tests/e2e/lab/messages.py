"""Texts of the mails that the lab's hosts send."""
import itertools
import time
from email.utils import formatdate

NUMBER = itertools.count(1)


def head(sender, to, subject, domain):
    number = next(NUMBER)
    return ("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%d.%d@%s>\n"
            % (sender, to, subject, formatdate(time.time()), number, time.time_ns(), domain))


def plain(sender, to, subject, text="Hello,\n\nsee you on Tuesday.\n"):
    domain = sender.split("@")[-1] or "mx.example"
    return (head(sender, to, subject, domain) + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
            + text)


def spam(sender, to, subject="Cheap watches"):
    return plain(sender, to, subject, "Buy now: http://watches.example/?id=4711\n")


def newsletter(sender, to, subject):
    return (head(sender, to, subject, sender.split("@")[-1])
            + "List-Id: Club news <news.club.example>\nList-Unsubscribe: <https://club.example/out>\n"
              "Precedence: bulk\n\nNews of the club.\n")


def bounce(to, subject="Undelivered Mail Returned to Sender", domain="bounces.victim.example"):
    """A delivery status notification with its three parts (RFC 3464)."""
    return (head("MAILER-DAEMON@" + domain, to, subject, domain) + """MIME-Version: 1.0
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

Your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; %s

Final-Recipient: rfc822; nobody@victim.example
Action: failed
Status: 5.1.1

--b1
Content-Type: message/rfc822

From: %s
To: nobody@victim.example
Subject: forged
Message-ID: <forged@example.org>

spam
--b1--
""" % (domain, to))


def old_log(host_name, addresses, recipients, days=28, per_day=6, now=None):
    """A mail log of the last weeks in which this host delivered good mail to people, as Postfix writes it."""
    now = int(now or time.time())
    lines = []
    for day in range(days, 2, -1):
        for n in range(per_day):
            for index, address in enumerate(addresses):
                at = now - day * 86400 + n * 900 + index * 60
                lines += delivery(at, "%s[%s]" % (host_name, address), "%X" % (0xA0000000 + at * 16 + n),
                                  "news@" + host_name.split(".", 1)[1], recipients[n % len(recipients)])
    return "".join("%s mx1 postfix/%s\n" % (stamp(at), text) for at, text in lines)


def delivery(at, client, queue_id, sender, recipient):
    """The lines of one accepted and delivered mail."""
    return [(at, "smtpd[2101]: connect from " + client),
            (at, "smtpd[2101]: %s: client=%s" % (queue_id, client)),
            (at, "cleanup[2102]: %s: message-id=<%d@%s>" % (queue_id, at, sender.split("@")[1])),
            (at + 1, "qmgr[2100]: %s: from=<%s>, size=2321, nrcpt=1 (queue active)" % (queue_id, sender)),
            (at + 1, "smtpd[2101]: disconnect from %s ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5" % client),
            (at + 1, "virtual[2103]: %s: to=<%s>, relay=virtual, delay=0.1, delays=0.05/0.01/0/0.04, dsn=2.0.0, "
             "status=sent (delivered to maildir)" % (queue_id, recipient)),
            (at + 1, "qmgr[2100]: %s: removed" % queue_id)]


def stamp(at):
    """Time as in a traditional log line: the day padded with a blank."""
    t = time.localtime(at)
    return "%s %2d %s" % (time.strftime("%b", t), t.tm_mday, time.strftime("%H:%M:%S", t))
