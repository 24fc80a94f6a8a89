// The server's live events, for as long as somebody looks.

import { get, sessionIsOver } from "./api.js";

const AGAIN_MS = 3000;

/**
 * Calls `on.click`, `on.refused` with what arrives, and `on.state` with `open`, `lost` (tried again) or an error (given up).
 * `on.missed` is told how many events this reader was too slow for.
 */
export function listen(on, signal) {
  let source;
  let timer;
  const connect = () => {
    source = new EventSource("/v1/live");
    source.addEventListener("hello", () => on.state("open"));
    source.addEventListener("click", (event) => told(event, on.click));
    source.addEventListener("refused", (event) => told(event, on.refused));
    source.addEventListener("dropped", (event) => told(event, (what) => on.missed?.(what.missed)));
    source.onopen = () => on.state("open");
    source.onerror = () => lost();
  };
  const lost = async () => {
    // The browser tries again by itself, unless the server refused: then somebody has to find out why.
    const refused = source.readyState === EventSource.CLOSED;
    on.state("lost");
    if (!refused) return;
    source.close();
    try {
      await get("/v1/session", signal);
      timer = setTimeout(connect, AGAIN_MS);
    } catch (error) {
      if (signal.aborted) return;
      if (error.kind === "away" || error.kind === "busy") timer = setTimeout(connect, AGAIN_MS);
      else if (error.kind === "signed-out") sessionIsOver();
      else on.state(error);
    }
  };
  connect();
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    source.close();
  });
}

function told(event, listener) {
  try {
    listener?.(JSON.parse(event.data));
  } catch (error) {
    console.error(error);
  }
}
