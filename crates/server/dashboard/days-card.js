// The card of clicks by day: of everything, or of one item.

import { earlier, get, shared } from "./api.js";
import { addDays } from "./calendar.js";
import { card } from "./card.js";
import { el } from "./dom.js";
import { compared, picked } from "./days-chart.js";
import { GRAINS, grouped, natural } from "./grain.js";
import { changed, go, read } from "./location.js";
import { empty } from "./states.js";
import { csv, doofinder } from "./statistics.js";

const narrow = window.matchMedia("(max-width: 40rem)");

/** Days, weeks or months: what the address says, else what fits. */
export const grainOf = (state, span) => (GRAINS[state.by] ? state.by : natural(span.days, narrow.matches));

/** The choice of it. */
export function grainChoice(state, span) {
  const chosen = grainOf(state, span);
  return el("div", { class: "segments", role: "group", "aria-label": "Bars for" }, Object.entries(GRAINS).map(([grain, label]) =>
    el("button", { type: "button", "aria-pressed": String(grain === chosen), onclick: () => go(changed(read(), { by: grain === natural(span.days, narrow.matches) ? "" : grain }), { replace: true }) }, label)));
}

/** A day and the 13 before it. */
const twoWeeks = (span) => ({ ...span, from: addDays(span.to, -13), days: 14, previous: null });

/** Asks for the days of a period and of the one before; both are used by more than the chart. */
export function askDays({ state, span, signal }, item) {
  const ask = (part) => (part ? get(doofinder("clicks", state, part, { item }), signal) : Promise.resolve(null));
  const now = shared(() => ask(span));
  // One day says little by itself.
  const around = span.days === 1 ? earlier(() => ask(twoWeeks(span))) : now;
  return { now, was: earlier(() => ask(span.previous)), around };
}

/** The card itself. `days` are those of `askDays`. */
export function daysCard(ctx, days, { item, nothing } = {}) {
  const { state, span, signal } = ctx;
  const shown = span.days === 1 ? twoWeeks(span) : span;
  const part = card({ title: "Clicks", csv: csv(doofinder("clicks", state, shown, { item })), kind: "chart", wide: true, actions: span.days === 1 ? [] : [grainChoice(state, span)] }, signal);
  part.load(async () => {
    const [now, was, around] = await Promise.all([days.now(), days.was(), days.around()]);
    return { now, was, around };
  }, ({ now, was, around }) => {
    if (now.total_count === 0 && !was?.total_count) return nothing ?? empty("No clicks in this period");
    if (span.days === 1) return picked(around ? { days: around.results, range: shown, noun: "Clicks" } : { days: now.results, range: span, noun: "Clicks" }, signal);
    const grain = grainOf(state, span);
    const groups = (told) => grouped(told.results.map(({ date, count }) => ({ date, count })), grain, ["count"]);
    return compared({ now: groups(now), was: was && groups(was), grain, range: was ? span : { ...span, previous: null }, noun: "Clicks" }, signal);
  });
  return part.node;
}
