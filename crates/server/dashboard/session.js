// Who is signed in. The key itself is never kept: the cookie is the browser's, and no script can read it.

import { get, send } from "./api.js";

const PATH = "/v1/session";
let current = null;

/** The session's document, once it is known. */
export const session = () => current;

export const may = (scope) => !current || (current.scopes ?? []).includes(scope);

export async function load() {
  current = await get(PATH);
  return current;
}

export async function signIn(credentials) {
  current = await send("POST", PATH, credentials);
  return current;
}

export async function signOut() {
  await send("DELETE", PATH, undefined, current?.csrf);
  current = null;
}

export function forget() {
  current = null;
}

/** Changes something on the server, as this session. */
export const change = (method, url, body) => send(method, url, body, current?.csrf);
