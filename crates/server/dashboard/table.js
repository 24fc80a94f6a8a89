// A table that sorts, searches and turns pages by itself, and notes in the address what it shows.

import { el, fill, icon } from "./dom.js";
import { count, folded } from "./format.js";
import { note } from "./location.js";
import { empty } from "./states.js";

const ROWS_A_PAGE = 25;
const TYPING_MS = 180;

/**
 * `columns`: `{ key, label, help, number, low, value(row), cell(row) }`; one without `value` does not sort, a `low` one gives way on phones.
 * `matches(row, text)` searches; `more(text, key)` may bring rows that are not among `rows`, for a text and the column that is sorted by.
 */
export function table({ caption, columns, rows, state, first, find, matches, more, limited }, signal) {
  const shown = { rows, find: state.find, sort: state.sort || `-${first}`, page: Math.max(1, Number(state.page) || 1) };
  const said = el("p", { class: "table-said", role: "status" });
  const holder = el("div", { class: "table-holder" });
  const pages = el("nav", { class: "pages", "aria-label": `Pages of ${caption}` });
  let round = 0;

  const apply = (changes, { keepPage = false } = {}) => {
    Object.assign(shown, changes);
    if (!keepPage) shown.page = 1;
    note({ find: shown.find, sort: shown.sort === `-${first}` ? "" : shown.sort, page: shown.page > 1 ? String(shown.page) : "" });
    draw();
  };

  const ask = async (fetchRows) => {
    round += 1;
    const mine = round;
    holder.setAttribute("aria-busy", "true");
    try {
      const rows = await fetchRows();
      if (mine === round && !signal.aborted) apply({ rows }, { keepPage: true });
    } catch {
      // What is there stays: the rows at hand are sorted and searched.
    } finally {
      if (mine === round) holder.removeAttribute("aria-busy");
    }
  };
  const bring = () => {
    if (more) ask(() => more(shown.find.trim(), shown.sort.replace(/^-/, "")));
  };

  const sortBy = (key) => {
    const way = shown.sort === `-${key}` ? key : `-${key}`;
    apply({ sort: way });
    holder.querySelector(`[data-sort="${CSS.escape(key)}"]`)?.focus();
    bring();
  };

  const search = (text) => {
    apply({ find: text });
    bring();
  };

  function draw() {
    const found = sorted(shown.rows.filter((row) => matches(row, folded(shown.find.trim()))), columns, shown.sort);
    const last = Math.max(1, Math.ceil(found.length / ROWS_A_PAGE));
    shown.page = Math.min(shown.page, last);
    const start = (shown.page - 1) * ROWS_A_PAGE;
    const visible = found.slice(start, start + ROWS_A_PAGE);
    fill(said, found.length === 0 ? "" : `${count(start + 1)}–${count(start + visible.length)} of ${count(found.length)}${limited && !shown.find ? ` (${limited})` : ""}`);
    fill(holder, visible.length > 0 ? drawn(caption, columns, visible, shown.sort, sortBy) : empty(`Nothing found for “${shown.find.trim()}”`));
    fill(pages, last > 1 && [turn("left", "Page before", shown.page > 1, -1), el("span", { class: "pages-now" }, `${count(shown.page)} / ${count(last)}`), turn("right", "Next page", shown.page < last, 1)]);
  }

  const turn = (drawing, label, enabled, by) =>
    el("button", { type: "button", class: "button button-icon", "aria-label": label, disabled: !enabled, onclick: () => {
      apply({ page: shown.page + by }, { keepPage: true });
      pages.querySelector(`[aria-label="${label}"]:not(:disabled)`)?.focus();
    } }, icon(drawing));

  draw();
  if (shown.find) queueMicrotask(bring);
  return [
    el("div", { class: "table-bar" }, finder(find, shown.find, search, signal), said),
    holder,
    pages,
  ];
}

function finder(label, text, search, signal) {
  let timer;
  const input = el("input", { type: "search", placeholder: label, "aria-label": label, value: text, autocomplete: "off", spellcheck: "false", oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(input.value), TYPING_MS);
  } });
  // Whoever has gone on to another view finds nothing here, and its address is not this one's to change.
  signal.addEventListener("abort", () => clearTimeout(timer));
  return el("div", { class: "finder" }, icon("search"), input);
}

function sorted(rows, columns, sort) {
  const falling = sort.startsWith("-");
  const column = columns.find(({ key, value }) => value && key === sort.replace(/^-/, ""));
  if (!column) return rows;
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compare = (one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    // What is not known is last, whichever way.
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" ? a - b : collator.compare(a, b);
    return falling ? -order : order;
  };
  return rows.toSorted(compare);
}

function drawn(caption, columns, rows, sort, sortBy) {
  const head = (column) => {
    const { key, label, help, number, low, value } = column;
    const way = sort === key ? "ascending" : sort === `-${key}` ? "descending" : undefined;
    const kind = `${number ? "number" : ""}${low ? " low" : ""}`;
    if (!value) return el("th", { scope: "col", class: kind }, label);
    return el("th", { scope: "col", class: kind, "aria-sort": way },
      el("button", { type: "button", class: "sort", "data-sort": key, title: help, onclick: () => sortBy(key) }, label, el("span", { class: `sort-way${way ? "" : " sort-none"}` }, icon(way === "ascending" ? "up" : "down"))));
  };
  const cells = (row) => columns.map((column, place) => el(place === 0 ? "th" : "td", { scope: place === 0 ? "row" : undefined, class: `${column.number ? "number" : ""}${column.low ? " low" : ""}` }, column.cell(row)));
  return el("table", { class: "table" },
    el("caption", { class: "hidden" }, caption),
    el("thead", {}, el("tr", {}, columns.map(head))),
    el("tbody", {}, rows.map((row) => el("tr", {}, cells(row)))));
}

/** A number with a bar before it, in proportion to the largest. */
export function gauged(value, most) {
  const gauge = el("span", { class: "gauge", "aria-hidden": "true" });
  gauge.style.inlineSize = `${most ? (100 * value) / most : 0}%`;
  return el("span", { class: "gauged" }, el("span", { class: "gauge-room" }, gauge), el("span", { class: "gauged-value" }, count(value)));
}

