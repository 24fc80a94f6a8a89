// The line for the search page, and a light that turns green when the first click arrives.

import { get } from "./api.js";
import { snippet } from "./copy.js";
import { el, fill, words } from "./dom.js";
import { clock, plural } from "./format.js";
import { listen } from "./live-stream.js";
import { field } from "./period-picker.js";
import { changed as moved, to } from "./location.js";
import { may } from "./session.js";
import { empty } from "./states.js";
import { doofinder } from "./statistics.js";

const NO_KEY = "YOUR_CLICK_KEY";
const RESULTS = `<ol data-clicktally-search data-query="red shoes" data-total="40">
  <li data-doc-id="sku1" data-rank="1"><a href="/sku1">Red shoes</a></li>
  …
</ol>`;

export function trackerCard({ state, span, signal, engines }, { changed }) {
  const body = el("div", { class: "card-body tracker" });
  const node = el("section", { class: "card card-wide", "aria-labelledby": "tracker-title" },
    el("header", { class: "card-head" }, el("div", { class: "card-heading" }, el("h2", { class: "card-title", id: "tracker-title" }, "Count the clicks of your search page"), el("p", { class: "card-note" }, "One line in the page, and attributes on the results. Nothing else is loaded, and no cookie is set."))), body);
  let key = NO_KEY;
  let heard = () => {};
  let shown = () => {};
  const show = (known) => {
    if (signal.aborted) return;
    if (known.length > 0) fill(body, tracker(known));
    else fill(body, empty("No search engine yet", may("manage") ? "Add one below; then its line for your page stands here." : "Somebody who may manage this account has to add one."));
  };
  engines.then(show);
  changed.addEventListener("engines", ({ detail }) => show(detail), { signal });
  changed.addEventListener("key-made", ({ detail }) => {
    if (!detail.scopes?.includes("click")) return;
    key = detail.key;
    shown();
  }, { signal });
  if (may("read")) listen({ click: (click) => heard(click), state: () => {} }, signal);

  function tracker(known) {
    const light = el("div", { class: "light", role: "status" });
    const line = snippet("", "The script tag");
    const link = snippet(RESULTS, "The results");
    const engine = el("select", { onchange: () => show() }, known.map(({ hashid, name }) => el("option", { value: hashid }, name || hashid)));
    const show = () => {
      const one = known.find(({ hashid }) => hashid === engine.value);
      const index = one?.indices?.length === 1 ? ` data-index="${one.indices[0].replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"` : "";
      line.set(`<script async src="${window.location.origin}/clicktally.js" data-key="${key}" data-hashid="${engine.value}"${index}></script>`);
      wait(light, engine.value);
    };
    shown = show;
    heard = (click) => {
      if (click.hashid === engine.value) arrived(light, click);
    };
    show();
    return [
      light,
      known.length > 1 && field("Search engine", engine),
      el("ol", { class: "steps" },
        el("li", {}, el("p", {}, "In the head of the search page:"), line.node, el("p", { class: "quiet" }, "The key is one for a public page: make it below, with the origin of your page; it then stands in this line.")),
        el("li", {}, el("p", {}, "On the list of results, what was searched and how much was found; on each result, its id and its rank:"), link.node),
        el("li", {}, el("p", {}, "Search for something on that page and click a result. The light above turns green."))),
    ];
  }

  function wait(light, hashid) {
    light.className = "light light-waiting";
    light.dataset.hashid = hashid;
    fill(light, el("span", { class: "dot dot-lost", "aria-hidden": "true" }), el("span", {}, "Waiting for a click"));
    if (!may("read")) return;
    get(doofinder("clicks", { ...moved(state, {}), hashid: [hashid], index: [], type: [], device: "", query: "" }, span), signal).then((told) => {
      if (signal.aborted || light.dataset.hashid !== hashid || told.total_count === 0 || light.classList.contains("light-green")) return;
      light.className = "light light-green";
      fill(light, el("span", { class: "dot dot-open", "aria-hidden": "true" }), el("span", {}, `Clicks arrive: ${plural(told.total_count, "click", "clicks")} in the chosen period. `, el("a", { ...to(moved(state, { view: "live" })) }, "Watch them live")));
    }).catch(() => {});
  }

  function arrived(light, click) {
    light.className = "light light-green";
    fill(light, el("span", { class: "dot dot-open", "aria-hidden": "true" }), el("span", {}, `A click arrived at ${clock(click.received_at ?? click.at, span.zone)}: `, el("strong", {}, words(click.title || click.doc_id))));
  }
  return node;
}
