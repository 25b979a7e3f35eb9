"""Process 1 of the server's namespaces: gives the server its own /etc, /var and /run, then reaps orphans.

Ends at end of input; the kernel then ends every process of the namespace.
Arguments: folder of this repository's lab/site files; folder of an unpacked
Postfix ("" when it is installed).
"""
import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys

KEEP = ["passwd", "group", "ld.so.cache", "services", "protocols", "localtime"]
POSTFIX_KEEP = ["dynamicmaps.cf", "dynamicmaps.cf.d", "postfix-files", "postfix-files.d", "post-install",
                "postfix-script"]


def read_tree(path, into, name):
    """Files of the host that the server needs, as bytes, before its /etc hides them."""
    if os.path.isdir(path):
        into[name] = None
        for entry in sorted(os.listdir(path)):
            read_tree(os.path.join(path, entry), into, name + "/" + entry)
    elif os.path.isfile(path):
        with open(path, "rb") as f:
            into[name] = (f.read(), stat.S_IMODE(os.stat(path).st_mode))


def write_tree(root, tree):
    for name, content in tree.items():
        path = os.path.join(root, name)
        if content is None:
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content[0])
        os.chmod(path, content[1])


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def add_account(tree, name, number):
    """Users and groups of Postfix where it was only unpacked."""
    for table, line in (("passwd", "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n" % (name, number, number)),
                        ("group", "%s:x:%d:\n" % (name, number))):
        data, mode = tree[table]
        if not any(row.startswith(name.encode() + b":") for row in data.splitlines()):
            tree[table] = (data + line.encode(), mode)


def set_up(site, unpacked):
    tree = {}
    for name in KEEP:
        read_tree("/etc/" + name, tree, name)
    for name in POSTFIX_KEEP:
        read_tree(os.path.join(unpacked, "etc/postfix", name) if unpacked else "/etc/postfix/" + name, tree,
                  "postfix/" + name)
    if unpacked:  # what the package's installation would have written
        tree["postfix/dynamicmaps.cf"] = (b"lmdb\tpostfix-lmdb.so\tdict_lmdb_open\tmkmap_lmdb_open\n", 0o644)
    read_tree(site, tree, "")
    tree = {name.lstrip("/"): content for name, content in tree.items() if name}
    add_account(tree, "postfix", 61100)
    add_account(tree, "postdrop", 61101)
    add_account(tree, "vmail", 61102)
    if unpacked:
        mount("-t", "overlay", "overlay", "-o", "lowerdir=%s/usr:/usr" % unpacked, "/usr")
    for folder in ("/etc", "/var", "/run"):
        mount("-t", "tmpfs", "-o", "mode=755,size=6g", "lab", folder)
    write_tree("/etc", tree)
    for folder in ("spool/postfix", "lib/postfix", "log", "mail/vhosts", "tmp", "cache"):
        os.makedirs("/var/" + folder)
    os.makedirs("/run/lab")
    os.chmod("/var/tmp", 0o1777)
    shutil.chown("/var/lib/postfix", "postfix")
    shutil.chown("/var/mail/vhosts", "vmail", "vmail")
    # what Debian's start script copies into the chroot
    for name in ("localtime", "services", "hosts", "nsswitch.conf"):
        if os.path.exists("/etc/" + name):
            os.makedirs("/var/spool/postfix/etc", exist_ok=True)
            shutil.copy("/etc/" + name, "/var/spool/postfix/etc/" + name)


def main():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: unshare(1) gone, we go
    set_up(sys.argv[1], sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while sys.stdin.read(1):
        pass


def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
