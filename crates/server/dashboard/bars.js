// A ranked list with a bar behind each row: parts of one whole.

import { el } from "./dom.js";
import { count, percent } from "./format.js";

/**
 * Rows are `{ label, value, share, link, action, pressed, aside }`: `label` a node or text, `link` attributes of a link, `action` a listener
 * with `actionLabel`. The longest bar is the largest value.
 */
export function bars(rows, { nothing = "Nothing in this period" } = {}) {
  const most = Math.max(...rows.map((row) => row.value), 0);
  if (most === 0) return el("p", { class: "bars-nothing" }, nothing);
  return el("ol", { class: "bars" }, rows.map((row) => bar(row, most)));
}

function bar({ label, value, share, link, action, actionLabel, pressed, aside }, most) {
  const gauge = el("span", { class: "bars-gauge", "aria-hidden": "true" });
  gauge.style.inlineSize = `${most ? Math.max((100 * value) / most, value > 0 ? 0.75 : 0) : 0}%`;
  const name = link
    ? el("a", { ...link, class: "bars-name" }, label)
    : action
      ? el("button", { type: "button", class: "bars-name", onclick: action, "aria-pressed": pressed ? "true" : "false", title: actionLabel }, label)
      : el("span", { class: "bars-name bars-plain" }, label);
  return el(
    "li",
    { class: link || action ? "bars-row bars-active" : "bars-row" },
    gauge,
    name,
    aside,
    el("span", { class: "bars-value" }, count(value)),
    share !== undefined && el("span", { class: "bars-share" }, share === null ? "" : percent(share, share > 0 && share < 0.001 ? 2 : 1)),
  );
}
