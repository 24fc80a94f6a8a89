// What is shown where there are no numbers: waiting, nothing there, no permission, and every way to fail.

import { CallError } from "./api.js";
import { el, hidden } from "./dom.js";
import { UNKNOWN } from "./format.js";

/** A value that nobody told the server. Never a zero. */
export function unknown(reason) {
  return el("span", { class: "unknown", title: reason }, el("span", { "aria-hidden": "true" }, UNKNOWN), hidden(`not known: ${reason}`));
}

/** Grey shapes, shown only where the wait is long enough to be noticed. */
export function waiting(kind = "lines") {
  return el("div", { class: `waiting waiting-${kind}`, role: "status" }, hidden("Loading"), kind === "lines" ? [1, 2, 3, 4, 5].map(() => el("span", { class: "ghost" })) : el("span", { class: "ghost" }));
}

/** Nothing there, and what can be done about it. */
export function empty(title, text, ...actions) {
  return el("div", { class: "notice" }, el("p", { class: "notice-title" }, title), text && el("p", {}, text), actions.length > 0 && el("p", { class: "notice-actions" }, actions));
}

const TITLES = {
  "signed-out": "You are signed out",
  forbidden: "Not permitted",
  missing: "Not known here",
  refused: "The server refused this question",
  busy: "The server is busy",
  broken: "Something broke in the server",
  away: "The server does not answer",
};
const HINTS = {
  forbidden: "Sign in with a key or user that may read this.",
  busy: "It will answer again in a moment.",
  broken: "Its log says why.",
  away: "Check that it runs and that you are connected. What is on the screen stays.",
};

/** A failed call, in words, with the server's own. */
export function problem(error, retry) {
  if (!(error instanceof CallError)) console.error(error);
  const kind = error instanceof CallError ? error.kind : "page";
  const title = TITLES[kind] ?? "This page has a fault";
  const told = kind === "away" ? "" : error.message;
  return el(
    "div",
    { class: `notice notice-problem notice-${kind}`, role: "alert" },
    el("p", { class: "notice-title" }, title),
    told && el("p", { class: "notice-told" }, told),
    HINTS[kind] && el("p", {}, HINTS[kind]),
    retry && kind !== "forbidden" && kind !== "missing" && el("p", { class: "notice-actions" }, el("button", { type: "button", class: "button", onclick: retry }, "Try again")),
  );
}
