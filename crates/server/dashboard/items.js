// What an item is called, and its place in the address.

import { el, words } from "./dom.js";

/** The title, else the id. */
export const itemLabel = (item) => words(item.title || item.doc_id);

/** What the address holds of an item. */
export const itemState = (item) => ({ view: "items", item: JSON.stringify([item.hashid, item.index, item.doc_id]) });

/** The item that an address names, or null. */
export function itemOf(state) {
  try {
    const [hashid, index, docId] = JSON.parse(state.item);
    const sound = typeof hashid === "string" && typeof docId === "string" && (index === null || typeof index === "string");
    return sound ? { hashid, index, doc_id: docId } : null;
  } catch {
    return null;
  }
}

/** The id beneath a title. */
export const itemId = (item) => el("span", { class: "item-id" }, words(item.doc_id));
