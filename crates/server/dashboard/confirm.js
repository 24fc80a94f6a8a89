// Asks before something is done that can't be undone.

import { el } from "./dom.js";

/** True if the person agreed. */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "dialog-title", onclose: () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    } },
    el("form", { method: "dialog" },
      el("h2", { id: "dialog-title", class: "card-title" }, title),
      el("p", {}, text),
      el("div", { class: "dialog-actions" }, el("button", { class: "button", value: "no", autofocus: true }, "Keep it"), el("button", { class: "button button-danger", value: "yes" }, action))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
