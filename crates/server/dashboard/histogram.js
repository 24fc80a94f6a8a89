// Clicks at each rank, as columns that are read from left to right.

import { el, hidden } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { empty } from "./states.js";

const RANKS_SHOWN = 20;
const RANKS_SHOWN_NARROW = 10;
const narrow = window.matchMedia("(max-width: 40rem)");

/** The report of `/v1/stats/ranks`. */
export function ranks(told) {
  const known = told.results.filter((row) => row.rank !== null);
  const silent = told.results.find((row) => row.rank === null)?.clicks ?? 0;
  const total = known.reduce((sum, row) => sum + row.clicks, 0);
  if (total === 0) {
    return empty("No ranks known", silent > 0 ? `${plural(silent, "click tells", "clicks tell")} no rank.` : "No clicks in this period.");
  }
  const columns = columnsOf(known);
  const most = Math.max(...columns.map((column) => column.clicks));
  return [
    el("ol", { class: "ranks", tabindex: "0", "aria-label": "Clicks by rank" }, columns.map((column) => drawn(column, most, total))),
    el("p", { class: "card-foot" }, `Rank in the result list, 1 is the top.${silent > 0 ? ` ${plural(silent, "click tells", "clicks tell")} no rank.` : ""}`),
  ];
}

function columnsOf(known) {
  const clicks = new Map(known.map((row) => [row.rank, row.clicks]));
  const last = Math.min(Math.max(...clicks.keys(), 5), narrow.matches ? RANKS_SHOWN_NARROW : RANKS_SHOWN);
  const first = clicks.has(0) ? 0 : 1;
  const columns = [];
  for (let rank = first; rank <= last; rank += 1) columns.push({ label: count(rank), clicks: clicks.get(rank) ?? 0 });
  const rest = known.filter((row) => row.rank > last).reduce((sum, row) => sum + row.clicks, 0);
  if (rest > 0) columns.push({ label: `${count(last + 1)}+`, clicks: rest });
  return columns;
}

function drawn({ label, clicks }, most, total) {
  const column = el("span", { class: "ranks-column", "aria-hidden": "true" });
  column.style.blockSize = `${Math.max((100 * clicks) / most, clicks > 0 ? 1 : 0)}%`;
  return el(
    "li",
    { class: "ranks-rank", title: `Rank ${label}: ${plural(clicks, "click", "clicks")} (${percent(clicks / total)})` },
    el("span", { class: "ranks-room", "aria-hidden": "true" }, column),
    el("span", { class: "ranks-label" }, hidden("Rank "), label, hidden(`: ${plural(clicks, "click", "clicks")}`)),
  );
}
