// What is shown lives in the address: a view can be shared, reloaded, and gone back to.

export const VIEWS = ["overview", "items", "searches", "live", "setup"];
const LISTS = ["hashid", "index", "type"];
const TEXTS = ["period", "from", "to", "compare", "tz", "device", "query", "by"];
// What belongs to one view and does not go with the reader to the next.
const OWN = ["item", "search", "find", "sort", "page"];

/** What the address says. */
export function read(query = window.location.search) {
  const told = new URLSearchParams(query);
  const view = VIEWS.includes(told.get("view")) ? told.get("view") : "overview";
  const state = { view };
  for (const name of LISTS) state[name] = [...new Set(told.getAll(name).filter(Boolean))];
  for (const name of [...TEXTS, ...OWN]) state[name] = told.get(name) ?? "";
  return state;
}

/** The address of a state. */
export function address(state) {
  const told = new URLSearchParams();
  if (state.view !== "overview") told.set("view", state.view);
  for (const name of [...TEXTS, ...OWN]) if (state[name]) told.set(name, state[name]);
  for (const name of LISTS) for (const value of state[name] ?? []) told.append(name, value);
  const query = told.toString();
  return query ? `/?${query}` : "/";
}

/** The same period and filters in another view, or with something changed. */
export function changed(state, changes) {
  const next = { ...state, ...changes };
  if (changes.view && changes.view !== state.view) {
    for (const name of OWN) next[name] = changes[name] ?? "";
  }
  return next;
}

const listeners = new Set();

/** Calls `listener` whenever another state is to be shown. */
export function onNavigate(listener) {
  listeners.add(listener);
}

/** Shows another state. */
export function go(state, { replace = false } = {}) {
  window.history[replace ? "replaceState" : "pushState"](null, "", address(state));
  announce();
}

/** Notes in the address what a view has already shown by itself. */
export function note(changes) {
  window.history.replaceState(null, "", address({ ...read(), ...changes }));
}

/** Attributes of a link to a state: a real address, and no reload where a plain click follows it. */
export function to(state) {
  return {
    href: address(state),
    onclick: (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      go(state);
    },
  };
}

function announce() {
  for (const listener of listeners) listener(read());
}

window.addEventListener("popstate", announce);

export const hasFilters = (state) => state.hashid.length + state.index.length + state.type.length > 0 || Boolean(state.device || state.query);
export const withoutFilters = (state) => ({ ...state, hashid: [], index: [], type: [], device: "", query: "" });
