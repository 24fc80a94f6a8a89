// Starts: finds out who is there, and shows what the address says.

import { get, onSignedOut, CallError } from "./api.js";
import { el, fill } from "./dom.js";
import { frame, NAMES } from "./frame.js";
import { onNavigate, read } from "./location.js";
import { resolve } from "./period.js";
import { forget, load, session, signOut } from "./session.js";
import { problem } from "./states.js";
import { item } from "./view-item.js";
import { items } from "./view-items.js";
import { live } from "./view-live.js";
import { overview } from "./view-overview.js";
import { search } from "./view-search.js";
import { searches } from "./view-searches.js";
import { setup } from "./view-setup.js";
import { door } from "./view-signin.js";
import { itemOf } from "./items.js";

const app = document.getElementById("app");
let house = null;
let engines = Promise.resolve([]);
let known = [];
let current = null;

const viewOf = (state) => {
  if (state.view === "items" && state.item) return item;
  if (state.view === "searches" && state.search) return search;
  return { overview, items, searches, live, setup }[state.view];
};

/** Search engines have names; without them their hashids are shown, so a failure here hides nothing. */
function loadEngines() {
  engines = get("/v1/engines").then((told) => told.engines, () => []);
  engines.then((list) => {
    known = list;
    if (house) house.update(read(), resolve(read()), known);
  });
  return engines;
}

function show(state, { first = false } = {}) {
  if (!house) return;
  const before = current;
  current?.controller.abort();
  const controller = new AbortController();
  current = { controller, state };
  const span = resolve(state);
  house.update(state, span, known);
  document.title = `${titleOf(state)} · ClickTally`;
  const host = el("div", { class: `view-body view-${state.view}` });
  fill(house.view, host);
  viewOf(state)(host, { state, span, signal: controller.signal, engines, reloadEngines: loadEngines, headline: house.headline });
  const moved = before && (before.state.view !== state.view || before.state.item !== state.item || before.state.search !== state.search);
  if (moved && !first) {
    window.scrollTo(0, 0);
    house.heading.focus({ preventScroll: true });
  }
}

function titleOf(state) {
  if (state.view === "items" && state.item) return itemOf(state)?.doc_id ?? NAMES.items;
  if (state.view === "searches" && state.search) return state.search;
  return NAMES[state.view];
}

function enter() {
  house = frame({ leave });
  fill(app, house.nodes);
  loadEngines();
  current = null;
  show(read(), { first: true });
}

function stand(why) {
  current?.controller.abort();
  current = house = null;
  forget();
  door(app, { why, entered: enter });
}

async function leave() {
  try {
    await signOut();
    stand();
  } catch (error) {
    if (error instanceof CallError && error.kind === "signed-out") stand();
    else window.alert(`Not signed out: ${error.message}`);
  }
}

async function start() {
  try {
    await load();
    enter();
  } catch (error) {
    if (error instanceof CallError && error.kind === "signed-out") stand();
    else fill(app, el("main", { class: "door", id: "main" }, el("h1", { class: "hidden" }, "ClickTally"), problem(error, () => start())));
  }
}

onNavigate((state) => show(state));
onSignedOut(() => {
  if (session()) stand("Your session has ended. Sign in again; the view stays as it was.");
});
start();
