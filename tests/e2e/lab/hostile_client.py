"""Clients out of their minds, in a blocked host's namespace: python3 hostile_client.py TO SOURCE READY GONE KIND...

Of each kind there are COUNT connections. Those that have done their worst stay open until the file GONE is there;
READY is made when all have. Prints what each kind saw, as JSON.
"""
import json
import os
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time

COUNT = 8
PATIENCE = 40.0
HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32)  # the front of a ClientHello
DATA = ["HELO c.example", "MAIL FROM:<a@c.example>", "RCPT TO:<alice@example.org>", "DATA"]


class End(Exception):
    """The server has closed."""


class Worst:
    def __init__(self, to, source, receive=0):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.sock.settimeout(PATIENCE)
        self.sock.bind((source, 0))
        self.sock.connect((to, 25))
        self.rest = b""

    def line(self):
        while b"\n" not in self.rest:
            try:
                more = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                raise End
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("latin-1").rstrip("\r")

    def reply(self):
        line = self.line()
        while line[3:4] == "-":
            line = self.line()
        return line

    def say(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError):
            raise End from None

    def ask(self, text):
        self.say(text.encode("latin-1") + b"\r\n")
        return self.reply()

    def last(self):
        """The last line before the server closes."""
        line = ""
        try:
            while True:
                line = self.line()
        except End:
            return line

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def never_write(w):
    return w.reply()[:3]


def never_read(w):
    """As many replies as the server's side of the socket takes, and then some."""
    w.sock.settimeout(1)
    try:
        for _ in range(2000):
            w.sock.sendall(b"VRFY postmaster\r\n" * 50)
    except (ConnectionError, TimeoutError, ssl.SSLError):
        pass
    return ""


def eight_bit(w):
    w.reply()
    codes = {w.ask("".join(chr(random.randint(128, 255)) for _ in range(60)))[:3] for _ in range(10)}
    w.ask("EHLO c.example")
    return sorted(codes) + [w.ask("MAIL FROM:<\xff\xfe@c.example>")[:1]]


def pipeline(w):
    w.say(b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<x@example.org>\r\nRSET\r\nQUIT\r\n")
    return [w.reply()[:3] for _ in range(6)]


def flood(w):
    try:
        w.say(b"NOOP\r\n" * 5000)
    except End:
        pass
    return w.last()[:3]


def half_close(w):
    w.say(b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\n")
    w.sock.shutdown(socket.SHUT_WR)
    return w.last()[:3]


def gigabyte(w):
    """Bytes of a message that the server took before it had enough, in MB."""
    w.reply()
    for line in DATA:
        w.ask(line)
    sent, block = 0, b"x" * 997 + b"\r\n"
    block *= 1000
    try:
        while sent < 1 << 30:
            w.say(block)
            sent += len(block)
    except (End, TimeoutError):
        pass
    return sent >> 20


def nul(w):
    w.reply()
    return [w.ask("NOOP\0")[:3], w.ask("\0" * 500)[:3], w.ask("HELO a\0b")[:3], w.ask("HELO c.example")[:3]]


def endless(w):
    try:
        for _ in range(200):
            w.say(b"x" * 1000)
    except End:
        pass
    return w.last()[:3]


def starttls(w):
    w.reply()
    w.ask("EHLO c.example")
    code = w.ask("STARTTLS")[:3]
    deadline = time.monotonic() + PATIENCE
    while code == "454" and time.monotonic() < deadline:  # too many in this second
        select.select([], [], [], 0.2)
        code = w.ask("STARTTLS")[:3]
    return code


def tls_garbage(w):
    starttls(w)
    w.say(random.randbytes(500))
    w.last()
    return "end"


def tls_plain(w):
    starttls(w)
    w.say(b"MAIL FROM:<a@c.example>\r\n")
    w.last()
    return "end"


def tls_slow(w):
    """A part of a handshake, and no more."""
    code = starttls(w)
    w.say(HELLO)
    return code


def tls_silent(w):
    return starttls(w)


def tls_half_close(w):
    starttls(w)
    w.say(HELLO)
    w.sock.shutdown(socket.SHUT_WR)
    w.last()
    return "end"


def reset(w):
    """RST, each in another state."""
    reset.n = getattr(reset, "n", 0) + 1
    steps = reset.n % 8
    if steps:
        w.reply()
    for line in DATA[:min(steps - 1, 4)] if steps else []:
        w.ask(line)
    if steps == 5:
        w.say(b"half a line of a message")
    elif steps == 6:
        w.say(b"\r\n.\r\n")
    elif steps == 7:
        w.say(b"\r\n.\r\nSTARTTLS\r\n")
        w.reply()
        w.say(HELLO)
    w.reset()
    return "reset"


def secure(w):
    starttls(w)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    w.sock = context.wrap_socket(w.sock)


def flood_in_tls(w):
    secure(w)
    return flood(w)


def never_read_in_tls(w):
    secure(w)
    return never_read(w)


def endless_in_tls(w):
    secure(w)
    return endless(w)


def reset_in_tls(w):
    secure(w)
    w.say(b"EHLO c.exam")
    w.reset()
    return "reset"


def garbage_in_tls(w):
    """A record that was never made by the keys of this session."""
    secure(w)
    w.sock = socket.socket(fileno=w.sock.detach())
    w.sock.settimeout(PATIENCE)
    w.say(b"\x17\x03\x03\x00\x40" + random.randbytes(64))
    w.last()
    return "end"


def half_record_in_tls(w):
    """The front of a record of 16 kB, and no more."""
    secure(w)
    w.sock = socket.socket(fileno=w.sock.detach())
    w.say(b"\x17\x03\x03\x40\x00" + random.randbytes(9000))
    return "half"


def reset_tls(w):
    starttls(w)
    w.say(HELLO)
    w.reset()
    return "reset"


def be(kind, to, source, seen, kept):
    try:
        w = Worst(to, source, 4096 if kind == "never_read" else 0)
        kept.append(w)
        seen.setdefault(kind, []).append(globals()[kind](w))
    except End:
        seen.setdefault(kind, []).append("closed")
    except Exception as e:  # pylint: disable=broad-except
        seen.setdefault(kind, []).append(repr(e))


def main():
    to, source, ready, gone, *kinds = sys.argv[1:]
    seen, kept = {}, []
    threads = [threading.Thread(target=be, args=(kind, to, source, seen, kept)) for kind in kinds for _ in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    open(ready, "w").close()
    deadline = time.monotonic() + 2 * PATIENCE
    while not os.path.exists(gone) and time.monotonic() < deadline:
        select.select([], [], [], 0.02)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
