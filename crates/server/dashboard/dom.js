// Makes elements. Text only ever becomes a text node: nothing in the dashboard parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick: …`) and children; text among the children stays text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...present(children));
  return node;
}

/** Replaces what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false);
}

const PATHS = {
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  close: "M4 4l8 8M12 4l-8 8",
  calendar: "M2.5 4.5a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1zM2.5 7h11M5.5 2v3M10.5 2v3",
  filter: "M2.5 4.5h11M4.5 8h7M6.5 11.5h3",
  download: "M8 2.5v7.5M4.8 7.2 8 10.4l3.2-3.2M3 13.3h10",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.4 10.4 13.5 13.5",
  outside: "M9.5 2.5h4v4M13.3 2.7 7.5 8.5M6.5 3.5h-3a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1v-3",
  check: "M3 8.5l3.2 3.2L13 4.8",
  plus: "M8 3v10M3 8h10",
  person: "M8 8.2a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM3 13.5c.6-2.3 2.5-3.6 5-3.6s4.4 1.3 5 3.6",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.5v9l7-4.5z",
  mouse: "M3.5 2.5l9 4-3.8 1.4-1.4 3.9z",
};

/** A small drawing beside a word; screen readers pass it over. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** The product's mark. */
export function mark() {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const tile = document.createElementNS(SVG, "rect");
  for (const [key, value] of Object.entries({ width: "32", height: "32", rx: "8" })) tile.setAttribute(key, value);
  const strokes = document.createElementNS(SVG, "path");
  strokes.setAttribute("d", "M9 9v14M13.7 9v14M18.3 9v14M23 9v14M5.8 20.5 26.2 11.5");
  svg.append(tile, strokes);
  return svg;
}

/** Text that only screen readers get. */
export function hidden(text) {
  return el("span", { class: "hidden" }, text);
}

/** Words of people: their direction is their own. */
export function words(text) {
  return el("bdi", {}, text);
}
