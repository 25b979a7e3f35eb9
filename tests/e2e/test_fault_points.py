"""A little of `make faults` (tests/faults/run.py): roles struck at many points of their lives, and the account after each."""
import os
import subprocess
import sys

import pytest
from conftest import TOP, unpacked_postfix, why_not

POINTS = 60
# what was found by `make faults` and has no test nearer to it: two living roles without a link between them
FOUND = "parent:birth:socket:21:EMFILE parent:birth:socket:42:EMFILE"


def run(build, *words, status=0):
    if why_not() or unpacked_postfix():
        pytest.skip(why_not() or "needs an installed Postfix")
    if not os.path.exists(os.path.join(build, "tests/fault_tracer")):
        pytest.skip("not built: fault_tracer")
    done = subprocess.run([sys.executable, os.path.join(TOP, "tests/faults/run.py"), "--build", build, "--at-once", "1", *words],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_little_of_make_faults(build):
    run(build, "--points", str(POINTS), "--seed", "1", "--share", "0", "--kinds", "mixed,disk,read-only")


def test_what_was_found(build):
    run(build, "--kinds", "error", "--only", FOUND)


def test_a_round_without_its_strike_has_failed(build):
    run(build, "--kinds", "error", "--only", "run:now:kill:1000000", status=1)


@pytest.mark.parametrize("strikes,gone,is_broken", [
    ([], ("run", "exit", 0, "own"), False),
    ([], ("run", "exit", 1, "own"), True),
    (["run:now:file:1:EMFILE"], ("run", "exit", 1, "own"), False),
    (["feed:now:file:1:EMFILE"], ("run", "exit", 1, "own"), True),
    (["parent:now:file:1:EMFILE"], ("run", "exit", 1, "own"), False),
    ([], ("run", "signal", 11, "own"), True),
    (["run:now:kill:1"], ("run", "signal", 9, "ours"), False),
    (["run:now:kill:1"], ("run", "signal", 11, "library"), True),
    (["run:now:alloc:1"], ("run", "signal", 11, "library"), False),
    (["feed:now:alloc:1"], ("run", "signal", 11, "library"), True),
])
def test_who_may_go_in_a_round(strikes, gone, is_broken):
    sys.path.insert(0, os.path.join(TOP, "tests/faults"))
    from points import Chapter, Strike
    from stage import Broken
    struck = [Strike.parse(text) for text in strikes]
    for s in struck:
        s.is_struck = True
    try:
        Chapter.judge_exits(struck, [gone])
        Chapter.judge_deaths(struck, [gone])
    except Broken:
        assert is_broken
    else:
        assert not is_broken
