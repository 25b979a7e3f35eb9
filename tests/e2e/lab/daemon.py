"""limetwigd and limetwig inside the server, started without accounts on the host (--uid-base)."""
import json
import os
import re
import shutil
import signal
import subprocess

from .network import LabError, children_of, command_line, wait_for

UID_BASE = 61200
LOG = "/var/log/limetwigd.log"
CONF = "/etc/limetwig/limetwig.conf"
BIN = "/run/lab/bin"
ROLES = ("engine", "firewall", "capture", "follow", "run", "aliasmap")
ALL_ROLES = (*ROLES, "fetch", "tarpit", "feed", "dnsbl", "publish")  # with all that a configuration may ask for
# a test kills by SIGKILL; by any other signal a role dies of itself
CRASH = re.compile(r"^.*(?:\brole_died .* signal=(?!9\b)|Sanitizer|: Assertion ).*$", re.M)


class Daemon:
    """build: the build directory with limetwigd and limetwig."""

    def __init__(self, net, build):
        self.net = net
        self.process = None
        os.makedirs(net.path(BIN), exist_ok=True)
        for name in ("limetwigd", "limetwig"):
            shutil.copy(os.path.join(build, name), net.path(BIN + "/" + name))
        for folder in ("/etc/limetwig/traps.d", "/etc/limetwig/allow.d"):
            os.makedirs(net.path(folder), exist_ok=True)

    def configure(self, text):
        self.net.write(CONF, text)

    def start(self, wait=True):
        self.process = self.net.start([BIN + "/limetwigd", "-f", "-c", CONF, "--uid-base", str(UID_BASE)], LOG)
        if wait:
            self.wait_up()

    def wait_up(self, seconds=20):
        def up():
            if self.process.poll() is not None:
                raise LabError("limetwigd ended with status %d:\n%s" % (self.process.returncode, self.log_tail()))
            return self.is_up()
        wait_for("limetwigd to serve (all roles up)", up, seconds)

    def is_up(self):
        done = self.ctl("status", "--json")
        if done.returncode != 0:
            return False
        try:
            roles = json.loads(done.stdout).get("roles", [])
        except ValueError:
            return False
        return bool(roles) and all(r["up"] for r in roles)

    def ctl(self, *args, **more):
        """Run limetwig with these arguments; the CompletedProcess."""
        return self.net.run([BIN + "/limetwig", *args], **more)

    def ended(self, args, status):
        """A command that must end with this status."""
        done = self.ctl(*args)
        if done.returncode != status:
            raise LabError("limetwig %s: exit %d, expected %d: %s" % (
                " ".join(args), done.returncode, status, (done.stdout + done.stderr).strip()))
        return done

    def told(self, *args, status=0):
        """Its output."""
        done = self.ended(args, status)
        return done.stdout + done.stderr

    def json(self, *args):
        """Its answer; a disk that is slow just then is said beside it."""
        return json.loads(self.ended([*args, "--json"], 0).stdout)

    def top(self):
        """Host pid of the parent role."""
        found = [p for p in children_of(self.process.pid) if command_line(p)[:1] == [BIN + "/limetwigd"]]
        return found[0] if found else None

    def pids(self):
        """Host pids of parent and roles: {"parent": pid, "engine": pid ...}."""
        found = {}
        for pid in [self.top()] + children_of(self.top() or 0):
            words = command_line(pid) if pid else []
            if "-x" in words and words[0] == "limetwigd":  # postconf has an option of that name, too
                found.setdefault(words[words.index("-x") + 1], pid)  # nearest first: not what run has just forked
            elif words and "parent" not in found:
                found["parent"] = pid
        return found

    def signal_all(self, number):
        for pid in self.pids().values():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """SIGKILL for every process of the daemon at once; nothing is cleaned up by it."""
        pids = list(self.pids().values())
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        wait_for("the daemon's end", lambda: not any(os.path.exists("/proc/%d" % p) for p in pids))
        self.process = None

    def freeze(self):
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)
        os.kill(self.process.pid, signal.SIGCONT)  # nsenter stops with its child

    def stop(self, seconds=20):
        """SIGTERM to the parent; its exit status."""
        if self.process and self.process.poll() is None:
            os.kill(self.top(), signal.SIGTERM)
        return self.wait_end(seconds)

    def wait_end(self, seconds=20):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError("limetwigd did not end in %d s" % seconds) from None
        self.process = None
        return status

    def reload(self):
        os.kill(self.top(), signal.SIGHUP)

    def log(self):
        try:
            return self.net.read(LOG).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def crashes(self):
        """Lines of the log that tell of a role that died of itself."""
        return CRASH.findall(self.log())

    def log_tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])
