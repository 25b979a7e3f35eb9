"""Programs of others that `make bench` measures beside ours: Debian's packages, unpacked by tools/install-packages.sh bench
and laid over /usr and /etc in a mount namespace, so that each finds itself where it was built for.
SPDX-License-Identifier: ISC
"""
import os
import shutil
import subprocess

TOP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build-host/bench")


class Missing(Exception):
    """A peer that is not to be had."""


def mount():
    """In a mount namespace of our own. Without overlayfs only what is installed can be measured."""
    if not os.path.isdir(TOP + "/usr"):
        return
    scratch = TOP + "/scratch"
    os.makedirs(scratch, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", scratch], check=True)
    for name in ("etc", "usr"):
        os.makedirs("%s/%s/up" % (scratch, name))
        os.makedirs("%s/%s/work" % (scratch, name))
        subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=%s/%s:/%s,upperdir=%s/%s/up,workdir=%s/%s/work" % (
            TOP, name, name, scratch, name, scratch, name), "overlay", "/" + name], check=False)


def program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Missing("the Debian package is not to be had here")
    return path


def version(package):
    """Of the package, unpacked or installed."""
    try:
        with open(TOP + "/versions", encoding="ascii") as f:
            known = dict(line.split() for line in f)
    except OSError:
        known = {}
    if package in known:
        return known[package]
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
