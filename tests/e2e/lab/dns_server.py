"""A DNS server that lies on order: UDP and TCP, in the namespace it is started in.

Arguments: port, a JSON file that is read anew when it changes:
  {"records": {"name": {"TXT": ["..."], "A": [...], "AAAA": [...], "MX": ["host"], "CNAME": ["target"]}},
   "lists": {"zone": {"mode": MODE, "code": "127.0.0.2", "listed": ["192.0.2.7"]}}}
Modes of a list: honest, world (lists every address but 127.0.0.1), nothing (not even 127.0.0.2), error
(127.255.255.252), open (127.255.255.254), quota (127.0.0.255), rewrite (198.51.100.200 in place of "no such
name"), silent, slow (answers after 3 s), fail (SERVFAIL), garbage, twice, cut (truncated, TCP has it).
"""
import ipaddress
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time

TYPES = {1: "A", 5: "CNAME", 15: "MX", 16: "TXT", 28: "AAAA"}
NUMBERS = {name: number for number, name in TYPES.items()}
LISTED_TEST = {"127.0.0.2", "::ffff:127.0.0.2"}


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace").lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


def address_of(labels):
    """The address that a list is asked about, as text."""
    if len(labels) == 4:
        return ".".join(reversed(labels))
    nibbles = "".join(reversed(labels))
    address = ipaddress.IPv6Address(int(nibbles, 16))
    return "::ffff:" + str(address.ipv4_mapped) if address.ipv4_mapped else str(address)


def data_of(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "TXT":
        text = value.encode()
        return b"".join(bytes([len(text[i:i + 200])]) + text[i:i + 200] for i in range(0, len(text), 200)) or b"\0"
    return (struct.pack(">H", 10) if kind == "MX" else b"") + wire_name(value)


class Server:
    def __init__(self, path):
        self.path = path
        self.stamp = None
        self.asked = 0

    def rules(self):
        stamp = os.stat(self.path).st_mtime_ns
        if stamp != self.stamp:
            with open(self.path, encoding="utf-8") as f:
                self.known = json.load(f)
            self.stamp = stamp
        return self.known

    def of_list(self, rule, address):
        """Addresses that the list answers with, or a word."""
        mode = rule.get("mode", "honest")
        fixed = {"error": "127.255.255.252", "open": "127.255.255.254", "quota": "127.0.0.255"}
        if mode in fixed:
            return [fixed[mode]]
        if mode in ("silent", "fail", "garbage"):
            return mode
        is_listed = address in LISTED_TEST or address in rule.get("listed", [])
        if mode == "nothing":
            is_listed = False
        if mode == "world":
            is_listed = address not in ("127.0.0.1", "::ffff:127.0.0.1")
        if is_listed:
            return [rule.get("code", "127.0.0.2")]
        return ["198.51.100.200"] if mode == "rewrite" else []

    def look_up(self, name, kind):
        """(records or a word, mode)"""
        rules = self.rules()
        for zone, rule in rules.get("lists", {}).items():
            if name.endswith("." + zone):
                labels = name[:-len(zone) - 1].split(".")
                found = self.of_list(rule, address_of(labels))
                return (found if isinstance(found, str) else [("A", v) for v in found]), rule.get("mode", "honest")
        records = rules.get("records", {}).get(name)
        if records is None:
            return [], "honest"
        if "mode" in records:
            return records["mode"], "honest"
        return [(k, v) for k in ("CNAME", kind) for v in records.get(k, [])], "honest"

    def answer(self, packet, is_udp):
        """(bytes or None, how often, seconds to wait)"""
        name, at = read_name(packet, 12)
        kind = TYPES.get(struct.unpack(">H", packet[at:at + 2])[0], "")
        found, mode = self.look_up(name, kind)
        question = packet[12:at + 4]
        self.asked += 1
        if found == "silent":
            return None, 0, 0
        if found == "garbage":
            return packet[:2] + b"\x81\x80\0\1\0\7\0\0\0\0" + question + b"\xc0\xff\xff", 1, 0
        code = 2 if found == "fail" else 0 if found or name in self.rules().get("records", {}) else 3
        records = [] if isinstance(found, str) else found
        if mode == "cut" and is_udp:
            return packet[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + question, 1, 0
        out = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0) + question
        for record, value in records:
            data = data_of(record, value)
            out += b"\xc0\x0c" + struct.pack(">HHIH", NUMBERS[record], 1, 60, len(data)) + data
        return out, 2 if mode == "twice" else 1, 3 if mode == "slow" else 0


def serve_udp(server, sock):
    def send(out, times, peer):
        for _ in range(times):
            sock.sendto(out, peer)
    packet, peer = sock.recvfrom(2048)
    out, times, seconds = server.answer(packet, True)
    if not out:
        return
    if seconds:
        threading.Timer(seconds, send, (out, times, peer)).start()
    else:
        send(out, times, peer)


def serve_tcp(server, listener):
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        size = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
        out, _, seconds = server.answer(connection.recv(size, socket.MSG_WAITALL), False)
        time.sleep(seconds)
        if out:
            connection.sendall(struct.pack(">H", len(out)) + out)


def main():
    server = Server(sys.argv[2])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", int(sys.argv[1])))
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("127.0.0.1", int(sys.argv[1])))
    tcp.listen(20)
    wait = selectors.DefaultSelector()
    wait.register(udp, selectors.EVENT_READ, serve_udp)
    wait.register(tcp, selectors.EVENT_READ, serve_tcp)
    print("ready", flush=True)
    while True:
        for key, _ in wait.select():
            try:
                key.data(server, key.fileobj)
            except (OSError, struct.error, IndexError, ValueError) as error:
                print("dns_server: %s" % error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
