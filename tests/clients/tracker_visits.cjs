// Visits that leave the page in the same moment as their click, in several tabs at once: each click has to be counted, and
// once. Every visit shows a search of its own and clicks an item of its own, as soon as the page is there; the click leads
// to the next visit.
//
// The way to ClickTally is slow, and a call whose page hangs up meanwhile is lost. Half of the tabs have no storage, so that
// nothing but the call that was made while the page went can have brought the click. What it has to know comes as one JSON object on standard input. Prints `visits: N clicks, each once`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const { ask, clicks, open, pause, statistic, until } = require("./tracker/stage.cjs");

const told = JSON.parse(fs.readFileSync(0, "utf8"));
const SITE = "http://shop.example.com";
/** Every so many visits a tab is closed by its click. */
const CLOSED = 25;

const tracker = `<script src="http://stats.example/clicktally.js" data-key="${told.clickKey}" data-hashid="${told.hashid}" data-index="product"></script>`;
const goes = (address) => (address < told.visits ? `${SITE}/search?visit=${address}` : `${SITE}/done`);
const isClosed = (visit) => Math.floor(visit / told.tabs) % CLOSED === CLOSED - 1;

function search(visit) {
  const next = goes(visit + told.tabs);
  // A link within the site; to a page of somebody else, which has no tracker; and a script that goes before the browser.
  const way = Math.floor(visit / told.tabs) % 3;
  const href = way === 1 ? `http://elsewhere.example.com/on?to=${encodeURIComponent(next)}` : next;
  // Whoever closes the tab goes nowhere else.
  const script = way === 2 && !isClosed(visit) ? `it.addEventListener("click", () => location.assign("${next}"));` : "";
  return `<!doctype html>${tracker}
    <ol data-clicktally-search data-query="visits" data-total="3" data-query-id="search-${visit}">
    <li data-doc-id="item-${visit}" data-rank="${1 + (visit % 9)}"><a id="it" href="${isClosed(visit) ? "#" : href}">An item</a></li>
    </ol><script>${script} ${isClosed(visit) ? "" : "addEventListener('DOMContentLoaded', () => it.click())"}</script>`;
}

function page(url) {
  if (url.pathname === "/done") return { body: tracker };
  if (url.pathname === "/on") return { body: `<script>location.replace(${JSON.stringify(url.searchParams.get("to"))})</script>` };
  return url.pathname === "/search" ? { body: search(Number(url.searchParams.get("visit"))) } : undefined;
}

/** Where each tab is, for whoever has to find out what hangs. */
const at = [];
const STUCK_MS = 600000;
/** Opening and closing a tab has no limit of its own in the library that leads the browser, and now and then it never ends. */
const TAB_MS = 20000;

const within = (work) => {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("the browser does not answer")), TAB_MS)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

const opened = (context) => within(context.newPage()).catch(() => within(context.newPage()));
// The page is told to go at once; that the library hears of it when it has gone is nothing that is tested.
const closed = (tab) => within(tab.close()).catch(() => {});

/** From the first visit of a tab to its last: most of them without a hand from here. */
async function go(browser, number) {
  const context = await browser.newContext();
  if (number % 2) {
    await context.addInitScript(() => {
      Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
    });
  }
  for (let visit = number, tab; visit < told.visits + told.tabs; visit += told.tabs) {
    at[number] = visit;
    if (!tab) {
      tab = await opened(context);
      await tab.goto(goes(visit), { waitUntil: "commit" });
    }
    if (visit >= told.visits) await tab.waitForURL(`${SITE}/done`, { timeout: 300000, waitUntil: "commit" });
    if (visit >= told.visits || !isClosed(visit)) continue;
    await tab.waitForURL(goes(visit), { timeout: 300000 });
    await tab.click("#it", { noWaitAfter: true });
    await closed(tab);
    tab = undefined;
  }
  return context;
}

async function main() {
  const { browser, gate, close } = await open(told, page);
  gate.mode = "slow";
  const began = Date.now();
  const contexts = await Promise.all(Array.from({ length: told.tabs }, (_, number) => go(browser, number)));
  const seconds = (Date.now() - began) / 1000;
  await until("clicks counted", async () => (await clicks(told)) >= told.visits || (await clicks(told)));
  // None comes twice, neither late nor when a tab comes back to the site.
  await Promise.all(contexts.map(async (context) => (await opened(context)).goto(`${SITE}/done`)));
  await pause(500);
  // What pages did, before what was made of it: a visit that was made twice has two clicks of its own.
  const sent = new Map();
  for (const event of gate.events) if (event.type === "click") sent.set(event.id, event.doc_id);
  const made = new Map();
  for (const item of sent.values()) made.set(item, (made.get(item) ?? 0) + 1);
  const again = [...made].filter(([, times]) => times > 1);
  const counted = await clicks(told);
  assert.deepStrictEqual([counted, sent.size, again], [told.visits, told.visits, []], "counted, sent, clicked more than once");
  assert.strictEqual(await clicks(told, "&query=visits"), told.visits, "each is completed by its search");
  const { results } = await statistic(told, "clicked_items", `&limit=${told.visits}`);
  assert.deepStrictEqual([results.length, results.filter(({ count }) => count !== 1)], [told.visits, []]);
  const metrics = String((await ask(told.url, "GET", "/metrics", {})).body);
  const duplicates = /fate="duplicate"\S* (\d+)/.exec(metrics)?.[1];
  await within(close()).catch(() => {});
  console.error(`${told.visits} visits in ${seconds.toFixed(1)} s, ${duplicates} duplicates`);
  console.log(`visits: ${told.visits} clicks, each once`);
}

setTimeout(() => {
  console.error(`nothing happens any more; the tabs are at ${at}`);
  process.exit(1);
}, STUCK_MS).unref();

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
