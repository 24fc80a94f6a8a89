// A titled part of a view that loads by itself: its own waiting, its own failure.

import { el, fill, icon } from "./dom.js";
import { problem, waiting } from "./states.js";

let serial = 0;

/** `{ node, body, load }`. `csv` is the address of the same numbers as a file. */
export function card({ title, note, csv, kind = "lines", wide = false, actions = [] }, signal) {
  serial += 1;
  const id = `card-${serial}`;
  const body = el("div", { class: "card-body" });
  const heading = el("h2", { id, class: "card-title" }, title);
  const tools = el("div", { class: "card-tools" }, actions, csv && csvLink(csv, title));
  const node = el(
    "section",
    { class: `card${wide ? " card-wide" : ""}`, "aria-labelledby": id },
    el("header", { class: "card-head" }, el("div", { class: "card-heading" }, heading, note && el("p", { class: "card-note" }, note)), tools),
    body,
  );
  let round = 0;
  const load = async (ask, render) => {
    const mine = ++round;
    // An answer that comes after one that was asked for later is of yesterday.
    const isLate = () => signal?.aborted || mine !== round;
    node.setAttribute("aria-busy", "true");
    if (!body.hasChildNodes() || body.querySelector(".notice-problem")) fill(body, waiting(kind));
    try {
      const told = await ask();
      if (!isLate()) fill(body, render(told));
    } catch (error) {
      if (!isLate()) fill(body, problem(error, () => load(ask, render)));
    } finally {
      if (mine === round) node.removeAttribute("aria-busy");
    }
  };
  return { node, body, tools, load };
}

/** A link to the same numbers as CSV. */
export function csvLink(url, title) {
  return el("a", { class: "tool", href: url, download: "", "aria-label": `${title} as CSV` }, icon("download"), el("span", {}, "CSV"));
}
