"""The site's Postfix inside the server, and what can be seen of it from outside."""
import email
import email.policy
import glob
import os

from .network import HERE, PYTHON, LabError, wait_for

USER, PASSWORD = "alice", "winter-1998"
MAIL_LOG = "/var/log/mail.log"


class Postfix:
    """The existing site: main.cf and master.cf of lab/site, started with maps made and the login server up."""

    def __init__(self, net):
        self.net = net
        for name in ("vmailbox", "virtual", "client_access"):
            net.run(["postmap", "/etc/postfix/" + name], check=True)
        net.write("/run/lab/sasl_server.py", open(os.path.join(HERE, "sasl_server.py"), "rb").read())

    def start(self):
        done = self.net.run(["postfix", "start"])
        if done.returncode != 0:
            raise LabError("postfix start: " + done.stdout + done.stderr + self.log_tail())
        auth = "/var/spool/postfix/private/auth"
        if not os.path.exists(self.net.path(auth)):
            self.net.start([PYTHON, "/run/lab/sasl_server.py", auth, USER + ":" + PASSWORD], "/run/lab/sasl.log")
        wait_for("Postfix on port 25", lambda: self.listens(25))
        wait_for("the login server", lambda: os.path.exists(self.net.path(auth)))

    def listens(self, port):
        wanted = ":%04X" % port
        with open("/proc/%d/net/tcp" % self.net.init) as f:
            return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A" for row in f.readlines()[1:])

    def stop(self):
        self.net.run(["postfix", "stop"])

    def reload(self):
        self.net.run(["postfix", "reload"], check=True)

    def flush(self):
        """Deliver what was deferred now."""
        self.net.run(["postqueue", "-f"])

    def queue(self):
        """Files of messages in the queue, by queue."""
        found = {}
        for name in ("maildrop", "incoming", "active", "deferred", "hold"):
            files = glob.glob(self.net.path("/var/spool/postfix/%s/**/*" % name), recursive=True)
            found[name] = [f for f in files if os.path.isfile(f)]
        return found

    def queued(self):
        return sum(len(files) for files in self.queue().values())

    def log(self):
        try:
            return self.net.read(MAIL_LOG).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=25):
        return "\n".join(self.log().splitlines()[-lines:])

    def log_from(self):
        """A mark: what is logged later is log_since(mark)."""
        return len(self.log())

    def log_since(self, mark):
        return self.log()[mark:]

    def mailbox(self, address):
        """Messages in a mailbox, parsed."""
        user, domain = address.split("@")
        folder = self.net.path("/var/mail/vhosts/%s/%s" % (domain, user))
        mails = []
        for path in sorted(glob.glob(folder + "/new/*") + glob.glob(folder + "/cur/*")):
            with open(path, "rb") as f:
                mails.append(email.message_from_binary_file(f, policy=email.policy.default))
        return mails

    def has_mail(self, address, subject):
        return any(str(m["Subject"]) == subject for m in self.mailbox(address))

    def wait_mail(self, address, subject, seconds=20):
        wait_for("mail '%s' in the mailbox of %s" % (subject, address),
                 lambda: self.has_mail(address, subject), seconds)

    def configuration(self):
        """Everything that must be the same after removal, as bytes by name."""
        seen = {name: self.net.read("/etc/postfix/" + name) for name in ("main.cf", "master.cf")}
        seen["postconf -n"] = self.net.run(["postconf", "-n"], check=True).stdout.encode()
        seen["postconf -M"] = self.net.run(["postconf", "-M"], check=True).stdout.encode()
        seen["files of /etc/postfix"] = "\n".join(sorted(
            name for name in os.listdir(self.net.path("/etc/postfix")))).encode()
        return seen
