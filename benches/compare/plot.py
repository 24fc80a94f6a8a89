"""Draws what questions and memory cost against the number of clicks.

    plot.py PNG FIGURES.json...
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

QUESTIONS = [
    "clicks a day, a year, all engines, UTC",
    "clicks a day, a year, one engine on mobile, two types, Europe/Berlin",
    "clicks a day, a year, the first query, UTC",
    "clicks a day, a year, the 101st item, UTC",
    "top 100 search terms, 30 days, one engine, UTC",
    "top 100 items, 30 days, one engine, UTC",
    "distinct users and items, 30 days, one engine, UTC",
]
COLOURS = {"ClickTally": "#c8102e", "DuckDB": "#c9a400", "ClickHouse": "#1f6fb4", "SQLite": "#3a8f3a"}
LINES = {"table": "-", "roll-up": "--", "projections": ":", "covering index": "-", "": "-"}


def gathered(runs, question):
    """(engine, form) → [(clicks, milliseconds)]"""
    found = {}
    for run in runs:
        for ours in run["ours"]["questions"]:
            if ours["name"] == question and "times" in ours:
                found.setdefault(("ClickTally", ""), []).append((run["clicks"], ours["times"]["median_ms"]))
        for peer in run["peers"]:
            for answer in peer["questions"]:
                if answer["name"] == question:
                    key = (peer["engine"], answer["form"])
                    found.setdefault(key, []).append((run["clicks"], answer["median_ms"]))
    return found


def memory(runs):
    found = {}
    for run in runs:
        taken = run["ours"]["memory"]["most_bytes"]
        found.setdefault(("ClickTally", ""), []).append((run["clicks"], taken / (1 << 20)))
        for peer in run["peers"]:
            taken = peer["memory"]["asking_most_bytes"]
            found.setdefault((peer["engine"], ""), []).append((run["clicks"], taken / (1 << 20)))
    return found


def draw(axes, title, unit, found, sizes):
    for (engine, form), points in found.items():
        clicks, values = zip(*sorted(points))
        label = f"{engine}, {form}" if form else engine
        width = 2.4 if engine == "ClickTally" else 1.3
        axes.plot(clicks, values, LINES[form], marker="o", ms=4, lw=width, color=COLOURS[engine], label=label)
    axes.set(xscale="log", yscale="log", ylabel=unit)
    axes.set_title(title, fontsize=9)
    axes.set_xticks(sizes, [f"{size / 1e6:g}" for size in sizes])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("million clicks", fontsize=8)
    axes.grid(alpha=0.3)
    if found:
        axes.legend(fontsize=6)


def main(png, *paths):
    runs = []
    for path in paths:
        with open(path) as file:
            runs.append(json.load(file))
    sizes = sorted(run["clicks"] for run in runs)
    figure, grid = plt.subplots(2, 4, figsize=(19, 9), constrained_layout=True)
    axes = list(grid.flat)
    for place, question in zip(axes, QUESTIONS):
        draw(place, question, "ms", gathered(runs, question), sizes)
    draw(axes[-1], "memory while asking, at most", "MiB", memory(runs), sizes)
    figure.savefig(png, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
