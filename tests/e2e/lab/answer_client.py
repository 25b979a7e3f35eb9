"""A client of the answerer in a blocked host's namespace: python3 answer_client.py TO SOURCE WHAT [ARGUMENT...].

Prints one JSON object. The client's own library is as little between the bytes and the server as can be.
"""
import hashlib
import json
import os
import select
import socket
import ssl
import sys
import time

PATIENCE = 40.0


def lowest():
    """No certificate is looked at: that is how mail is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    def __init__(self, to, source):
        self.sock = socket.create_connection((to, 25), PATIENCE, (source, 0))
        self.sock.settimeout(PATIENCE)
        self.rest = b""

    def line(self):
        """One line; "" at the end."""
        while b"\n" not in self.rest:
            try:
                more = self.sock.recv(4096)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                line, self.rest = self.rest, b""
                return line.decode("latin-1")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("latin-1").rstrip("\r")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return lines

    def ask(self, text):
        self.sock.sendall(text.encode("latin-1") + b"\r\n")
        return self.reply()

    def starttls(self, behind=b""):
        self.sock.sendall(b"STARTTLS\r\n" + behind)
        reply = self.reply()
        if reply[0][:3] == "220":
            self.sock = lowest().wrap_socket(self.sock)
            self.rest = b""
        return reply

    def secure(self):
        """Up to EHLO in TLS; waits until it is offered: others before us may still be leaving."""
        deadline = time.monotonic() + PATIENCE
        reply = self.hello()
        while "250-STARTTLS" not in reply and time.monotonic() < deadline:
            select.select([], [], [], 0.2)
            reply = self.ask("EHLO client.example")
        self.starttls()
        return self.ask("EHLO client.example")

    def hello(self):
        self.reply()
        return self.ask("EHLO client.example")


def mail(client):
    """MAIL, RCPT, QUIT: their replies."""
    return [client.ask(line)[-1] for line in
            ("MAIL FROM:<offers@other.example>", "RCPT TO:<alice@example.org>", "QUIT")]


def do_tls(client):
    seen = {"plain": client.hello(), "starttls": client.starttls()}
    seen["version"] = client.sock.version()
    seen["certificate"] = hashlib.sha256(client.sock.getpeercert(True)).hexdigest()
    seen["secret"] = client.ask("EHLO client.example")
    seen["again"] = client.ask("STARTTLS")
    seen["mail"] = mail(client)
    return seen


def do_certificate(client):
    client.secure()
    return {"certificate": hashlib.sha256(client.sock.getpeercert(True)).hexdigest()}


def do_offer(client):
    """What EHLO says, and what STARTTLS does."""
    return {"ehlo": client.hello(), "starttls": client.ask("STARTTLS")}


def do_injection(client):
    """Somebody between us has put commands behind STARTTLS."""
    client.hello()
    seen = {"starttls": client.starttls(b"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\nNOOP\r\n")}
    seen["first"] = client.ask("RCPT TO:<alice@example.org>")
    seen["second"] = client.ask("EHLO client.example")
    seen["quit"] = client.ask("QUIT")
    seen["end"] = client.line()
    return seen


def do_keep(client, ready, gone):
    """Stay in TLS until a file is there; then say MAIL."""
    client.secure()
    open(ready, "w").close()
    wait_file(gone)
    seen = {"mail": client.ask("MAIL FROM:<a@other.example>")}
    if not seen["mail"][0].startswith("421"):
        client.ask("QUIT")
    seen["end"] = client.line()
    return seen


def do_late(client, ready, gone):
    """220 is read; the handshake comes when a file is there."""
    client.hello()
    client.sock.sendall(b"STARTTLS\r\n")
    client.reply()
    open(ready, "w").close()
    wait_file(gone)
    try:
        client.sock = lowest().wrap_socket(client.sock)
    except OSError:
        return {"first": "", "end": ""}
    return {"first": client.line(), "end": client.line()}


def wait_file(path):
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path) and time.monotonic() < deadline:
        select.select([], [], [], 0.02)


def do_slow(client, ready):
    """In TLS, NOOP after NOOP until two bytes of one reply come apart."""
    client.secure()
    open(ready, "w").close()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        select.select([], [], [], 0.2)  # there is a cap of commands
        client.sock.sendall(b"NOOP\r\n")
        pieces, began = [], time.monotonic()
        while not pieces or (pieces[-1][0] and pieces[-1][0][-1:] != b"\n"):
            pieces.append((client.sock.recv(100), time.monotonic() - began))
            if len(pieces) == 4 and pieces[-1][1] - pieces[0][1] > 2:
                return {"pieces": [piece.decode() for piece, _ in pieces]}
    return {"pieces": []}


def do_message(client, text):
    """A whole message, dots doubled by us; the reply behind it."""
    client.reply()
    client.ask("HELO client.example")
    client.ask("MAIL FROM:<offers@other.example>")
    client.ask("RCPT TO:<alice@example.org>")
    client.ask("RCPT TO:<bob@example.org>")
    client.ask("DATA")
    return {"reply": client.ask(text + "\r\n.")[-1]}


def do_hand(client, to, text):
    """A message in TLS for one recipient, a long one record by record; the replies at RCPT and at its end."""
    client.secure()
    client.ask("MAIL FROM:<person@other.example>")
    seen = {"rcpt": client.ask("RCPT TO:<%s>" % to)[-1]}
    if seen["rcpt"].startswith("250"):
        client.ask("DATA")
        seen["end"] = client.ask(text + ("x" * 70 + "\r\n") * 3000 + ".")[-1]
        seen["quit"] = client.ask("QUIT")[-1]
    return seen


def main():
    to, source, what, *arguments = sys.argv[1:]
    print(json.dumps(globals()["do_" + what](Client(to, source), *arguments)))


if __name__ == "__main__":
    main()
