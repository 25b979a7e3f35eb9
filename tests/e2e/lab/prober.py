"""Knocks at port 25 once a millisecond: python3 prober.py TO SOURCE COUNTER GONE.

COUNTER is a file that holds the number of probes so far (8 bytes); the end comes when the file GONE is there, or
after LONGEST seconds. Prints as JSON: probes, and for each end that a probe took its number and the times (monotonic)
of the first FIRST of them. Ends: refused, no answer, closed (connected, and no banner came), other errors by name, and
each banner by its text.
"""
import collections
import errno
import json
import mmap
import os
import select
import socket
import struct
import sys
import time

EVERY = 0.001
LONGEST = 55.0
PENDING = 1500   # open at once; the oldest is given up
LAST_WORDS = 5.0  # for those that are connected when the end comes
FIRST = 20
RESET = struct.pack("ii", 1, 0)


class Prober:
    def __init__(self, to, source):
        self.to = to
        self.source = source
        self.family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.poll = select.epoll()
        self.open = collections.OrderedDict()  # fd: [socket, when begun, what was heard or None]
        self.ends = {}
        self.probes = 0

    def end(self, what, began):
        entry = self.ends.setdefault(what, {"count": 0, "at": []})
        entry["count"] += 1
        if len(entry["at"]) < FIRST:
            entry["at"].append(began)

    def probe(self):
        self.probes += 1
        began = time.monotonic()
        sock = socket.socket(self.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)  # nothing is left behind, no TIME_WAIT
        sock.bind((self.source, 0))
        code = sock.connect_ex((self.to, 25))
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            self.end(name_of(code), began)
            return
        self.open[sock.fileno()] = [sock, began, None]
        self.poll.register(sock.fileno(), select.EPOLLOUT)
        if len(self.open) > PENDING:
            self.close(next(iter(self.open)))

    def close(self, fd, what=None):
        sock, began, heard = self.open.pop(fd)
        self.poll.unregister(fd)
        sock.close()
        self.end(what or ("no answer" if heard is None else "closed"), began)

    def look(self, fd):
        entry = self.open[fd]
        sock = entry[0]
        if entry[2] is None:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self.close(fd, name_of(code))
                return
            entry[2] = b""
            self.poll.modify(fd, select.EPOLLIN)
            return
        try:
            got = sock.recv(1000)
        except OSError:
            got = b""
        entry[2] += got
        if b"\n" in entry[2]:
            self.close(fd, entry[2].split(b"\n")[0].decode("latin-1").strip())
        elif not got:
            self.close(fd)

    def wait(self, seconds):
        for fd, _ in self.poll.poll(max(seconds, 0)):
            self.look(fd)

    def last_words(self):
        """Whoever was connected says who it is, or closes."""
        until = time.monotonic() + LAST_WORDS
        while time.monotonic() < until and any(heard is not None for _, _, heard in self.open.values()):
            self.wait(0.1)
        for fd in list(self.open):
            self.close(fd)


def name_of(code):
    return "refused" if code == errno.ECONNREFUSED else errno.errorcode.get(code, str(code))


def main():
    to, source, counter, gone = sys.argv[1:]
    prober = Prober(to, source)
    with open(counter, "r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    until = time.monotonic() + LONGEST
    due = time.monotonic()
    while due < until and (prober.probes % 50 or not os.path.exists(gone)):
        prober.probe()
        shared[:] = struct.pack("Q", prober.probes)
        due = max(due + EVERY, time.monotonic() - EVERY)
        prober.wait(0)
        while due > time.monotonic():
            prober.wait(due - time.monotonic())
    prober.last_words()
    print(json.dumps({"probes": prober.probes, "ends": prober.ends}))


if __name__ == "__main__":
    main()
