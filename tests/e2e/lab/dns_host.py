"""A DNS server for the namespace of a scene: records and DNS lists that lie on order (dns_server.py is its process)."""
import json
import os
import signal
import subprocess

from .network import HERE, PYTHON, die_with_parent

PORT = 5353
ALLOW, BLOCK = "allow.test", "block.test"


class Dns:
    """The server; `rules` are what it says from the next question on."""

    def __init__(self, net, folder):
        self.path = os.path.join(folder, "rules.json")
        self.rules = {"records": {}, "lists": {ALLOW: {"listed": [], "code": "127.0.5.0"}, BLOCK: {"listed": []}}}
        self.write()
        self.process = subprocess.Popen(
            ["nsenter", "-t", str(net.init), "-n", PYTHON, os.path.join(HERE, "dns_server.py"), str(PORT),
             self.path],
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent, start_new_session=True)
        assert self.process.stdout.readline() == "ready\n"

    def write(self):
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.rules, f)
        os.rename(self.path + ".new", self.path)

    def set(self, zone, **fields):
        self.rules["lists"][zone].update(fields)
        self.write()

    def record(self, name, **records):
        self.rules["records"][name] = records
        self.write()

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
