"""The demo itself: it ends with every step seen, and names the step that was not."""
import os
import subprocess
import sys

import pytest
from conftest import TOP, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def run_demo(folder, log):
    return subprocess.run([sys.executable, os.path.join(TOP, "tests/e2e/demo.py"), "--build", folder, "--log", str(log)],
                          capture_output=True, text=True, timeout=300)


def namespaces():
    """Network interfaces and mounts of the host, which the demo must leave as they were."""
    with open("/proc/self/mountinfo") as f:
        return sorted(os.listdir("/sys/class/net")), f.read()


def test_the_demo_sees_every_step_and_leaves_nothing(build, tmp_path):
    before = namespaces()
    done = run_demo(build, tmp_path / "demo.log")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " steps seen." in done.stdout
    assert namespaces() == before
    assert " ok " in (tmp_path / "demo.log").read_text()


def test_a_step_that_fails_is_named(tmp_path):
    for name in ("limetwigd", "limetwig"):
        (tmp_path / name).write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    done = run_demo(str(tmp_path), tmp_path / "demo.log")
    assert done.returncode == 1
    assert "FAILED at step 2 of" in done.stdout and "broken" in done.stdout
