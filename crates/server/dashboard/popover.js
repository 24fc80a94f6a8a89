// A button that opens a panel. Escape and a press elsewhere close it; focus goes back to the button.

import { el } from "./dom.js";

let serial = 0;

/** `{ node, button, close }`; `content(close)` builds the panel each time that it is opened. */
export function popover({ label, content, className = "" }) {
  serial += 1;
  const id = `panel-${serial}`;
  const button = el("button", { type: "button", class: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => (panel.hidden ? open() : close()) }, label);
  const panel = el("div", { id, class: "panel", hidden: true, role: "group" });
  const node = el("div", { class: `popover ${className}` }, button, panel);

  function open() {
    panel.replaceChildren(content(close));
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", elsewhere, true);
    document.addEventListener("keydown", escape, true);
    keepInside(panel);
    (panel.querySelector("[data-first]") ?? panel.querySelector("button, input, select, a[href]"))?.focus();
  }

  function close({ focus = true } = {}) {
    if (panel.hidden) return;
    panel.hidden = true;
    panel.replaceChildren();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", elsewhere, true);
    document.removeEventListener("keydown", escape, true);
    if (focus) button.focus();
  }

  const elsewhere = (event) => {
    if (!node.contains(event.target)) close({ focus: false });
  };
  const escape = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return { node, button, panel, close, isOpen: () => !panel.hidden };
}

/** Moves a panel that would leave the window. */
function keepInside(panel) {
  panel.style.translate = "0";
  const { left, right } = panel.getBoundingClientRect();
  const margin = 8;
  const over = right - (document.documentElement.clientWidth - margin);
  const shift = over > 0 ? -Math.min(over, left - margin) : left < margin ? margin - left : 0;
  panel.style.translate = `${shift}px`;
}
