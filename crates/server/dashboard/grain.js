// Days, weeks or months: rows of days are added up so that each bar stays wide enough to be read.

import { addDays, addMonths, startOfMonth, startOfWeek } from "./calendar.js";

export const GRAINS = { day: "Days", week: "Weeks", month: "Months" };

/** The finest grain whose bars are wide enough for this many days. */
export function natural(days, narrow) {
  if (days <= (narrow ? 31 : 93)) return "day";
  return days <= (narrow ? 200 : 400) ? "week" : "month";
}

/** Rows with a `date` added up by grain: `{ from, to, …sums }`. The first and the last may be parts of a week or month. */
export function grouped(rows, grain, fields) {
  const start = { day: (date) => date, week: startOfWeek, month: startOfMonth }[grain];
  const groups = [];
  for (const row of rows) {
    const key = start(row.date);
    let last = groups.at(-1);
    if (last?.key !== key) groups.push((last = { key, from: row.date, to: row.date, ...Object.fromEntries(fields.map((field) => [field, null])) }));
    last.to = row.date;
    for (const field of fields) if (row[field] !== null && row[field] !== undefined) last[field] = (last[field] ?? 0) + row[field];
  }
  return groups;
}

/** Whether a group lacks days of its week or month. */
export function isPart(group, grain) {
  if (grain === "day") return false;
  const end = grain === "week" ? addDays(group.key, 6) : addDays(addMonths(group.key, 1), -1);
  return group.from !== group.key || group.to !== end;
}
