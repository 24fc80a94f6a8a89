// The addresses of the documented statistics, with the period and the filters of a state.

import { earlier, get, shared } from "./api.js";
import { dfid } from "./dfid.js";

const digits = (date) => date.replaceAll("-", "");

function period(told, span) {
  told.append("from", digits(span.from));
  told.append("to", span.untilMs ? String(span.untilMs) : digits(span.to));
  told.append("tz", span.zone);
}

/** `GET /api/v2/stats/…`, in Doofinder's words. */
export function doofinder(path, state, span, { item, ...more } = {}) {
  const told = new URLSearchParams();
  period(told, span);
  // An item is in one engine and one index, whatever else is chosen.
  for (const hashid of item ? [item.hashid] : state.hashid) told.append("hashids[]", hashid);
  (item ? [item.index] : state.index).forEach((name, place) => told.append(`indices[${place}][name]`, name));
  if (state.device) told.append("device", state.device);
  for (const type of state.type) told.append("product_type[]", type);
  if (state.query) told.append("query", state.query);
  if (item) told.append("dfid", dfid(item));
  for (const [name, value] of Object.entries(more)) told.append(name, String(value));
  return `/api/v2/stats/${path}?${told}`;
}

/** `GET /v1/stats/…`, in ClickTally's own words. */
export function native(path, state, span, { item, ...more } = {}) {
  const told = new URLSearchParams();
  period(told, span);
  for (const hashid of item ? [item.hashid] : state.hashid) told.append("hashid", hashid);
  for (const name of item?.index ? [item.index] : state.index) told.append("index", name);
  if (state.device) told.append("device", state.device);
  for (const type of state.type) told.append("product_type", type);
  if (state.query) told.append("query", state.query);
  if (item) told.append("doc_id", item.doc_id);
  for (const [name, value] of Object.entries(more)) if (value !== "") told.append(name, String(value));
  return `/v1/stats/${path}?${told}`;
}

/** A native statistic of the period and of the one before: null where it is not known. */
export function both({ state, span, signal }, path, { known = true, item } = {}) {
  const ask = (part) => (known && part ? get(native(path, state, part, { item }), signal) : Promise.resolve(null));
  return { now: shared(() => ask(span)), was: earlier(() => ask(span.previous)), known };
}

/** The same address, as a file for spreadsheets. */
export const csv = (url) => `${url}&format=csv`;

/** Whether searches can be counted under these filters: a search has no product type and no item. */
export const searchesAreKnown = (state) => state.type.length === 0;
