"""A DNS client with no library between it and the bytes, and sockets in another network namespace."""
import ctypes
import ipaddress
import os
import socket
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
A, NS, SOA, TXT, AAAA, ANY = 1, 2, 6, 16, 28, 255
PATIENCE = 30.0


def socket_in(pid, family, kind):
    """A socket that lives in the network namespace of this process."""
    made = []

    def make():
        fd = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(family, kind))
        finally:
            os.close(fd)
    thread = threading.Thread(target=make)  # setns is the thread's alone
    thread.start()
    thread.join()
    return made[0]


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def reverse(address):
    """The labels in front of the zone."""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:
        return ".".join(reversed(str(ip).split(".")))
    return ".".join(reversed(ip.exploded.replace(":", "")))


def question(name, kind=A, number=0x1234, edns=1232, klass=1):
    packet = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 1 if edns else 0)
    packet += wire_name(name) + struct.pack(">HH", kind, klass)
    return packet + (b"\0" + struct.pack(">HHIH", 41, edns, 0, 0) if edns else b"")


class Answer:
    """What of an answer the tests look at."""

    def __init__(self, packet):
        self.packet = packet
        self.number, self.flags, questions, answers, authority, additional = struct.unpack(">HHHHHH", packet[:12])
        self.rcode = self.flags & 15
        self.is_cut = bool(self.flags & 0x200)
        self.is_own = bool(self.flags & 0x400)
        at = 12
        for _ in range(questions):
            at = self.name(at)[1] + 4
        self.answers, at = self.records(at, answers)
        self.authority, at = self.records(at, authority)
        self.additional, at = self.records(at, additional)
        assert at == len(packet)

    def name(self, at):
        labels, end = [], 0
        while self.packet[at]:
            n = self.packet[at]
            if n >= 0xc0:
                end = end or at + 2
                at = struct.unpack(">H", self.packet[at:at + 2])[0] & 0x3fff
                continue
            labels.append(self.packet[at + 1:at + 1 + n].decode("latin-1"))
            at += 1 + n
        return ".".join(labels), end or at + 1

    def records(self, at, count):
        """[(kind, ttl, data)]: an address, a text or the bytes."""
        found = []
        for _ in range(count):
            at = self.name(at)[1]
            kind, _, ttl, n = struct.unpack(">HHIH", self.packet[at:at + 10])
            data = self.packet[at + 10:at + 10 + n]
            if kind == A:
                data = str(ipaddress.ip_address(data))
            elif kind == TXT:
                data = data[1:].decode()
            found.append((kind, ttl, data))
            at += 10 + n
        return found, at

    def data(self):
        return [data for _, _, data in self.answers]


class DnsClient:
    """Questions to one server from inside a namespace."""

    def __init__(self, pid, server="127.0.0.1", port=53, source=None):
        self.pid, self.server, self.port, self.source = pid, server, port, source
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.udp = self.socket(socket.SOCK_DGRAM)

    def socket(self, kind):
        made = socket_in(self.pid, self.family, kind)
        made.settimeout(PATIENCE)
        if self.source:
            made.bind((self.source, 0))
        made.connect((self.server, self.port))
        return made

    def ask(self, name, kind=A, seconds=2.0, tries=15, **more):
        """Over UDP, again when nothing comes: one datagram may be lost; nobody listens: until somebody does."""
        packet, deadline = question(name, kind, **more), time.monotonic() + seconds * tries
        self.udp.settimeout(seconds)
        while time.monotonic() < deadline:
            try:
                self.udp.send(packet)
                while True:
                    got = self.udp.recv(65535)
                    if got[:2] == packet[:2]:
                        return Answer(got)
            except TimeoutError:
                pass
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise TimeoutError("no answer to %s" % name)

    def ask_tcp(self, name, kind=A, **more):
        with self.socket(socket.SOCK_STREAM) as s:
            packet = question(name, kind, **more)
            s.sendall(struct.pack(">H", len(packet)) + packet)
            return Answer(self.take(s))

    @staticmethod
    def take(s):
        """One message of a stream; b"" at its end."""
        got = b""
        while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
            want = 2 if len(got) < 2 else 2 + struct.unpack(">H", got[:2])[0]
            more = s.recv(want - len(got))
            if not more:
                return b""
            got += more
        return got[2:]

    def close(self):
        self.udp.close()
