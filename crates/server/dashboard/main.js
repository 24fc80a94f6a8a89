// Starts: finds out who is there, and shows what the address says.

import { get, onSignedOut, CallError } from "./api.js";
import { el, fill } from "./dom.js";
import { frame, NAMES } from "./frame.js";
import { onNavigate, read } from "./location.js";
import { resolve } from "./period.js";
import { forget, load, may, session, signOut } from "./session.js";
import { stage } from "./stage.js";
import { problem } from "./states.js";
import { forbidden } from "./view-forbidden.js";
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
let scenes = null;
let engines = Promise.resolve([]);
let known = [];
let current = null;

const viewOf = (state) => {
  if (state.view !== "setup" && !may("read")) return { name: "forbidden", make: forbidden };
  if (state.view === "items" && state.item) return { name: "item", make: item };
  if (state.view === "searches" && state.search) return { name: "search", make: search };
  return { name: state.view, make: { overview, items, searches, live, setup }[state.view] };
};

/** Search engines have names; without them their hashids are shown, so a failure here hides nothing. */
function loadEngines() {
  engines = may("read") || may("manage") ? get("/v1/engines").then((told) => told.engines, () => []) : Promise.resolve([]);
  engines.then((list) => {
    known = list;
    if (house) house.update(read(), resolve(read()), known);
  });
  return engines;
}

function show(state, { first = false } = {}) {
  if (!house) return;
  const before = current;
  current = state;
  const span = resolve(state);
  house.update(state, span, known);
  document.title = `${titleOf(state)} · ClickTally`;
  const { name, make } = viewOf(state);
  scenes.show(name, (host, signal) => make(host, { state, span, signal, engines, reloadEngines: loadEngines, headline: house.headline }));
  const moved = before && (before.view !== state.view || before.item !== state.item || before.search !== state.search);
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
  scenes = stage(house.view);
  loadEngines();
  current = null;
  show(read(), { first: true });
}

function stand(why) {
  scenes?.clear();
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
