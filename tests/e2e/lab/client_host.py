"""Runs inside the network namespace of one client host; reads one JSON request a line, answers one JSON line.

Ends at end of input, and the namespace with it. Requests: see the op_ functions.
"""
import concurrent.futures
import json
import os
import smtplib
import socket
import subprocess
import sys
import time

SESSIONS = {}


class Session(smtplib.SMTP):
    """smtplib without its own ideas of what follows what; keeps every reply."""

    def __init__(self, request):
        self.replies = []
        super().__init__(timeout=request.get("timeout", 20), source_address=(request["source"], 0))
        self.command_encoding = "utf-8"
        self.started = time.monotonic()

    def say(self, line):
        began = time.monotonic()
        code, text = self.docmd(line) if line is not None else self.getreply()
        self.keep("(answer)" if line is None else line, code, text, began)
        return code

    def keep(self, what, code, text, began):
        self.replies.append({"line": what, "code": code, "text": text.decode("utf-8", "replace"),
                             "seconds": time.monotonic() - began})

    def body(self, text):
        """DATA and the message; returns the code of the reply after the dot."""
        code = self.say("DATA")
        if code != 354:
            return code
        began = time.monotonic()
        data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")
        if not data.endswith(b"\r\n"):
            data += b"\r\n"
        self.send(smtplib._quote_periods(data) + b".\r\n")
        code, text = self.getreply()
        self.keep("(dot)", code, text, began)
        return code


def connect(request):
    """Returns (session, None) or (None, why not)."""
    began = time.monotonic()
    session = Session(request)
    try:
        code, text = session.connect(request["to"], request.get("port", 25))
        session.keep("(connect)", code, text, began)
        return session, None
    except ConnectionRefusedError:
        return None, {"failed": "refused", "seconds": time.monotonic() - began}
    except (socket.timeout, TimeoutError):
        return None, {"failed": "timeout", "seconds": time.monotonic() - began}
    except (smtplib.SMTPServerDisconnected, OSError) as e:
        return None, {"failed": type(e).__name__ + ": " + str(e), "seconds": time.monotonic() - began}


def one_mail(session, mail, request):
    """MAIL, every RCPT, DATA where one was taken. rcpt: [code, text] for each; final: the last reply."""
    codes = []
    session.say("MAIL FROM:<%s>%s" % (mail["sender"], mail.get("mail_options", "")))
    for recipient in mail["recipients"]:
        session.say("RCPT TO:<%s>" % recipient)
        codes.append([session.replies[-1]["code"], session.replies[-1]["text"]])
    if mail.get("rcpt_only"):
        session.say("RSET")
    elif any(code // 100 == 2 for code, _ in codes):
        session.body(mail["text"])
    else:
        session.say("RSET")
    last = session.replies[-1]
    return {"rcpt": codes, "code": last["code"], "text": last["text"], "dot_seconds": last["seconds"]}


def op_mail(request):
    """A whole session: {source, to, port, helo, login, mails: [{sender, recipients, text, rcpt_only}]}."""
    session, failed = connect(request)
    if failed:
        return failed
    mails = []
    try:
        session.say("EHLO " + request.get("helo", "client.example"))
        session.ehlo_resp = session.replies[-1]["text"].encode()
        if request.get("login"):
            session.does_esmtp = True
            session.esmtp_features = {"auth": " PLAIN"}
            session.user, session.password = request["login"]
            began = time.monotonic()
            code, text = session.auth("PLAIN", session.auth_plain)
            session.keep("AUTH", code, text, began)
        for mail in request["mails"]:
            mails.append(one_mail(session, mail, request))
        session.say("QUIT")
    except (smtplib.SMTPException, OSError) as e:
        return {"failed": type(e).__name__ + ": " + str(e), "mails": mails, "replies": session.replies,
                "seconds": time.monotonic() - session.started}
    finally:
        session.close()
    return {"mails": mails, "replies": session.replies, "seconds": time.monotonic() - session.started}


def op_many(request):
    """Several op_mail sessions, `parallel` at a time."""
    with concurrent.futures.ThreadPoolExecutor(request.get("parallel", 4)) as pool:
        return {"sessions": list(pool.map(op_mail, request["sessions"]))}


def op_open(request):
    """Open a session and keep it under request["id"]."""
    session, failed = connect(request)
    if failed:
        return failed
    session.say("EHLO " + request.get("helo", "client.example"))
    SESSIONS[request["id"]] = session
    return session.replies[-1]


def op_say(request):
    session = SESSIONS[request["id"]]
    try:
        session.say(request["line"])
    except (smtplib.SMTPException, OSError) as e:
        return {"failed": type(e).__name__ + ": " + str(e)}
    return session.replies[-1]


def op_body(request):
    session = SESSIONS[request["id"]]
    try:
        session.body(request["text"])
    except (smtplib.SMTPException, OSError) as e:
        return {"failed": type(e).__name__ + ": " + str(e)}
    return session.replies[-1]


def op_bytes(request):
    """Bytes as they are (latin-1), then `replies` replies are read."""
    session = SESSIONS[request["id"]]
    first = len(session.replies)
    try:
        session.sock.sendall(request["data"].encode("latin-1"))
        if request.get("half_close"):
            session.sock.shutdown(socket.SHUT_WR)
        for _ in range(request.get("replies", 0)):
            session.say(None)
    except (smtplib.SMTPException, OSError) as e:
        return {"failed": type(e).__name__ + ": " + str(e), "replies": session.replies[first:]}
    return {"replies": session.replies[first:]}


def op_close(request):
    SESSIONS.pop(request["id"]).close()
    return {}


def op_probe(request):
    """A TCP connection every few ms until the file named in `until` is there: counts, and each connection that was taken."""
    counts, taken = {}, []
    deadline = time.monotonic() + request["seconds"]
    while not os.path.exists(request["until"]) and time.monotonic() < deadline:
        began = time.monotonic()
        with socket.socket(socket.AF_INET6 if ":" in request["to"] else socket.AF_INET) as s:
            s.settimeout(2)
            try:
                s.bind((request["source"], 0))
                s.connect((request["to"], 25))
                result = "taken"
                taken.append(began)
            except OSError as e:
                result = type(e).__name__
        counts[result] = counts.get(result, 0) + 1
        time.sleep(request.get("pause", 0.003))
    return {"counts": counts, "taken": taken}


def op_run(request):
    done = subprocess.run(request["argv"], capture_output=True, text=True, timeout=60)
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr}


def main():
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = globals()["op_" + request["op"]](request)
        except Exception as e:  # the caller's test fails with it
            answer = {"failed": type(e).__name__ + ": " + str(e)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
