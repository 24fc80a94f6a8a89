// The card of clicks by day: of everything, or of one item.

import { get } from "./api.js";
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
  const now = get(doofinder("clicks", state, span, { item }), signal);
  // One day says little by itself.
  const around = span.days === 1 ? get(doofinder("clicks", state, twoWeeks(span), { item }), signal) : now;
  around.catch(() => {});
  const was = span.previous ? get(doofinder("clicks", state, span.previous, { item }), signal) : Promise.resolve(null);
  // Each is awaited where it is shown; a failure that nobody awaits yet is no accident.
  now.catch(() => {});
  was.catch(() => {});
  return { now, was, around };
}

/** The card itself. `days` are those of `askDays`. */
export function daysCard(ctx, days, { item, nothing } = {}) {
  const { state, span, signal } = ctx;
  const shown = span.days === 1 ? twoWeeks(span) : span;
  const part = card({ title: "Clicks", csv: csv(doofinder("clicks", state, shown, { item })), kind: "chart", wide: true, actions: span.days === 1 ? [] : [grainChoice(state, span)] }, signal);
  let round = days;
  part.load(async () => {
    const [now, was, around] = await Promise.all([round.now, round.was, round.around]).catch((error) => {
      // Another try has to ask again.
      round = askDays(ctx, item);
      throw error;
    });
    return { now, was, around };
  }, ({ now, was, around }) => {
    if (now.total_count === 0 && !was?.total_count) return nothing ?? empty("No clicks in this period");
    if (span.days === 1) return picked({ days: around.results, range: shown, noun: "Clicks" }, signal);
    const grain = grainOf(state, span);
    const groups = (told) => grouped(told.results.map(({ date, count }) => ({ date, count })), grain, ["count"]);
    return compared({ now: groups(now), was: was && groups(was), grain, range: span, noun: "Clicks" }, signal);
  });
  return part.node;
}
