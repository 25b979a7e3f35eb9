"""What is done to whom: strikes, their text, and the rounds that they are struck in.

A strike in text: ROLE:WHEN:CLASS:N[:ERRNO]

    ROLE   parent, engine, firewall ... (limetwigd -x)
    WHEN   birth: counted from the exec of its next life; now: from the beginning of the work; time: N milliseconds after it
    CLASS  kill; write, sync, file, send, memory, socket (system calls that return ERRNO); alloc (malloc returns NULL)
"""
import concurrent.futures
import errno
import os
import threading
import time

from stage import ALL, STATE, TRAPS, Broken, LabError, wait_for
from account import Account  # noqa: I001 - stage has put the lab on the path

ERRNO = {"write": ("ENOSPC", "EIO"), "sync": ("EIO",), "file": ("ENOSPC", "EROFS", "EMFILE"), "send": ("ENOBUFS", "EAGAIN"),
         "memory": ("ENOMEM",), "socket": ("EMFILE",)}
MAILS = 4
ROUNDS_PER_CHAPTER = 25
COUNT_ONLY = 1 << 40


class Strike:
    def __init__(self, role, when, kind, nth, error=""):
        self.role, self.when, self.kind, self.nth, self.error = role, when, kind, nth, error
        self.is_struck = False

    @classmethod
    def parse(cls, text):
        role, when, kind, nth, *error = text.split(":")
        return cls(role, when, kind, int(nth), error[0] if error else "")

    def __str__(self):
        return ":".join([self.role, self.when, self.kind, str(self.nth)] + ([self.error] if self.error else []))

    def order(self):
        number = getattr(errno, self.error) if self.error else 0
        return "arm %s %s %s %d %d" % (self.role, self.when, self.kind, self.nth, number)


class Chapter:
    """Rounds on one store. What is broken is raised with the strikes that led to it."""

    must_block = True  # whoever was charged
    may_lack_file = False  # of every round; and those with strikes that the corpus sees

    def __init__(self, site, dice):
        self.site, self.dice = site, dice
        self.account = Account(site)
        self.rounds = 0
        self.extra = []
        self.work_ms = 150.0

    def start(self):
        """Before the first round."""

    # ---- one round: a life of the daemon

    def round(self, strikes, is_last=False):
        self.rounds += 1
        seen = len(self.site.tracer.gone)
        self.account.may_lack_file = self.may_lack_file
        self.account.is_struck |= bool(strikes)
        self.arm([s for s in strikes if s.when == "birth"])
        self.site.start()
        self.site.wait_up()
        wait_for("mode full", self.is_full, 60)
        self.arm([s for s in strikes if s.when == "now"])
        timers = self.time([s for s in strikes if s.when == "time"])
        try:
            self.work()
        finally:
            for t in timers:
                t.join()
            self.disarm(strikes)
        self.site.wait_up()
        self.check(is_last)
        before_end = len(self.site.tracer.gone)
        self.end(is_last)
        self.judge_exits(strikes, self.site.tracer.gone[seen:before_end])
        self.judge_deaths(strikes, self.site.tracer.gone[seen:])

    def is_full(self):
        """True, or it was told so; a disk that fails at that moment refuses."""
        return self.site.ask(cmd="status").get("mode") == "full" and self.rounds > 1 or \
            self.try_command(cmd="enforce", mode="full", force=True)

    def arm(self, strikes):
        for s in strikes:
            self.account.may_lack_file |= s.kind not in ("kill", "send", "socket")
            self.site.tracer.struck.pop(s.role, None)
            if s.kind == "alloc":
                self.site.control.fail(s.role, s.nth)
            else:
                self.site.tracer.ask(s.order())

    def disarm(self, strikes):
        for s in strikes:
            if s.kind == "alloc":
                s.count, failed = self.site.control.count(s.role)
                s.is_struck = failed > 0
                self.site.control.fail(s.role, 0)
            elif s.when != "time":
                self.site.tracer.ask("disarm " + s.role)
                s.count = self.site.tracer.counts[s.role]
                s.is_struck = s.role in self.site.tracer.struck

    def time(self, strikes):
        began = time.monotonic()

        def strike(s):
            time.sleep(max(0.0, began + s.nth / 1000 - time.monotonic()))
            s.is_struck = s.role in self.site.tracer.living
            self.site.kill(s.role)
        timers = [threading.Thread(target=strike, args=(s,), daemon=True) for s in strikes]
        for t in timers:
            t.start()
        return timers

    def work(self):
        """A little of everything that limetwig does."""
        began = time.monotonic()
        site, account = self.site, self.account
        self.extra = self.extra[-20:] + ["extra%d@example.org" % self.rounds]
        site.write_traps(self.extra)
        account.feed = set(list(account.feed)[-20:]) | {"203.0.113.%d" % (100 + self.rounds % 100)}
        site.write_feed(account.feed)
        mails = [site.new_mail() for _ in range(MAILS)]
        for m in mails:
            m.may_lack_file = account.may_lack_file
        account.mails += mails
        self.try_command(cmd="trap_reload")
        self.try_command(cmd="feed_refresh", name="drop")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for m in mails:
                site.smtp(m)
                m.done = pool.submit(site.deliver, m)
            site.good_mail()
            self.disturb(mails)
            for m in mails:
                m.done.result()
        site.good_mail()
        self.work_ms = 0.9 * self.work_ms + 0.1 * min(1000, 1000 * (time.monotonic() - began))

    def disturb(self, mails):
        """What else happens while mail comes."""

    def try_command(self, **fields):
        """Somebody at the command line: may fail while a role is dead."""
        try:
            return self.site.command(seconds=5, **fields).get("ok")
        except (OSError, ValueError):
            return False

    def check(self, is_last):
        account = self.account
        account.check_evidence()
        account.check_layers(self.dice, self.must_block)
        account.check_log()
        if is_last:
            wait_for("the feed to be known", lambda: self.try_command(cmd="feed_refresh", name="drop"), 60)
            account.check_feed()
            account.check_export()
            self.site.ask(cmd="trap_reload")
            account.check_map(TRAPS + self.extra)

    def end(self, is_last):
        """Stopped as it should be, or all killed at once."""
        if not is_last and self.dice.random() < 0.6:
            self.site.kill_all()
            return
        status = self.site.stop()
        if status != 0:
            raise Broken("a stopped daemon ended with %s" % status)
        self.account.check_store()

    @staticmethod
    def judge_deaths(strikes, gone):
        """Whoever was not killed by us, or with his parent, must not die by a signal; some libraries do, without memory."""
        without = {s.role for s in strikes if s.is_struck and s.kind in ("alloc", "memory")}
        for role, how, number, whose in gone:
            if how == "signal" and number != 9 and whose != "ours" and not (whose == "library" and role in without):
                raise Broken("%s died by signal %d" % (role, number))

    @staticmethod
    def judge_exits(strikes, gone):
        """Nor give up, unless a call of his own or of his parent has failed."""
        struck = {s.role for s in strikes if s.is_struck} | {role for role, *_ in gone if role == "parent"}
        for role, how, number, _ in gone:
            if how == "exit" and number != 0 and "parent" not in struck and role not in struck:
                raise Broken("%s ended with %d" % (role, number))

    def close(self):
        self.account.close()


class FullDisk(Chapter):
    """The state's disk is full for a while."""

    may_lack_file = True

    def start(self):
        self.site.net.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "small", STATE], check=True)

    def disturb(self, mails):
        path = self.site.net.path(STATE + "/filler")
        with open(path, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        self.wait_tries(mails)
        os.unlink(path)

    def wait_tries(self, mails):
        """Two messages are brought at a time: these have been brought twice more, or all were taken; innocents are served."""
        enough = sum(m.tries for m in mails) + 4
        wait_for("attempts on a bad disk", lambda: sum(m.tries for m in mails) >= enough or all(m.is_taken for m in mails), 60)
        self.site.good_mail()

    def close(self):
        super().close()
        self.site.net.run(["umount", STATE], check=True)


class ReadOnly(FullDisk):
    """The state's disk is read-only for a while, as after an error."""

    def disturb(self, mails):
        done = self.site.net.run(["mount", "-o", "remount,ro", STATE])
        if done.returncode != 0:  # somebody has a file open for writing: the kernel would do it only by force
            self.site.kill_all()
            self.site.net.run(["mount", "-o", "remount,ro", STATE], check=True)
            self.site.start()
        self.site.good_mail()
        time.sleep(0.3)
        self.site.good_mail()
        self.site.net.run(["mount", "-o", "remount,rw", STATE], check=True)


class Clock(Chapter):
    """Somebody sets the clock, far or near, and sets it right again."""

    must_block = False  # what was made by a clock a day behind is over when it is right again
    JUMPS = (-1, 3600, -3600, 86400, -86400, 40 * 86400, -40 * 86400, 366 * 86400)

    def disturb(self, mails):
        for _ in range(2):
            self.site.control.set_clock(self.dice.choice(self.JUMPS))
            time.sleep(0.05)
            self.site.good_mail()
        self.site.control.set_clock(0)

    def close(self):
        super().close()
        self.site.control.set_clock(0)


def run_chapter(site, dice, rounds, tell, kind=Chapter):
    """rounds: lists of strikes. tell(strikes, text): what is broken. A broken round ends its chapter."""
    left = list(rounds)
    while left:
        site.wipe()
        chapter = kind(site, dice)
        strikes = []
        try:
            chapter.start()
            for n in range(min(ROUNDS_PER_CHAPTER, len(left))):
                strikes = left.pop(0)
                chapter.round(strikes, n == ROUNDS_PER_CHAPTER - 1 or not left)
                tell(strikes, None)
        except (Broken, LabError, AssertionError, OSError) as e:
            tell(strikes, "%s: %s" % (type(e).__name__, e))
            site.kill_all()
        finally:
            chapter.close()
            site.seen.update(chapter.account.seen())


def count(site, dice, kind, when):
    """How many such calls each role makes in a round without faults."""
    strikes = [Strike(role, when, kind, COUNT_ONLY, ERRNO.get(kind, ("",))[0]) for role in ALL]
    found = []
    run_chapter(site, dice, [strikes], lambda _, text: found.append(text) if text else None)
    if found:
        raise Broken("without a fault: " + found[0])
    return {s.role: s.count for s in strikes}

