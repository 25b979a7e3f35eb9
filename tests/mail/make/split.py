#!/usr/bin/python3
"""Put new messages of OUT into seen/ or held/, half each, by a fixed seed.

usage: split.py OUT DIR [KIND...]. What was put once stays: a file of the same
KIND and name in DIR is left alone. Each program's files of a kind alternate
between the two sides in an order given by a hash, so both sides have some.
SPDX-License-Identifier: ISC
"""
import hashlib
import os
import sys

SEED = 'limetwig mail 1'


def put(out, top, kinds):
    for kind in sorted(kinds or os.listdir(out)):
        have = {}
        number = 0
        for side in ('seen', 'held'):
            d = os.path.join(top, side, kind)
            for f in os.listdir(d) if os.path.isdir(d) else []:
                have[f.split('-', 1)[1]] = side
                number = max(number, int(f.split('-', 1)[0]))
        new = [f for f in os.listdir(os.path.join(out, kind)) if f not in have]
        new.sort(key=lambda f: hashlib.sha256((SEED + kind + f).encode()).hexdigest())
        for f in new:
            software = f.split('-')[0]
            mine = [s for g, s in have.items() if g.split('-')[0] == software]
            seen, held = mine.count('seen'), mine.count('held')
            if seen == held:
                odd = hashlib.sha256((SEED + f).encode()).digest()[0] & 1
                all_seen = list(have.values()).count('seen')
                side = 'seen' if all_seen * 2 < len(have) or (all_seen * 2 == len(have) and odd) else 'held'
            else:
                side = 'seen' if seen < held else 'held'
            have[f] = side
            number += 1
            d = os.path.join(top, side, kind)
            os.makedirs(d, exist_ok=True)
            with open(os.path.join(out, kind, f), 'rb') as r, open('%s/%03d-%s' % (d, number, f), 'wb') as w:
                w.write(r.read())


if __name__ == '__main__':
    put(sys.argv[1], sys.argv[2], sys.argv[3:])
