"""Stands in for amavis: mail in on one port of the loopback, out on the other, with the client's name by XFORWARD where
the one in front tells it and the one behind lets it be told. Arguments: port in, port out.
"""
import socket
import sys
import threading

GREETING = b"220 filter ESMTP\r\n"
EHLO = b"250-filter\r\n250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n250 8BITMIME\r\n"
OK = b"250 2.0.0 Ok\r\n"


def reply(lines):
    """The last line of a reply, and all of it."""
    whole = []
    for line in lines:
        whole.append(line)
        if line[3:4] != b"-":
            return line, whole
    raise OSError("the connection was closed")


def hand_back(port, xforward, envelope, text):
    """Postfix's reply to the dot."""
    with socket.create_connection(("127.0.0.1", port), 30) as out:
        lines = out.makefile("rb")
        reply(lines)
        out.sendall(b"EHLO filter\r\n")
        may_tell = any(b"XFORWARD" in line for line in reply(lines)[1])
        for command in (xforward if may_tell else []) + envelope + [b"DATA\r\n"]:
            out.sendall(command)
            last, _ = reply(lines)
            if last[:1] not in (b"2", b"3"):
                return last
        out.sendall(text)
        last, _ = reply(lines)
        out.sendall(b"QUIT\r\n")
        return last


def session(connection, port):
    xforward, envelope = [], []
    with connection:
        lines = connection.makefile("rb")
        connection.sendall(GREETING)
        for line in lines:
            verb = line[:4].upper()
            if verb == b"QUIT":
                connection.sendall(b"221 2.0.0 Bye\r\n")
                return
            if verb == b"EHLO":
                connection.sendall(EHLO)
                continue
            if verb == b"XFOR":
                xforward.append(line)
            elif verb in (b"MAIL", b"RCPT"):
                envelope.append(line)
            elif verb == b"DATA":
                connection.sendall(b"354 go ahead\r\n")
                text = b""
                for row in lines:
                    text += row
                    if row == b".\r\n":
                        break
                said = hand_back(port, xforward, envelope, text)
                connection.sendall(said[:3] + b" 2.0.0 from MTA(smtp:[127.0.0.1]:%d): " % port + said)
                xforward, envelope = [], []
                continue
            connection.sendall(OK)


def main():
    into, out = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", into)) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=session, args=(connection, out), daemon=True).start()


if __name__ == "__main__":
    main()
