"""A little of `make faults` (tests/faults/run.py): roles struck at many points of their lives, and the account after each."""
import os
import subprocess
import sys

import pytest
from conftest import TOP, unpacked_postfix, why_not

POINTS = 60
# what was found by `make faults` and has no test nearer to it: two living roles without a link between them
FOUND = "parent:birth:socket:21:EMFILE parent:birth:socket:42:EMFILE"


def run(build, *words):
    if why_not() or unpacked_postfix():
        pytest.skip(why_not() or "needs an installed Postfix")
    if not os.path.exists(os.path.join(build, "tests/fault_tracer")):
        pytest.skip("not built: fault_tracer")
    done = subprocess.run([sys.executable, os.path.join(TOP, "tests/faults/run.py"), "--build", build, "--at-once", "1", *words],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_little_of_make_faults(build):
    run(build, "--points", str(POINTS), "--seed", "1", "--share", "0", "--kinds", "mixed,disk,read-only")


def test_what_was_found(build):
    run(build, "--kinds", "error", "--only", FOUND)
