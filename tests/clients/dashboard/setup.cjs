// Live and set-up in a browser: clicks and refusals as they arrive, engines, keys, the light that turns green, and those who may do less.
// What it has to know comes as one JSON object on standard input. Prints `set-up: N checks`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { told: read, open, calm, signIn, api, inEveryWindow, violations } = require("./hand.cjs");

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

const shot = (name) => path.join(told.pictures, `${name}.png`);

async function main() {
  const hand = await open(told.chromium);
  const { page, troubles } = hand;
  hand.expect(/401|Unauthorized/);
  await signIn(page, told.url, told.key);
  await everyView(page);
  await setUp(page);
  await live(page);
  await lesser();
  await asUser();
  same(troubles, [], "errors on the way");
  await hand.browser.close();
  console.log(`set-up: ${checks} checks`);
}

async function everyView(page) {
  await inEveryWindow(page, async (kind) => {
    await page.goto(`${told.url}/?view=live`);
    await watched(page);
    await judged(page, `live-${kind}`);
    await page.goto(`${told.url}/?view=setup`);
    await calm(page);
    await judged(page, `set-up-${kind}`);
  });
}

let fed = 0;

/** Feeds clicks to a page that watches. */
async function watched(page) {
  await page.getByText("Connected", { exact: true }).waitFor();
  const items = (await api(told, `/v1/stats/items?from=${Date.now() - 300 * 86_400_000}&to=${Date.now()}`)).results.slice(0, 12);
  const lines = items.flatMap((item, place) => {
    fed += 1;
    const [id, at] = [`seen-${fed}`, Date.now()];
    const search = { type: "search", id, at, hashid: item.hashid, indices: [item.index], query: item.title ?? item.doc_id, device: place % 3 ? "mobile" : "desktop" };
    const click = { type: "click", id, at, hashid: item.hashid, index: item.index, doc_id: item.doc_id, query_id: id, rank: (place % 7) + 1 };
    return place % 5 === 4 ? [{ ...click, query_id: undefined, rank: undefined }] : [search, click];
  });
  lines.push({ type: "click", at: Date.now(), hashid: items[0].hashid, doc_id: "" });
  const answer = await fetch(`${told.url}/v1/events`, { method: "POST", headers: { Authorization: `Token ${told.key}`, "Content-Type": "application/x-ndjson" }, body: lines.map((line) => JSON.stringify(line)).join("\n") });
  same((await answer.json()).recorded.clicks, items.length, "clicks to be seen");
  await page.waitForFunction((wanted) => document.querySelectorAll(".table-live tbody tr").length >= wanted, items.length, { timeout: 10000 });
}

async function live(page) {
  await page.goto(`${told.url}/?view=live`);
  await watched(page);
  await page.getByRole("button", { name: "Pause" }).click();
  ok(await page.getByRole("button", { name: "Go on" }).isVisible(), "paused");
}

async function setUp(page) {
  await page.goto(`${told.url}/?view=setup`);
  await calm(page);
  await page.getByLabel("Pages that may use it").fill("https://shop.example.com");
  await page.getByRole("button", { name: "Make a key" }).click();
  const key = await page.locator(".fresh-key code").innerText();
  ok(/^[a-z0-9]{40}$/.test(key), "a new key");
  ok((await page.getByRole("region", { name: "The script tag" }).innerText()).includes(`data-key="${key}"`), "the key stands in the line for the page");
  same(await violations(page), [], "a new key");
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: shot("set-up-new-key"), fullPage: true });
  await page.getByLabel("Name").fill("Outlet");
  await page.getByRole("button", { name: "Add engine" }).click();
  const outlet = page.locator(".thing", { hasText: "Outlet" });
  await outlet.waitFor();
  const hashid = await outlet.locator("code").innerText();
  await page.getByRole("combobox", { name: "Search engine" }).selectOption(hashid);
  ok((await page.locator(".light").innerText()).includes("Waiting"), "no click yet");
  const sent = await fetch(`${told.url}/v1/collect?key=${key}`, { method: "POST", headers: { Origin: "https://shop.example.com", "Content-Type": "text/plain" }, body: JSON.stringify({ type: "click", hashid, doc_id: "sku1", rank: 1 }) });
  same(sent.status, 200, await sent.text());
  await page.locator(".light-green", { hasText: "sku1" }).waitFor({ timeout: 10000 });
  await page.getByLabel("One more index of Outlet").fill("winter");
  await outlet.getByRole("button", { name: "Add index" }).click();
  const indices = page.getByRole("list", { name: "Indices of Outlet" }).locator(".chip-value");
  await indices.filter({ hasText: "winter" }).waitFor();
  await page.getByRole("button", { name: "Remove index product of Outlet" }).click();
  await page.getByRole("button", { name: "Remove the index" }).click();
  await indices.filter({ hasText: "product" }).waitFor({ state: "detached" });
  same(await indices.allInnerTexts(), ["winter"], "one index came, one went");
  same((await api(told, "/v1/engines")).engines.find((engine) => engine.hashid === hashid).indices, ["winter"], "and the API says so");
  await page.getByRole("button", { name: "Remove Outlet" }).click();
  await page.getByRole("button", { name: "Remove the engine" }).click();
  await outlet.waitFor({ state: "detached" });
}

/** Keys that may only read, or only write: said once, instead of a page of refusals. */
async function lesser() {
  for (const [key, view, text] of [[told.write_key, "/", "Statistics need the scope"], [told.read_key, "/?view=setup", "Engines and keys need the scope"]]) {
    const { browser, page, troubles, expect } = await open(told.chromium);
    expect(/401|Unauthorized/);
    await signIn(page, told.url + view, key);
    await page.getByText(text).waitFor();
    same(await page.locator(".notice-forbidden").count(), 1, "said once");
    same(await violations(page), [], `not permitted: ${text}`);
    await page.screenshot({ path: shot(view === "/" ? "not-permitted" : "not-permitted-set-up") });
    same(troubles, [], "a lesser key meets no refusal");
    await browser.close();
  }
}

/** A user with a password: refused in words, let in, and out again. */
async function asUser() {
  const { browser, page, troubles, expect } = await open(told.chromium);
  expect(/401|Unauthorized/);
  await page.goto(told.url);
  await page.getByRole("button", { name: "User and password" }).click();
  await page.getByLabel("User", { exact: true }).fill(told.user);
  for (const password of ["no such password", told.password]) {
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    if (password === told.password) await page.waitForSelector(".view-overview");
    else await page.getByText("User or password is wrong.").waitFor();
  }
  await calm(page);
  await page.getByRole("button", { name: /^Account/ }).click();
  ok((await page.locator(".account").innerText()).includes(told.user), "who it is stands in the account's panel");
  const cookies = await page.context().cookies();
  same(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]), [[true, "Strict"]]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  const kept = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  same((await fetch(`${told.url}/v1/session`, { headers: { Cookie: kept } })).status, 401, "a copy of the cookie is worth nothing");
  same(troubles, [], "a user meets no refusal");
  await browser.close();
}

/** Nothing to object to, nothing wider than its window; and a picture. */
async function judged(page, name) {
  same(await violations(page), [], name);
  const [inside, outside] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  ok(inside <= outside, `${name}: ${inside} wide in ${outside}`);
  await page.screenshot({ path: shot(name), fullPage: true });
}

fs.mkdirSync(told.pictures, { recursive: true });
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
