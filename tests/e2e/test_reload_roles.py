"""Roles that a reload brings, and that go and come back."""
import os

from lab.network import wait_for
from lab.scene import CONF

MORE = """
feed "site" {
  source = "/var/lists/bad.txt"
  action = list
  layers = "dnsbl export"
  documentation = yes
}
export "gateways" {
  file = "blocked.cidr"
  refresh = 1s
}
"""


def test_feed_and_export_after_a_reload(new_scene):
    scene = new_scene(hosts=set())
    scene.daemon.start()
    scene.enforce("soft")
    scene.net.write("/var/lists/bad.txt", "198.51.100.0/24\n")
    for folder in ("feeds", "export"):
        assert not os.path.exists(scene.net.path("/var/lib/limetwig/" + folder))
    scene.daemon.configure(CONF + MORE)
    scene.daemon.told("reload")

    def exported():
        try:
            return b"198.51.100.0/24" in scene.net.read("/var/lib/limetwig/export/blocked.cidr")
        except FileNotFoundError:
            return False
    wait_for("the exported file", exported, 60)
    wait_for("the kept feed", lambda: os.listdir(scene.net.path("/var/lib/limetwig/feeds")), 60)
    assert "feed_not_kept" not in scene.daemon.log() and "export_failed" not in scene.daemon.log()


def test_the_answerer_goes_and_comes_back_at_once(new_scene):
    """Its processes have the port a moment longer than the configuration."""
    scene = new_scene(hosts=set())
    forms = [CONF.replace("action = reject", "action = " + a) for a in ("answer", "reject")]
    scene.daemon.configure(forms[0])
    scene.daemon.start()
    for i in range(12):
        scene.daemon.configure(forms[i % 2])
        scene.daemon.told("reload")
    scene.daemon.configure(forms[0])
    scene.daemon.told("reload")
    assert "reload_refused" not in scene.daemon.log()
    wait_for("all to be up", lambda: all(r["up"] for r in scene.daemon.json("status")["roles"]), 60)
