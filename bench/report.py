"""Tables in Markdown from the JSON lines of the parts of `make bench` (rig.py).
SPDX-License-Identifier: ISC
"""
import statistics

HEAD = """# Results of `make bench`

{date}. {machine}. {ours}.
Peers: {peers}.
{seconds:.0f} s in all{short}. Server and generator are pinned to a core each; all servers of a table are asked in turn,
round after round; a ratio is to the row named in the same round. Medians; least and greatest in brackets. Below 1.3 times a difference of
wall time is noise here: judge by CPU time.
"""


def numbers(rounds, key):
    return [r[key] for r in rounds if key in r]


def spread(values, form):
    middle = form % statistics.median(values)
    return middle if len(values) == 1 else "%s (%s-%s)" % (middle, form % min(values), form % max(values))


def ratio(row, beside, key, form):
    if beside is row:
        return "1"
    if beside is None:
        return ""
    pairs = [(a[key], b[key]) for a, b in zip(row["rounds"], beside["rounds"]) if key in a and b.get(key)]
    return "**%s**" % spread([a / b for a, b in pairs], form) if pairs else ""


def cell(row, beside, column):
    key, _, form, how = column
    if how == "ratio":
        return ratio(row, beside, key, form)
    values = numbers(row["rounds"], key)
    if not values:
        return ""
    return {"median": lambda: form % statistics.median(values), "max": lambda: form % max(values),
            "sum": lambda: form % sum(values), "once": lambda: form % values[0],
            "spread": lambda: spread(values, form)}[how]()


def table(definition, lines):
    """Its heading, rows and notes."""
    columns = definition["columns"]
    rows = [line for line in lines if line["kind"] == "row" and line["table"] == definition["name"]]
    known = {row["what"]: row for row in rows if "rounds" in row}
    out = ["### " + definition["title"], ""] + ([definition["text"], ""] if definition["text"] else [])
    out += ["| | %s |" % " | ".join(c[1] for c in columns), "|---|" + "---|" * len(columns)]
    for row in rows:
        if "missing" in row:
            cells = ["not measured: " + row["missing"]] + [""] * (len(columns) - 1)
        else:
            cells = [cell(row, known.get(row["beside"]), c) for c in columns]
        out.append("| %s | %s |" % (row["what"], " | ".join(cells)))
    notes = ["- " + line["text"] for line in lines if line["kind"] == "note" and line["table"] == definition["name"]]
    return out + ([""] + notes if notes else []) + [""]


def part(title, lines):
    out = ["## " + title, ""]
    for line in lines:
        if line["kind"] == "table":
            out += table(line, lines)
        elif line["kind"] == "failed":
            out += ["**Failed** (%s): %s" % (line["part"], " ".join(line["why"].split())), ""]
    if lines[-1]["status"] == 77:
        out += ["Not measured: it says so itself.", ""]
    return out


def aims(results):
    """One table of all that has an aim."""
    found = [line for lines in results.values() for line in lines if line["kind"] == "aim"]
    out = ["## Aims", "", "| what | measured | aim | |", "|---|---|---|---|"]
    out += ["| %s | %s | %s | %s |" % (a["what"], a["value"], a["limit"], "met" if a["met"] else "**not met**") for a in found]
    return out + [""] if found else []


def document(machine, ours, date, seconds, is_short, results):
    versions = sorted({(line["name"], line["version"]) for lines in results.values() for line in lines
                       if line["kind"] == "version"})
    text = HEAD.format(machine=machine, ours=ours, date=date.strftime("%Y-%m-%d %H:%M UTC"), seconds=seconds,
                       peers=", ".join("%s %s" % v for v in versions) or "none",
                       short=", **short form: few rounds, small sizes, numbers of no worth**" if is_short else "")
    out = aims(results)
    for title, lines in results.items():
        out += part(title, lines)
    return text + "\n" + "\n".join(out).rstrip() + "\n"
