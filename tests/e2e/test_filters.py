"""What a postmaster is told: by doctor behind a filter that names nobody, by status of a dead daemon whose blocks live on."""
import os

import pytest
from lab.network import HERE, PYTHON, wait_for
from lab.scene import assert_code


@pytest.fixture(scope="module")
def site(new_scene):
    s = new_scene(hosts={"friend"})
    with open(os.path.join(HERE, "content_filter.py"), "rb") as f:
        s.net.write("/run/lab/content_filter.py", f.read())
    s.net.start([PYTHON, "/run/lab/content_filter.py", "10024", "10025"], "/run/lab/content_filter.log")
    wait_for("the filter", lambda: s.postfix.listens(10024))
    s.net.run(["postconf", "-e", "content_filter=smtp:[127.0.0.1]:10024"], check=True)
    s.postfix.reload()
    s.install()
    return s


def doctor(s):
    return " ".join(s.daemon.ctl("doctor").stdout.split())


def test_a_filter_that_names_nobody_is_found(site):
    for n in range(3):
        assert_code(site.spam_mail(site.new_host(), subject="nobody's %d" % n), 250, "spam")
    wait_for("the hits", lambda: len(site.hits_of("127.0.0.1")) >= 3, 60)
    told = doctor(site)
    assert "messages to traps 3 came from 127.0.0.1" in told and "smtp_send_xforward_command=yes" in told
    assert "smtpd_proxy_filter" not in told


def test_a_filter_before_the_queue_is_found(site):
    """The policy server is asked before there is a queue id."""
    site.net.run(["postconf", "-P", "smtp/inet/smtpd_proxy_filter=127.0.0.1:10024"], check=True)
    assert "smtpd_proxy_filter is set" in doctor(site)


def test_status_of_a_dead_daemon_says_who_is_blocked(site):
    key = site.new_host()
    address = site.address(key)
    site.daemon.told("block", "add", address, "--note", "a test")
    site.enforce("full")
    wait_for("the kernel element", lambda: site.in_kernel(address))
    site.daemon.stop()
    done = site.daemon.ctl("status")
    assert done.returncode == 1 and "does not answer" in done.stderr
    assert "Blocked in the kernel until their time is over: 1 host. To end it at once: limetwig off" in done.stderr
    site.daemon.ctl("off")
    assert not site.in_kernel(address)
    assert "Nobody is blocked in the kernel" in site.daemon.ctl("status").stderr
