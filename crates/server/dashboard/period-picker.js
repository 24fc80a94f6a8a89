// The button and panel that choose the days, what they are compared with, and the clock they are days of.

import { browserZone, isDate, zones } from "./calendar.js";
import { el, fill, icon } from "./dom.js";
import { day, range } from "./format.js";
import { changed, go, read } from "./location.js";
import { COMPARISONS, DEFAULT_PERIOD, PRESETS } from "./period.js";
import { popover } from "./popover.js";

/** `{ node, update(span) }`. */
export function periodPicker() {
  let span;
  const label = el("span", { class: "button-label" });
  const content = (close) => panel(span, (changes) => {
    close();
    go(changed(read(), { page: "", ...changes }));
  });
  const { node, button } = popover({ label: [icon("calendar"), label, icon("down")], content, className: "popover-period" });
  button.dataset.part = "period";
  return {
    node,
    update(nextSpan) {
      span = nextSpan;
      const dates = span.from === span.to ? day(span.from) : range(span.from, span.to);
      fill(label, span.preset ? [el("span", { class: "button-strong" }, PRESETS[span.preset]), el("span", { class: "button-aside" }, dates)] : el("span", { class: "button-strong" }, dates));
    },
  };
}

function panel(span, apply) {
  const preset = (name) => el("button", { type: "button", class: "choice", "aria-pressed": String(span.preset === name), "data-first": span.preset === name, onclick: () => apply({ period: name === DEFAULT_PERIOD ? "" : name, from: "", to: "" }) }, PRESETS[name], span.preset === name && icon("check"));
  return el("div", { class: "period" },
    el("div", { class: "period-presets", role: "group", "aria-label": "Period" }, Object.keys(PRESETS).map(preset)),
    el("div", { class: "period-more" },
      custom(span, apply),
      field("Compare with", el("select", { onchange: (event) => apply({ compare: event.target.value === "previous" ? "" : event.target.value }) }, Object.entries(COMPARISONS).map(([value, text]) => el("option", { value, selected: span.comparison === value }, text)))),
      field("Time zone", el("select", { onchange: (event) => apply({ tz: event.target.value === browserZone() ? "" : event.target.value }) }, zones(span.zone).map((zone) => el("option", { value: zone, selected: zone === span.zone }, zone === browserZone() ? `${zone} (this browser)` : zone)))),
    ),
  );
}

function custom(span, apply) {
  const from = el("input", { type: "date", value: span.from, min: "2000-01-01", max: "2099-12-31", required: true });
  const to = el("input", { type: "date", value: span.to, min: "2000-01-01", max: "2099-12-31", required: true });
  const told = el("p", { class: "field-error", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    if (!isDate(from.value) || !isDate(to.value)) fill(told, "Two dates are needed.");
    else if (from.value > to.value) fill(told, "The first day is after the last.");
    else apply({ from: from.value, to: to.value, period: "" });
  };
  return el("form", { class: "period-custom", onsubmit: submit, novalidate: true },
    el("div", { class: "pair" }, field("From", from), field("To", to)),
    told,
    el("button", { type: "submit", class: "button button-full" }, "Show these days"));
}

/** A labelled control. */
export const field = (text, control) => el("label", { class: "field" }, el("span", { class: "field-label" }, text), control);
