"""A Postfix configuration in a folder of its own, for `limetwig setup`; a Postfix that runs from it; who takes its captures."""
import os
import shutil
import socket
import subprocess
import threading

from lab.postfix_layouts import BASE, SERVICES


class Site:
    def __init__(self, build, top, extra, services):
        self.top, self.etc, self.state = str(top), str(top / "etc"), str(top / "state")
        self.dir = str(top / "postfix")
        self.command = os.path.join(build, "limetwig")
        self.enter = []  # what the command is run by, where it has a network of its own
        top.chmod(0o755)
        for name in ("postfix", "queue", "data"):
            (top / name).mkdir()
        shutil.chown(self.top + "/data", "postfix")
        main = BASE.format(top=self.top) + extra.format(top=self.top)
        self.write("main.cf", main[:-1] if services.endswith("# the end") else main)
        self.write("master.cf", SERVICES + services)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)

    def read(self):
        texts = []
        for name in ("main.cf", "master.cf"):
            with open(os.path.join(self.dir, name), "rb") as f:
                texts.append(f.read())
        return texts

    def setup(self, *args, status=0):
        done = subprocess.run([*self.enter, self.command, "setup", "postfix", "--config", self.dir, "--etc", self.etc,
                               "--state", self.state, *args], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def postconf(self, *args):
        return subprocess.run(["postconf", "-c", self.dir, *args], capture_output=True, text=True, timeout=30,
                              check=True).stdout

    def effective(self):
        """All that the two files say, and what it comes to."""
        return self.postconf("-n"), self.postconf("-nx"), self.postconf("-P"), self.postconf("-M")

    def value(self, name):
        return self.postconf("-h", name).strip()

    def option(self, service, name):
        out = self.postconf("-P", "%s/%s" % (service, name)).strip()
        return out.split("=", 1)[1].strip()

    def settings(self):
        with open(self.etc + "/postfix.conf", encoding="utf-8") as f:
            return dict((k.strip(), v.strip()) for k, v in (line.split("=", 1) for line in f if "=" in line))


class Running:
    """A real Postfix of this site on a free port of 127.0.0.1, which stands for the outside."""

    def __init__(self, site):
        self.site = site
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        site.write("master.cf", SERVICES + "%d inet n - n - - smtpd\n" % self.port)
        with open(site.dir + "/main.cf", "a", encoding="utf-8") as f:
            f.write("inet_protocols = ipv4\nvirtual_alias_domains = d.example\ndefault_transport = error:none\n"
                    "virtual_alias_maps = inline:{ alice@d.example=root@localhost }\nlocal_transport = discard:\n"
                    "local_recipient_maps =\n")

    def postfix(self, word):
        subprocess.run(["postfix", "-c", self.site.dir, word], check=True, timeout=60, capture_output=True)

    def mail(self, rcpt):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as c:
            f = c.makefile("rwb")
            f.readline()
            answer = b""
            for line in (b"HELO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % rcpt.encode(), b"DATA"):
                f.write(line + b"\r\n")
                f.flush()
                answer = f.readline()
                if not answer.startswith((b"2", b"3")):
                    return answer.decode()
            f.write(b"Subject: x\r\n\r\nx\r\n.\r\n")
            f.flush()
            return f.readline().decode()

    def queued(self):
        return subprocess.run(["postqueue", "-c", self.site.dir, "-j"], capture_output=True, text=True, timeout=30,
                              check=False).stdout.splitlines()


class Capture(threading.Thread):
    """Stands for limetwigd: an LMTP server in the queue directory that takes everything."""

    def __init__(self, path):
        super().__init__(daemon=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.taken = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(20)
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        try:
            self.talk(connection.makefile("rwb"))
        except OSError:
            pass

    def talk(self, f):
        self.say(f, b"220 x")
        rcpt = []
        for line in f:
            word = line[:4].upper()
            if word == b"RCPT":
                rcpt.append(line.split(b"<")[1].split(b">")[0].decode())
            if word == b"LHLO":
                self.say(f, b"250-x\r\n250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n250 DSN")
            elif word == b"DATA":
                self.say(f, b"354 x")
                while f.readline() != b".\r\n":
                    pass
                for r in rcpt:
                    self.taken.append(r)
                    self.say(f, b"250 x")
                rcpt = []
            else:
                self.say(f, b"250 x")

    @staticmethod
    def say(f, line):
        f.write(line + b"\r\n")
        f.flush()


def session(port, *lines):
    """Answers to EHLO and these lines."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
        f = c.makefile("rwb")
        f.readline()
        for line in ("EHLO x",) + lines:
            f.write(line.encode() + b"\r\n")
            f.flush()
            answer = [f.readline()]
            while answer[-1][3:4] == b"-":
                answer.append(f.readline())
            answers.append(b"".join(answer).decode())
    return answers
