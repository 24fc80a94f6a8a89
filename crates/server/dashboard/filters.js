// Which clicks are counted: a panel to choose filters, and a chip for each that is set.

import { el, fill, hidden, icon, words } from "./dom.js";
import { device, devices, productType, productTypes } from "./format.js";
import { changed, go, hasFilters, read, withoutFilters } from "./location.js";
import { field } from "./period-picker.js";
import { popover } from "./popover.js";

const toggled = (list, value) => (list.includes(value) ? list.filter((other) => other !== value) : [...list, value]);

/** Sets or removes one value of a filter. */
export function toggle(state, name, value) {
  const next = Array.isArray(state[name]) ? toggled(state[name], value) : state[name] === value ? "" : value;
  return changed(state, { [name]: next, page: "" });
}

/** The button that opens the choice of filters: `{ node, update(state, engines) }`. */
export function filterButton() {
  let engines = [];
  const amount = el("span", { class: "badge" });
  const set = (next, close) => {
    if (close) close();
    go(next);
  };
  const content = (close) => panel(engines, set, close);
  const { node, button } = popover({ label: [icon("filter"), el("span", { class: "button-label" }, "Filters"), " ", amount], content, className: "popover-filters" });
  button.dataset.part = "filters";
  return {
    node,
    update(state, nextEngines) {
      engines = nextEngines;
      const set = state.hashid.length + state.index.length + state.type.length + (state.device ? 1 : 0) + (state.query ? 1 : 0);
      amount.hidden = set === 0;
      fill(amount, String(set), hidden(" set"));
    },
  };
}

function panel(engines, set, close) {
  // A view notes by itself what it shows: the address is asked each time.
  const state = read();
  const indices = [...new Set([...engines.flatMap((engine) => engine.indices ?? []), ...state.index])].sort();
  const known = [...engines, ...state.hashid.filter((hashid) => !engines.some((engine) => engine.hashid === hashid)).map((hashid) => ({ hashid, name: hashid }))];
  const choice = (type, name, value, label) => el("label", { class: "tick" }, el("input", { type, name, value, checked: Array.isArray(state[name]) ? state[name].includes(value) : state[name] === value, onchange: () => set(type === "radio" ? changed(read(), { [name]: value, page: "" }) : toggle(read(), name, value)) }), el("span", {}, label));
  const group = (title, ...choices) => choices.flat().length > 0 && el("fieldset", { class: "ticks" }, el("legend", {}, title), choices);
  const query = el("input", { type: "search", value: state.query, placeholder: "red shoes", autocomplete: "off", spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    set(changed(read(), { query: query.value.trim(), page: "" }), close);
  };
  return el("div", { class: "filters" },
    el("form", { class: "filters-query", onsubmit: submit }, field("Clicks that came from the search", query), el("button", { type: "submit", class: "button" }, "Set")),
    group("Search engine", known.map((engine) => choice("checkbox", "hashid", engine.hashid, words(engine.name || engine.hashid)))),
    group("Index", indices.map((name) => choice("checkbox", "index", name, words(name)))),
    group("Device", choice("radio", "device", "", "Any"), devices.map((code) => choice("radio", "device", code, device(code)))),
    group("What was clicked", productTypes.map((code) => choice("checkbox", "type", code, productType(code)))),
  );
}

/** A chip for each filter; nothing where none is set. */
export function chips(state, engines) {
  if (!hasFilters(state)) return null;
  const name = (hashid) => engines.find((engine) => engine.hashid === hashid)?.name || hashid;
  const all = [
    state.query && ["query", state.query, "Search", state.query],
    ...state.hashid.map((value) => ["hashid", value, "Engine", name(value)]),
    ...state.index.map((value) => ["index", value, "Index", value]),
    state.device && ["device", state.device, "Device", device(state.device)],
    ...state.type.map((value) => ["type", value, "Clicked", productType(value)]),
  ].filter(Boolean);
  return [
    el("ul", { class: "chips", "aria-label": "Filters" }, all.map(([key, value, label, text]) => el("li", { class: "chip" }, el("span", { class: "chip-name" }, label), el("span", { class: "chip-value", title: text }, words(text)), el("button", { type: "button", class: "chip-remove", "aria-label": `Remove filter ${label}: ${text}`, onclick: () => go(toggle(read(), key, value)) }, icon("close"))))),
    all.length > 1 && el("button", { type: "button", class: "link chips-clear", onclick: () => go(withoutFilters(read())) }, "Remove all"),
  ];
}
