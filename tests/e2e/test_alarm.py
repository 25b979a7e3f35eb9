"""An alarm reaches a person: by mail through the site's own Postfix."""
from lab import messages
from lab.postfix import PASSWORD, USER
from lab.scene import ALICE, BOB, CONF, TRAPS, assert_code


def test_an_insider_is_told_of_by_mail(new_scene):
    scene = new_scene(hosts={"friend"})
    scene.daemon.configure(CONF + 'alarm {\n\tmail = "%s"\n}\n' % BOB)
    scene.install()
    key = scene.new_host()
    for n in range(3):
        answer = scene.host[key].mail(ALICE, [TRAPS[0]], messages.plain(ALICE, TRAPS[0], "old friend %d" % n), port=587,
                                      login=[USER, PASSWORD])
        assert_code(answer, 250, "submission")
    scene.postfix.wait_mail(BOB, "limetwig: insider")
    scene.wait_hit(scene.address(key), "insider", count=3)
    told = [m for m in scene.postfix.mailbox(BOB) if m["Subject"] == "limetwig: insider"]
    assert len(told) == 1
    text = told[0].as_string()
    assert "login %s" % USER in text and scene.address(key) in text
    assert not any(trap in text for trap in TRAPS)
    assert scene.block_of(scene.address(key)) is None
