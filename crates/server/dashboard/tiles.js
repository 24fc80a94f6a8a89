// The few numbers that say how it went.

import { delta } from "./amounts.js";
import { CallError } from "./api.js";
import { el, fill, hidden, icon } from "./dom.js";
import { unknown } from "./states.js";

/** A row of tiles; each is `{ node, load }`. */
export const row = (...tiles) => el("div", { class: "tiles" }, tiles.map((tile) => tile.node));

/**
 * One number. `load(ask)` takes what answers `{ now, was, reason, note }` (null: not known, because of `reason`); `write` makes a
 * value text.
 */
export function tile({ label, help, write, kind, better }, signal) {
  const value = el("p", { class: "tile-value" }, el("span", { class: "ghost ghost-value" }));
  const note = el("p", { class: "tile-note" });
  const node = el("div", { class: "tile", role: "group", "aria-label": label }, el("p", { class: "tile-label", title: help }, label), value, note);
  const load = async (ask) => {
    node.setAttribute("aria-busy", "true");
    try {
      const told = await ask();
      if (signal?.aborted) return;
      const { now, was = null, reason = "nothing to count in this period" } = told;
      fill(value, now === null ? unknown(reason) : write(now));
      const moved = delta(now, was, { kind, better });
      const before = was === null ? null : el("span", { class: "tile-was" }, hidden("before: "), was === 0 && !kind ? "none before" : `from ${write(was)}`);
      fill(note, now === null ? reason : [moved, before ?? told.note]);
    } catch (error) {
      if (signal?.aborted) return;
      const missing = error instanceof CallError && (error.kind === "missing" || error.kind === "forbidden");
      fill(value, missing ? unknown(error.message) : el("span", { class: "unknown" }, icon("close"), hidden("failed")));
      fill(note, missing ? (error.kind === "missing" ? "not known here" : "not permitted") : el("button", { type: "button", class: "link", onclick: () => load(ask) }, "Try again"));
    } finally {
      node.removeAttribute("aria-busy");
    }
  };
  return { node, load };
}
