// Links that the catalogue holds come from people: only http and https are ever followed.

import { el, hidden, icon } from "./dom.js";

/** The address, if it is one that a page may lead to. */
export function safe(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** A small link that opens an item's own page elsewhere; nothing where it has no address. */
export function outside(text, label) {
  const href = safe(text);
  return href && el("a", { class: "outside", href, target: "_blank", rel: "noopener noreferrer", title: href }, icon("outside"), hidden(`${label} (opens in a new tab)`));
}
