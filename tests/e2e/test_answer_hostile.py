"""Hostile clients at the answerer and the tarpit: whatever they do, the role stays, small, and others are served."""
import json
import os

import pytest
from lab.network import wait_for
from lab.scene import ALICE, assert_code

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "lab/hostile_client.py")
LONG = 60
MEMORY = 64 << 20  # more than before at most, beside 200 who do their worst
CONF = """block {
  jitter = 0
}
firewall {
  action = tarpit
}
tarpit {
  host = mx.example.org
  processes = 1
  offence = %d
  pace = 0s
  each = 1000
}
"""
# what each of a kind must have seen, or one of these; None: whatever it was
KINDS = {
    "never_write": "220",
    "never_read": None,
    "eight_bit": ["500", "2"],  # a sender may have such an address
    "pipeline": ["220", "250", "250", "450", "250", "221"],
    "flood": ("421", "250", ""),  # closed with bytes that nobody read: the last words may be lost
    "half_close": None,
    "nul": ["500", "500", "500", "250"],
    "endless": ("500", ""),
    "tls_garbage": "end",
    "tls_plain": "end",
    "tls_slow": "220",
    "tls_silent": "220",
    "tls_half_close": "end",
    "reset": "reset",
    "reset_tls": "reset",
    "flood_in_tls": ("421", "250", ""),
    "never_read_in_tls": None,
    "endless_in_tls": ("500", ""),
    "reset_in_tls": "reset",
    "garbage_in_tls": "end",
    "half_record_in_tls": "half",
}


@pytest.fixture(scope="module")
def scene(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF % 2)
    scene.install()
    scene.enforce("full")
    return scene


def blocked(scene):
    key = scene.new_host()
    assert_code(scene.spam_mail(key, subject="spam"), 250, "spam")
    wait_for("the kernel element", lambda: scene.in_kernel(scene.address(key)), LONG)
    return key


def memory(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def others_are_served(scene, key, mark):
    """A blocked innocent reads why; mail of a good host flows."""
    answer = scene.host[key].mail("offers@other.example", [ALICE], "Subject: again\n\nagain\n")
    assert answer["mails"][0]["rcpt"][0][0] == 450, answer
    scene.good_mail("friend", mark)


def rage(scene, tmp_path, kinds, mark):
    """Let them; look at the role while they stay; what they saw."""
    enemy, innocent = blocked(scene), blocked(scene)
    others_are_served(scene, innocent, "before " + mark)
    role = scene.daemon.pids()["tarpit"]
    files_before, memory_before = files(role), memory(role)
    ready, gone = str(tmp_path / "ready"), str(tmp_path / "gone")
    end = scene.host[enemy].end()
    scene.host[enemy].begin("run", argv=["python3", CLIENT, end["to"], end["source"], ready, gone, *kinds])
    others_are_served(scene, innocent, "while they come, " + mark)
    wait_for("all to have done their worst", lambda: os.path.exists(ready), LONG)
    others_are_served(scene, innocent, "while they stay, " + mark)
    assert memory(role) < memory_before + MEMORY
    open(gone, "w").close()
    done = scene.host[enemy].wait_line()
    assert done["status"] == 0, done["err"]
    wait_for("their descriptors to go", lambda: files(role) <= files_before + 2, LONG)
    others_are_served(scene, innocent, "after " + mark)
    assert scene.daemon.pids()["tarpit"] == role
    return json.loads(done["out"])


def is_meant(kind, result):
    wanted = KINDS[kind]
    return wanted is None or result == wanted or (isinstance(wanted, tuple) and result in wanted)


def test_they_do_their_worst(scene, tmp_path):
    seen = rage(scene, tmp_path, list(KINDS), "all kinds")
    assert set(seen) == set(KINDS)
    assert not {kind: results for kind, results in seen.items() if not all(is_meant(kind, r) for r in results)}


def test_a_gigabyte_of_data(scene, tmp_path):
    """Only who is held gets as far as DATA."""
    scene.daemon.configure(CONF % 1)
    scene.daemon.reload()
    key = blocked(scene)

    def is_held():
        answer = scene.host[key].mail("offers@other.example", [ALICE], "Subject: x\n\nx\n")
        return answer["mails"][0]["rcpt"][0][0] == 250
    wait_for("the settings", is_held, LONG)
    enemy = blocked(scene)
    role = scene.daemon.pids()["tarpit"]
    memory_before = memory(role)
    ready, gone = str(tmp_path / "ready"), str(tmp_path / "gone")
    end = scene.host[enemy].end()
    scene.host[enemy].begin("run", argv=["python3", CLIENT, end["to"], end["source"], ready, gone, "gigabyte"])
    wait_for("all to have sent what they could", lambda: os.path.exists(ready), LONG)
    assert memory(role) < memory_before + MEMORY
    open(gone, "w").close()
    done = scene.host[enemy].wait_line()
    assert done["status"] == 0, done["err"]
    taken = json.loads(done["out"])["gigabyte"]
    assert all(isinstance(mb, int) and mb < 64 for mb in taken), taken  # 1 MB, and what lay in sockets
    assert scene.daemon.pids()["tarpit"] == role
