// The door: what this server is, and who may come in.

import { CallError } from "./api.js";
import { el, fill, icon, mark } from "./dom.js";
import { field } from "./period-picker.js";
import { signIn } from "./session.js";

/** Shows the door in `host`; calls `entered` when somebody came in. `why` says why they stand here. */
export function door(host, { why, entered }) {
  const told = el("div", { class: "door-told", role: "alert" }, why);
  const fields = el("div", { class: "door-fields" });
  const button = el("button", { type: "submit", class: "button button-main button-full" }, "Sign in");
  let kind = "key";

  const key = () => el("input", { type: "password", name: "key", required: true, autocomplete: "off", spellcheck: "false", autocapitalize: "none", "data-first": true });
  const forms = {
    key: () => [field("API key", key()), el("p", { class: "quiet" }, "40 letters and digits. ", el("code", {}, "clicktally key create"), " makes one.")],
    user: () => [
      field("User", el("input", { type: "text", name: "user", required: true, autocomplete: "username", spellcheck: "false", autocapitalize: "none", "data-first": true })),
      field("Password", el("input", { type: "password", name: "password", required: true, autocomplete: "current-password" })),
      field("Account, if several have this user", el("input", { type: "text", name: "account", autocomplete: "organization", spellcheck: "false", autocapitalize: "none" })),
    ],
  };
  const choose = (next) => {
    kind = next;
    for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.dataset.kind === kind));
    fill(fields, forms[kind]());
    fields.querySelector("[data-first]").focus();
  };
  const tab = (value, text) => el("button", { type: "button", "data-kind": value, "aria-pressed": String(value === kind), onclick: () => choose(value) }, text);
  const tabs = el("div", { class: "segments segments-full", role: "group", "aria-label": "Sign in with" }, tab("key", "API key"), tab("user", "User and password"));

  const submit = async (event) => {
    event.preventDefault();
    const value = (name) => form.elements[name]?.value ?? "";
    const credentials = kind === "key" ? { key: value("key").trim() } : { user: value("user"), password: value("password"), ...(value("account") ? { account: value("account") } : {}) };
    button.disabled = true;
    fill(told);
    try {
      await signIn(credentials);
      entered();
    } catch (error) {
      fill(told, icon("close"), el("span", {}, sentence(error, kind)));
      button.disabled = false;
      fields.querySelector("input").focus();
    }
  };
  const form = el("form", { class: "door-form", onsubmit: submit }, tabs, fields, told, button);

  fill(host, el("main", { class: "door", id: "main" },
    el("div", { class: "door-card" },
      el("div", { class: "door-brand" }, mark(), el("h1", {}, "ClickTally")),
      el("p", { class: "door-what" }, "The click log and click statistics server for site search."),
      form),
    el("ul", { class: "door-links" },
      el("li", {}, el("a", { href: "/openapi.json" }, "What this server speaks")),
      el("li", {}, el("a", { href: "/readyz" }, "Is it able to record?")),
      el("li", {}, el("a", { href: "/metrics" }, "Metrics")))));
  document.title = "Sign in · ClickTally";
  choose("key");
}

function sentence(error, kind) {
  if (!(error instanceof CallError)) return "This page has a fault.";
  switch (error.kind) {
    case "signed-out": return kind === "key" ? "There is no such key." : "User or password is wrong.";
    case "forbidden": return kind === "key" ? "This key records clicks from public pages. It opens no statistics." : error.message;
    case "busy": return `${error.status === 429 ? "Too many attempts" : "The server is busy"}. Try again in ${Math.max(1, error.retryAfter ?? 1)} s.`;
    case "missing": return "This server has no sign-in.";
    case "refused": return kind === "key" ? "That is no key: a key has 40 letters and digits." : error.message;
    default: return error.message;
  }
}
