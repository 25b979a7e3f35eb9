"""A role that is not itself any more: what it may not say to the parent ends its link and its life, nothing else."""
import array
import ctypes
import os
import socket

import pytest
from lab.daemon import ROLES
from lab.network import wait_for
from lab.scene import TRAPS, assert_code

PARENT_FD = 3  # a role's end of its channel to the parent
PIDFD_GETFD = 438
HELLO, CONFIG, LISTENER, LINK, START, READY, PING, PONG, STOP, FW_OPS, HIT = 1, 2, 3, 4, 6, 7, 8, 9, 10, 20, 30
MESSAGES = {
    "a type of the parent": bytes([PING]),
    "STOP": bytes([STOP]),
    "a new configuration": bytes([CONFIG]),
    "a type of another pair": bytes([FW_OPS]) + bytes(20),
    "no type": bytes([200, 1, 2, 3]),
    "type 0": bytes(4),
    "too long": bytes([PONG]) + bytes(100),
    "a second hello": bytes([HELLO, 0, 1, 1]),
    "larger than any": bytes([PONG]) + bytes(70000),
    "noise": bytes(range(256)) * 16,
}


@pytest.fixture(scope="module")
def site(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.install()
    scene.enforce("full")
    return scene


def channel_of(pid, number=PARENT_FD):
    """The role's end of a channel, as if we were the role."""
    handle = os.pidfd_open(pid)
    try:
        fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, handle, number, 0)
        if fd < 0:
            pytest.skip("this kernel does not hand over descriptors: " + os.strerror(ctypes.get_errno()))
    finally:
        os.close(handle)
    return socket.socket(fileno=fd)


def is_restarted(site, role, before):
    """The role lives anew; all others and the parent are who they were."""
    new = site.daemon.pids()
    if new.get(role) in (None, before[role]) or set(new) != set(before):
        return False
    assert {r: p for r, p in new.items() if r != role} == {r: p for r, p in before.items() if r != role}
    return True


def strike(site, role, send):
    before = site.daemon.pids()
    with channel_of(before[role]) as channel:
        assert channel.family == socket.AF_UNIX
        send(channel)
    wait_for("a new " + role, lambda: is_restarted(site, role, before), 30)
    site.daemon.wait_up(60)


@pytest.mark.parametrize("nth", range(len(MESSAGES)))
def test_what_a_role_may_not_say_ends_its_life_only(site, nth):
    name, role = list(MESSAGES)[nth], ROLES[nth % len(ROLES)]
    strike(site, role, lambda channel: channel.send(MESSAGES[name]))
    site.good_mail("friend", "after " + name)


def test_descriptors_that_nobody_asked_for_are_closed(site):
    parent = site.daemon.pids()["parent"]
    before = len(os.listdir("/proc/%d/fd" % parent))
    with open("/dev/null", "rb") as null:
        strike(site, "run", lambda channel: channel.sendmsg([bytes([PONG])], [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null.fileno()] * 20))]))
    wait_for("as few descriptors as before", lambda: len(os.listdir("/proc/%d/fd" % parent)) <= before + 1)


def end_links(pid):
    """One wrong word to each other role that this one has a link to; how many there are."""
    count = 0
    for name in os.listdir("/proc/%d/fd" % pid):
        if int(name) == PARENT_FD or not os.readlink("/proc/%d/fd/%s" % (pid, name)).startswith("socket:"):
            continue
        with channel_of(pid, int(name)) as channel:
            if channel.family == socket.AF_UNIX and channel.type & socket.SOCK_SEQPACKET == socket.SOCK_SEQPACKET:
                channel.send(bytes([PING]))
                count += 1
    return count


def test_a_link_that_has_ended_is_made_anew(site):
    """Nobody dies of it, and mail goes its way when the links are back."""
    before, told = site.daemon.pids(), site.daemon.log().count("link_anew ")
    count = sum(end_links(before[role]) for role in ("capture", "firewall", "follow"))
    assert count >= 3
    wait_for("the links", lambda: site.daemon.log().count("link_anew ") >= told + count, 60)
    site.daemon.wait_up(60)
    key = site.new_host()
    assert_code(site.spam_mail(key, TRAPS[1]), 250, "spam")
    wait_for("the kernel element", lambda: site.in_kernel(site.address(key)), 60)
    assert site.daemon.pids() == before


def test_a_flood_of_what_is_allowed_is_taken(site):
    """PONG as fast as it goes: the parent stays with us, and so does the role."""
    before = site.daemon.pids()
    with channel_of(before["run"]) as channel:
        channel.setblocking(True)
        for _ in range(20000):
            channel.send(bytes([PONG]))
    assert site.daemon.pids() == before
    site.good_mail("friend", "after the flood")
    key = site.new_host()
    assert_code(site.spam_mail(key, TRAPS[0]), 250, "spam")
    wait_for("the kernel element", lambda: site.in_kernel(site.address(key)))
    assert "Sanitizer" not in site.daemon.log()
