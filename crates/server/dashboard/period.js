// Which days are shown, and which they are compared with.

import { addDays, addMonths, browserZone, daysBetween, instantOf, isDate, isZone, startOfMonth, startOfYear, wallClock } from "./calendar.js";

const DAYS_MAX = 3660;
// The server counts by quarters of an hour: a bound on one of them costs nothing.
const QUARTER = 900;

export const DEFAULT_PERIOD = "28d";

/** Presets in the order of the picker. The default is four whole weeks, so that weekdays are compared with their like. */
export const PRESETS = {
  today: "Today",
  yesterday: "Yesterday",
  "7d": "Last 7 days",
  "28d": "Last 28 days",
  "12w": "Last 12 weeks",
  month: "This month",
  lastmonth: "Last month",
  year: "This year",
  "12m": "Last 12 months",
};

export const COMPARISONS = { previous: "The period before", year: "The year before", none: "Nothing" };

function ofPreset(name, today) {
  switch (name) {
    case "today": return [today, today];
    case "yesterday": return [addDays(today, -1), addDays(today, -1)];
    case "7d": return [addDays(today, -6), today];
    case "12w": return [addDays(today, -83), today];
    case "month": return [startOfMonth(today), today];
    case "lastmonth": return [addMonths(startOfMonth(today), -1), addDays(startOfMonth(today), -1)];
    case "year": return [startOfYear(today), today];
    case "12m": return [addDays(addMonths(today, -12), 1), today];
    default: return [addDays(today, -27), today];
  }
}

/** The days before that a period is best compared with. */
function before(name, from, to) {
  if (name === "month") return [addMonths(from, -1), addMonths(to, -1)];
  if (name === "lastmonth") return [addMonths(from, -1), addDays(from, -1)];
  if (name === "year" || name === "12m") return [addMonths(from, -12), addMonths(to, -12)];
  const days = daysBetween(from, to);
  return [addDays(from, -days), addDays(from, -1)];
}

/**
 * What a state's period is at this moment: `{ preset, from, to, days, zone, today, runs, previous }`.
 * Where the period still runs (`runs`), the one before ends at the same time of day (`untilMs`), so that a morning is never
 * compared with a whole day.
 */
export function resolve(state, nowMs = Date.now()) {
  const zone = isZone(state.tz) ? state.tz : browserZone();
  const now = wallClock(nowMs, zone);
  const today = now.date;
  const custom = isDate(state.from) && isDate(state.to) && state.from <= state.to;
  const preset = custom ? "" : PRESETS[state.period] ? state.period : DEFAULT_PERIOD;
  let [from, to] = custom ? [state.from, state.to] : ofPreset(preset, today);
  if (daysBetween(from, to) > DAYS_MAX) from = addDays(to, 1 - DAYS_MAX);
  const runs = from <= today && today <= to;
  const comparison = COMPARISONS[state.compare] ? state.compare : "previous";
  return {
    preset, from, to, zone, today, runs, comparison,
    days: daysBetween(from, to),
    previous: comparison === "none" ? null : previousOf({ preset, from, to, zone, comparison, runs, today, now }),
  };
}

function previousOf({ preset, from, to, zone, comparison, runs, today, now }) {
  const [first, last] = comparison === "year" ? [addMonths(from, -12), addMonths(to, -12)] : before(preset, from, to);
  const previous = { from: first, to: last, zone, days: daysBetween(first, last), untilMs: null };
  // A month that is shorter by a day has no such moment: it counts whole.
  if (runs && previous.days === daysBetween(from, to)) {
    const seconds = Math.floor(now.seconds / QUARTER) * QUARTER;
    const sameDay = addDays(first, daysBetween(from, today) - 1);
    // A bound of the first moment of the day would ask for nothing of it.
    previous.untilMs = instantOf(sameDay, Math.max(seconds, QUARTER), zone) - 1;
  }
  return previous;
}
