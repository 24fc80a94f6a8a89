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

/** A server of the dashboard's files; `answer(url)` says what the API says: a status, with a body or what is usual. */
async function serve(answer) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const file = url.pathname === "/" ? "index.html" : url.pathname.replace(/^\/dashboard\//, "").slice(url.pathname.startsWith("/dashboard/") ? 0 : 1);
    const found = [path.join(FILES, path.basename(file)), path.join(FILES, "vendor", "uPlot.iife.min.js")][file === "uplot.js" ? 1 : 0];
    if (fs.existsSync(found)) {
      response.writeHead(200, { "Content-Type": TYPES[path.extname(found)] });
      response.end(fs.readFileSync(found));
      return;
    }
    const { status = 200, body = usual(url), stream } = (await answer(url)) ?? {};
    response.writeHead(status, { "Content-Type": stream ? "text/event-stream" : "application/json" });
    if (stream) stream(response);
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

async function main() {
  const hand = await open(told.chromium, { timezoneId: "UTC" });
  hand.expect(/Failed to load resource/);
  await removedBefore(hand);
  await triedAgain(hand);
  same(hand.troubles, [], "errors on the way");
  await hand.browser.close();
  console.log(`answers: ${checks} checks`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
