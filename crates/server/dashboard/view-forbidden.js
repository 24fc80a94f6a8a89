// What a key or user without a right sees, instead of a page of refusals.

import { CallError } from "./api.js";
import { el } from "./dom.js";
import { problem } from "./states.js";

const MEANINGS = {
  read: "Statistics need the scope “read”, which this sign-in does not have.",
  manage: "Engines and keys need the scope “manage”, which this sign-in does not have.",
};

/** Says that a scope is missing. */
export const missing = (scope) => el("section", { class: "card card-wide", "aria-label": "Not permitted" }, problem(new CallError("forbidden", 403, "access_denied", MEANINGS[scope])));

/** The whole of a view. */
export function forbidden(host) {
  host.append(missing("read"));
}
