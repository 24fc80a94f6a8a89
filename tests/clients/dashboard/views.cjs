// The dashboard in a browser, as its reader uses it: the door, every view, filters, other windows, and a server that dies.
// What it has to know comes as one JSON object on standard input. Prints `dashboard: N checks`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { ZONE, told: read, open, calm, signIn, api, inEveryWindow, violations, number, tile } = require("./hand.cjs");

const told = read();
let checks = 0;
const same = (one, other, why) => {
  checks += 1;
  assert.deepStrictEqual(one, other, why);
};
const ok = (value, why) => {
  checks += 1;
  assert.ok(value, why);
};

const period = (params) => `tz=${encodeURIComponent(ZONE)}&${params}`;

async function main() {
  const hand = await open(told.chromium);
  const { page, troubles } = hand;
  hand.expect(/401|Unauthorized/);
  await door(page);
  const span = await days(page);
  await numbers(page, span);
  await filters(page, span);
  await tables(page, span);
  await picker(page);
  await csv(page, span);
  await everyView(page, await viewsOf(page));
  await leave(page);
  same(troubles, [], "errors on the way");
  hand.expect(/ERR_CONNECTION|Failed to load resource|net::/);
  await dead(page);
  same(troubles, [], "errors at the end");
  await hand.browser.close();
  console.log(`dashboard: ${checks} checks`);
}

async function door(page) {
  await page.goto(`${told.url}/?view=items&period=7d`);
  await calm(page);
  same(await violations(page), [], "door");
  await inEveryWindow(page, (kind) => page.screenshot({ path: shot(`sign-in-${kind}`) }));
  await page.getByLabel("API key", { exact: true }).fill("x".repeat(40));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("There is no such key.").waitFor();
  same(await violations(page), [], "door with a wrong key");
  await page.getByRole("button", { name: "User and password" }).click();
  same(await violations(page), [], "door for users");
  await page.getByRole("button", { name: "API key" }).click();
  await page.getByLabel("API key", { exact: true }).fill(told.key);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".view-items");
  await calm(page);
  ok(page.url().endsWith("/?view=items&period=7d"), "the view that was asked for is shown after signing in");
  const kept = await page.evaluate((key) => [localStorage.length, sessionStorage.length, document.cookie, document.documentElement.outerHTML.includes(key)], told.key);
  same(kept, [0, 0, "", false], "no script can read the key or the session");
}

/** The days that the default period has, as the page counts them. */
async function days(page) {
  await page.goto(told.url);
  await calm(page);
  const href = await page.getByRole("link", { name: "Clicks as CSV" }).getAttribute("href");
  const params = new URL(href, told.url).searchParams;
  same(params.get("tz"), ZONE);
  return period(`from=${params.get("from")}&to=${params.get("to")}`);
}

async function numbers(page, span) {
  const clicks = await api(told, `/api/v2/stats/clicks?${span}`);
  const through = await api(told, `/v1/stats/clickthrough?${span}`);
  const ranks = await api(told, `/v1/stats/ranks?${span}`);
  ok(clicks.total_count > 0 && through.totals.searches > 0, "the demo has clicks");
  same(number(await tile(page, "Clicks")), clicks.total_count, "clicks");
  same(await tile(page, "Clicks a search"), (through.totals.clicks / through.totals.searches).toFixed(2), "clicks a search");
  same(await tile(page, "Searches without a click"), `${(100 * (1 - through.totals.clicked / through.totals.searches)).toFixed(1)}%`, "without a click");
  same(await tile(page, "Average rank of a click"), ranks.average_rank.toFixed(2), "average rank");
  await page.getByText("The numbers", { exact: true }).click();
  await page.locator(".numbers tbody tr").first().waitFor();
  const rows = await page.locator(".numbers tbody tr").evaluateAll((rows) => rows.map((row) => row.children[1].textContent));
  same(rows.map(number), clicks.results.map((row) => row.count), "each day of the chart");
  for (const group of ["engine", "index", "device", "product_type"]) {
    const told_ = await api(told, `/v1/stats/clicks/by?${span}&group=${group}`);
    const title = { engine: "Search engine", index: "Index", device: "Device", product_type: "What was clicked" }[group];
    const shown = await page.getByRole("region", { name: title, exact: true }).locator(".bars-value").allInnerTexts();
    const expected = told_.results.map((row) => row.clicks).filter(Boolean).sort((a, b) => b - a);
    same(shown.map(number), expected, title);
  }
}

async function filters(page, span) {
  await page.getByRole("region", { name: "Device" }).getByRole("button", { name: "Mobile" }).click();
  await page.waitForURL(/device=mobile/);
  await calm(page);
  const mobile = await api(told, `/api/v2/stats/clicks?${span}&device=mobile`);
  same(number(await tile(page, "Clicks")), mobile.total_count, "clicks of phones");
  await page.reload();
  await calm(page);
  same(number(await tile(page, "Clicks")), mobile.total_count, "after a reload");
  ok(await page.getByRole("list", { name: "Filters" }).getByText("Mobile").isVisible(), "a chip");
  await page.getByRole("button", { name: /Filters/ }).first().click();
  await page.getByLabel("Clicks that came from the search").fill("red shoes");
  await page.keyboard.press("Enter");
  await page.waitForURL(/query=red\+shoes/);
  await calm(page);
  const both = await api(told, `/api/v2/stats/clicks?${span}&device=mobile&query=red+shoes`);
  same(number(await tile(page, "Clicks")), both.total_count, "two filters");
  await page.getByRole("button", { name: "Remove filter Device: Mobile" }).click();
  await page.waitForURL((url) => !url.search.includes("device"));
  await page.goBack();
  await calm(page);
  ok(page.url().includes("device=mobile"), "back brings a filter back");
  await page.getByRole("button", { name: "Remove all" }).click();
  await calm(page);
  same(new URL(page.url()).search, "", "no filter is left in the address");
  await page.goto(`${told.url}/?type=search`);
  await calm(page);
  same((await tile(page, "Clicks a search")).split("\n")[0].trim(), "–", "what can't be known is no number");
  await page.goto(`${told.url}/?query=nobody+ever+asked+this`);
  await calm(page);
  ok(await page.getByText("No clicks match these filters").isVisible(), "nothing matches");
  same((await tile(page, "Average rank of a click")).split("\n")[0].trim(), "–", "no rank is no zero");
  await page.goto(told.url);
  await calm(page);
}

async function tables(page, span) {
  const items = await api(told, `/v1/stats/items?${span}&limit=1000`);
  await page.getByRole("link", { name: "Items", exact: true }).click();
  await calm(page);
  const row = page.locator("tbody tr").first();
  const first = items.results[0];
  same(await row.locator(".named-link").innerText(), first.title ?? first.doc_id);
  same(number(await row.locator(".gauged").innerText()), first.clicks);
  await page.getByLabel("Find an item").fill("BLACK");
  await page.waitForURL(/find=BLACK/);
  const black = items.results.filter((item) => `${item.title} ${item.doc_id}`.toLowerCase().includes("black"));
  ok((await page.locator(".table-said").innerText()).endsWith(`of ${black.length}`), "found items");
  await page.reload();
  await calm(page);
  same(await page.getByLabel("Find an item").inputValue(), "BLACK", "what was looked for is in the address");
  await page.getByLabel("Find an item").fill("");
  await page.getByRole("button", { name: "Item", exact: true }).click();
  await page.getByRole("button", { name: "Item", exact: true }).click();
  same(await page.locator("th[aria-sort]").getAttribute("aria-sort"), "ascending");
  await page.getByRole("button", { name: "Next page" }).click();
  await page.waitForURL(/page=2/);
  await page.goto(`${told.url}/?view=items`);
  await calm(page);
  await page.locator("tbody .named-link").first().click();
  await calm(page);
  const item = `hashid=${first.hashid}&index=${first.index}&doc_id=${encodeURIComponent(first.doc_id)}&${["search", "custom_result", "recommendation", "quizz", "aichat"].map((type) => `product_type=${type}`).join("&")}`;
  const ranks = await api(told, `/v1/stats/ranks?${span}&${item}`);
  same(number(await tile(page, "Clicks")), first.clicks, "clicks of an item");
  same(await tile(page, "Average rank of a click"), ranks.average_rank.toFixed(2), "rank of an item");
  await page.getByRole("region", { name: "Searches that led here" }).getByRole("link").nth(1).click();
  await page.waitForURL(/view=searches/);
  await calm(page);
  const query = new URL(page.url()).searchParams.get("search");
  const through = await api(told, `/v1/stats/clickthrough?${span}&query=${encodeURIComponent(query)}`);
  same(number(await tile(page, "Searches")), through.totals.searches, "of one search");
  const led = await api(told, `/v1/stats/items?${span}&query=${encodeURIComponent(query)}&limit=100`);
  const shown = await page.getByRole("region", { name: "Items that it led to" }).locator(".bars-value").allInnerTexts();
  same(shown.map(number), led.results.map((row) => row.clicks), "items that a search led to");
  await page.getByRole("link", { name: "All searches" }).click();
  await calm(page);
  const searches = await api(told, `/v1/stats/searches?${span}&limit=1000`);
  same(await page.locator("tbody .named-link").first().innerText(), searches.results.find((row) => row.query).query);
}

async function picker(page) {
  await page.goto(told.url);
  await calm(page);
  const button = page.locator('[data-part="period"]');
  await button.focus();
  await page.keyboard.press("Enter");
  same(await button.getAttribute("aria-expanded"), "true");
  same(await violations(page), [], "the period's panel");
  await page.keyboard.press("Escape");
  same(await button.getAttribute("aria-expanded"), "false");
  ok(await button.evaluate((node) => node === document.activeElement), "focus comes back");
  await button.click();
  await page.getByLabel("From", { exact: true }).fill("2026-02-02");
  await page.getByLabel("To", { exact: true }).fill("2026-02-01");
  await page.getByRole("button", { name: "Show these days" }).click();
  await page.getByText("The first day is after the last.").waitFor();
  await page.getByLabel("To", { exact: true }).fill("2026-02-15");
  await page.getByRole("button", { name: "Show these days" }).click();
  await page.waitForURL(/from=2026-02-02&to=2026-02-15/);
  await calm(page);
  await button.click();
  await page.getByLabel("Compare with").selectOption("none");
  await page.waitForURL(/compare=none/);
  await calm(page);
  await button.click();
  await page.getByLabel("Time zone").selectOption("Asia/Tokyo");
  await page.waitForURL(/tz=Asia%2FTokyo/);
  await calm(page);
  const there = await api(told, "/api/v2/stats/clicks?from=20260202&to=20260215&tz=Asia/Tokyo");
  same(number(await tile(page, "Clicks")), there.total_count, "days of another zone");
  await page.locator('[data-part="filters"]').click();
  same(await violations(page), [], "the filters' panel");
  await page.keyboard.press("Escape");
}

async function csv(page, span) {
  await page.goto(told.url);
  await calm(page);
  for (const view of ["", "?view=items", "?view=searches"]) {
    await page.goto(`${told.url}/${view}`);
    await calm(page);
    const links = await page.getByRole("link", { name: / as CSV$/ }).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    ok(links.length > 0, `${view} has files`);
    for (const link of links) {
      const file = await page.evaluate(async (href) => {
        const answer = await fetch(href);
        return [answer.status, answer.headers.get("content-type"), await answer.text()];
      }, link);
      same(file, [200, "text/csv; charset=utf-8", await api(told, link)], link);
    }
  }
}

/** Every view, by a name for its pictures. */
async function viewsOf(page) {
  await page.goto(`${told.url}/?view=items`);
  await calm(page);
  const item = await page.locator("tbody .named-link").first().getAttribute("href");
  await page.goto(`${told.url}/?view=searches`);
  await calm(page);
  const search = await page.locator("tbody .named-link").first().getAttribute("href");
  return { overview: "/", year: "/?period=12m", items: "/?view=items", item, searches: "/?view=searches", search, filtered: "/?device=mobile&type=search&query=red+shoes" };
}

const shot = (name) => path.join(told.pictures, `${name}.png`);

async function everyView(page, views) {
  await inEveryWindow(page, async (kind) => {
    for (const [name, address] of Object.entries(views)) {
      await page.goto(told.url + address);
      await calm(page);
      await judged(page, `${name}-${kind}`);
    }
  });
}

/** Nothing to object to, nothing wider than its window; and a picture. */
async function judged(page, name) {
  same(await violations(page), [], name);
  const [inside, outside] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  ok(inside <= outside, `${name}: ${inside} wide in ${outside}`);
  await page.screenshot({ path: shot(name), fullPage: true });
}

async function leave(page) {
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.reload();
  await calm(page);
  ok(await page.getByRole("button", { name: "Sign in" }).isVisible(), "signed out after a reload too");
}

async function dead(page) {
  await signIn(page, told.url, told.key);
  process.kill(told.pid, "SIGKILL");
  await new Promise((done) => setTimeout(done, 300));
  await page.getByRole("link", { name: "Items", exact: true }).click();
  await page.getByText("The server does not answer").first().waitFor();
  same(await violations(page), [], "a dead server");
  await page.screenshot({ path: shot("dead-server") });
}

fs.mkdirSync(told.pictures, { recursive: true });
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
