"""tools/run-checks.py: what it counts of `meson test`, with another meson."""
import importlib.util
import json
import os

import pytest
from conftest import TOP

PASS = {"name": "limetwig:unit / a", "result": "OK", "returncode": 0, "stdout": "1..1\nok 1 - a\n"}
LEFT_OUT = {"name": "limetwig:unit / b", "result": "FAIL", "returncode": 0, "stdout": "1..1\nnot ok 1 # SKIP b\n"}


@pytest.mark.parametrize("status,tests,passed,failed", [
    (0, [PASS], 1, 0),
    (1, [PASS, LEFT_OUT], 1, 0),
    (1, [PASS], 1, 1),  # it says that something failed, and not what
    (-9, [PASS, LEFT_OUT], 1, 1),
    (0, [], 0, 1),
    (1, None, 0, 1),  # no log of this run
])
def test_a_failure_that_the_log_does_not_tell_is_counted(tmp_path, monkeypatch, status, tests, passed, failed):
    spec = importlib.util.spec_from_file_location("run_checks", os.path.join(TOP, "tools/run-checks.py"))
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    log = tmp_path / "x/meson-logs/testlog.json"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(PASS) + "\n", encoding="utf-8")  # of an earlier run

    def meson(argv, **_):
        assert argv[:2] == ["meson", "test"]
        if tests is not None:
            log.write_text("".join(json.dumps(test) + "\n" for test in tests), encoding="utf-8")
        return status, ""
    monkeypatch.setattr(checks, "TOP", str(tmp_path))
    monkeypatch.setattr(checks, "run", meson)
    total = checks.Total()
    checks.meson_tests(total, "x")
    assert (total.passed, len(total.failed)) == (passed, failed)
