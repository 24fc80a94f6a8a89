// Changes against the period before, said in a way that can't be misread.

import { el, hidden } from "./dom.js";
import { change, count, difference, points } from "./format.js";

/**
 * How `now` differs from `was`: an arrow, the difference, and whether that is good. `kind` is `ratio` (percent of what was),
 * `points` (of two shares) or `plain` (of two averages); `better` is `up`, `down` or `neither`.
 */
export function delta(now, was, { kind = "ratio", better = "up" } = {}) {
  if (now === null || was === null || (kind === "ratio" && was === 0)) return null;
  const raw = kind === "ratio" ? (now - was) / was : now - was;
  // What is written as no change is none.
  const digits = kind === "plain" ? 100 : 1000;
  const by = Math.round(raw * digits) / digits;
  // Several hundred per cent say nothing any more.
  const text = kind === "ratio" && by >= 9 ? `${count(Math.round(now / was))}×` : kind === "ratio" ? change(by) : kind === "points" ? `${points(by)} pts` : difference(by);
  const way = by > 0 ? "up" : by < 0 ? "down" : "same";
  const mood = better === "neither" ? "even" : way === better ? "good" : "bad";
  const arrow = { up: "↑", down: "↓" }[way];
  if (way === "same") return el("span", { class: "delta delta-even" }, "unchanged");
  return el("span", { class: `delta delta-${mood}` }, el("span", { "aria-hidden": "true" }, arrow), hidden({ up: "up ", down: "down " }[way]), ` ${text}`);
}

/** `part / whole`, or null where there is no whole. */
export const ratio = (part, whole) => (part === null || part === undefined || !whole ? null : part / whole);
