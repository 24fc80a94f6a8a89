// All searches: how often, how often something was clicked, and where.

import { ratio } from "./amounts.js";
import { get } from "./api.js";
import { card } from "./card.js";
import { el, words } from "./dom.js";
import { count, decimal, folded, percent } from "./format.js";
import { changed, go, hasFilters, to, withoutFilters } from "./location.js";
import { empty, unknown } from "./states.js";
import { csv, native, searchesAreKnown } from "./statistics.js";
import { gauged, table } from "./table.js";

const LIMIT = 1000;
const MATCHING_MAX = 512;
// What the server itself can bring the most of.
const SERVER_SORTS = ["searches", "clicks"];

export function searches(host, ctx) {
  const { state, span, signal } = ctx;
  const sort = serverSort(state.sort);
  const url = native("searches", state, span, { sort, limit: LIMIT });
  const part = card({ title: "All searches", csv: csv(url), wide: true }, signal);
  host.append(part.node);
  if (!searchesAreKnown(state)) {
    part.body.append(empty("Not known under this filter", "Searches have no product type: remove that filter to see them.", el("button", { type: "button", class: "button", onclick: () => go(changed(state, { type: [] })) }, "Remove it")));
    return;
  }
  part.load(() => get(url, signal), (told) => (told.results.length === 0 ? nothing(state) : listed(ctx, told.results)));
}

const serverSort = (sort) => SERVER_SORTS.find((key) => sort.replace(/^-/, "") === key) ?? "searches";

function listed({ state, span, signal }, rows) {
  const most = Math.max(...rows.map((row) => row.searches ?? 0));
  const through = (row) => ratio(row.clicked, row.searches);
  const columns = [
    { key: "query", label: "Search", value: (row) => row.query, cell: (row) => named(state, row) },
    { key: "searches", label: "Searches", number: true, value: (row) => row.searches, cell: (row) => (row.searches === null ? unknown("no search is known") : gauged(row.searches, most)) },
    { key: "clicked", label: "With a click", help: "The share of these searches after which something was clicked", number: true, value: through, cell: (row) => (through(row) === null ? unknown("no search is known") : percent(through(row))) },
    { key: "clicks", label: "Clicks", number: true, low: true, value: (row) => row.clicks, cell: (row) => count(row.clicks) },
    { key: "each", label: "Clicks a search", number: true, low: true, value: (row) => ratio(row.clicks, row.searches), cell: (row) => (row.searches ? decimal(row.clicks / row.searches) : unknown("no search is known")) },
    { key: "rank", label: "Average rank", help: "Where in the result list was clicked; 1 is the top", number: true, low: true, value: (row) => row.average_rank, cell: (row) => (row.average_rank === null ? unknown("no click tells its rank") : decimal(row.average_rank)) },
  ];
  const full = rows.length >= LIMIT;
  const more = async (text, key) => (await get(native("searches", state, span, { limit: LIMIT, matching: text.slice(0, MATCHING_MAX), sort: serverSort(key) }), signal)).results;
  return table({
    caption: "Searches", columns, rows, state, first: "searches", find: "Find a search",
    matches: (row, text) => !text || folded(row.query ?? "").includes(text),
    more: full ? more : undefined,
    limited: full ? "the most common" : "",
  }, signal);
}

function named(state, { query }) {
  if (query === null) return el("span", { class: "unknown" }, "From no known search");
  if (query === "") return el("span", { class: "unknown" }, "(no words)");
  return el("a", { class: "named-link", ...to(changed(state, { search: query, page: "", find: "" })) }, words(query));
}

function nothing(state) {
  if (hasFilters(state)) return empty("No search matches these filters", "", el("button", { type: "button", class: "button", onclick: () => go(withoutFilters(state)) }, "Remove the filters"));
  return empty("No searches in this period", "Clicks are counted without them; what people searched for is known once your page or your server sends the searches that it shows.", el("a", { class: "button", ...to(changed(state, { view: "setup" })) }, "How to send them"));
}
