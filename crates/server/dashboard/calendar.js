// Dates as texts `YYYY-MM-DD`, and the clocks of time zones.

const DAY = 86_400_000;

export const isDate = (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && toText(toMs(text)) === text;
const toMs = (date) => Date.parse(`${date}T00:00:00Z`);
const toText = (ms) => (Number.isNaN(ms) ? "" : new Date(ms).toISOString().slice(0, 10));

export const addDays = (date, days) => toText(toMs(date) + days * DAY);
export const daysBetween = (from, to) => Math.round((toMs(to) - toMs(from)) / DAY) + 1;
export const startOfMonth = (date) => `${date.slice(0, 8)}01`;
export const startOfYear = (date) => `${date.slice(0, 5)}01-01`;
/** Monday of the date's week. */
export const startOfWeek = (date) => addDays(date, -((new Date(toMs(date)).getUTCDay() + 6) % 7));

/** The same day that many months away, or the last of that month where it has no such day. */
export function addMonths(date, months) {
  const [year, month, day] = date.split("-").map(Number);
  const first = Date.UTC(year, month - 1 + months, 1);
  const last = new Date(Date.UTC(new Date(first).getUTCFullYear(), new Date(first).getUTCMonth() + 1, 0)).getUTCDate();
  return addDays(toText(first), Math.min(day, last) - 1);
}

/** The zone of this browser. */
export const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "Etc/UTC";

/** Whether this browser knows a zone of that name. */
export function isZone(name) {
  try {
    return Boolean(name && new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** All zones to choose from. */
export function zones(chosen) {
  const known = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set(["UTC", browserZone(), chosen, ...known])].filter(Boolean).sort();
}

/** The wall clock of a zone at an instant: `{ date, seconds }`. */
export function wallClock(ms, zone) {
  const format = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const seconds = Number(part.hour) * 3600 + Number(part.minute) * 60 + Number(part.second);
  return { date: `${part.year.padStart(4, "0")}-${part.month}-${part.day}`, seconds };
}

/** The instant at which a zone's clock shows this date and time of day. */
export function instantOf(date, seconds, zone) {
  const wanted = toMs(date) + seconds * 1000;
  let guess = wanted;
  // Twice, because the offset at the first guess may be that of the other side of a clock change.
  for (let round = 0; round < 2; round += 1) {
    const shown = wallClock(guess, zone);
    guess += wanted - (toMs(shown.date) + shown.seconds * 1000);
  }
  return guess;
}
