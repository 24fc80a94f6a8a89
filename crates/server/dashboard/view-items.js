// All items that were clicked.

import { ratio } from "./amounts.js";
import { get } from "./api.js";
import { card } from "./card.js";
import { el, words } from "./dom.js";
import { decimal, folded, percent } from "./format.js";
import { itemId, itemLabel, itemState } from "./items.js";
import { outside } from "./links.js";
import { changed, go, hasFilters, to, withoutFilters } from "./location.js";
import { empty, unknown } from "./states.js";
import { csv, doofinder, native } from "./statistics.js";
import { gauged, table } from "./table.js";

const LIMIT = 1000;
const MATCHING_MAX = 512;

export function items(host, ctx) {
  const { state, span, signal, engines } = ctx;
  const url = native("items", state, span, { limit: LIMIT });
  const part = card({ title: "All items", csv: csv(url), wide: true }, signal);
  host.append(part.node);
  part.load(
    () => Promise.all([get(url, signal), engines, get(doofinder("clicks", state, span), signal)]),
    ([told, known, days]) => (told.results.length === 0 ? nothing(state) : listed(ctx, told.results, known, days.total_count)),
  );
}

function listed({ state, span, signal }, rows, engines, all) {
  const most = Math.max(...rows.map((row) => row.clicks));
  const nameOf = (hashid) => engines.find((engine) => engine.hashid === hashid)?.name || hashid;
  const several = (values) => new Set(values).size > 1;
  const columns = [
    { key: "title", label: "Item", value: (row) => row.title || row.doc_id, cell: (row) => named(state, row) },
    several(rows.map((row) => row.hashid)) && { key: "engine", label: "Engine", low: true, value: (row) => nameOf(row.hashid), cell: (row) => words(nameOf(row.hashid)) },
    several(rows.map((row) => row.index)) && { key: "index", label: "Index", low: true, value: (row) => row.index, cell: (row) => (row.index === null ? unknown("clicked in no known index") : words(row.index)) },
    { key: "clicks", label: "Clicks", number: true, value: (row) => row.clicks, cell: (row) => gauged(row.clicks, most) },
    { key: "share", label: "Share", help: "Of all clicks in this period", number: true, low: true, value: (row) => ratio(row.clicks, all), cell: (row) => (all ? percent(row.clicks / all) : unknown("no clicks")) },
    { key: "rank", label: "Average rank", help: "Where in the result list it was clicked; 1 is the top", number: true, value: (row) => row.average_rank, cell: (row) => (row.average_rank === null ? unknown("no click tells its rank") : decimal(row.average_rank)) },
  ].filter(Boolean);
  const full = rows.length >= LIMIT;
  const more = async (text) => text === "" ? rows : merged(rows, (await get(native("items", state, span, { limit: LIMIT, matching: text.slice(0, MATCHING_MAX) }), signal)).results);
  return table({
    caption: "Items by clicks", columns, rows, state, first: "clicks", find: "Find an item",
    matches: (row, text) => !text || folded(`${row.title ?? ""} ${row.doc_id}`).includes(text),
    more: full ? more : undefined,
    limited: full ? "those with the most clicks" : "",
  }, signal);
}

function merged(rows, others) {
  const name = (row) => JSON.stringify([row.hashid, row.index, row.doc_id]);
  const all = new Map([...rows, ...others].map((row) => [name(row), row]));
  return [...all.values()];
}

function named(state, item) {
  const titled = item.title && item.title !== item.doc_id;
  return el("span", { class: "named" }, el("span", { class: "named-line" }, el("a", { class: "named-link", ...to(changed(state, itemState(item))) }, itemLabel(item)), item.link && outside(item.link, item.title || item.doc_id)), titled && itemId(item));
}

function nothing(state) {
  if (hasFilters(state)) return empty("No item matches these filters", "", el("button", { type: "button", class: "button", onclick: () => go(withoutFilters(state)) }, "Remove the filters"));
  return empty("No item was clicked in this period", "Choose a longer one.");
}
