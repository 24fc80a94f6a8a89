// A text to take away, with a button that copies it.

import { el, fill, icon } from "./dom.js";

const SAID_MS = 2000;

export function copyButton(text, label = "Copy") {
  const button = el("button", { type: "button", class: "button copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      fill(button, icon("check"), el("span", { role: "status" }, "Copied"));
    } catch {
      fill(button, el("span", { role: "status" }, "Select and copy it by hand"));
    }
    setTimeout(() => fill(button, el("span", {}, label)), SAID_MS);
  } }, el("span", {}, label));
  return button;
}

/** Code in a box. */
export function snippet(text, label) {
  const code = el("code", { tabindex: "0", role: "region", "aria-label": label }, text);
  return { node: el("div", { class: "snippet" }, el("pre", {}, code), copyButton(() => code.textContent)), set: (next) => fill(code, next) };
}
