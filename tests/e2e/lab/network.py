"""Namespaces and the network between them.

One switch namespace with a bridge; a server; any number of client hosts.
Nothing has a name on the host: namespaces are held by our child processes and
end with them.
"""
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
SERVER4 = "203.0.113.25"
SERVER6 = "2001:db8:25::25"


class LabError(Exception):
    """The lab itself could not be built or used (not: a test failed)."""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def allowed(seconds):
    """A limit of an idle machine; a busy one gets as many times more as its load per core is above 1."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_for(what, predicate, seconds=20.0):
    """The first true value of predicate(); LabError with `what` when time is up. Polls fast, then slower."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError("waited %.0f s in vain for %s" % (seconds, what))
        select.select([], [], [], pause)
        pause = min(pause * 1.5, 0.05)


def children_of(pid):
    """Host pids of all processes below pid, nearest first."""
    found, queue = [], [pid]
    while queue:
        parent = queue.pop(0)
        try:
            tasks = os.listdir("/proc/%d/task" % parent)
        except OSError:
            continue
        for task in tasks:
            try:
                with open("/proc/%d/task/%s/children" % (parent, task)) as f:
                    below = [int(p) for p in f.read().split()]
            except OSError:
                continue
            found += below
            queue += below
    return found


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


class Host:
    """A client host: addresses on one interface, an SMTP client inside."""

    def __init__(self, net, name, addresses, helo=None):
        self.name = name
        self.helo = helo or name
        self.v4 = next((a for a in addresses if ":" not in a), None)
        self.v6 = next((a for a in addresses if ":" in a), None)
        self.addresses = addresses
        self.process = subprocess.Popen(
            ["unshare", "--net", PYTHON, os.path.join(HERE, "client_host.py")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent, start_new_session=True)
        self.wait_line()
        net.plug(self.process.pid, addresses, to_server=True)

    def wait_line(self, seconds=120):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise LabError("client host %s does not answer" % self.name)
        return json.loads(line)

    def ask(self, op, **fields):
        self.begin(op, **fields)
        return self.wait_line()

    def begin(self, op, **fields):
        """Send the request; wait_line() reads its answer later."""
        fields["op"] = op
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()

    def end(self, six=False):
        """Our and the server's address in one family."""
        return {"source": self.v6 if six else self.v4, "to": SERVER6 if six else SERVER4, "helo": self.helo}

    def mail(self, sender, recipients, text, six=False, **more):
        """One session with one mail; the answer is client_host.op_mail's."""
        request = self.session(sender, recipients, text, six, **more)
        return self.ask("mail", **request)

    def session(self, sender, recipients, text, six=False, **more):
        mail = {"sender": sender, "recipients": recipients, "text": text}
        for key in ("rcpt_only", "mail_options"):
            if key in more:
                mail[key] = more.pop(key)
        return {**self.end(six), "mails": [mail], **more}

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Network:
    """The switch, the server and the hosts."""

    def __init__(self, unpacked=""):
        self.hosts = {}
        self.ports = 0
        self.server = None
        self.switch = None
        try:
            self.switch = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE,
                                           stdout=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                           start_new_session=True)
            self.wait_own_net(self.switch.pid)
            self.ip(self.switch.pid, ["link add name br0 type bridge", "link set br0 up"])
            self.start_server(unpacked)
        except BaseException:
            self.close()
            raise

    def wait_own_net(self, pid):
        ours = os.readlink("/proc/self/ns/net")
        wait_for("a network namespace", lambda: os.readlink("/proc/%d/ns/net" % pid) != ours)

    def start_server(self, unpacked):
        self.server = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc", PYTHON,
             os.path.join(HERE, "server_init.py"), os.path.join(HERE, "site"), unpacked], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent, start_new_session=True)
        if self.server.stdout.readline() != "ready\n":
            raise LabError("the server's namespaces could not be made (root? mount, tmpfs, unshare allowed?)")
        self.init = wait_for("the server", lambda: children_of(self.server.pid))[0]
        self.plug(self.init, [SERVER4, SERVER6], to_server=False)

    def ip(self, pid, lines):
        done = subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "-batch", "-"], input="\n".join(lines) + "\n",
                              text=True, capture_output=True)
        if done.returncode != 0:
            raise LabError("ip: %s (%s)" % (done.stderr.strip(), "; ".join(lines)))

    def plug(self, pid, addresses, to_server):
        """A cable from the switch to the namespace of pid, and its addresses."""
        self.ports += 1
        port = "p%d" % self.ports
        self.ip(self.switch.pid, ["link add name %s type veth peer name eth0 netns %d" % (port, pid),
                                  "link set %s master br0 up" % port])
        lines = ["link set lo up", "link set eth0 up"]
        for address in addresses:
            lines.append("addr add %s dev eth0%s" % (address, " nodad" if ":" in address else ""))
        for route in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"):
            lines.append("route replace %s dev eth0" % route)
        self.ip(pid, lines)

    def add_host(self, name, *addresses):
        self.hosts[name] = Host(self, name, list(addresses))
        return self.hosts[name]

    def inside(self, argv):
        """The argv that runs argv inside the server."""
        return ["nsenter", "-t", str(self.init), "-m", "-n", "-p", "--root", "--wd", "--", *argv]

    def run(self, argv, check=False, timeout=60, **more):
        """Run a command in the server to its end."""
        more.setdefault("stdin", None if "input" in more else subprocess.DEVNULL)
        if "input" in more:
            more.pop("stdin")
        done = subprocess.run(self.inside(argv), text=True, capture_output=True, timeout=timeout, **more)
        if check and done.returncode != 0:
            raise LabError("%s: exit %d: %s" % (" ".join(argv), done.returncode, (done.stderr or done.stdout).strip()))
        return done

    def start(self, argv, log):
        """Start a long-running command in the server; its output goes to log (a path in the server)."""
        with open(self.path(log), "ab") as out:
            process = subprocess.Popen(self.inside(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       preexec_fn=die_with_parent, start_new_session=True)
        return process

    def path(self, inside):
        """The host's path of a file of the server."""
        return "/proc/%d/root%s" % (self.init, inside)

    def read(self, inside):
        with open(self.path(inside), "rb") as f:
            return f.read()

    def write(self, inside, text, mode=None):
        os.makedirs(os.path.dirname(self.path(inside)), exist_ok=True)
        with open(self.path(inside), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        if mode is not None:
            os.chmod(self.path(inside), mode)

    def close(self):
        for host in self.hosts.values():
            host.close()
        self.hosts = {}
        for process in (self.server, self.switch):
            if process:
                process.stdin.close()
                process.kill()
                process.wait()
        self.server = self.switch = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
