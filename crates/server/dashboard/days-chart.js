// A chart of days with its legend and its table: the same numbers three times, for every kind of reader.

import { chart } from "./chart.js";
import { el } from "./dom.js";
import { count, dayMonth, day, month, range, shortMonth, weekdayDay } from "./format.js";
import { isPart } from "./grain.js";
import { unknown } from "./states.js";

const titleOf = (group, grain) => {
  if (grain === "day") return weekdayDay(group.from);
  return isPart(group, grain) || grain === "week" ? range(group.from, group.to) : month(group.from);
};

const labelOf = (group, grain) => {
  if (grain !== "month") return dayMonth(group.from);
  return group.from.slice(5, 7) === "01" ? month(group.from) : shortMonth(group.from);
};

/** Clicks of this period (`now`) before those of another (`was`, or null). */
export function compared({ now, was, grain, range: span, noun }, signal) {
  const places = Array.from({ length: Math.max(now.length, was?.length ?? 0) }, (_, place) => ({ now: now[place], was: was?.[place] }));
  const runs = (group) => Boolean(group && span.runs && group.to >= span.today && group.from <= span.today);
  // What lies ahead is not zero: it has not happened.
  const value = (group) => (!group || group.from > span.today ? null : group.count);
  const layers = [
    was && { name: "before", values: places.map((place) => place.was?.count ?? null), colour: "--bar-before", width: 0.9 },
    { name: noun, values: places.map((place) => (runs(place.now) ? null : value(place.now))), colour: "--bar", width: 0.58 },
    { name: `${noun} so far`, values: places.map((place) => (runs(place.now) ? value(place.now) : null)), colour: "--bar-running", width: 0.58 },
  ].filter(Boolean);
  const columns = places.map((place) => ({
    label: labelOf(place.now ?? place.was, grain),
    title: titleOf(place.now ?? place.was, grain),
    lines: [
      place.now && { swatch: runs(place.now) ? "swatch-running" : "swatch-now", text: runs(place.now) ? `${noun} so far` : noun, value: value(place.now) ?? "–" },
      place.was && { swatch: "swatch-before", text: titleOf(place.was, grain), value: place.was.count },
    ].filter(Boolean),
  }));
  const total = now.reduce((sum, group) => sum + (value(group) ?? 0), 0);
  const rows = places.map((place) => [place.now && titleOf(place.now, grain), value(place.now), ...(was ? [place.was && titleOf(place.was, grain), place.was?.count] : [])]);
  return [
    legend(span),
    chart({ layers, columns, grain, summary: `${count(total)} ${noun.toLowerCase()}, ${range(span.from, span.to)}. The numbers below have every bar.` }, signal),
    numbers(["Period", noun, ...(was ? ["Before", noun] : [])], rows),
  ];
}

/** One day (the last of them) among those before it. */
export function picked({ days, range: span, noun }, signal) {
  const last = days.length - 1;
  const running = span.runs;
  const layers = [
    { name: "days before", values: days.map((row, place) => (place < last ? row.count : null)), colour: "--bar-before", width: 0.58 },
    { name: noun, values: days.map((row, place) => (place === last ? row.count : null)), colour: running ? "--bar-running" : "--bar", width: 0.58 },
  ];
  const columns = days.map((row, place) => ({
    label: dayMonth(row.date),
    title: weekdayDay(row.date),
    lines: [{ swatch: place < last ? "swatch-before" : running ? "swatch-running" : "swatch-now", text: place === last && running ? `${noun} so far` : noun, value: row.count }],
  }));
  return [
    el("p", { class: "legend" }, key(running ? "swatch-running" : "swatch-now", day(span.to)), key("swatch-before", "The days before")),
    chart({ layers, columns, grain: "day", summary: `${noun} of ${day(span.to)} and of the days before. The numbers below have every bar.` }, signal),
    numbers(["Period", noun], days.map((row) => [weekdayDay(row.date), row.count])),
  ];
}

/** Searches, and in front of them those with a click. */
export function nested({ groups: all, grain, range: span }, signal) {
  // What lies ahead is not zero here either.
  const groups = all.map((group) => (group.from > span.today ? { ...group, searches: null, clicked: null, clicks: null } : group));
  const layers = [
    { name: "Searches", values: groups.map((group) => group.searches), colour: "--bar-before", width: 0.8 },
    { name: "With a click", values: groups.map((group) => group.clicked), colour: "--bar", width: 0.8 },
  ];
  const columns = groups.map((group) => ({
    label: labelOf(group, grain),
    title: titleOf(group, grain),
    lines: [
      { swatch: "swatch-before", text: "Searches", value: group.searches ?? "–" },
      { swatch: "swatch-now", text: "With a click", value: group.clicked ?? "–" },
      { swatch: "swatch-none", text: "Clicks", value: group.clicks ?? "–" },
    ],
  }));
  return [
    el("p", { class: "legend" }, key("swatch-before", "Searches"), key("swatch-now", "Searches with a click")),
    chart({ layers, columns, grain, summary: `Searches and those with a click, ${range(span.from, span.to)}; the numbers below have every bar.` }, signal),
    numbers(["Period", "Searches", "With a click", "Clicks"], groups.map((group) => [titleOf(group, grain), group.searches, group.clicked, group.clicks])),
  ];
}

/** One entry of a legend. */
export const key = (swatch, text) => el("span", { class: "legend-key" }, el("span", { class: `swatch ${swatch}` }), text);

/** Which dates the two kinds of bars are. */
export function legend(span) {
  const until = (part) => (part.from === part.to ? day(part.from) : range(part.from, part.to));
  return el("p", { class: "legend" }, key("swatch-now", until(span)), span.previous && key("swatch-before", until(span.previous)), span.previous?.untilMs && el("span", { class: "legend-aside" }, "until the same time of day"));
}

/** The same as a table, made when it is asked for. */
function numbers(heads, rows) {
  const kind = (place) => (heads[place] === "Period" || heads[place] === "Before" ? "" : "number");
  const written = (value) => (typeof value === "number" ? count(value) : (value ?? unknown("no such day, or one that has not come")));
  const cell = (value, place) => (place === 0 ? el("th", { scope: "row" }, written(value)) : el("td", { class: kind(place) }, written(value)));
  const table = () =>
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The chart as numbers" },
      el("table", { class: "table table-plain" },
        el("thead", {}, el("tr", {}, heads.map((head, place) => el("th", { scope: "col", class: kind(place) }, head)))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
  const details = el("details", { class: "numbers", ontoggle: () => details.open && details.childElementCount === 1 && details.append(table()) }, el("summary", {}, "The numbers"));
  return details;
}
