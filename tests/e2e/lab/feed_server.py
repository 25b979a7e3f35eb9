"""A web server that is not to be trusted, in the namespace it is started in.

Arguments: port, folder, and for https a file with certificate and key. Answers:
  /list/NAME   the file NAME of the folder, with ETag; 304 to who has it; NAME.gz is packed on the way
  /endless /slow /loop /hop /inward /inward-mapped /file /bomb /short /304 /empty /500 /html /huge
Each request is a line in the file "log" of the folder: path, status, If-None-Match.
"""
import gzip
import hashlib
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def note(self, status):
        with LOCK, open(os.path.join(self.server.folder, "log"), "a", encoding="utf-8") as f:
            f.write("%s %d %s\n" % (self.path, status, self.headers.get("If-None-Match", "-")))

    def answer(self, status, body=b"", **headers):
        self.note(status)
        self.send_response(status)
        if status != 304:
            if "Transfer_Encoding" not in headers:
                headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def list(self, name):
        try:
            with open(os.path.join(self.server.folder, name), "rb") as f:
                body = f.read()
        except FileNotFoundError:
            self.answer(404, b"no such list\n")
            return
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        if self.headers.get("If-None-Match") == tag:
            self.answer(304)
        elif name.endswith(".gz"):
            self.answer(200, gzip.compress(body), ETag=tag, Content_Encoding="gzip")
        else:
            self.answer(200, body, ETag=tag)

    def drip(self, pause):
        self.answer(200, **({"Content_Length": "500000"} if pause else {"Transfer_Encoding": "identity"}))
        while True:
            self.wfile.write(b"192.0.2.1\n" * (1 if pause else 1000))
            time.sleep(pause)

    def do_GET(self):
        self.close_connection = True
        what = self.path[1:]
        fixed = {
            "loop": lambda: self.answer(302, Location="/loop"),
            "hop": lambda: self.answer(301, Location="/list/web"),
            "inward-mapped": lambda: self.answer(302, Location="http://[::ffff:127.0.0.1]:%s/list/web" % sys.argv[1]),
            "inward": lambda: self.answer(302, Location="http://127.0.0.1:%s/list/web" % sys.argv[1]),
            "file": lambda: self.answer(302, Location="file:///etc/passwd"),
            "bomb": lambda: self.answer(200, gzip.compress(bytes(30_000_000)), Content_Encoding="gzip"),
            "short": lambda: self.answer(200, b"192.0.2.1\n", Content_Length="5000"),
            "304": lambda: self.answer(304),
            "empty": lambda: self.answer(200),
            "500": lambda: self.answer(500, b"192.0.2.1\n"),
            "html": lambda: self.answer(200, b"<html>\n<body>\nPlease log in\n</body>\n</html>\n"),
            "huge": lambda: self.answer(200, b"192.0.2.1\n", Content_Length="99999999999"),
            "endless": lambda: self.drip(0),
            "slow": lambda: self.drip(0.2),
        }
        try:
            if what.startswith("list/"):
                self.list(os.path.basename(what))
            else:
                fixed.get(what, lambda: self.answer(404))()
        except (BrokenPipeError, ConnectionResetError, TimeoutError, ssl.SSLError):
            pass

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    folder = ""

    def handle_error(self, request, client_address):
        """A client that does not trust the certificate ends the handshake."""


def main():
    server = Server(("0.0.0.0", int(sys.argv[1])), Handler)
    server.folder = sys.argv[2]
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
