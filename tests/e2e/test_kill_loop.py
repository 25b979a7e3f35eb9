"""kill -9 of every role under load, the short form of `make faults`: nothing lost or twice, no innocent blocked."""
import os
import signal

import conftest
import pytest
from lab import messages
from lab.network import allowed, wait_for
from lab.scene import ALICE


def test_twelve_deaths_under_load(build):
    if conftest.why_not():
        pytest.skip(conftest.why_not())
    from faults import TARGETS, kill_loop
    loop = kill_loop(build, conftest.unpacked_postfix(), kills=len(TARGETS), rate=40)
    print(loop.report())  # pytest shows it when something is wrong
    assert loop.faults == []
    assert set(loop.count) == set(TARGETS)
    assert loop.gap["engine"] < allowed(1) and loop.gap["capture"] < allowed(1), dict(loop.gap)
    assert loop.numbers["trap mails answered 250"]


def session(site, mark):
    """Three mails in one session; (seconds, the replies that took longer than one)."""
    host = site.host["friend"]
    mails = [{"sender": "a@friend.example", "recipients": [ALICE],
              "text": messages.plain("a@friend.example", ALICE, "%s %d" % (mark, n))} for n in range(3)]
    answer = host.ask("mail", mails=mails, timeout=60, **host.end())
    assert [m["code"] for m in answer["mails"]] == [250] * 3
    return answer["seconds"], [r for r in answer["replies"] if r["seconds"] > 1]


def test_a_stopped_engine_costs_a_session_two_seconds_once_and_a_dead_one_nothing(new_scene):
    site = new_scene(hosts={"friend"})
    site.install()
    engine = site.daemon.pids()["engine"]
    os.kill(engine, signal.SIGSTOP)
    try:
        seconds, slow = session(site, "stopped")
    finally:
        os.kill(engine, signal.SIGCONT)
    assert 2 <= seconds < 4 and len(slow) == 1, (seconds, slow)
    site.daemon.wait_up()
    os.kill(engine, signal.SIGKILL)
    seconds, slow = session(site, "dead")
    assert seconds < 1.5 and not slow, (seconds, slow)
    site.daemon.wait_up(60)
    wait_for("the death in the log", lambda: "role_died role=engine" in site.daemon.log())
    assert site.daemon.crashes() == []


def test_a_role_that_dies_of_itself_is_seen(new_scene):
    """Or no test would tell of it: its next life goes on as if nothing had been."""
    site = new_scene(hosts=set())
    site.install()
    site.may_crash = True
    os.kill(site.daemon.pids()["follow"], signal.SIGSEGV)
    wait_for("the crash", site.daemon.crashes)
    assert ["signal=11" in line and "role=follow" in line for line in site.daemon.crashes()] == [True]
