"""Planted addresses: made of one random word that nothing else has, and searched for in every form that a text can take."""
import base64
import gzip
import hashlib
import quopri
import re
import secrets
import urllib.parse

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
LETTERS = "bcdfghjklmnpqrstvwxz"
HASH_BYTES = 8  # of a hash, from its beginning
AROUND = 60


def new_word():
    """No word of any language, no hexadecimal number, nothing that software prints by itself."""
    return "".join(secrets.choice(LETTERS) for _ in range(8))


def in_base64(data):
    """What is the same in base64 whatever stands around, for each of the three places in a group."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data + bytes(3)).decode()
        yield text[-(-shift * 8 // 6):(shift + len(data)) * 8 // 6]


def forms(text):
    """{form: bytes} of a word; all but base64 are to be looked for in lower case."""
    data = text.encode()
    found = {"plain": data, "reversed": data[::-1], "hex": data.hex().encode(),
             "utf-16le": text.encode("utf-16-le"), "utf-16be": text.encode("utf-16-be"),
             "utf-32": text.encode("utf-32-le")[:-3],
             "percent": b"".join(b"%%%02x" % c for c in data), "quoted-printable": b"".join(b"=%02x" % c for c in data),
             "html": b"".join(b"&#%d;" % c for c in data), "json": b"".join(b"\\u%04x" % c for c in data),
             "octal": b"".join(b"\\%03o" % c for c in data), "\\x": b"".join(b"\\x%02x" % c for c in data),
             "spaced": b" ".join(b"%c" % c for c in data), "dns": b"".join(b"\x01%c" % c for c in data)}
    return found


class Needles:
    """word: in each planted address; addresses: as Postfix would see them, of which no hash may be seen either."""

    def __init__(self, word, addresses=(), exact=()):
        self.word = word
        self.lower = forms(word.lower())
        self.exact = {("base64 of " + w, piece): piece.encode()
                      for w in {word.lower(), word.upper(), word.capitalize()} for piece in in_base64(w.encode())}
        for secret in exact:
            self.exact[("secret", secret[:4])] = secret if isinstance(secret, bytes) else secret.encode()
        self.raw, self.base64 = {}, {}
        for address in addresses:
            for text in {address, address.lower(), address.split("@")[0], address.split("@")[0].lower(),
                         address.lower() + "\n", "<%s>" % address.lower()}:
                for name in HASHES:
                    digest = hashlib.new(name, text.encode()).digest()
                    self.raw[digest[:HASH_BYTES]] = name
                    self.base64[base64.b64encode(digest)[:10]] = name

    def hashes(self, data):
        """(name, place) of hashes in hex or base64, and raw ones where this is no text."""
        for token in re.finditer(rb"[0-9a-fA-F]{16,}", data):
            name = self.raw.get(bytes.fromhex(token.group()[:16].decode()))
            if name:
                yield name + " in hex", token.start()
        for token in re.finditer(rb"[A-Za-z0-9+/_-]{11,}", data):
            name = self.base64.get(token.group()[:10].replace(b"-", b"+").replace(b"_", b"/"))
            if name:
                yield name + " in base64", token.start()
        if b"\0" not in data or not self.raw:
            return
        for run in re.finditer(rb"[^\0]{4}", data):  # a hash has no four zero bytes
            for at in range(max(0, run.start() - HASH_BYTES + 4), run.end()):
                name = self.raw.get(data[at:at + HASH_BYTES])
                if name:
                    yield name, at

    def search(self, data, is_plain_only=False):
        """[(form, excerpt)] of what is found in these bytes."""
        found = []
        lower = data.lower()
        for texts, patterns in ((lower, self.lower), (data, self.exact)):
            for form, pattern in patterns.items():
                at = texts.find(pattern)
                if at >= 0:
                    found.append((form, excerpt(data, at)))
        if is_plain_only:
            return found
        for name, decode in (("percent", urllib.parse.unquote_to_bytes), ("quoted-printable", quopri.decodestring)):
            at = decode(data).lower().find(self.lower["plain"])
            if at >= 0 and lower.find(self.lower["plain"]) < 0:
                found.append(("mixed with " + name, excerpt(decode(data), at)))
        return found + [(name, excerpt(data, at)) for name, at in self.hashes(data)]


def excerpt(data, at):
    return data[max(0, at - AROUND):at + AROUND].decode("latin-1").encode("unicode_escape").decode()


class Seen:
    """Everything that came out, by the name of where; said: what whoever reads it has said himself."""

    def __init__(self):
        self.texts = []

    def put(self, where, data, said=()):
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        for own in sorted(said, key=len, reverse=True):
            data = re.sub(re.escape(own.encode()), b"(own)", data, flags=re.I)
        self.texts.append((where, gzip.decompress(data) if data.startswith(b"\x1f\x8b\x08") else data))

    def findings(self, needles):
        return ["%s: %s: %s" % (where, form, text) for where, data in self.texts
                for form, text in needles.search(data)]
