// Search engines: what there is, and one more.

import { get } from "./api.js";
import { card } from "./card.js";
import { confirmed } from "./confirm.js";
import { copyButton } from "./copy.js";
import { el, fill, words } from "./dom.js";
import { field } from "./period-picker.js";
import { change } from "./session.js";
import { empty } from "./states.js";

export function engineCard({ signal, reloadEngines }, { changed }) {
  const told = el("p", { class: "field-error", role: "alert" });
  const part = card({ title: "Search engines", note: "A shop or site whose clicks are counted together." }, signal);
  const load = () => part.load(() => get("/v1/engines", signal), ({ engines }) => [
    engines.length === 0 ? empty("No search engine yet", "Make one for each shop or site.") : el("ul", { class: "things" }, engines.map((engine) => one(engine, remove))),
    form,
  ]);
  const again = async () => {
    changed.dispatchEvent(new CustomEvent("engines", { detail: await reloadEngines() }));
    load();
  };
  const attempt = async (work) => {
    fill(told);
    try {
      await work();
      await again();
    } catch (error) {
      fill(told, error.message);
    }
  };
  const remove = async (engine) => {
    const sure = await confirmed({ title: `Remove “${engine.name || engine.hashid}”?`, text: "Its clicks stay on disk, but no statistics reach them any more.", action: "Remove the engine" });
    if (sure) await attempt(() => change("DELETE", `/api/v2/search_engines/${encodeURIComponent(engine.hashid)}`));
  };
  const name = el("input", { type: "text", required: true, maxlength: "200", placeholder: "My shop", autocomplete: "off" });
  const index = el("input", { type: "text", value: "product", maxlength: "100", autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "maker", onsubmit: (event) => {
    event.preventDefault();
    attempt(async () => {
      const made = await change("POST", "/api/v2/search_engines", { name: name.value.trim() });
      if (index.value.trim()) await change("POST", `/api/v2/search_engines/${made.hashid}/indices`, { name: index.value.trim(), preset: "generic" });
      name.value = "";
    });
  } }, el("div", { class: "pair" }, field("Name", name), field("Index", index)), told, el("button", { type: "submit", class: "button" }, "Add engine"));
  load();
  return part.node;
}

function one(engine, remove) {
  return el("li", { class: "thing" },
    el("div", { class: "thing-text" },
      el("p", { class: "thing-name" }, words(engine.name || engine.hashid)),
      el("p", { class: "thing-code" }, el("code", {}, engine.hashid)),
      el("p", { class: "thing-aside" }, engine.indices?.length ? ["Indices: ", words(engine.indices.join(", "))] : "No index yet", engine.site_url && [" · ", words(engine.site_url)])),
    el("div", { class: "thing-tools" }, copyButton(() => engine.hashid, "Copy"), el("button", { type: "button", class: "button button-quiet", onclick: () => remove(engine), "aria-label": `Remove ${engine.name || engine.hashid}` }, "Remove")));
}
