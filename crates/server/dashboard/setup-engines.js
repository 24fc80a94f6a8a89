// Search engines: what there is, and one more.

import { get } from "./api.js";
import { card } from "./card.js";
import { confirmed } from "./confirm.js";
import { copyButton } from "./copy.js";
import { el, fill, icon, words } from "./dom.js";
import { field } from "./period-picker.js";
import { change } from "./session.js";
import { empty } from "./states.js";

export function engineCard({ signal, reloadEngines }, { changed }) {
  const told = el("p", { class: "field-error", role: "alert" });
  const part = card({ title: "Search engines", note: "A shop or site whose clicks are counted together." }, signal);
  const load = () => part.load(() => get("/v1/engines", signal), ({ engines }) => [
    engines.length === 0 ? empty("No search engine yet", "Make one for each shop or site.") : el("ul", { class: "things" }, engines.map((engine) => one(engine, { remove, removeIndex, addIndex: (index) => attempt(() => addIndex(engine.hashid, index)) }))),
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
  const indices = (engine) => `/api/v2/search_engines/${encodeURIComponent(engine.hashid)}/indices`;
  const addIndex = (hashid, index) => change("POST", indices({ hashid }), { name: index, preset: "generic" });
  const removeIndex = async (engine, index) => {
    const sure = await confirmed({ title: `Remove the index “${index}”?`, text: "Its items go with it. Clicks on them stay and count.", action: "Remove the index" });
    if (sure) await attempt(() => change("DELETE", `${indices(engine)}/${encodeURIComponent(index)}`));
  };
  const name = el("input", { type: "text", required: true, maxlength: "200", placeholder: "My shop", autocomplete: "off" });
  const index = el("input", { type: "text", value: "product", maxlength: "100", autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "maker", onsubmit: (event) => {
    event.preventDefault();
    attempt(async () => {
      const made = await change("POST", "/api/v2/search_engines", { name: name.value.trim() });
      if (index.value.trim()) await addIndex(made.hashid, index.value.trim());
      name.value = "";
    });
  } }, el("div", { class: "pair" }, field("Name", name), field("Index", index)), told, el("button", { type: "submit", class: "button" }, "Add engine"));
  load();
  return part.node;
}

function one(engine, { remove, addIndex, removeIndex }) {
  const called = engine.name || engine.hashid;
  const index = el("input", { type: "text", required: true, maxlength: "100", autocomplete: "off", spellcheck: "false", "aria-label": `One more index of ${called}`, placeholder: "another-index" });
  const add = (event) => {
    event.preventDefault();
    if (index.value.trim()) addIndex(index.value.trim());
  };
  const chip = (name) => el("li", { class: "chip" }, el("span", { class: "chip-value", title: name }, words(name)), el("button", { type: "button", class: "chip-remove", onclick: () => removeIndex(engine, name), "aria-label": `Remove index ${name} of ${called}` }, icon("close")));
  return el("li", { class: "thing" },
    el("div", { class: "thing-text" },
      el("p", { class: "thing-name" }, words(called)),
      el("p", { class: "thing-code" }, el("code", {}, engine.hashid)),
      engine.sites?.length > 0 && el("p", { class: "thing-aside" }, "Sites: ", words(engine.sites.join(", "))),
      engine.indices?.length > 0 ? el("ul", { class: "chips", "aria-label": `Indices of ${called}` }, engine.indices.map(chip)) : el("p", { class: "thing-aside" }, "No index yet"),
      el("form", { class: "adder", onsubmit: add }, index, el("button", { type: "submit", class: "button" }, "Add index"))),
    el("div", { class: "thing-tools" }, copyButton(() => engine.hashid, "Copy"), el("button", { type: "button", class: "button button-quiet", onclick: () => remove(engine), "aria-label": `Remove ${called}` }, "Remove")));
}
