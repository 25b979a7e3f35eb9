"""Runs inside the network namespace of one client host: sends the mails it is told to, several at a time.

One JSON line in for each mail: {id, source, to, sender, recipients, text, rcpt_only}. One JSON line out when its fate
is known: {id, fate, code, text, rcpt, tries, seconds}. fate: answered (a reply to the last command), refused (the
kernel refused the connection), silent (no reply in all tries). What got no reply is tried again, the same text.
"""
import concurrent.futures
import json
import smtplib
import socket
import sys
import threading
import time

from client_host import Session, one_mail

PARALLEL = 24
TRIES = 12
PAUSE = 0.5
SAY = threading.Lock()


class Anywhere(Session):
    """From any address of the networks routed to this host."""

    def _get_socket(self, host, port, timeout):
        six = ":" in host
        made = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        made.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, 78 if six else 15, 1)  # FREEBIND
        made.settimeout(timeout)
        made.bind(self.source_address)
        try:
            made.connect((host, port))
        except OSError:
            made.close()
            raise
        return made


def once(job):
    """A whole session; what op_mail's mails have, or None for no answer."""
    session = Anywhere(job)
    try:
        session.connect(job["to"], 25)
        session.say("EHLO " + job["helo"])
        mail = one_mail(session, job, job)
        try:
            session.say("QUIT")
        except (smtplib.SMTPException, OSError):
            pass
        return mail
    except ConnectionRefusedError:
        return {"fate": "refused"}
    except (smtplib.SMTPException, OSError):
        return None
    finally:
        session.close()


def send(job):
    began = time.monotonic()
    answer = {"fate": "silent"}
    tries = 0
    while tries < TRIES:
        tries += 1
        mail = once(job)
        if mail:
            answer = {"fate": "answered", **mail}
            break
        time.sleep(PAUSE)
    answer.update(id=job["id"], tries=tries, seconds=time.monotonic() - began)
    with SAY:
        print(json.dumps(answer), flush=True)


def main():
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for line in sys.stdin:
            pool.submit(send, json.loads(line))


if __name__ == "__main__":
    main()
