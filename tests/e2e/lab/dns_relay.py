"""A bad line to a DNS server: relay.py PORT TARGET-PORT.

The first connection ends in the middle of the first answer; the others get the server's bytes one by one.
"""
import select
import socket
import sys

CUT = 40  # bytes of the first answer


def relay(client, target, limit):
    server = socket.create_connection(("127.0.0.1", target))
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        ready, _, _ = select.select([client, server], [], [])
        if client in ready:
            data = client.recv(65536)
            if not data:
                break
            server.sendall(data)
        if server in ready:
            data = server.recv(1)
            if not data:
                break
            client.sendall(data)
            limit -= 1
            if limit == 0:
                break
    client.close()
    server.close()


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print("ready", flush=True)
    limit = CUT
    while True:
        client, _ = listener.accept()
        try:
            relay(client, int(sys.argv[2]), limit)
        except OSError:
            client.close()
        limit = -1


if __name__ == "__main__":
    main()
