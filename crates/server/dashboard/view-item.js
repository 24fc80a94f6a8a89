// One item: its days, the searches that led to it, and where it stood when it was clicked.

import { ratio } from "./amounts.js";
import { earlier, get, shared } from "./api.js";
import { bars } from "./bars.js";
import { card } from "./card.js";
import { askDays, daysCard } from "./days-card.js";
import { el, icon, words } from "./dom.js";
import { count, decimal, percent, productTypes } from "./format.js";
import { ranks } from "./histogram.js";
import { itemOf } from "./items.js";
import { outside } from "./links.js";
import { changed, to } from "./location.js";
import { empty } from "./states.js";
import { both, csv, doofinder, native } from "./statistics.js";
import { row, tile } from "./tiles.js";

const SEARCHES_SHOWN = 100;

export function item(host, ctx) {
  const { state, span, signal, engines } = ctx;
  const wanted = itemOf(state);
  const back = el("a", { ...to(changed(state, { item: "" })) }, icon("left"), "All items");
  if (!wanted) {
    ctx.headline({ back, title: "Items" });
    host.append(empty("There is no such item", "The address names none."));
    return;
  }
  const found = get(native("items", state, span, { item: wanted, limit: 1 }), signal).then((told) => told.results.find((row) => row.doc_id === wanted.doc_id) ?? null);
  found.catch(() => {});
  ctx.headline({ back, ...head(wanted, found, engines, signal) });
  if (wanted.index === null) {
    host.append(empty("Clicked in no known index", "The server can't tell its days apart from those of others with the same id. Send the index with each click, or the searches that were shown."));
    return;
  }
  // A banner is no item, unless it is asked for: as in the list of all items.
  const counted = { ...ctx, state: { ...state, type: state.type.length > 0 ? state.type : productTypes.filter((type) => type !== "banner") } };
  const days = askDays(counted, wanted);
  const told = both(counted, "ranks", { item: wanted });
  host.append(
    row(...totals(ctx, days, told, wanted)),
    daysCard(counted, days, { item: wanted, nothing: empty("Not clicked in this period") }),
    el("div", { class: "grid grid-halves" }, ledHere(ctx, counted.state, wanted), ranksCard(counted, told.now, wanted)),
  );
}

function head(wanted, found, engines, signal) {
  const title = el("span", {}, words(wanted.doc_id));
  const under = el("p", { class: "under" }, el("span", {}, words(wanted.doc_id)));
  Promise.all([found.catch(() => null), engines]).then(([row, known]) => {
    if (signal.aborted) return;
    if (row?.title) title.replaceChildren(words(row.title));
    const link = row?.link && outside(row.link, row.title || row.doc_id);
    if (link) title.append(" ", link);
    const engine = known.find(({ hashid }) => hashid === wanted.hashid)?.name;
    under.append(engine ? el("span", {}, words(engine)) : "", wanted.index ? el("span", {}, words(wanted.index)) : "");
  });
  return { title, under };
}

function totals({ state, span, signal }, days, told, wanted) {
  const clicks = tile({ label: "Clicks", write: count }, signal);
  clicks.load(async () => ({ now: (await days.now()).total_count, was: (await days.was())?.total_count ?? null }));
  const share = tile({ label: "Share of all clicks", write: (value) => percent(value), kind: "points" }, signal);
  // Of all clicks that are counted, if the item's own are among them.
  const among = (list, value) => (list.includes(value) ? list : []);
  const whole = { ...state, hashid: among(state.hashid, wanted.hashid), index: among(state.index, wanted.index) };
  const all = (part) => (part ? get(doofinder("clicks", whole, part), signal) : Promise.resolve(null));
  const every = { now: shared(() => all(span)), was: earlier(() => all(span.previous)) };
  share.load(async () => {
    const [now, was, allNow, allWas] = await Promise.all([days.now(), days.was(), every.now(), every.was()]);
    return { now: ratio(now.total_count, allNow.total_count), was: was && allWas && ratio(was.total_count, allWas.total_count) };
  });
  const average = tile({ label: "Average rank of a click", write: (value) => decimal(value), kind: "plain", better: "down" }, signal);
  average.load(async () => ({ now: (await told.now()).average_rank, was: (await told.was())?.average_rank ?? null, reason: "no click tells its rank" }));
  const top = tile({ label: "Clicked at rank 1", write: (value) => percent(value), kind: "points" }, signal);
  const first = (report) => report && ratio(report.results.find((row) => row.rank === 1)?.clicks ?? 0, report.results.reduce((sum, row) => sum + (row.rank === null ? 0 : row.clicks), 0));
  top.load(async () => ({ now: first(await told.now()), was: first(await told.was()), reason: "no click tells its rank" }));
  return [clicks, share, average, top];
}

function ledHere({ state, span, signal }, counted, wanted) {
  const url = doofinder("clicked_items/searches", counted, span, { item: wanted, limit: SEARCHES_SHOWN });
  const part = card({ title: "Searches that led here", csv: csv(url) }, signal);
  part.load(() => get(url, signal), (told) => {
    // Parts of a whole, where all of it is here.
    const all = told.results.length < SEARCHES_SHOWN ? told.results.reduce((sum, row) => sum + row.count, 0) : null;
    return bars(told.results.map((row) => ({ label: row.query ? words(row.query) : el("span", { class: "unknown" }, "(no words)"), value: row.count, share: all === null ? undefined : ratio(row.count, all), link: row.query ? to(changed(state, { view: "searches", search: row.query, item: "" })) : undefined })), { nothing: "No search is known that led here" });
  });
  return part.node;
}

/** The card of ranks, of what `told` answers. */
export function ranksCard({ state, span, signal }, told, wanted) {
  const url = native("ranks", state, span, { item: wanted });
  const part = card({ title: "Rank when it was clicked", csv: csv(url), kind: "chart" }, signal);
  part.load(told, ranks);
  return part.node;
}

