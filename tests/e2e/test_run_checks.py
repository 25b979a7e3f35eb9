"""tools/run-checks.py: what it counts of `meson test`, with another meson."""
import importlib.util
import json
import os

import pytest
from conftest import TOP

PASS = {"name": "limetwig:unit / a", "result": "OK", "returncode": 0, "stdout": "1..1\nok 1 - a\n"}
LEFT_OUT = {"name": "limetwig:unit / b", "result": "FAIL", "returncode": 0, "stdout": "1..1\nnot ok 1 # SKIP b\n"}


def load():
    spec = importlib.util.spec_from_file_location("run_checks", os.path.join(TOP, "tools/run-checks.py"))
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    return checks


@pytest.mark.parametrize("status,tests,passed,failed", [
    (0, [PASS], 1, 0),
    (1, [PASS, LEFT_OUT], 1, 0),
    (1, [PASS], 1, 1),  # it says that something failed, and not what
    (-9, [PASS, LEFT_OUT], 1, 1),
    (0, [], 0, 1),
    (1, None, 0, 1),  # no log of this run
])
def test_a_failure_that_the_log_does_not_tell_is_counted(tmp_path, monkeypatch, status, tests, passed, failed):
    checks = load()
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


@pytest.mark.parametrize("status,said,passed,failed", [
    (0, "ok 1 - a\nok 2 - b\n1..2\n", 2, 0),
    (1, "ok 1 - a\nnot ok 2 - b\n1..2\n", 1, 1),
    (1, "ok 1 - a\n1..1\n", 1, 1),
    (0, "ok 1 - a\n1..2\n", 1, 1),  # one test too few
    (0, "ok 1 - a\n", 1, 1),
    (0, "", 0, 1),
])
def test_a_plan_that_is_not_kept_is_a_failure(monkeypatch, status, said, passed, failed):
    checks = load()
    monkeypatch.setattr(checks, "run", lambda argv: (status, said))
    total = checks.Total()
    checks.tap_step(total, "x", ["x"])
    assert (total.passed, len(total.failed)) == (passed, failed)


@pytest.mark.parametrize("status,cases,failed", [
    (0, "<testcase name='a'/>", 0),
    (1, "<testcase name='a'><failure/></testcase>", 1),
    (3, "<testcase name='a'/>", 1),  # pytest itself broke
    (5, "", 1),  # no test was found
    (2, None, 1),
])
def test_the_end_of_pytest_is_counted(tmp_path, monkeypatch, status, cases, failed):
    checks = load()

    def pytest_run(argv, **_):
        if cases is not None:
            with open(argv[argv.index("--junitxml") + 1], "w", encoding="utf-8") as f:
                f.write("<testsuites><testsuite>%s</testsuite></testsuites>" % cases)
        return status, ""
    monkeypatch.setattr(checks, "TOP", str(tmp_path))
    monkeypatch.setattr(checks, "run", pytest_run)
    name, result = checks.one_file("", "test_x.py")
    assert name == "test_x" and len(result[1]) == failed


@pytest.mark.parametrize("status,said,failed", [
    (0, "", 0), (0, "TOP/src/a.c:1:2: warning: code should be clang-formatted\n", 1), (1, "clang-format: cannot start\n", 1)])
def test_a_format_check_that_breaks_has_failed(tmp_path, monkeypatch, status, said, failed):
    checks = load()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.c").write_text("")
    monkeypatch.setattr(checks, "TOP", str(tmp_path))
    monkeypatch.setattr(checks.shutil, "which", lambda _: "clang-format")
    monkeypatch.setattr(checks, "run", lambda argv: (status, said.replace("TOP", str(tmp_path))))
    total = checks.Total()
    checks.format_check(total)
    assert (total.passed, len(total.failed)) == (1 - failed, failed)
