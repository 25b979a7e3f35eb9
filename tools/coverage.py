#!/usr/bin/env python3
"""How much of src/base and src/core the tests run: lines and branches, beside the recorded least (tests/coverage.txt).

Arguments: a build directory that was made by clang with -Dcoverage=true; `--all` to run every test in place of those
of the pure layers (unit tests that include nothing above core or have the name of a module there, and the fuzz
corpora); `--files N` to name the N files with the most lines that never ran. Prints TAP; exit 1 when below.
SPDX-License-Identifier: ISC
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEAST = os.path.join(TOP, "tests/coverage.txt")
PATIENCE = "5"  # as in run-checks.py
ALSO = ("test_conf_file", "test_spamdb")  # of modules in core, which they reach by a file or a command
ABOVE = re.compile(r'^\s*#\s*include\s+"((io|role|ctl)/|\w*(rig|fixture|netns)\.h)', re.MULTILINE)


def llvm(name, compiler):
    """The program of the same version as the compiler that made the build."""
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout
    for program in ("%s-%s" % (name, version.split(".")[0]), name):
        if shutil.which(program):
            return program
    raise SystemExit("coverage: %s is not installed (package llvm)" % name)


def compiler_of(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        return json.load(f)[0]["command"].split()[0]


def is_pure(name):
    if name in ALSO:
        return True
    module = name[len("test_"):]
    if any(os.path.exists(os.path.join(TOP, "src", layer, module + ".c")) for layer in ("base", "core")):
        return True
    path = os.path.join(TOP, "tests/unit", name + ".c")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as f:
        return not ABOVE.search(f.read())


def tests_of(build, every):
    found = subprocess.run(["meson", "introspect", "--tests", build], capture_output=True, text=True, check=True)
    names = sorted(test["name"] for test in json.loads(found.stdout))
    return [name for name in names if every or name.startswith("fuzz_") or is_pure(name)]


def run_tests(build, names, folder):
    env = dict(os.environ, LLVM_PROFILE_FILE=os.path.join(folder, "%m-%p.profraw"), TMPDIR=folder)
    done = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--quiet",
                           "--timeout-multiplier", PATIENCE, *names],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout


def measure(build, folder):
    """What llvm-cov exports of the object files of both layers: code that no test links counts too."""
    compiler = compiler_of(build)
    merged = os.path.join(folder, "all.profdata")
    subprocess.run([llvm("llvm-profdata", compiler), "merge", "-sparse", *glob.glob(folder + "/*.profraw"),
                    "-o", merged], check=True)
    objects = sorted(glob.glob(os.path.join(build, "libbase.a.p/*.o")) + glob.glob(os.path.join(build, "libcore.a.p/*.o")))
    argv = [llvm("llvm-cov", compiler), "export", "-summary-only", "-instr-profile", merged, objects[0]]
    for path in objects[1:]:
        argv += ["-object", path]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["data"][0]


def least():
    with open(LEAST, encoding="utf-8") as f:
        rows = [line.split("#")[0].split() for line in f]
    return {row[0]: float(row[1]) for row in rows if row}


def worst(files, count):
    def missed(f):
        lines = f["summary"]["lines"]
        return lines["count"] - lines["covered"]
    for f in sorted(files, key=missed, reverse=True)[:count]:
        lines, branches = f["summary"]["lines"], f["summary"]["branches"]
        print("# %-32s %4d of %4d lines, %4d of %4d branches" % (
            f["filename"].split("/src/")[-1].split("src/")[-1], lines["covered"], lines["count"], branches["covered"],
            branches["count"]))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--all", action="store_true")
    options.add_argument("--files", type=int, default=0)
    given = options.parse_args()
    build = os.path.join(TOP, given.build)
    names = tests_of(build, given.all)
    with tempfile.TemporaryDirectory(prefix="limetwig-coverage-", ignore_cleanup_errors=True) as folder:
        status, output = run_tests(build, names, folder)
        seen = measure(build, folder)
    wanted = least()
    print("1..%d" % (1 + len(wanted)))
    print("%s 1 - %d test programs" % ("not ok" if status else "ok", len(names)))
    failed = bool(status)
    if status:
        print("\n".join("# " + line for line in output.splitlines()[-60:]))
    for number, (what, percent) in enumerate(wanted.items(), 2):
        # to a tenth, as it is written down
        now = int(seen["totals"][what]["percent"] * 10) / 10
        failed = failed or now < percent
        print("%s %d - %s of base and core: %.1f %% run, at least %.1f" % (
            "not ok" if now < percent else "ok", number, what, now, percent))
    worst(seen["files"], given.files or (12 if failed else 0))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
