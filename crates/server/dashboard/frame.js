// What stays while views come and go: the names of the views, who is signed in, the period and the filters.

import { el, fill, icon, mark, words } from "./dom.js";
import { chips, filterButton } from "./filters.js";
import { changed, read, to, VIEWS } from "./location.js";
import { periodPicker } from "./period-picker.js";
import { popover } from "./popover.js";
import { may, session } from "./session.js";

export const NAMES = { overview: "Overview", items: "Items", searches: "Searches", live: "Live", setup: "Set-up" };
// These show the present, whatever the period.
const TIMELESS = ["live", "setup"];

/** `{ node, main, update(state, span, engines) }`. `leave` signs out. */
export function frame({ leave }) {
  const links = el("ul", { class: "views" });
  const who = popover({ label: [icon("person"), el("span", { class: "button-label" }, words(session()?.account?.name ?? "")), icon("down")], content: () => account(leave), className: "popover-account" });
  who.button.setAttribute("aria-label", `Account ${session()?.account?.name ?? ""}`);
  const heading = el("h1", { tabindex: "-1" });
  const period = periodPicker();
  const filters = filterButton();
  const tools = el("div", { class: "tools" }, filters.node, period.node);
  const chosen = el("div", { class: "chosen" });
  const view = el("div", { class: "view" });
  const back = el("p", { class: "back" });
  const under = el("div");
  const main = el("main", { id: "main" }, back, el("div", { class: "main-head" }, el("div", { class: "headline" }, heading, under), tools), chosen, view);
  const headline = (told) => {
    fill(back, told.back);
    back.hidden = !told.back;
    main.classList.toggle("of-one", Boolean(told.back));
    fill(heading, told.title);
    fill(under, told.under);
  };
  const header = el("header", { class: "top" }, el("div", { class: "top-row" },
    el("a", { class: "brand", href: "/", onclick: (event) => to(changed(read(), { view: "overview" })).onclick(event) }, mark(), el("span", {}, "ClickTally")),
    el("nav", { class: "views-nav", "aria-label": "Views" }, links),
    who.node));
  return {
    nodes: [header, main],
    view,
    heading,
    /** What one thing is called, and the way back to all of them. */
    headline,
    update(state, span, engines) {
      fill(links, VIEWS.map((name) => el("li", {}, el("a", { class: "views-link", "aria-current": name === state.view ? "page" : undefined, ...to(changed(state, { view: name, ...(name === state.view ? { item: "", search: "", find: "", page: "", sort: "" } : {}) })) }, NAMES[name]))));
      if ((!state.item && !state.search) || !may("read")) headline({ title: NAMES[state.view] });
      tools.hidden = chosen.hidden = TIMELESS.includes(state.view) || !may("read");
      period.update(span);
      filters.update(state, engines);
      fill(chosen, chips(state, engines));
    },
  };
}

function account(leave) {
  const { account, user, key, scopes = [], zone, version } = session() ?? {};
  const said = (name, value) => value && [el("dt", {}, name), el("dd", {}, words(value))];
  return el("div", { class: "account" },
    el("dl", {}, said("Account", account?.name), said("User", user), said("Key", key), said("May", scopes.join(", ")), said("Zone", zone), said("Version", version)),
    el("button", { type: "button", class: "button button-full", onclick: leave }, "Sign out"));
}

