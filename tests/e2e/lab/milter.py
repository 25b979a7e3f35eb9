"""Stands in for rspamd: a milter that adds a header to what it likes, and refuses a message whose subject says GTUBE.

Sendmail's milter protocol, version 6, as far as Postfix speaks it here. Argument: port.
"""
import socket
import struct
import sys
import threading

ADD_HEADERS = 0x01
CONTINUE, ADD_HEADER, REPLY_CODE = b"c", b"h", b"y"
UNANSWERED = b"DAK"  # macros, abort, the connection is for another session


def send(connection, command, data=b""):
    connection.sendall(struct.pack("!I", 1 + len(data)) + command + data)


def take(lines):
    """(command, data); None when Postfix has gone."""
    head = lines.read(4)
    if len(head) < 4:
        return None
    body = lines.read(struct.unpack("!I", head)[0])
    return body[:1], body[1:]


def at_end(connection, is_bad):
    if is_bad:
        send(connection, REPLY_CODE, b"550 5.7.1 Gtube pattern\0")
        return
    send(connection, ADD_HEADER, b"X-Spamd-Result\0default: False\0")
    send(connection, CONTINUE)


def session(connection):
    is_bad = False
    with connection:
        lines = connection.makefile("rb")
        while True:
            got = take(lines)
            if not got or got[0] == b"Q":
                return
            command, data = got
            if command == b"O":
                send(connection, b"O", struct.pack("!III", 6, ADD_HEADERS, 0))
                continue
            if command == b"M":
                is_bad = False
            elif command == b"L" and data.startswith(b"Subject\0"):
                is_bad = b"GTUBE" in data
            if command == b"E":
                at_end(connection, is_bad)
            elif command not in UNANSWERED:
                send(connection, CONTINUE)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=session, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
