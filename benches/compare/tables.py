"""Figures of one run as a page: what was aimed at and reached, then every question with the peers beside it."""

SECTIONS = {
    "counters": "Clicks a day by engine, device and product type",
    "filtered": "Clicks a day by query and item",
    "top": "The most clicked",
    "lists": "Items with their ranks, and the searches of an item",
    "distinct": "Distinct users and items",
}
MIB = 1 << 20


def ms(value):
    if value is None:
        return "—"
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} ms"


def times(ratio):
    return f"{ratio:,.1f}×" if ratio < 10 else f"{ratio:,.0f}×"


def seconds(value):
    return f"{value:,.2f} s" if value < 10 else f"{value:,.0f} s"


def forms(figures):
    """(peer, form) in the order in which they were asked."""
    found = []
    for peer in figures["peers"]:
        for answer in peer["questions"]:
            if (peer["engine"], answer["form"]) not in found:
                found.append((peer["engine"], answer["form"]))
    return found


def answers(figures):
    """question → {(peer, form): milliseconds}"""
    found = {}
    for peer in figures["peers"]:
        for answer in peer["questions"]:
            found.setdefault(answer["name"], {})[peer["engine"], answer["form"]] = answer["median_ms"]
    return found


def ours_ms(question):
    return question.get("times", {}).get("median_ms")


def slowest(figures, section):
    found = [ours_ms(question) for question in figures["ours"]["questions"] if question["section"] == section]
    return None if None in found or not found else max(found)


def least_ratio(figures, section, counts):
    """How many times faster than the best of the peers' forms that count, where that is least."""
    theirs, ratios = answers(figures), []
    for question in figures["ours"]["questions"]:
        if question["section"] != section:
            continue
        best = [value for form, value in theirs.get(question["name"], {}).items() if counts(*form)]
        if best:
            mine = ours_ms(question)
            if mine is None:
                return None
            ratios.append(min(best) / mine)
    return min(ratios, default=None)


def aims(figures):
    """(aim, found, reached)"""
    at_most = [
        ("counters", 0.1),
        ("filtered", 1),
        ("top", 5),
        ("lists", 20),
        ("distinct", 20),
    ]
    for section, limit in at_most:
        found = slowest(figures, section)
        yield f"{SECTIONS[section]}: at most {limit} ms", ms(found), found is not None and found <= limit
    faster = [
        ("counters", 100, "the best roll-up", lambda _, form: form == "roll-up"),
        ("filtered", 100, "the best column store's table", lambda _, form: form == "table"),
        ("filtered", 20, "ClickHouse with projections", lambda _, form: form == "projections"),
        ("filtered", 2, "SQLite with a covering index", lambda peer, _: peer == "SQLite"),
        ("top", 10, "the best peer", lambda *_: True),
        ("lists", 3, "DuckDB", lambda peer, _: peer == "DuckDB"),
        ("distinct", 3, "the best peer", lambda *_: True),
    ]
    for section, limit, than, counts in faster:
        if any(counts(*form) for form in forms(figures)):
            found = least_ratio(figures, section, counts)
            shown = "—" if found is None else times(found)
            yield f"{SECTIONS[section]}: {limit}× faster than {than}", shown, found is not None and found >= limit
    ours, clicks = figures["ours"], figures["clicks"]
    disk, memory = ours["disk"], ours["memory"]["most_bytes"]
    day_bytes, rest_bytes = disk["parquet_bytes"] / clicks, (disk["all_bytes"] - disk["parquet_bytes"]) / clicks
    yield "Parquet: at most 25 bytes a click", f"{day_bytes:.1f}", 0 < day_bytes <= 25
    yield "All else on disk: at most 8 bytes a click", f"{rest_bytes:.1f}", rest_bytes <= 8
    yield "Memory, all questions answered: at most 1,536 MiB", f"{memory / MIB:,.0f} MiB", memory <= 1536 * MIB
    yield "Open: at most 5 s (2 s for 10 million)", seconds(ours["open_ms"] / 1e3), ours["open_ms"] <= (
        2e3 if clicks <= 10_000_000 else 5e3
    )
    if "import" in figures:
        lines = figures["import"]
        theirs, rate = lines["clickhouse"], lines["lines"] / lines["our_seconds"]
        yield "Import of lines: at least 2 million a second", f"{rate:,.0f}", rate >= 2e6
        for name, limit, part in [
            ("ClickHouse's load", 2, "load_seconds"),
            ("its load and OPTIMIZE", 4, "load_in_order_seconds"),
        ]:
            ratio = theirs[part] / lines["our_seconds"]
            yield f"Import of lines: {limit}× faster than {name}", times(ratio), ratio >= limit


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(head, rows):
    return row(head) + row(["---"] * len(head)) + "".join(map(row, rows))


def section_table(figures, section):
    theirs = answers(figures)
    questions = [question for question in figures["ours"]["questions"] if question["section"] == section]
    asked = [form for form in forms(figures) if any(form in theirs.get(q["name"], {}) for q in questions)]
    rows = []
    for question in questions:
        mine, answered = ours_ms(question), theirs.get(question["name"], {})
        with_days = question.get("times_with_days", {}).get("median_ms")
        clicks = question.get("sum")
        cells = [question["name"], "—" if clicks is None else f"{clicks:,}", ms(mine), ms(with_days)]
        for form in asked:
            value = answered.get(form)
            ratio = f" ({times(value / mine)})" if value is not None and mine else ""
            cells.append(ms(value) + ratio)
        best = min(answered.values(), default=None)
        cells.append(times(best / mine) if best is not None and mine else "—")
        rows.append(cells)
    head = ["question", "sum", "ClickTally", "with local days"]
    head += [f"{peer}, {form}" for peer, form in asked] + ["best peer ÷ ours"]
    return table(head, rows)


def cost_table(figures):
    def mib(value):
        return "—" if value is None else f"{value / MIB:,.0f} MiB"

    ours, rows = figures["ours"], []
    data, disk = ours["data"], ours["disk"]
    # Both count from the beginning.
    recorded = data.get("sealed_seconds", data["recorded_seconds"])
    rows.append(
        [
            f"ClickTally {ours['version']}",
            f"{seconds(recorded)} (recorded durably and sealed, {figures['clicks'] / recorded:,.0f} a second)",
            "—",
            mib(disk["all_bytes"]),
            mib(ours["memory"]["most_bytes"]),
        ]
    )
    for peer in figures["peers"]:
        loading = peer["loading"]
        extra = [
            value for key, value in loading.items() if key in ("roll_up_bytes", "indexes_bytes")
        ] + [loading["clicks_bytes"]]
        total = max(sum(extra), loading.get("clicks_with_projections_bytes", 0) + loading.get("roll_up_bytes", 0))
        rows.append(
            [
                f"{peer['engine']} {peer['version']}",
                seconds(loading["load_seconds"]),
                seconds(loading["load_in_order_seconds"]),
                f"{mib(loading['clicks_bytes'])}; with all else {mib(total)}",
                mib(peer["memory"]["asking_most_bytes"]),
            ]
        )
    head = ["", "load", "load, sorted or optimized", "disk", "memory while asking, at most"]
    return table(head, rows)


def page(figures):
    machine = figures["machine"]
    text = f"## {figures['clicks']:,} clicks\n\n"
    text += (
        f"`{figures['command']}` at {figures['commit']}, {figures['when']}, {machine['processors']} × "
        f"{machine['processor']}, {machine['memory_bytes'] / (1 << 30):.0f} GiB, Linux {machine['kernel']}, load "
        f"{machine['load_at_start']:.1f} at the start. Medians of at least 7 warm runs; every answer of every engine is "
        "the same, row by row.\n\n"
    )
    text += table(["aim", "found", "reached"], [[a, f, "yes" if r else "**no**"] for a, f, r in aims(figures)])
    for section, title in SECTIONS.items():
        text += f"\n### {title}\n\n{section_table(figures, section)}"
    text += f"\n### Loading, disk, memory\n\n{cost_table(figures)}"
    if "import" in figures:
        lines = figures["import"]
        text += (
            f"\n{lines['lines']:,} lines of `/v1/events`: imported, durable and countable in "
            f"{seconds(lines['our_seconds'])}; ClickHouse loads them in {seconds(lines['clickhouse']['load_seconds'])}, "
            f"with `OPTIMIZE` in {seconds(lines['clickhouse']['load_in_order_seconds'])}.\n"
        )
    return text
