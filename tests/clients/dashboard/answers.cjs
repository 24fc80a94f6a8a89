// The dashboard against answers that are made up: refused ones, failed ones, late ones. No server of ours runs here; what
// the browser gets are the files as they lie. What it has to know comes as one JSON object on standard input.
// Prints `answers: N checks`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { told: read, open, calm, tile } = require("./hand.cjs");

const told = read();
const FILES = path.join(__dirname, "../../../crates/server/dashboard");
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml" };
const ENGINES = [{ hashid: "1".repeat(32), name: "Shop", indices: ["product"], sites: [] }, { hashid: "2".repeat(32), name: "Outlet", indices: ["product"], sites: [] }];

let checks = 0;
const same = (one, other, why) => {
  checks += 1;
  assert.deepStrictEqual(one, other, why);
};
const ok = (value, why) => {
  checks += 1;
  assert.ok(value, why);
};

/** The dates from one to another. */
function datesOf(from, to) {
  const ms = (text) => (text.length > 8 ? Number(text) : Date.UTC(Number(text.slice(0, 4)), Number(text.slice(4, 6)) - 1, Number(text.slice(6))));
  const dates = [];
  for (let at = ms(from); at <= ms(to); at += 86_400_000) dates.push(new Date(at).toISOString().slice(0, 10));
  return dates;
}

/** What a server would say that counted two clicks and four searches a day. */
function usual({ pathname, searchParams }) {
  const dates = searchParams.has("from") ? datesOf(searchParams.get("from"), searchParams.get("to")) : [];
  const all = { searches: 4 * dates.length, clicked: dates.length, clicks: 2 * dates.length };
  const listed = (results) => ({ total: results.length, results });
  switch (pathname) {
    case "/v1/session": return { account: { name: "made up", code: "a" }, user: null, key: "k", scopes: ["read", "write", "manage"], csrf: "c", expires_at: 0, zone: "eu1", version: "0" };
    case "/v1/engines": return { engines: ENGINES };
    case "/v1/keys": return { keys: [] };
    case "/api/v2/stats/clicks": return { results: dates.map((date) => ({ date, timestamp: 0, count: 2 })), total: dates.length, total_count: 2 * dates.length };
    case "/v1/stats/clickthrough": return { ...listed(dates.map((date) => ({ date, timestamp: 0, searches: 4, clicked: 1, clicks: 2 }))), totals: all };
    case "/v1/stats/ranks": return { ...listed([{ rank: 1, clicks: dates.length }, { rank: 2, clicks: dates.length }]), average_rank: 1.5 };
    default: return listed([]);
  }
}

/** A stream in which nothing happens. */
const quiet = (response) => response.write(`event: hello\ndata: {"at":0}\n\n`);

/** What the binary makes of the files that a document refers to: all styles in one, and all modules. */
const MADE = {
  "styles.css": () => ["base", "frame", "parts", "views"].map((name) => fs.readFileSync(path.join(FILES, `${name}.css`), "utf8")).join(""),
  "modules.js": () => `import "./main.js";`,
};

/** A server of the dashboard's files; `answer(url)` says what the API says: a status, with a body or what is usual. */
async function serve(answer) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const file = url.pathname === "/" ? "index.html" : url.pathname.replace(/^\/dashboard\//, "").slice(url.pathname.startsWith("/dashboard/") ? 0 : 1);
    const found = [path.join(FILES, path.basename(file)), path.join(FILES, "vendor", "uPlot.iife.min.js")][file === "uplot.js" ? 1 : 0];
    if (MADE[file] || fs.existsSync(found)) {
      response.writeHead(200, { "Content-Type": TYPES[path.extname(found)] });
      response.end(MADE[file]?.() ?? fs.readFileSync(found));
      return;
    }
    const { status = 200, body = usual(url), stream = url.pathname === "/v1/live" && quiet } = (await answer(url)) ?? {};
    response.writeHead(status, { "Content-Type": stream ? "text/event-stream" : "application/json" });
    if (stream) stream(response);
    else if (status === 204) response.end();
    else response.end(JSON.stringify(body));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
}

/** Opens an address of the dashboard with these answers. */
async function shown(hand, query, answer, work) {
  const server = await serve(answer);
  await hand.page.goto(`${server.url}/${query}`);
  await calm(hand.page);
  await work(hand.page);
  await hand.page.goto("about:blank");
  server.close();
}

const refusal = (message) => ({ error: { code: "bad_params", message } });
/** Whether a question is of days that the period shown does not have. */
const isBefore = ({ searchParams }, from) => (searchParams.get("from") ?? from) < from;

/** Days that are not kept any more take nothing from those that are. */
async function removedBefore(hand) {
  const answer = (url) => (isBefore(url, "20240601") ? { status: 400, body: refusal("from: those days were removed") } : undefined);
  await shown(hand, "?from=2024-06-01&to=2024-06-28&tz=UTC", answer, async (page) => {
    same([await tile(page, "Clicks"), await tile(page, "Clicks a search"), await tile(page, "Searches without a click"), await tile(page, "Average rank of a click")], ["56", "0.50", "75.0%", "1.50"], "what is known is shown");
    same(await page.locator(".notice-problem").count(), 0, "the chart is drawn");
    same(await page.locator(".card .legend .swatch-before").count(), 0, "and promises no bars of days that nobody knows");
  });
  await shown(hand, `?view=items&item=${encodeURIComponent(JSON.stringify([ENGINES[0].hashid, "product", "sku1"]))}&from=2024-06-01&to=2024-06-28&tz=UTC`, answer, async (page) => {
    same([await tile(page, "Clicks"), await tile(page, "Share of all clicks"), await tile(page, "Clicked at rank 1")], ["56", "100.0%", "50.0%"], "an item");
  });
  await shown(hand, "?view=searches&search=shoes&from=2024-06-01&to=2024-06-28&tz=UTC", answer, async (page) => {
    same([await tile(page, "Searches"), await tile(page, "Average rank of a click")], ["112", "1.50"], "a search");
  });
}

/** Another try asks again. */
async function triedAgain(hand) {
  let fails = true;
  const answer = ({ pathname }) => (fails && pathname.includes("/stats/") ? { status: 500, body: { error: { code: "internal_error", message: "no" } } } : undefined);
  await shown(hand, "?from=2024-06-01&to=2024-06-28&tz=UTC&compare=none", answer, async (page) => {
    const tiles = page.locator(".tile");
    same(await tiles.getByRole("button", { name: "Try again" }).count(), 4, "nothing is known");
    fails = false;
    for (let left = 4; left > 0; left -= 1) {
      await tiles.getByRole("button", { name: "Try again" }).first().click();
      await page.waitForFunction((less) => document.querySelectorAll(".tile button").length === less, left - 1, { timeout: 5000 });
    }
    same([await tile(page, "Clicks"), await tile(page, "Clicks a search"), await tile(page, "Average rank of a click")], ["56", "0.50", "1.50"], "now it is");
  });
}

const later = (ms) => new Promise((done) => setTimeout(done, ms));
const things = (page, title) => page.locator(".card", { has: page.getByRole("heading", { name: title, exact: true }) });

/** What was asked for first and comes last is not shown. */
async function lateAnswers(hand) {
  const counted = async ({ pathname, searchParams }) => {
    if (pathname !== "/api/v2/stats/clicks") return undefined;
    const first = searchParams.get("hashids[]") === ENGINES[0].hashid;
    if (first) await later(600);
    return { body: { results: [], total: 0, total_count: first ? 7 : 0 } };
  };
  await shown(hand, "?view=setup", counted, async (page) => {
    await page.locator(".tracker select").selectOption(ENGINES[1].hashid);
    await later(900);
    ok((await page.locator(".light").innerText()).includes("Waiting"), "the light is of the engine that was chosen last");
  });

  let gone = 0;
  let asked = 0;
  const removed = async ({ pathname }) => {
    if (pathname.startsWith("/api/v2/search_engines/")) {
      gone += 1;
      return { status: 204 };
    }
    if (pathname !== "/v1/engines") return undefined;
    const body = { engines: ENGINES.slice(gone) };
    if (gone === 1) asked += 1;
    if (gone === 1 && asked === 2) await later(800);
    return { body };
  };
  await shown(hand, "?view=setup", removed, async (page) => {
    for (const name of ["Shop", "Outlet"]) {
      await page.getByRole("button", { name: `Remove ${name}`, exact: true }).click();
      await page.getByRole("button", { name: "Remove the engine" }).click();
      await later(150);
    }
    await later(1000);
    same(await things(page, "Search engines").locator(".thing").count(), 0, "neither is there any more");
  });
}

/** Long lists: sorted and searched by the server, and no view writes into another's address. */
async function longLists(hand) {
  const named = (start, word) => Array.from({ length: 1000 }, (_, place) => ({ query: `${word} ${start + place}`, searches: 2000 - place, clicked: 1, clicks: 3, average_rank: 1 }));
  const questions = [];
  const answer = ({ pathname, searchParams }) => {
    if (pathname !== "/v1/stats/searches") return undefined;
    questions.push([searchParams.get("sort"), searchParams.get("matching")]);
    const results = searchParams.get("matching") ? [{ query: "a rare shoe", searches: 1, clicked: 1, clicks: 9000, average_rank: 1 }] : named(0, "shoe");
    return { body: { total: results.length, results } };
  };
  await shown(hand, "?view=searches&period=7d", answer, async (page) => {
    await page.getByLabel("Find a search").fill("rare");
    await page.getByText("a rare shoe").waitFor();
    await page.getByRole("button", { name: "Clicks", exact: true }).click();
    await calm(page);
    same(questions.at(-1), ["clicks", "rare"], "sorted by clicks, and still searched");
    ok(await page.getByText("a rare shoe").isVisible(), "what was found stays when it is sorted");
    await page.getByLabel("Find a search").fill("");
    await page.getByText("1–25 of 1,000").waitFor();
    same(questions.at(-1), ["clicks", null], "all of them, sorted as before");
    await page.getByLabel("Find a search").fill("boot");
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await later(400);
    same(new URL(page.url()).search, "?period=7d", "a view that has gone notes nothing");
  });
}

/** What is not known is not written as a number. */
async function unknowns(hand) {
  const rows = Array.from({ length: 100 }, (_, place) => ({ hashid: ENGINES[0].hashid, index: "product", doc_id: `sku${place}`, title: null, link: null, clicks: 5, average_rank: 1 }));
  const many = ({ pathname }) => (pathname === "/v1/stats/items" ? { body: { total: rows.length, results: rows } } : undefined);
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  await shown(hand, `?view=searches&search=shoes&by=day&tz=UTC&from=${day(-1)}&to=${day(3)}`, many, async (page) => {
    same(await page.locator(".bars-share").count(), 0, "no shares of a list that may go on");
    await page.getByText("The numbers", { exact: true }).click();
    const last = page.locator(".table-plain tbody tr").last().locator("td");
    ok((await last.allInnerTexts()).every((text) => text.includes("–")), "what lies ahead is not zero");
  });
  let streams = 0;
  const live = ({ pathname }) => {
    if (pathname !== "/v1/live") return undefined;
    streams += 1;
    return { stream: (response) => {
      response.write(`retry: 100\nevent: hello\ndata: {"at":0}\n\n`);
      if (streams === 1) setTimeout(() => response.end(), 300);
    } };
  };
  await shown(hand, "?view=live", live, async (page) => {
    ok(!(await page.locator(".live-totals").innerText()).includes("lost"), "nothing is missing yet");
    await page.getByText("what came while the connection was lost").waitFor({ timeout: 5000 });
    await page.getByText("Connected", { exact: true }).waitFor();
    same(streams, 2, "it has come back");
  });
}

/** An item's page is about the item, under filters that leave it out too: its numbers are of one question. */
async function itemUnderFilters(hand) {
  const asked = [];
  const answer = ({ pathname, searchParams }) => {
    if (searchParams.has("dfid")) asked.push([searchParams.getAll("hashids[]"), searchParams.get("indices[0][name]")]);
    if (pathname === "/v1/stats/ranks") asked.push([searchParams.getAll("hashid"), searchParams.get("index")]);
    return undefined;
  };
  const item = encodeURIComponent(JSON.stringify([ENGINES[0].hashid, "product", "sku1"]));
  await shown(hand, `?view=items&item=${item}&hashid=${ENGINES[1].hashid}&index=page&compare=none`, answer, async () => {
    same(asked.length, 3, "days, searches and ranks");
    for (const one of asked) same(one, [[ENGINES[0].hashid], "product"], "of the item");
  });
}

async function main() {
  const hand = await open(told.chromium, { timezoneId: "UTC" });
  hand.expect(/Failed to load resource/);
  await removedBefore(hand);
  await triedAgain(hand);
  await lateAnswers(hand);
  await longLists(hand);
  await unknowns(hand);
  await itemUnderFilters(hand);
  same(hand.troubles, [], "errors on the way");
  await hand.browser.close();
  console.log(`answers: ${checks} checks`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
