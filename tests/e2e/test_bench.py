"""`make bench` without measuring: each part starts, and the tables say what was measured, what is missing and what failed."""
import datetime
import json
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(TOP, "bench")
sys.path.insert(0, BENCH)

import report  # noqa: E402
import run  # noqa: E402

COLUMNS = [("cpu_us", "CPU us", "%.2f", "spread"), ("cpu_us", "times null", "%.2f", "ratio"), ("lost", "lost", "%.0f", "sum")]


def document(lines):
    return report.document("a machine", "ours", datetime.datetime(2026, 11, 22, 12, 0), 1, False, {"A part": lines})


def row(what, values, beside="null"):
    return {"kind": "row", "table": "t", "what": what, "beside": beside, "rounds": [{"cpu_us": v, "lost": 1} for v in values]}


TABLE = {"kind": "table", "name": "t", "title": "A table", "columns": COLUMNS, "text": ""}
END = {"kind": "end", "status": 0, "seconds": 1}


@pytest.mark.parametrize("part", run.PARTS)
def test_part_starts(part):
    done = subprocess.run([sys.executable, os.path.join(BENCH, part + ".py"), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--short" in done.stdout


def test_ratios_are_of_the_same_round():
    text = document([TABLE, row("null", [1, 2, 4]), row("ours", [2, 2, 6]), END])
    assert "| null | 2.00 (1.00-4.00) | 1 | 3 |" in text
    assert "| ours | 2.00 (2.00-6.00) | **1.50 (1.00-2.00)** | 3 |" in text


def test_missing_and_failed_are_named():
    lines = [TABLE, row("null", [1]), {"kind": "row", "table": "t", "what": "theirs", "missing": "not to be had"},
             {"kind": "failed", "part": "t", "why": "it did\nnot start"}, dict(END, status=1)]
    text = document(lines)
    assert "| theirs | not measured: not to be had |  |  |" in text
    assert "**Failed** (t): it did not start" in text


def test_aims_and_versions_are_at_the_top():
    text = document([TABLE, row("null", [1]), {"kind": "aim", "what": "speed", "value": "9", "limit": "at most 8", "met": False},
                     {"kind": "version", "name": "theirs", "version": "1.0"}, END])
    assert "| speed | 9 | at most 8 | **not met** |" in text
    assert "Peers: theirs 1.0." in text


def test_a_part_that_dies_is_a_failure(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("import sys\nprint('%s')\nsys.exit(3)\n" % json.dumps(TABLE), encoding="ascii")
    monkeypatch.setattr(run, "HERE", str(tmp_path))

    class Args:
        build, short = "build", True
    lines = run.run_part("broken", Args)
    assert [line["kind"] for line in lines] == ["table", "failed", "end"]
    assert "status 3" in lines[1]["why"]
