// Bars over time, by uPlot. Colours come from the style sheet, so that dark and light follow it.

import { el } from "./dom.js";
import { compact, count } from "./format.js";

// In units of the size of the letters, which grows on a wall.
const HEIGHT = 22;
const LABEL_WIDTH = 4.7;
const DIGIT_WIDTH = 0.55;
const STEPS = { day: [1, 2, 7, 14, 28, 56, 112], week: [1, 2, 4, 13, 26, 52], month: [1, 2, 3, 6, 12, 24] };
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/**
 * Draws `layers`, the first at the back, each `{ name, values, colour, width }`: a custom property of the style sheet, and the part of a
 * column that its bars fill. `columns` are `{ label, rows }`: the axis' word, and what the hint says, `{ title, lines: [{ colour, text,
 * value }] }`.
 */
export function chart({ layers, columns, grain, summary }, signal) {
  const host = el("div", { class: "chart", role: "img", "aria-label": summary });
  let plot = null;
  let width = 0;
  const draw = () => {
    plot?.destroy();
    width = host.clientWidth;
    if (width === 0) return;
    plot = new window.uPlot(options({ layers, columns, grain, width }, host), [columns.map((_, place) => place), ...layers.map((layer) => layer.values)], host);
    host.dataset.drawn = "true";
  };
  const sizes = new ResizeObserver(() => {
    if (host.clientWidth !== width) draw();
  });
  sizes.observe(host);
  dark.addEventListener("change", draw, { signal });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    plot?.destroy();
  });
  return host;
}

function options({ layers, columns, grain, width }, host) {
  const style = getComputedStyle(host);
  const colour = (name) => style.getPropertyValue(name).trim();
  const letter = parseFloat(style.fontSize);
  const font = `${Math.round(letter)}px ${style.fontFamily}`;
  const axis = { stroke: colour("--muted"), font, ticks: { show: false } };
  const last = columns.length - 1;
  return {
    width,
    height: Math.round(HEIGHT * letter),
    padding: [12, edge(columns.length, width, letter), 0, 0],
    legend: { show: false },
    cursor: { y: false, x: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: { x: { time: false, range: [-0.5, last + 0.5] }, y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, 1) * 1.06] } },
    axes: [
      { ...axis, grid: { show: false }, size: 2.5 * letter, gap: 8, splits: () => marks(columns.length, width / letter, grain), values: (_plot, places) => places.map((place) => columns[place]?.label ?? "") },
      { ...axis, grid: { stroke: colour("--line"), width: 1 }, size: (_plot, values) => Math.ceil(12 + letter * DIGIT_WIDTH * Math.max(2, ...(values ?? []).map((value) => value.length))), gap: 6, space: 3.7 * letter, incrs: increments(), values: (_plot, values) => values.map((value) => compact(value)) },
    ],
    series: [{}, ...layers.map((layer) => ({ label: layer.name, fill: colour(layer.colour), width: 0, points: { show: false }, paths: window.uPlot.paths.bars({ size: [layer.width, 6 * letter * layer.width], radius: [0.12, 0] }) }))],
    hooks: { init: [(plot) => hint(plot, columns)] },
  };
}

/** Which columns get a word on the axis; `width` in letters. */
function marks(columns, width, grain) {
  const most = Math.max(2, Math.floor(width / LABEL_WIDTH));
  const step = STEPS[grain].find((wanted) => columns / wanted <= most) ?? Math.ceil(columns / most);
  const places = [];
  // Counted from the newest, which is what people look for.
  for (let place = columns - 1; place >= 0; place -= step) places.unshift(place);
  // A word at the left edge would be cut off.
  return places.filter((place) => (place + 0.5) * (width / columns) > 0.7);
}

/** Room for half a word beyond the last bar. */
function edge(columns, width, letter) {
  return Math.max(0, Math.round(1.85 * letter - width / columns / 2));
}

/** 1, 2, 5, 10, …: clicks are whole. */
function increments() {
  const steps = [];
  for (let power = 1; power < 1e13; power *= 10) steps.push(power, 2 * power, 5 * power);
  return steps;
}

/** A band behind the column under the pointer, and what it says. */
function hint(plot, columns) {
  const band = el("div", { class: "chart-band", hidden: true });
  const box = el("div", { class: "chart-hint", hidden: true });
  plot.over.append(band, box);
  let shown = null;
  const show = (place) => {
    if (place === shown) return;
    shown = place;
    band.hidden = box.hidden = place === null;
    if (place === null) return;
    const left = plot.valToPos(place - 0.5, "x");
    const right = plot.valToPos(place + 0.5, "x");
    band.style.insetInlineStart = `${left}px`;
    band.style.inlineSize = `${right - left}px`;
    const { title, lines } = columns[place];
    box.replaceChildren(
      el("p", { class: "chart-hint-title" }, title),
      ...lines.map((line) => el("p", { class: "chart-hint-line" }, el("span", { class: `swatch ${line.swatch ?? ""}` }), el("span", {}, line.text), el("strong", {}, typeof line.value === "number" ? count(line.value) : line.value))),
    );
    const middle = (left + right) / 2;
    const room = plot.over.clientWidth;
    const size = box.offsetWidth;
    box.style.insetInlineStart = `${Math.max(0, Math.min(room - size, middle - size / 2))}px`;
  };
  plot.over.addEventListener("pointerleave", () => show(null));
  plot.over.addEventListener("pointermove", (event) => {
    const place = Math.round(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x"));
    show(Math.max(0, Math.min(columns.length - 1, place)));
  });
}
