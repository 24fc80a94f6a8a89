// Every call that the official `search-insights` client has for clicks, views and conversions, made by its two builds,
// unmodified: the one for servers (over node's http) and the one for browsers (over fetch, and over a beacon as browsers
// send it). Prints, as one JSON object, what the client itself made of each.
//
// Arguments: the folder node_modules, and a JSON object with url, application, key, origin, index, otherIndex.
"use strict";

const http = require("http");
const path = require("path");

const [modules, json] = process.argv.slice(2);
const told = JSON.parse(json);
const results = {};

// The client passes `host: "127.0.0.1:1234"`, which node takes for a host name: it knows servers on the usual ports only.
// Splitting the two is what a reverse proxy on port 80 would do for it; the client stays as it is.
const request = http.request;
http.request = (options, answered) => {
  const [hostname, port] = String(options.host).split(":");
  return request({ ...options, host: hostname, port }, answered);
};

const load = (build) => require(path.join(modules, "search-insights", build));
const client = (build, requester) => {
  const aa = load(build);
  return requester ? aa.createInsightsClient(requester) : aa;
};

async function made(name, call) {
  try {
    results[name] = await call();
  } catch (error) {
    results[name] = `threw ${error.message}`;
  }
}

const plain = (more) => ({ eventName: "Product Clicked", index: told.index, ...more });
const objects = plain({ objectIDs: ["sku0"] });
const search = plain({ objectIDs: ["sku0", "sku1"], queryID: "q1" });
const filters = plain({ filters: ["brand:apple", "100% red"] });

async function everyCall(name, aa) {
  const call = (method, ...events) => made(`${name} ${method}`, () => aa(method, ...events));
  await call("clickedObjectIDsAfterSearch", { ...search, positions: [1, 2] });
  await call("clickedObjectIDs", objects);
  await call("clickedFilters", filters);
  await call("convertedObjectIDsAfterSearch", search);
  await call("addedToCartObjectIDsAfterSearch", { ...search, objectData: [{ price: 1 }, {}], currency: "EUR" });
  await call("purchasedObjectIDsAfterSearch", { ...search, objectData: [{ queryID: "q1" }, {}], value: 2 });
  await call("convertedObjectIDs", objects);
  await call("addedToCartObjectIDs", objects);
  await call("purchasedObjectIDs", objects);
  await call("convertedFilters", filters);
  await call("viewedObjectIDs", objects);
  await call("viewedFilters", filters);
  await call("sendEvents", [{ eventType: "click", ...objects }, { eventType: "view", ...objects }]);
}

async function badCalls(aa) {
  const bad = (name, event, options) => made(name, () => aa("clickedObjectIDsAfterSearch", event, ...(options ? [options] : [])));
  const good = { ...search, positions: [1, 2] };
  const headers = (key, application) => ({
    headers: { "X-Algolia-API-Key": key, "X-Algolia-Application-Id": application },
  });
  await bad("bad: no positions", search);
  await bad("bad: too few positions", { ...search, positions: [1] });
  await bad("bad: unknown index", { ...good, index: "nothing" });
  await bad("bad: another search engine", { ...good, index: told.otherIndex });
  await bad("bad: five days old", { ...good, timestamp: Date.now() - 5 * 86400000 });
  await bad("bad: too many objects", plain({ objectIDs: Array(21).fill("a"), positions: Array(21).fill(1), queryID: "q1" }));
  await bad("bad: no event name", { ...good, eventName: "" });
  await bad("bad: wrong key", good, headers("a".repeat(40), told.application));
  await bad("bad: wrong application", good, headers(told.key, "0000000000000000"));
  await bad("good: three days old", { ...good, timestamp: Date.now() - 3 * 86400000 });
  await bad("good: own credentials", good, headers(told.key, told.application));
}

/** What `navigator.sendBeacon` sends: a text, with cookies if there are any, and the page's origin. */
const beacon = (origin) => (url, body) =>
  new Promise((resolve) => {
    const { hostname, port, pathname, search } = new URL(url);
    const headers = { "Content-Type": "text/plain;charset=UTF-8", Origin: origin, "User-Agent": "Mozilla/5.0 (iPhone)" };
    const options = { hostname, port, path: pathname + search, method: "POST", headers };
    const sent = request(options, (answer) => {
      answer.resume();
      resolve([answer.statusCode, answer.headers["access-control-allow-origin"] ?? null]);
    });
    sent.end(JSON.stringify(body));
  });

async function main() {
  const init = { appId: told.application, apiKey: told.key, host: told.url };
  const node = client("index-node.cjs");
  node("init", { ...init, userToken: "server-1", authenticatedUserToken: "me" });
  await everyCall("node", node);
  await badCalls(node);
  const browser = client("index-browser.cjs");
  browser("init", init);
  browser("setUserToken", 77);
  await everyCall("browser", browser);
  for (const [name, origin] of [["beacon", told.origin], ["foreign beacon", "https://evil.example"]]) {
    const aa = client("index-node.cjs", beacon(origin));
    aa("init", { ...init, userToken: "visitor-1" });
    await made(name, () => aa("clickedObjectIDsAfterSearch", { ...search, positions: [1, 2] }));
  }
  await made("opted out", () => {
    const aa = client("index-node.cjs", beacon(told.origin));
    aa("init", { ...init, userHasOptedOut: true });
    return aa("clickedObjectIDs", objects);
  });
  // Connections that wait for another request would keep the process for a minute.
  process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
}

main();
