// One search: its days, the items that it led to, and how far down people look.

import { ratio } from "./amounts.js";
import { get } from "./api.js";
import { bars } from "./bars.js";
import { card } from "./card.js";
import { grainChoice, grainOf } from "./days-card.js";
import { nested } from "./days-chart.js";
import { el, icon, words } from "./dom.js";
import { count, decimal, percent } from "./format.js";
import { grouped } from "./grain.js";
import { itemLabel, itemState } from "./items.js";
import { changed, to } from "./location.js";
import { empty } from "./states.js";
import { both, csv, native, searchesAreKnown } from "./statistics.js";
import { row, tile } from "./tiles.js";
import { ranksCard } from "./view-item.js";

const ITEMS_SHOWN = 100;

export function search(host, ctx) {
  const { state, span, signal } = ctx;
  // Within one search, a filter by search is this one.
  const own = { ...ctx, state: { ...state, query: state.search } };
  const known = searchesAreKnown(state);
  const through = both(own, "clickthrough", { known });
  const ranks = both(own, "ranks");
  ctx.headline({ back: el("a", { ...to(changed(state, { search: "" })) }, icon("left"), "All searches"), title: ["“", words(state.search), "”"] });
  host.append(
    row(...totals(through, ranks, signal)),
    daysOf(own, state, through.now),
    el("div", { class: "grid grid-halves" }, ledTo(own, state), ranksCard(own, ranks.now)),
  );
}

function totals(through, ranks, signal) {
  const made = (options, take) => {
    const one = tile(options, signal);
    one.load(async () => {
      const [now, was] = [await through.now(), await through.was()];
      return { now: now && take(now.totals), was: was && take(was.totals), reason: through.known ? "not searched in this period" : "not known under this filter" };
    });
    return one;
  };
  const average = tile({ label: "Average rank of a click", write: (value) => decimal(value), kind: "plain", better: "down" }, signal);
  average.load(async () => ({ now: (await ranks.now()).average_rank, was: (await ranks.was())?.average_rank ?? null, reason: "no click tells its rank" }));
  return [
    made({ label: "Searches", write: count }, (all) => all.searches),
    made({ label: "Searches without a click", write: (value) => percent(value), kind: "points", better: "down" }, (all) => ratio(all.searches === null || all.clicked === null ? null : all.searches - all.clicked, all.searches)),
    made({ label: "Clicks a search", write: (value) => decimal(value) }, (all) => ratio(all.clicks, all.searches)),
    average,
  ];
}

function daysOf({ state, span, signal }, outer, told) {
  const url = native("clickthrough", state, span);
  const part = card({ title: "Searches", csv: csv(url), kind: "chart", wide: true, actions: [grainChoice(outer, span)] }, signal);
  part.load(told, (report) => {
    if (!report) return empty("Not known under this filter", "Searches have no product type.");
    if (!report.totals.searches && !report.totals.clicks) return empty("Not searched in this period");
    const grain = grainOf(state, span);
    return nested({ groups: grouped(report.results, grain, ["searches", "clicked", "clicks"]), grain, range: span }, signal);
  });
  return part.node;
}

function ledTo({ state, span, signal }, outer) {
  const url = native("items", state, span, { limit: ITEMS_SHOWN });
  const part = card({ title: "Items that it led to", csv: csv(url) }, signal);
  part.load(() => get(url, signal), (told) => {
    // Parts of a whole, where all of it is here.
    const all = told.results.length < ITEMS_SHOWN ? told.results.reduce((sum, row) => sum + row.clicks, 0) : null;
    return bars(told.results.map((item) => ({ label: itemLabel(item), value: item.clicks, share: all === null ? undefined : ratio(item.clicks, all), link: to(changed(outer, { ...itemState(item), search: "" })) })), { nothing: "Nothing was clicked" });
  });
  return part.node;
}
