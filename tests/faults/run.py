#!/usr/bin/python3
"""make faults: limetwigd struck at many points of its life, and the account after each of them.

    run.py --build DIR [--points N] [--seed N] [--kinds random,parent,turn,error,alloc,disk,read-only,clock] [--at-once N]
           [--share F] [--only 'STRIKE[,STRIKE...][ NEXT ROUND]']

A round is one life of limetwigd with all its roles, in namespaces of its own, with real nftables, DNS and postmap, but
without a Postfix: what Postfix would say to it is said by the test, so that a round costs half a second. In it each role
is struck once, at most; then every LMTP 250 must have its hit and its file, nobody innocent may be blocked, engine,
policy, kernel, zone, answerer and exported file must say the same, the log must tell no trap and no role may have died or given up
by itself (but in ld.so, libconfuse and libseccomp without memory, at its start); the store is checked whenever the daemon was stopped, and half of the rounds end by killing all at once.

    random     N points in all: SIGKILL at a random moment of the work
    parent     the same of the parent alone, a twelfth of N: as many as each role has by "random"
    turn       SIGKILL at each system call of each role in turn, from its exec to the end of the work
    error      each write, fsync, open, rename, send, mmap, socket of each role fails in turn (ENOSPC, EIO, EROFS, EMFILE ...)
    alloc      each allocation of each role fails in turn; of the same loop's many a part (--most); not those of libconfuse
               and libseccomp, nor those of OpenSSL and libc that these die of (fault_preload.c): at the start of a role only
    disk       the state's disk is full for a while, with random deaths
    read-only  it is read-only for a while, with random deaths
    clock      the clock jumps by up to a year and back, with random deaths
    mixed      of the first three a little in each round, N points in all, without counting first (make check)

The seed is printed first; every broken round is printed as the command that repeats it. --share 0.05 takes
every twentieth point of turn, error and alloc. Exit status 1: something is broken, or was
not tried: a round of --only without its strike, a role that "random" did not strike.
"""
import argparse
import collections
import multiprocessing
import os
import random
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from stage import ALL, ROLES, Site  # noqa: E402 - it puts the lab on the path
from points import ERRNO, Chapter, Clock, FullDisk, ReadOnly, Strike, count, run_chapter  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
KINDS = ("random", "parent", "turn", "error", "alloc", "disk", "read-only", "clock", "mixed")
CHAPTER = {"disk": FullDisk, "read-only": ReadOnly, "clock": Clock}
DISTURBED = 40  # rounds of each of these with --share 1
WORK_MS = 300
PARENT_EVERY = 4  # random deaths of the parent end those of the others, so it has fewer
ROUNDS_ENOUGH = 4 * PARENT_EVERY  # random ones that must have struck each role
MORE = 1.1  # calls in a round with faults beside one without


class Plan:
    """Rounds of each kind, made from the seed and from the counts of a round without faults."""

    def __init__(self, site, kinds, points, share, most, seed):
        self.dice = random.Random(seed)
        self.site, self.share, self.most = site, share, most
        self.rounds = []  # (kind, strikes)
        for kind in kinds:
            self.rounds += [(kind, r) for r in getattr(self, "plan_" + kind.replace("-", "_"))(points)]

    def count(self, kind, when):
        return count(self.site, self.dice, kind, when)

    def spread(self, by_role):
        """One strike of each role a round, in a random order."""
        for strikes in by_role.values():
            self.dice.shuffle(strikes)
        made = []
        while any(by_role.values()):
            made.append([strikes.pop() for strikes in by_role.values() if strikes])
        return made

    def shares(self, nth):
        """--share of these numbers."""
        nth = list(nth)
        return nth if self.share >= 1 else self.dice.sample(nth, min(len(nth), max(1, int(len(nth) * self.share))))

    def a_random_round(self, has_parent):
        roles = list(ROLES) + (["parent"] if has_parent else [])
        return [Strike(r, "time", "kill", self.dice.randrange(WORK_MS)) for r in roles]

    def plan_random(self, points):
        made = []
        while sum(len(r) for r in made) < points:
            made.append(self.a_random_round(len(made) % PARENT_EVERY == 0))
        return made

    def plan_parent(self, points):
        return [[Strike("parent", "time", "kill", self.dice.randrange(WORK_MS))] for _ in range(points // len(ROLES) + 1)]

    def plan_turn(self, _):
        by_role = {r: [] for r in ALL}
        for when in ("birth", "now"):
            for role, n in self.count("kill", when).items():
                by_role[role] += [Strike(role, when, "kill", i) for i in self.shares(range(1, int(n * MORE) + 2))]
        return self.spread(by_role)

    def plan_error(self, _):
        by_role = {r: [] for r in ALL}
        for kind, errors in ERRNO.items():
            for when in ("birth", "now"):
                for role, n in self.count(kind, when).items():
                    by_role[role] += [Strike(role, when, kind, i, e) for e in errors
                                      for i in self.shares(range(1, int(n * MORE) + 1))]
        return self.spread(by_role)

    def plan_alloc(self, _):
        by_role = {r: [] for r in ALL}
        for role, n in self.count("alloc", "birth").items():
            nth = list(range(1, n + 1))
            if len(nth) > self.most:  # the first ones are all different, later ones repeat
                nth = nth[:self.most // 2] + self.dice.sample(nth[self.most // 2:], self.most // 2)
            by_role[role] = [Strike(role, "birth", "alloc", i) for i in self.shares(nth)]
        return self.spread(by_role)

    def plan_disk(self, _):
        rounds = max(2, int(DISTURBED * self.share))
        return [[] if n % 2 else self.a_random_round(False) for n in range(rounds)]

    def plan_mixed(self, points):
        """Numbers that every role reaches, or nearly."""
        def one(role):
            at = self.dice.random()
            if at < 0.3:
                return Strike(role, "time", "kill", self.dice.randrange(WORK_MS))
            if at < 0.55:
                return Strike(role, "birth", "kill", self.dice.randrange(1, 360))
            if at < 0.7:
                return Strike(role, "now", "kill", self.dice.randrange(1, 60))
            kind = self.dice.choice(("file", "send", "socket", "sync", "write"))
            when = self.dice.choice(("birth", "now"))
            return Strike(role, when, kind, self.dice.randrange(1, 20), self.dice.choice(ERRNO[kind]))
        return [[one(r) for r in ROLES] for _ in range(-(-points // len(ROLES)))]

    plan_read_only = plan_disk
    plan_clock = plan_disk


def work(parsed, seed, orders, results):
    """A process with a site of its own: batches of rounds until there are no more."""
    try:
        os.nice(parsed.nice)
        with Site(parsed.build) as site:
            for kind, texts in iter(orders.get, None):
                rounds = [[Strike.parse(t) for t in r] for r in texts]
                dice = random.Random("%d %s" % (seed, texts))

                def tell(strikes, broken, kind=kind):
                    results.put((kind, [(s.role, s.kind, s.is_struck) for s in strikes], [str(s) for s in strikes], broken,
                                 site.daemon_log()[-3000:] if broken else ""))
                run_chapter(site, dice, rounds, tell, CHAPTER.get(kind, Chapter))
            results.put(site.seen)
    except BaseException:
        results.put(("lab", [], [], traceback.format_exc(), ""))
    results.put(None)


class Report:
    def __init__(self, seed, build):
        self.seed, self.build = seed, build
        self.points = collections.Counter()
        self.rounds = collections.Counter()
        self.seen = collections.Counter()
        self.untouched = 0  # rounds in which none of the strikes came to pass
        self.broken = []
        self.began = time.monotonic()

    def take(self, kind, struck, texts, broken, log):
        self.rounds[kind] += 1
        self.untouched += bool(struck) and not any(is_struck for *_, is_struck in struck)
        for role, what, is_struck in struck:
            if is_struck:
                self.points[(kind, role)] += 1
        if broken:
            self.broken.append((kind, texts, broken))
            print("BROKEN %s: %s\n  again: tests/faults/run.py --build %s --kinds %s --only %s\n%s" % (
                kind, broken, self.build, kind, ",".join(texts) or "-", log), flush=True)

    def missed(self):
        """Roles that were never struck at random: whatever those rounds say, it is not of them."""
        return [r for r in ALL if self.rounds["random"] >= ROUNDS_ENOUGH and not self.points[("random", r)]]

    def show(self):
        kinds = [k for k in KINDS if self.rounds[k]]
        print("%-10s" % "role" + "".join("%10s" % k for k in kinds))
        for role in ALL:
            print("%-10s" % role + "".join("%10d" % self.points[(k, role)] for k in kinds))
        print("%-10s" % "points" + "".join("%10d" % sum(self.points[(k, r)] for r in ALL) for k in kinds))
        print("%-10s" % "rounds" + "".join("%10d" % self.rounds[k] for k in kinds))
        print(", ".join("%s %d" % item for item in self.seen.items()))
        print("seed %d: %d points in %d rounds, %.0f s, %d broken" % (
            self.seed, sum(self.points.values()), sum(self.rounds.values()), time.monotonic() - self.began,
            len(self.broken)), flush=True)


def batches(rounds, size):
    """Rounds of one kind, in pieces that one store sees."""
    by_kind = collections.defaultdict(list)
    for kind, strikes in rounds:
        by_kind[kind].append([str(s) for s in strikes])
    return [(kind, some[i:i + size]) for kind, some in by_kind.items() for i in range(0, len(some), size)]


def plan(parsed):
    if set(parsed.kinds) & {"turn", "error", "alloc"}:
        with Site(parsed.build) as site:
            return Plan(site, parsed.kinds, parsed.points, parsed.share, parsed.most, parsed.seed).rounds
    return Plan(None, parsed.kinds, parsed.points, parsed.share, parsed.most, parsed.seed).rounds


def run(parsed):
    report = Report(parsed.seed, parsed.build)
    print("seed %d" % parsed.seed, flush=True)
    if parsed.only:
        rounds = [(parsed.kinds[0], [Strike.parse(t) for t in r.split(",") if t != "-"])
                  for r in parsed.only.split(" ")] * parsed.repeat
    else:
        rounds = plan(parsed)
        print("%d rounds planned after %.0f s" % (len(rounds), time.monotonic() - report.began), flush=True)
    orders, results = multiprocessing.Queue(), multiprocessing.Queue()
    work_list = batches(rounds, 25)
    at_once = min(parsed.at_once, len(work_list))
    for piece in work_list + [None] * at_once:
        orders.put(piece)
    processes = [multiprocessing.Process(target=work, args=(parsed, parsed.seed, orders, results), daemon=True)
                 for _ in range(at_once)]
    for p in processes:
        p.start()
    left, shown = at_once, time.monotonic()
    while left:
        one = results.get()
        if one is None:
            left -= 1
        elif isinstance(one, collections.Counter):
            report.seen.update(one)
        else:
            report.take(*one)
        if time.monotonic() - shown > parsed.tell:
            shown = time.monotonic()
            report.show()
    for p in processes:
        p.join()
    report.show()
    return report


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--points", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", type=lambda t: t.split(","), default=[k for k in KINDS if k != "mixed"])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--most", type=int, default=3000)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--nice", type=int, default=5)
    parser.add_argument("--tell", type=float, default=60)
    parsed = parser.parse_args(argv)
    parsed.seed = parsed.seed or int(time.time())
    report = run(parsed)
    if report.untouched and parsed.only:
        print("%d rounds in which no strike came to pass" % report.untouched)
    missed = [] if parsed.only else report.missed()
    if missed:
        print("never struck: " + ", ".join(missed))
    return 1 if report.broken or not report.rounds or missed or (report.untouched and parsed.only) else 0


if __name__ == "__main__":
    sys.exit(main())
