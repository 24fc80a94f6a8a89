// How the search did: the numbers, the days, and what they are made of.

import { ratio } from "./amounts.js";
import { get } from "./api.js";
import { bars } from "./bars.js";
import { card } from "./card.js";
import { askDays, daysCard } from "./days-card.js";
import { el, words } from "./dom.js";
import { count, decimal, device, percent, plural, productType } from "./format.js";
import { toggle } from "./filters.js";
import { itemLabel, itemState } from "./items.js";
import { changed, go, hasFilters, to, withoutFilters } from "./location.js";
import { empty } from "./states.js";
import { both, csv, native, searchesAreKnown } from "./statistics.js";
import { row, tile } from "./tiles.js";

const ROWS_SHOWN = 8;
const NO_SEARCHES = "no searches were recorded";
const FILTERED = "not known under this filter";

export function overview(host, ctx) {
  const { state, signal } = ctx;
  const days = askDays(ctx);
  const through = both(ctx, "clickthrough", { known: searchesAreKnown(state) });
  const ranks = both(ctx, "ranks");
  host.append(
    row(...totals({ days, through, ranks }, signal)),
    daysCard(ctx, days, { nothing: nothingYet(state) }),
    el("div", { class: "grid grid-halves" }, topItems(ctx), topSearches(ctx)),
    el("div", { class: "grid grid-quarters" }, BREAKDOWNS.map((breakdown) => brokenDown(ctx, breakdown))),
  );
}

function totals({ days, through, ranks }, signal) {
  const clicks = tile({ label: "Clicks", help: "Clicks on results in this period", write: count }, signal);
  clicks.load(async () => ({ now: (await days.now()).total_count, was: (await days.was())?.total_count ?? null }));
  // One number of the click-through report, of both periods.
  const ofSearches = (tile, take) => tile.load(async () => {
    const [now, was] = [await through.now(), await through.was()];
    return { now: now && take(now.totals), was: was && take(was.totals), reason: through.known ? NO_SEARCHES : FILTERED, note: now && plural(now.totals.searches, "search", "searches") };
  });
  const each = tile({ label: "Clicks a search", help: "Clicks divided by the searches that were shown", write: (value) => decimal(value) }, signal);
  ofSearches(each, (all) => ratio(all.clicks, all.searches));
  const without = tile({ label: "Searches without a click", help: "The share of searches after which nothing was clicked", write: (value) => percent(value), kind: "points", better: "down" }, signal);
  ofSearches(without, (all) => ratio(all.searches === null || all.clicked === null ? null : all.searches - all.clicked, all.searches));
  const average = tile({ label: "Average rank of a click", help: "Where in the result list people click; 1 is the top", write: (value) => decimal(value), kind: "plain", better: "down" }, signal);
  average.load(async () => ({ now: (await ranks.now()).average_rank, was: (await ranks.was())?.average_rank ?? null, reason: "no click tells its rank" }));
  return [clicks, each, without, average];
}

const BREAKDOWNS = [
  { title: "Search engine", group: "engine", filter: "hashid", key: (row) => row.engine ?? row.hashid, label: (key, engines) => engines.find((engine) => engine.hashid === key)?.name || key },
  { title: "Index", group: "index", filter: "index", key: (row) => row.index, label: (key) => key },
  { title: "Device", group: "device", filter: "device", key: (row) => row.device, label: (key) => device(key) },
  { title: "What was clicked", group: "product_type", filter: "type", key: (row) => row.product_type, label: (key) => productType(key) },
];

function brokenDown({ state, span, signal, engines }, { title, group, filter, key, label }) {
  const url = native("clicks/by", state, span, { group });
  const part = card({ title, csv: csv(url) }, signal);
  part.load(() => Promise.all([get(url, signal), engines]), ([told, known]) => {
    const all = told.results.reduce((sum, row) => sum + row.clicks, 0);
    const rows = told.results.filter((row) => row.clicks > 0).toSorted((one, other) => other.clicks - one.clicks).slice(0, ROWS_SHOWN);
    return bars(rows.map((row) => {
      const value = key(row);
      const is = (wanted) => (Array.isArray(state[filter]) ? state[filter].includes(wanted) : state[filter] === wanted);
      const base = { value: row.clicks, share: ratio(row.clicks, all) };
      if (value === null || value === undefined) return { ...base, label: el("span", { class: "unknown" }, "Not known") };
      const text = label(value, known);
      return { ...base, label: words(text), action: () => go(toggle(state, filter, value)), actionLabel: is(value) ? `Remove this filter: ${text}` : `Count only ${text}`, pressed: is(value) };
    }));
  });
  return part.node;
}

function topItems({ state, span, signal, engines }) {
  const url = native("items", state, span, { limit: ROWS_SHOWN });
  const part = card({ title: "Top items", actions: [el("a", { class: "tool", ...to(changed(state, { view: "items" })) }, "All items")] }, signal);
  part.load(() => Promise.all([get(url, signal), engines]), ([told]) => bars(told.results.slice(0, ROWS_SHOWN).map((item) => ({ label: itemLabel(item), value: item.clicks, link: to(changed(state, itemState(item))) }))));
  return part.node;
}

function topSearches({ state, span, signal }) {
  const url = native("searches", state, span, { limit: ROWS_SHOWN, sort: "clicks" });
  const part = card({ title: "Top searches", actions: [el("a", { class: "tool", ...to(changed(state, { view: "searches" })) }, "All searches")] }, signal);
  part.load(() => (searchesAreKnown(state) ? get(url, signal) : Promise.resolve(null)), (told) => {
    if (!told) return empty("Not known under this filter", "Searches have no product type.");
    const rows = told.results.filter((row) => row.query !== null && row.clicks > 0).slice(0, ROWS_SHOWN);
    return bars(rows.map((row) => ({ label: row.query === "" ? el("span", { class: "unknown" }, "(no words)") : words(row.query), value: row.clicks, link: row.query ? to(changed(state, { view: "searches", search: row.query })) : undefined })));
  });
  return part.node;
}

function nothingYet(state) {
  if (hasFilters(state)) return empty("No clicks match these filters", "Nothing in this period was counted under all of them together.", el("button", { type: "button", class: "button", onclick: () => go(withoutFilters(state)) }, "Remove the filters"));
  return empty("No clicks in this period", "Choose a longer one, or see whether your search page sends its clicks.", el("a", { class: "button", ...to(changed(state, { view: "setup" })) }, "Set up the tracker"), el("a", { class: "button", ...to(changed(state, { view: "live" })) }, "Watch live"));
}
