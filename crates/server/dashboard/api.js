// Calls to the server: JSON in, JSON out, and one kind of error.

const TRIES = 3;
const WAIT_MAX_SECONDS = 5;

/** Why a call failed. `kind` is `signed-out`, `forbidden`, `missing`, `refused` (the call is at fault), `busy`, `broken` or `away`. */
export class CallError extends Error {
  constructor(kind, status, code, message) {
    super(message);
    Object.assign(this, { kind, status, code });
  }
}

const signedOut = new EventTarget();

/** Calls `listener` when the server no longer knows this session. */
export function onSignedOut(listener) {
  signedOut.addEventListener("signed-out", listener);
}

/** Tells those listeners. */
export function sessionIsOver() {
  signedOut.dispatchEvent(new Event("signed-out"));
}

/** Reads. */
export async function get(url, signal) {
  for (let round = 1; ; round += 1) {
    try {
      return await call(url, { signal });
    } catch (error) {
      if (!(error instanceof CallError) || error.kind !== "busy" || round === TRIES) throw error;
      await pause(Math.min(error.retryAfter ?? 1, WAIT_MAX_SECONDS) * 1000, signal);
    }
  }
}

/** An answer that several parts of a view show: asked at once and for all of them, and again by whoever tries after it failed. */
export function shared(ask) {
  let answer = null;
  const told = () => (answer ??= ask().catch((error) => {
    answer = null;
    throw error;
  }));
  // A failure that nobody waits for yet is no accident.
  told().catch(() => {});
  return told;
}

/**
 * The same of the period before. That differs from the one that is shown by its days alone, so a refusal says that those are not kept
 * any more: they are not known, and what is shown beside them is no less known for that.
 */
export const earlier = (ask) => shared(() => ask().catch((error) => {
  if (error instanceof CallError && error.kind === "refused") return null;
  throw error;
}));

/** Changes something. The token shows that this page made the call, not another site's. */
export function send(method, url, body, csrf) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (csrf) headers["X-ClickTally-CSRF"] = csrf;
  return call(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function call(url, options) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", cache: "no-store", ...options });
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new CallError("away", 0, "", "The server does not answer.");
  }
  const told = await answer.json().catch(() => ({}));
  const { code = "", message = "" } = told.error ?? {};
  const error = new CallError(kindOf(answer.status), answer.status, code, message || `The server answered ${answer.status}.`);
  error.retryAfter = Number(answer.headers.get("Retry-After")) || undefined;
  if (error.kind === "signed-out" && !url.startsWith("/v1/session")) sessionIsOver();
  throw error;
}

function kindOf(status) {
  if (status === 401) return "signed-out";
  if (status === 403) return "forbidden";
  if (status === 404) return "missing";
  if (status === 408 || status === 429 || status === 503) return "busy";
  return status >= 500 ? "broken" : "refused";
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
