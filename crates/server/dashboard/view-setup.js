// What is needed before clicks arrive: an engine, a key that may stand in a page, and one line in that page.

import { el } from "./dom.js";
import { may } from "./session.js";
import { engineCard } from "./setup-engines.js";
import { keyCard } from "./setup-keys.js";
import { trackerCard } from "./setup-tracker.js";
import { missing } from "./view-forbidden.js";

export function setup(host, ctx) {
  const setUp = { changed: new EventTarget() };
  host.append(trackerCard(ctx, setUp));
  if (!may("manage")) {
    host.append(missing("manage"));
    return;
  }
  host.append(el("div", { class: "grid grid-halves" }, engineCard(ctx, setUp), keyCard(ctx, setUp)));
}
