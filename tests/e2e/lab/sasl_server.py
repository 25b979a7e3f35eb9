"""A small Dovecot authentication server (protocol 1.2, PLAIN only) for Postfix's submission service in the lab.

Arguments: socket path, user:password ...
"""
import base64
import os
import shutil
import socket
import sys
import threading


def answer(users, line, number):
    """The reply to one AUTH line."""
    fields = line.split("\t")
    request = fields[1]
    given = [f[5:] for f in fields if f.startswith("resp=")]
    if not given:
        return "CONT\t%s\t" % request
    return check(users, request, given[0])


def check(users, request, response):
    parts = base64.b64decode(response).decode("utf-8", "replace").split("\0")
    if len(parts) == 3 and users.get(parts[1]) == parts[2]:
        return "OK\t%s\tuser=%s" % (request, parts[1])
    return "FAIL\t%s" % request


def serve(connection, users, number):
    hello = ("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t%d\nCUID\t%d\nCOOKIE\t%032x\nDONE\n"
             % (os.getpid(), number, number))
    connection.sendall(hello.encode())
    for line in connection.makefile("r", encoding="utf-8", errors="replace"):
        line = line.rstrip("\n")
        if line.startswith("AUTH\t"):
            connection.sendall((answer(users, line, number) + "\n").encode())
        elif line.startswith("CONT\t"):
            _, request, response = line.split("\t")
            connection.sendall((check(users, request, response) + "\n").encode())


def main():
    path = sys.argv[1]
    users = dict(pair.split(":", 1) for pair in sys.argv[2:])
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    shutil.chown(path, "postfix", "postfix")
    os.chmod(path, 0o660)
    listener.listen(50)
    number = 0
    while True:
        connection, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(connection, users, number), daemon=True).start()


if __name__ == "__main__":
    main()
