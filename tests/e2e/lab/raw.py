"""Bytes straight to the daemon's sockets, as nobody well-behaved would send them."""
import select
import socket
import time

POLICY = "/var/spool/postfix/limetwig/policy"
LMTP = "/var/spool/postfix/limetwig/lmtp"


class Raw:
    """A connection to a UNIX socket of the server."""

    def __init__(self, net, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(net.path(path))

    def send(self, data):
        """False when the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def flood(self, data, most):
        """Send data again and again until most bytes went, or the other side stopped reading or closed."""
        sent = 0
        self.socket.setblocking(False)
        while sent < most:
            _, ready, _ = select.select([], [self.socket], [], 2)
            if not ready:
                break
            try:
                sent += self.socket.send(data)
            except (BrokenPipeError, ConnectionResetError):
                break
        self.socket.settimeout(10)
        return sent

    def read(self, until=b"\n", seconds=10):
        """What comes until `until` was seen, the end, or the time; b"" when closed at once."""
        data, deadline = b"", time.monotonic() + seconds
        while until not in data and time.monotonic() < deadline:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except (TimeoutError, ConnectionResetError):
                break
            if not more:
                break
            data += more
        return data

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(**attributes):
    """A policy request with the usual attributes and these."""
    fields = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
              "client_address": "192.0.2.10", "client_name": "mail.friend.example", "client_port": "4711",
              "server_address": "203.0.113.25", "server_port": "25", "helo_name": "mail.friend.example",
              "sender": "a@friend.example", "recipient": "alice@example.org", "recipient_count": "0",
              "queue_id": "", "instance": "1.2.3.0", "size": "0", "sasl_username": ""}
    fields.update(attributes)
    return "".join("%s=%s\n" % pair for pair in fields.items()).encode() + b"\n"
