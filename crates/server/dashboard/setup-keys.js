// Keys: who may do what. A new one is shown once.

import { get } from "./api.js";
import { card } from "./card.js";
import { confirmed } from "./confirm.js";
import { copyButton } from "./copy.js";
import { el, fill, words } from "./dom.js";
import { moment } from "./format.js";
import { field } from "./period-picker.js";
import { change, session } from "./session.js";
import { empty } from "./states.js";

const KINDS = {
  click: { label: "For a public page", scopes: ["click"] },
  read: { label: "To read statistics", scopes: ["read"] },
  write: { label: "To send from a server", scopes: ["write"] },
  all: { label: "For everything", scopes: ["read", "write", "manage"] },
};
const SCOPES = { click: "public page", read: "statistics", write: "sending", manage: "set-up" };

export function keyCard({ span, signal, engines }, { changed }) {
  const told = el("p", { class: "field-error", role: "alert" });
  const fresh = el("div", { class: "fresh", role: "status" });
  const part = card({ title: "Keys", note: "Whoever holds one may do what it says." }, signal);
  const load = () => part.load(() => Promise.all([get("/v1/keys", signal), engines]), ([{ keys }, known]) => [
    fresh,
    keys.length === 0 ? empty("No key yet") : el("ul", { class: "things" }, keys.map((key) => one(key, known, span.zone, remove))),
    form,
  ]);
  const remove = async (key) => {
    const sure = await confirmed({ title: `Revoke the key ${key.name || key.id}?`, text: "Whatever uses it is refused from now on. This can't be undone.", action: "Revoke the key" });
    if (sure) await attempt(() => change("DELETE", `/v1/keys/${encodeURIComponent(key.id)}`));
  };
  const attempt = async (work) => {
    fill(told);
    try {
      await work();
      changed.dispatchEvent(new Event("keys"));
      load();
    } catch (error) {
      fill(told, error.message);
    }
  };
  const kind = el("select", { onchange: () => (page.hidden = kind.value !== "click") }, Object.entries(KINDS).map(([value, { label }]) => el("option", { value }, label)));
  const origins = el("input", { type: "text", placeholder: "https://shop.example.com", autocomplete: "off", spellcheck: "false" });
  const page = el("div", {}, field("Pages that may use it (their origins, with spaces between)", origins));
  const form = el("form", { class: "maker", onsubmit: (event) => {
    event.preventDefault();
    attempt(async () => {
      const listed = kind.value === "click" ? origins.value.split(/[\s,]+/).filter(Boolean) : [];
      const made = await change("POST", "/v1/keys", { scopes: KINDS[kind.value].scopes, hashids: [], origins: listed });
      fill(fresh, el("p", { class: "notice-title" }, "The new key. It is shown only now:"), el("div", { class: "fresh-key" }, el("code", {}, made.key), copyButton(() => made.key)));
      changed.dispatchEvent(new CustomEvent("key-made", { detail: made }));
    });
  } }, field("A key", kind), page, told, el("button", { type: "submit", class: "button" }, "Make a key"));
  load();
  return part.node;
}

function one(key, engines, zone, remove) {
  const name = (hashid) => engines.find((engine) => engine.hashid === hashid)?.name || hashid;
  const mine = session()?.key === key.id;
  const where = [
    key.hashids?.length ? `Only ${key.hashids.map(name).join(", ")}` : null,
    key.origins?.length ? key.origins.join(", ") : key.scopes.includes("click") ? "No page may use it: it lists no origin" : null,
    key.created_at ? moment(key.created_at, zone) : null,
  ].filter(Boolean);
  return el("li", { class: "thing" },
    el("div", { class: "thing-text" },
      el("p", { class: "thing-name" }, key.name ? words(key.name) : el("code", {}, key.id), " ", key.scopes.map((scope) => el("span", { class: `tag tag-${scope}` }, SCOPES[scope] ?? scope)), mine && el("span", { class: "tag" }, "yours")),
      key.name && el("p", { class: "thing-code" }, el("code", {}, key.id)),
      where.length > 0 && el("p", { class: "thing-aside" }, words(where.join(" · ")))),
    el("div", { class: "thing-tools" }, el("button", { type: "button", class: "button button-quiet", onclick: () => remove(key), "aria-label": `Revoke ${key.name || key.id}` }, "Revoke")));
}
