"""No moment without enforcement: a blocked host knocks once a millisecond while the daemon is reloaded, killed in
parts, killed whole, stopped, started, and told to do something else with it. Postfix must never hear of it."""
import json
import os
import signal
import struct
import time

import pytest
from lab.network import PYTHON, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PROBER = os.path.join(HERE, "lab/prober.py")
OURS = "220 mx.example.org ESMTP Answerer"
# Postfix calls itself mx1; a daemon that is coming or going may turn away, be full, or close
OF_ANSWERER = {OURS, "421 4.3.2 mx.example.org Come again", "421 4.3.2 Too many connections, come again", "closed",
               "refused", "ECONNRESET", "no answer"}
FEW, MANY = 50, 200  # probes between events, and at least during one
CONF = """block {
  jitter = 0
}
firewall {
  offence = 1
  action = %s
}
tarpit {
  host = mx.example.org
  name = Answerer
  processes = 2
  each = 1000
}
"""


class Knocking:
    """A prober in the namespace of a host, and what happened when."""

    def __init__(self, scene, key, folder):
        self.host = scene.host[key]
        self.counter, self.gone = os.path.join(folder, "counter"), os.path.join(folder, "gone")
        with open(self.counter, "wb") as file:
            file.write(bytes(8))
        end = self.host.end()
        self.events = []
        self.host.begin("run", argv=[PYTHON, PROBER, end["to"], end["source"], self.counter, self.gone])
        self.more(FEW, "knocking")

    def probes(self):
        with open(self.counter, "rb") as file:
            return struct.unpack("Q", file.read(8))[0]

    def more(self, count, what):
        """So many more probes, from now on."""
        at = self.probes()
        self.events.append((time.monotonic(), what))
        wait_for("%d probes: %s" % (count, what), lambda: self.probes() >= at + count, 30)

    def stop(self):
        """Its answer: {"probes": n, "ends": {how: {"count": n, "at": [time...]}}}."""
        open(self.gone, "w").close()
        answer = self.host.wait_line()
        assert answer.get("status") == 0, answer
        return json.loads(answer["out"])

    def during(self, at):
        """The event at this time, for people."""
        return next((what for time_, what in reversed(self.events) if time_ <= at), "before")


def bear(scene, knocking, what, cause):
    """Let this happen, and end when all is up again."""
    knocking.more(FEW, "before " + what)
    began = knocking.probes()
    knocking.events.append((time.monotonic(), what))
    cause()
    wait_for("all to be up after " + what, scene.daemon.is_up, 30)
    knocking.more(max(FEW, MANY - (knocking.probes() - began)), "after " + what)


def kill_role(scene, name):
    old = scene.daemon.pids()[name]
    os.kill(old, signal.SIGKILL)
    wait_for("a new " + name, lambda: scene.daemon.pids().get(name, old) != old, 30)


def restart(scene, end):
    end()
    scene.daemon.start()


def bear_all(scene, knocking, roles):
    for n in range(1, 4):
        bear(scene, knocking, "reload %d" % n, lambda: scene.daemon.told("reload"))
    for name in roles:
        bear(scene, knocking, "SIGKILL of " + name, lambda name=name: kill_role(scene, name))
    bear(scene, knocking, "stop and start", lambda: restart(scene, scene.daemon.stop))
    bear(scene, knocking, "SIGKILL of all and start", lambda: restart(scene, scene.daemon.kill))


def told(knocking, seen):
    """What the probes met, with the events of the first ones: the message of a failed assertion."""
    return {how: (entry["count"], sorted({knocking.during(at) for at in entry["at"]}))
            for how, entry in seen["ends"].items()}


def connects(scene, key):
    """How often Postfix has heard of this host."""
    return scene.postfix.log().count(": connect from unknown[%s]" % scene.address(key))


def scene_with(new_scene, action):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF % action)
    scene.install()
    scene.enforce("full")
    return scene


def blocked(scene):
    key = scene.new_host()
    scene.daemon.told("block", "add", scene.address(key))
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)))
    return key


def test_rejected_hosts(new_scene, tmp_path):
    scene = scene_with(new_scene, "reject")
    key = blocked(scene)
    knocking = Knocking(scene, key, tmp_path)
    bear_all(scene, knocking, ["firewall", "engine"])
    seen = knocking.stop()
    assert set(seen["ends"]) == {"refused"}, told(knocking, seen)
    assert connects(scene, key) == 0
    # the prober does see Postfix where it is let
    scene.daemon.told("block", "remove", scene.address(key))
    wait_for("the element to go", lambda: not scene.in_kernel(scene.address(key)))
    os.unlink(tmp_path / "gone")
    seen = Knocking(scene, key, tmp_path).stop()
    assert any(how.startswith("220 ") for how in seen["ends"]), seen["ends"]
    wait_for("Postfix to log it", lambda: connects(scene, key))


def test_answered_hosts(new_scene, tmp_path):
    """A dropped SYN is enforced: while the daemon is down there is nobody to answer."""
    scene = scene_with(new_scene, "answer")
    key = blocked(scene)
    knocking = Knocking(scene, key, tmp_path)
    bear_all(scene, knocking, ["firewall", "engine", "tarpit", "tarpit2"])
    seen = knocking.stop()
    assert set(seen["ends"]) <= OF_ANSWERER, told(knocking, seen)
    assert seen["ends"][OURS]["count"] > MANY
    assert connects(scene, key) == 0


def change(scene, action):
    """Another action; True when the kernel's rules are those of it."""
    def is_there():
        text = scene.net.run(["nft", "list", "table", "inet", "limetwig"]).stdout
        return ("tproxy" in text) == (action == "answer") and ("reject with" in text) == (action == "reject")
    scene.daemon.configure(CONF % action)
    scene.daemon.told("reload")
    wait_for("the rules of " + action, is_there, 30)


def test_hosts_while_the_action_changes(new_scene, tmp_path):
    scene = scene_with(new_scene, "answer")
    key = blocked(scene)
    knocking = Knocking(scene, key, tmp_path)
    for n, action in enumerate(["reject", "answer"] * 6):
        bear(scene, knocking, "change %d to %s" % (n, action), lambda: change(scene, action))
    seen = knocking.stop()
    assert set(seen["ends"]) <= OF_ANSWERER, told(knocking, seen)
    assert seen["ends"][OURS]["count"] > MANY and seen["ends"]["refused"]["count"] > MANY
    assert connects(scene, key) == 0
