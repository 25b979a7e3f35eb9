"""`limetwig replay` on the log of a real Postfix without limetwig: what it says is what was sent."""
import json
import os
import subprocess

import pytest
from lab.network import wait_for
from lab.scene import ALICE, BOB

OLD = "old.shop@example.org"
GONE = "gone.too@example.org"


@pytest.fixture(scope="module")
def scene(new_scene):
    return new_scene(hosts={"friend"})


def replay(scene, build, tmp_path, *words):
    log = tmp_path / "mail.log"
    log.write_text(scene.postfix.log())
    done = subprocess.run([os.path.join(build, "limetwig"), "--conf", "/dev/null", "replay", *words, "--json", str(log)],
                          text=True, capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_a_log_of_a_server_without_limetwig(scene, build, tmp_path):
    only_asks, rides, later, innocent = (scene.new_host() for _ in range(4))
    assert scene.try_mail(only_asks, to=OLD)[0] == 550
    assert scene.try_mail(only_asks, to=OLD, six=True)[0] == 550
    # one message to a dead address and a person: she gets it today
    scene.spam_mail(rides, recipients=[OLD, ALICE], subject="rides along")
    scene.postfix.wait_mail(ALICE, "rides along")
    assert scene.try_mail(later, to=GONE)[0] == 550
    scene.spam_mail(later, recipients=[BOB], subject="comes later")
    scene.postfix.wait_mail(BOB, "comes later")
    scene.good_mail("friend", "nobody minds")
    scene.try_mail(innocent, to="typo@example.org")
    wait_for("the last refusal in the log", lambda: "to=<typo@example.org>" in scene.postfix.log())

    a = replay(scene, build, tmp_path, "--traps", OLD + "," + GONE)
    least, most = a["all"]["least"], a["all"]["most"]
    # the client of each family, the rider's message, the one that sends real mail later
    assert (least["probes"], least["whole"], least["blocks"]) == (3, 1, 0)
    assert (most["probes"], most["whole"], most["blocks"]) == (0, 4, 3)
    good = {(m["recipient"], m["least"], m["rider"]) for m in a["good_mail"]}
    assert good == {(ALICE, True, True), (BOB, False, False)}
    assert a["log"]["bad"] == 0
    assert a["all"]["good"] == 3

    a = replay(scene, build, tmp_path, "--traps", "other@example.org")
    assert a["all"]["most"]["blocks"] == 0 and a["good_mail"] == []
