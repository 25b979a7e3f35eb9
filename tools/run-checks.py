#!/usr/bin/env python3
"""`make check`: every check there is, summed up in a last line `N passed, N failed, N skipped`.

Exit status 1 when something failed or nothing passed. Without root it runs
what it can and names what it skipped. Standard library only.
SPDX-License-Identifier: ISC
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TAP = re.compile(r"^(ok|not ok)\b(?!.*\bTODO\b)(?P<rest>.*)$", re.MULTILINE)
E2E_AT_ONCE = 2
PATIENCE = "5"  # times a test's timeout, which only ends what hangs: the machine may be slow, or have other work
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class Total:
    """Sums results; names what failed and what was skipped."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []
        self.began = time.monotonic()

    def add(self, step, passed, failed, skipped, output=""):
        self.passed += passed
        self.failed += ["%s: %s" % (step, name) for name in failed]
        self.skipped += ["%s: %s" % (step, name) for name in skipped]
        print("%6.1f s  %-34s %4d passed, %d failed, %d skipped" % (
            time.monotonic() - self.began, step, passed, len(failed), len(skipped)), flush=True)
        if failed and output:
            print(output.rstrip()[-6000:], flush=True)

    def end(self):
        print()
        for name in self.skipped:
            print("skipped  " + name)
        for name in self.failed:
            print("FAILED   " + name)
        print("%d passed, %d failed, %d skipped" % (self.passed, len(self.failed), len(self.skipped)))
        return 1 if self.failed or not self.passed else 0


def run(argv, **more):
    """(exit status, output)."""
    try:
        done = subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", **more)
    except FileNotFoundError:
        return 127, argv[0] + ": not found"
    except subprocess.TimeoutExpired as e:
        return 124, "%s: no end after %d s\n%s" % (argv[0], e.timeout, (e.stdout or b"").decode("utf-8", "replace"))
    return done.returncode, done.stdout


def step(total, name, argv, **more):
    """One command that passes or fails as a whole."""
    status, output = run(argv, **more)
    total.add(name, int(status == 0), [] if status == 0 else ["exit %d" % status], [], output)
    return status == 0


def packages(total):
    if os.geteuid() == 0:
        status, output = run(["tools/install-packages.sh"])
        print(output, end="")
        if status:
            total.add("packages", 0, ["not all could be installed"], [], output)
    else:
        print(run(["tools/install-packages.sh"])[1], end="")


def build(total, folder, options, compiler=None):
    """Configure and build; False (and counted) where that failed."""
    env = dict(os.environ, **({"CC": compiler} if compiler else {}))
    name = "build " + folder
    if os.path.exists(os.path.join(TOP, folder, "build.ninja")):
        # modules are found by folder: look again
        status, output = run(["meson", "setup", "--reconfigure", folder] + options, env=env)
    else:
        status, output = run(["meson", "setup", folder] + options, env=env)
    if status == 0:
        status, output = run(["ninja", "-C", folder], env=env)
    wrong = re.findall(r"^.*(?:error|undefined reference).*$", output, re.MULTILINE)
    total.add(name, int(status == 0), [] if status == 0 else ["exit %d" % status], [],
              "\n".join(wrong[:40]) or output)
    return status == 0


def count_tap(test):
    """(passed, failed names, skipped names) of one test program."""
    passed, failed, skipped, plan = 0, [], [], re.search(r"^1\.\.(\d+)", test.get("stdout") or "", re.MULTILINE)
    for match in TAP.finditer(test.get("stdout") or ""):
        name = test["name"] + match.group("rest").replace(" - ", " ", 1)
        # cmocka says `not ok 1 # SKIP name` of a test that was left out
        if re.search(r"#\s*skip", name, re.IGNORECASE):
            skipped.append(name)
        elif match.group(1) == "not ok":
            failed.append(name)
        else:
            passed += 1
    seen = passed + len(failed) + len(skipped)
    # meson takes cmocka's way to say SKIP for a failure
    is_only_skipped = skipped and test.get("returncode") == 0 and plan and seen == int(plan.group(1))
    if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not failed and not is_only_skipped:
        failed.append("%s: %s after %d of %s tests" % (test["name"], test["result"], seen,
                                                       plan.group(1) if plan else "?"))
    return passed, failed, skipped


def count_test(test):
    if re.search(r"^1\.\.\d+", test.get("stdout") or "", re.MULTILINE):
        return count_tap(test)
    name = test["name"]
    if test["result"] == "SKIP":
        return 0, [], [name]
    return (1, [], []) if test["result"] == "OK" else (0, [name + ": " + test["result"]], [])


def meson_tests(total, folder):
    """unit, fuzz corpora, golden: whatever meson knows. The log must be of this run, and explain its exit status."""
    log = os.path.join(TOP, folder, "meson-logs/testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    # what a test that dies leaves goes with the folder
    with tempfile.TemporaryDirectory(prefix="limetwig-check-", ignore_cleanup_errors=True) as scratch:
        status, said = run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier",
                            PATIENCE], env=dict(os.environ, TMPDIR=scratch))
    suites, output, is_bad = {}, [], False
    if not os.path.exists(log):
        total.add(folder + ": tests", 0, ["meson test left no log, exit %d" % status], [], said)
        return
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            test = json.loads(line)
            # named `project:suite / test`
            suite, _, test["name"] = test["name"].rpartition(" / ")
            suite = suite.split(":")[-1] or "other"
            is_bad |= test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")
            passed, failed, skipped = count_test(test)
            sums = suites.setdefault(suite, [0, [], []])
            sums[0] += passed
            sums[1] += failed
            sums[2] += skipped
            if failed:
                output.append("--- %s\n%s\n%s" % (test["name"], (test.get("stdout") or "")[-1500:],
                                                  (test.get("stderr") or "")[-1500:]))
    if not suites or status < 0 or (status and not is_bad):
        total.add(folder + ": tests", 0, ["meson test: exit %d after %d suites" % (status, len(suites))], [], said)
    for suite, (passed, failed, skipped) in sorted(suites.items()):
        total.add("%s: %s" % (folder, suite), passed, failed, skipped, "\n".join(output))


def tap_step(total, name, argv):
    """A command that prints TAP."""
    status, output = run(argv)
    passed, failed, skipped = count_tap({"name": "", "stdout": output, "result": "OK"})
    seen, plan = passed + len(failed) + len(skipped), re.findall(r"^1\.\.(\d+)", output, re.MULTILINE)
    if not failed and (status or plan != [str(seen)]):
        failed.append("exit %d after %d of %s tests" % (status, seen, plan[0] if plan else "?"))
    wrong = [line for line in output.splitlines() if not line.startswith("ok ")]
    total.add(name, passed, failed, skipped, "\n".join(wrong))


def format_check(total):
    if not shutil.which("clang-format"):
        total.add("format", 0, [], ["clang-format is not installed"])
        return
    files = sorted(f for part in ("src", "tests", "bench") for kind in "ch"
                   for f in glob.glob(os.path.join(TOP, part, "**/*." + kind), recursive=True))
    status, output = run(["clang-format", "--dry-run"] + files)
    wrong = sorted({line.split(":")[0] for line in output.splitlines() if "warning:" in line})
    failed = [os.path.relpath(f, TOP) for f in wrong] or (["exit %d" % status] if status or not files else [])
    total.add("format", 0 if status else len(files) - len(wrong), failed, [],
              "\n".join(output.splitlines()[:60]))


def end_to_end(folder, pool):
    """Each file of tests/e2e in a pytest of its own, the longest first: their results, to come."""
    if run([PYTHON, "-c", "import pytest"])[0] != 0:
        return None
    files = sorted(glob.glob(os.path.join(TOP, "tests/e2e/test_*.py")), key=os.path.getsize, reverse=True)
    return [pool.submit(one_file, folder, f) for f in files]


def end_to_end_results(total, results):
    if results is None:
        total.add("e2e", 0, [], ["all (python3-pytest is not installed)"])
        return
    for one in concurrent.futures.as_completed(results):
        name, result = one.result()
        total.add("e2e: " + name, *result)


def one_file(folder, path):
    """(name, (passed, failed names, skipped names, output)) of one test file."""
    name = os.path.basename(path)[:-3]
    report = os.path.join(TOP, folder, "e2e-%s.xml" % name)
    env = dict(os.environ, LIMETWIG_BUILD=os.path.join(TOP, folder), PYTHONDONTWRITEBYTECODE="1")
    if os.path.exists(report):
        os.unlink(report)
    with tempfile.TemporaryDirectory(prefix="limetwig-check-") as scratch:
        status, output = run([PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--basetemp",
                              scratch + "/pytest", "--junitxml", report, path], env=env, timeout=900)
    if not os.path.exists(report):
        return name, (0, ["pytest exit %d" % status], [], output)
    passed, failed, skipped = 0, [], []
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(case.get("name", ""))
        elif case.find("skipped") is not None:
            skipped.append("%s (%s)" % (case.get("name", ""), case.find("skipped").get("message", "")))
        else:
            passed += 1
    if not failed and status:
        failed.append("pytest exit %d" % status)
    return name, (passed, failed, skipped, output)


def give_back():
    """Under sudo what we built stays the user's."""
    if os.geteuid() == 0 and os.environ.get("SUDO_UID"):
        owner = os.environ["SUDO_UID"] + ":" + os.environ.get("SUDO_GID", "")
        folders = glob.glob(os.path.join(TOP, "build*"))
        if folders:
            run(["chown", "-R", owner] + folders)


def main():
    total = Total()
    packages(total)
    prefix = sys.argv[1] if len(sys.argv) > 1 else "build"
    is_built = build(total, prefix, [])
    pool = concurrent.futures.ThreadPoolExecutor(E2E_AT_ONCE)
    # they wait more than they work: beside them there is room for the other builds, which give way
    e2e = end_to_end(prefix, pool) if is_built else []
    os.nice(10)
    if is_built:
        meson_tests(total, prefix)
    if build(total, prefix + "-asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false"]):
        meson_tests(total, prefix + "-asan")
    if shutil.which("clang"):
        # a second compiler, and the count of what the tests run
        if build(total, prefix + "-clang", ["-Dcoverage=true"], "clang"):
            tap_step(total, "coverage", ["tools/coverage.py", prefix + "-clang"])
    else:
        total.add("build " + prefix + "-clang", 0, [], ["clang is not installed"])
    if is_built:
        tap_step(total, "layers", ["tools/check-layers", prefix])
        tap_step(total, "names", ["tools/check-names", prefix])
    tap_step(total, "fuzz targets", ["tools/fuzz.py", "--complete"])
    format_check(total)
    end_to_end_results(total, e2e)
    give_back()
    sys.exit(total.end())


if __name__ == "__main__":
    main()
