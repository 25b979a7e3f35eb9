"""What limetwig did, seen from outside: the kernel's sets, the corpus, the daemon's own log."""
import ipaddress
import json
import os
import re

from .network import LabError

CASE = re.compile(r"[Cc]ase ([0-9A-Z]{4}-[0-9A-Z]{4})")
TABLE = "limetwig"


def rule_set(net):
    """The whole ruleset as nft prints it; elements' remaining time moves, so only for comparing without them."""
    return net.run(["nft", "list", "ruleset"], check=True).stdout


def tables(net):
    listed = json.loads(net.run(["nft", "-j", "list", "ruleset"], check=True).stdout)
    return [o["table"]["name"] for o in listed["nftables"] if "table" in o]


def elements(net):
    """Every element of the sets of our table, as {(set, address): seconds left}."""
    if TABLE not in tables(net):
        return {}
    found = {}
    listed = json.loads(net.run(["nft", "-j", "list", "table", "inet", TABLE], check=True).stdout)
    for entry in (o["set"] for o in listed["nftables"] if "set" in o):
        for element in entry.get("elem", []):
            item = element["elem"] if isinstance(element, dict) and "elem" in element else {"val": element}
            found[(entry["name"], str(item["val"]))] = item.get("expires", item.get("timeout"))
    return found


def in_kernel(net, address, length=None):
    """Seconds left of the element that holds this address (as /32 or /64), or None."""
    six = ":" in address
    wanted = ipaddress.ip_network("%s/%d" % (address, length or (64 if six else 32)), strict=False).network_address
    for (_, value), left in elements(net).items():
        if ipaddress.ip_address(value.split("/")[0]) == wanted:
            return left or 0
    return None


def corpus(net, folder="/var/lib/limetwig/corpus"):
    """Texts of the captured messages, by file name."""
    found = {}
    for at, _, names in os.walk(net.path(folder)):
        if os.path.basename(at) not in ("new", "cur"):
            continue
        for name in names:
            with open(os.path.join(at, name), "rb") as f:
                found[name] = f.read().decode("utf-8", "replace")
    return found


def in_corpus(net, text):
    return [name for name, content in corpus(net).items() if text in content]


def case_of(reply):
    """The case id in a refusal; LabError where there is none."""
    found = CASE.search(reply)
    if not found:
        raise LabError("no case id in the reply: " + reply)
    return found.group(1)
