"""A small FTP server (RFC 959, 2428) for reading files, in the namespace it is started in.

Arguments: port, folder. Each command is a line in the file "ftp.log" of the folder. In the folder "astray" it has no EPSV,
and PASV there names another host, at whose port nothing is: who goes there gets no list.
"""
import os
import socket
import socketserver
import sys
import threading

LOCK = threading.Lock()


class Session(socketserver.StreamRequestHandler):
    timeout = 30

    def setup(self):
        super().setup()
        self.cwd, self.listener = "", None

    def finish(self):
        if self.listener:
            self.listener.close()
        super().finish()

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def path(self, name):
        """Of a file, None where it is none of the folder's."""
        whole = os.path.realpath(os.path.join(self.server.folder, name.lstrip("/") if name[:1] == "/" else
                                              os.path.join(self.cwd, name)))
        return whole if os.path.isfile(whole) and whole.startswith(self.server.folder + "/") else None

    def listen(self):
        if self.listener:
            self.listener.close()
        self.listener = socket.create_server((self.connection.getsockname()[0], 0))
        self.listener.settimeout(30)
        return self.listener.getsockname()[1]

    def do_cwd(self, word):
        whole = os.path.realpath(os.path.join(self.server.folder, self.cwd, word.lstrip("/")))
        if os.path.isdir(whole) and (whole + "/").startswith(self.server.folder + "/"):
            self.cwd = os.path.relpath(whole, self.server.folder)
            self.say("250 there")
        else:
            self.say("550 no such folder")

    def do_epsv(self, _):
        if self.cwd == "astray":
            self.say("502 not here")
        else:
            self.say("229 come (|||%d|)" % self.listen())

    def do_pasv(self, _):
        port = self.listen()
        host = "192,0,2,1" if self.cwd == "astray" else self.connection.getsockname()[0].replace(".", ",")
        self.say("227 come (%s,%d,%d)" % (host, port // 256, port % 256))

    def do_size(self, word):
        path = self.path(word)
        self.say("213 %d" % os.path.getsize(path) if path else "550 no such file")

    def do_retr(self, word):
        path = self.path(word)
        if not path or not self.listener:
            self.say("550 no such file")
            return
        self.say("150 it comes")
        data, _ = self.listener.accept()
        with data, open(path, "rb") as f:
            data.sendfile(f)
        self.say("226 that was it")

    def handle(self):
        fixed = {"USER": "331 and the password", "PASS": "230 come in", "PWD": '257 "/"', "TYPE": "200 so be it"}
        self.say("220 ready")
        for line in self.rfile:
            verb, _, word = line.decode("ascii", "replace").strip().partition(" ")
            verb = verb.upper()
            with LOCK, open(os.path.join(self.server.folder, "ftp.log"), "a", encoding="ascii") as log:
                log.write("%s %s\n" % (verb, word))
            if verb == "QUIT":
                self.say("221 good bye")
                return
            done = getattr(self, "do_" + verb.lower(), None)
            if done:
                done(word)
            else:
                self.say(fixed.get(verb, "502 what?"))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    folder = ""

    def handle_error(self, request, client_address):
        """A client that is gone ends its session."""


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), Session)
    server.folder = os.path.realpath(sys.argv[2])
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
