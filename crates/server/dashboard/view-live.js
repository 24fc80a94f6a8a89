// Clicks as they arrive, and what was refused and why: "did my integration work?" is answered by looking.

import { el, fill, hidden, icon, words } from "./dom.js";
import { clock, count, device, plural, productType } from "./format.js";
import { itemState } from "./items.js";
import { outside } from "./links.js";
import { listen } from "./live-stream.js";
import { changed, to } from "./location.js";
import { empty, problem, unknown } from "./states.js";
import { CallError } from "./api.js";

const ROWS_KEPT = 200;
const SOURCES = { fess: "Fess", doofinder: "Doofinder", native: "ClickTally", insights: "Insights", ubi: "UBI" };

export function live(host, ctx) {
  const { state, span, signal, engines } = ctx;
  const seen = { clicks: 0, refused: 0, missed: 0, gaps: false, paused: false, waiting: [] };
  const status = el("p", { class: "live-status", role: "status" });
  const totals = el("p", { class: "live-totals" });
  const body = el("tbody");
  const holder = el("div", { class: "live-holder" });
  const refusals = refusalsCard();
  const pause = el("button", { type: "button", class: "button", onclick: () => setPaused(!seen.paused) });
  let known = [];
  let opened = false;
  engines.then((list) => (known = list));

  const setPaused = (paused) => {
    seen.paused = paused;
    fill(pause, icon(paused ? "play" : "pause"), el("span", {}, paused ? "Go on" : "Pause"));
    if (!paused) {
      seen.waiting.splice(0).forEach(add);
    }
    say();
  };
  const say = () => {
    const held = seen.paused && seen.waiting.length > 0 ? `, ${count(seen.waiting.length)} held back` : "";
    const missed = seen.missed > 0 ? `, ${plural(seen.missed, "event", "events")} too fast to show` : "";
    const gaps = seen.gaps ? "; what came while the connection was lost is not among them" : "";
    fill(totals, `${plural(seen.clicks, "click", "clicks")} since you opened this page${held}${missed}${gaps}`);
  };
  const add = (click) => {
    if (!body.isConnected) fill(holder, tableOf(body));
    body.prepend(rowOf(click, { state, zone: span.zone, known }));
    while (body.childElementCount > ROWS_KEPT) body.lastElementChild.remove();
  };

  fill(holder, empty("Waiting for a click", "Click a result on your search page: it appears here the moment it is on disk.", el("a", { class: "button", ...to(changed(state, { view: "setup" })) }, "Set up the tracker")));
  setPaused(false);
  setStatus(status, "connecting");
  host.append(
    el("section", { class: "card card-wide", "aria-label": "Live clicks" }, el("header", { class: "card-head" }, el("div", { class: "card-heading" }, status, totals), el("div", { class: "card-tools" }, pause)), el("div", { class: "card-body" }, holder)),
    refusals.node,
  );
  listen({
    click: (click) => {
      seen.clicks += 1;
      if (seen.paused) {
        seen.waiting.push(click);
        seen.waiting.splice(0, seen.waiting.length - ROWS_KEPT);
      } else add(click);
      say();
    },
    refused: (refused) => refusals.add(refused, span.zone),
    missed: (missed) => {
      seen.missed += missed;
      say();
    },
    state: (now) => {
      if (now === "open") opened = true;
      else if (opened) {
        seen.gaps = true;
        say();
      }
      setStatus(status, now);
      if (now instanceof CallError && !body.isConnected) fill(holder, problem(now));
    },
  }, signal);
}

function setStatus(node, now) {
  const [kind, text] = now === "open" ? ["open", "Connected"] : now === "connecting" ? ["lost", "Connecting"] : now === "lost" ? ["lost", "Connection lost, trying again"] : ["off", "Not live"];
  fill(node, el("span", { class: `dot dot-${kind}`, "aria-hidden": "true" }), text);
}

function tableOf(body) {
  const heads = [["Time", ""], ["Item", ""], ["Search", "low"], ["Rank", "number"], ["Device", "low"], ["What", "low"], ["By way of", "low"]];
  return el("table", { class: "table table-live" }, el("caption", { class: "hidden" }, "Clicks, the newest first"), el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text)))), body);
}

function rowOf(click, { state, zone, known }) {
  const engine = known.length > 1 ? known.find(({ hashid }) => hashid === click.hashid)?.name : null;
  const late = click.received_at - click.at > 120_000;
  return el("tr", { class: "arrived" },
    el("td", { class: "live-time" }, clock(click.received_at ?? click.at, zone), late && el("span", { class: "item-id" }, `clicked ${clock(click.at, zone)}`)),
    el("th", { scope: "row" }, el("span", { class: "named" }, el("span", { class: "named-line" }, el("a", { class: "named-link", ...to(changed(state, itemState({ ...click, index: click.index ?? null }))) }, words(click.title || click.doc_id)), click.link && outside(click.link, click.title || click.doc_id)), el("span", { class: "item-id" }, words([click.title && click.doc_id, engine].filter(Boolean).join(" · "))), click.query && el("span", { class: "item-id live-query" }, icon("search"), words(click.query)))),
    el("td", { class: "low" }, click.query ? el("a", { class: "named-link", ...to(changed(state, { view: "searches", search: click.query })) }, words(click.query)) : unknown("the click names no known search")),
    el("td", { class: "number" }, click.rank === null || click.rank === undefined ? unknown("the click tells no rank") : count(click.rank)),
    el("td", { class: "low" }, click.device ? device(click.device) : unknown("the click tells no device")),
    el("td", { class: "low" }, productType(click.product_type)),
    el("td", { class: "low" }, SOURCES[click.source] ?? click.source));
}

/** Refusals by their reason, with the last of each. */
function refusalsCard() {
  const reasons = new Map();
  const body = el("div", { class: "card-body" }, el("p", { class: "quiet" }, "Nothing was refused since you opened this page."));
  const node = el("section", { class: "card card-wide", "aria-labelledby": "refused-title" }, el("header", { class: "card-head" }, el("div", { class: "card-heading" }, el("h2", { class: "card-title", id: "refused-title" }, "Refused"))), body);
  const add = (refused, zone) => {
    const key = `${refused.source} ${refused.code} ${refused.message}`;
    const reason = reasons.get(key) ?? { ...refused, times: 0 };
    reasons.delete(key);
    reasons.set(key, { ...reason, at: refused.at, times: reason.times + 1 });
    if (reasons.size > ROWS_KEPT) reasons.delete(reasons.keys().next().value);
    fill(body, el("ul", { class: "refusals" }, [...reasons.values()].reverse().map((one) => el("li", { class: "refusal" }, el("span", { class: "refusal-times" }, hidden("times: "), `${count(one.times)}×`), el("span", { class: "refusal-text" }, el("code", {}, words(one.code)), " ", words(one.message)), el("span", { class: "refusal-aside" }, `${SOURCES[one.source] ?? one.source}, ${clock(one.at, zone)}`)))));
  };
  return { node, add };
}
