// Numbers, dates and words for codes, in the browser's language.

const cache = new Map();

function numbers(key, options) {
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat(undefined, options));
  return cache.get(key);
}

function dates(key, options) {
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(undefined, options));
  return cache.get(key);
}

export const UNKNOWN = "–";

export const count = (value) => numbers("count", {}).format(value);
export const decimal = (value, digits = 2) =>
  numbers(`decimal${digits}`, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (share, digits = 1) =>
  numbers(`percent${digits}`, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
export const compact = (value) => numbers("compact", { notation: "compact", maximumFractionDigits: 1 }).format(value);
const signed = { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 };
export const change = (share) => numbers("change", { style: "percent", ...signed }).format(share);
export const points = (share) => numbers("points", signed).format(share * 100);
export const difference = (value) =>
  numbers("difference", { signDisplay: "exceptZero", minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);

// A date is a text `YYYY-MM-DD` everywhere; no zone may move it.
const instant = (date) => Date.parse(`${date}T00:00:00Z`);
const UTC = { timeZone: "UTC" };
export const dayMonth = (date) => dates("dayMonth", { ...UTC, day: "numeric", month: "short" }).format(instant(date));
export const day = (date) => dates("day", { ...UTC, day: "numeric", month: "short", year: "numeric" }).format(instant(date));
export const weekdayDay = (date) =>
  dates("weekday", { ...UTC, weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(instant(date));
export const month = (date) => dates("month", { ...UTC, month: "short", year: "numeric" }).format(instant(date));
export const shortMonth = (date) => dates("shortMonth", { ...UTC, month: "short" }).format(instant(date));

/** Two dates as the language writes a range of them. */
export function range(from, to) {
  const format = dates("day", { ...UTC, day: "numeric", month: "short", year: "numeric" });
  return format.formatRange(instant(from), instant(to));
}

export const clock = (ms, zone) =>
  dates(`clock${zone}`, { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
export const moment = (ms, zone) => dates(`moment${zone}`, { timeZone: zone, dateStyle: "medium", timeStyle: "short" }).format(ms);

/** One thing or several: `plural(3, "click", "clicks")`. */
export const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

const TYPES = {
  search: "Search result",
  banner: "Banner",
  custom_result: "Custom result",
  recommendation: "Recommendation",
  quizz: "Quiz",
  aichat: "AI chat",
};
const DEVICES = { desktop: "Desktop", mobile: "Mobile" };

export const productTypes = Object.keys(TYPES);
export const devices = Object.keys(DEVICES);
export const productType = (code) => TYPES[code] ?? code;
export const device = (code) => DEVICES[code] ?? code;

/** A text as it is compared: letters whatever their case and composition, nearly as the server folds searches. */
export const folded = (text) => text.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ");
