"""End to end tests: a real Postfix in network namespaces; they need root and are skipped without it."""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)


def why_not():
    """What this machine lacks for the laboratory, or None."""
    if os.geteuid() != 0:
        return "needs root: network namespaces"
    for tool in ("unshare", "nsenter", "ip", "nft"):
        if not shutil.which(tool):
            return tool + " is not installed"
    if not os.path.exists("/usr/sbin/postfix") and not unpacked_postfix():
        return "no Postfix, installed or unpacked (tools/install-packages.sh)"
    return None


def unpacked_postfix():
    path = os.path.join(TOP, "build-host/postfix")
    return path if not os.path.exists("/usr/sbin/postfix") and os.path.exists(path + "/usr/sbin/postfix") else ""


def build_folder():
    return os.environ.get("LIMETWIG_BUILD", os.path.join(TOP, "build"))


@pytest.fixture(scope="session")
def build():
    """The build directory; LIMETWIG_BUILD or build/."""
    folder = build_folder()
    if not os.path.exists(os.path.join(folder, "limetwigd")):
        pytest.skip("not built: " + folder)
    return folder


@pytest.fixture(name="top")
def make_top():
    """A folder that Postfix's own user may enter, as pytest's are not."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="limetwig-setup-"))
    yield top
    shutil.rmtree(top)


@pytest.fixture
def site_of(build, top):
    """A function that makes a Postfix configuration of a layout (lab/postfix_layouts), for `limetwig setup`."""
    from lab.postfix_layouts import LAYOUTS
    from lab.setup_site import Site
    return lambda layout: Site(build, top, *LAYOUTS[layout])


@pytest.fixture(scope="module")
def new_scene(build):
    """A function that makes a scene; all of them end with the module, and no role may have died of itself in any."""
    if why_not():
        pytest.skip(why_not())
    from lab.scene import Scene
    made = []

    def make(**more):
        made.append(Scene(build, unpacked_postfix(), **more))
        return made[-1]
    yield make
    crashes = []
    for scene in made:
        crashes += [] if scene.may_crash else scene.daemon.crashes()
        scene.close()
    assert not crashes, "\n".join(crashes)
