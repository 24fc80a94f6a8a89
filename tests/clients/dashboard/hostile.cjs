// Texts that try to become markup or code, in every field that people or machines can fill, in every view of the dashboard.
// What it has to know comes as one JSON object on standard input. Prints `hostile: N checks`.
"use strict";

const assert = require("node:assert");
const { told: read, open, calm, signIn } = require("./hand.cjs");

const told = read();
const ATTACKS = [
  `<img src=x onerror="window.pwned=1">`,
  `"><script>window.pwned=2</script>`,
  `'-window.pwned=3-'`,
  `</title><svg/onload=window.pwned=4>`,
  "{{constructor.constructor('window.pwned=5')()}}",
  "javascript:window.pwned=6",
  "\u202Egnp.eciffo",
  "ｗｉｄｅ𝕿𝖊𝖝𝖙🧨",
  "a".repeat(400),
];
let checks = 0;
const same = (one, other, why) => {
  checks += 1;
  assert.deepStrictEqual(one, other, why);
};
const ok = (value, why) => {
  checks += 1;
  assert.ok(value, why);
};

async function call(method, path, body, type = "application/json", agent = "test") {
  const answer = await fetch(told.url + path, { method, headers: { Authorization: `Token ${told.key}`, "Content-Type": type, "User-Agent": agent }, body });
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Every attack as title, id, link, search and custom result, as the name of an engine, in indices with such names, by such a browser. */
async function plant() {
  for (const name of ATTACKS.slice(0, 6)) await call("POST", "/api/v2/search_engines", JSON.stringify({ name: name.slice(0, 200) }));
  const now = Date.now() - 1000;
  const lines = ATTACKS.flatMap((attack, place) => {
    const shared = { hashid: told.hashid, index: told.index };
    const docId = attack.slice(0, 512);
    return [
      { type: "item", ...shared, doc_id: docId, title: `title ${attack}`, link: `https://shop.example.com/"><script>window.pwned=7</script>` },
      { type: "search", id: `bad${place}`, at: now, hashid: told.hashid, indices: [told.index], query: attack, device: "mobile", doc_ids: [docId] },
      { type: "click", at: now, ...shared, doc_id: docId, query_id: `bad${place}`, rank: place + 1, custom_result: attack },
    ];
  });
  const indices = told.indices.flatMap((index, place) => {
    const [id, shared] = [`index${place}`, { hashid: told.hostile_hashid, index, doc_id: "sku1" }];
    return [
      { type: "item", ...shared, title: "in an index" },
      { type: "search", id, at: now, hashid: told.hostile_hashid, indices: [index], query: "indices" },
      { type: "click", at: now, ...shared, query_id: id, rank: 1 },
    ];
  });
  const report = await call("POST", "/v1/events", [...lines, ...indices].map((line) => JSON.stringify(line)).join("\n"), "application/x-ndjson");
  same(report.rejected, [], "all are recorded");
  const click = JSON.stringify({ type: "click", hashid: told.hashid, index: told.index, doc_id: "sku1" });
  for (const attack of ATTACKS.slice(0, 6)) await call("POST", `/v1/collect?key=${told.page_key}`, click, "text/plain", attack);
}

async function main() {
  await plant();
  const hand = await open(told.chromium);
  const { page, troubles } = hand;
  hand.expect(/401|Unauthorized/);
  page.on("dialog", () => troubles.push("a dialog"));
  await signIn(page, told.url, told.key);
  const wall = async (where) => {
    await calm(page);
    same(await page.evaluate(() => window.pwned), undefined, where);
    same(await page.locator("img, iframe, object, embed, [onerror], [onload], body script, [href^='javascript:' i]").count(), 0, `${where}: nothing became markup`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
    ok(wide, `${where}: nothing is wider than the window`);
  };
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: 900 });
    for (const view of ["/", "/?view=items", "/?view=searches", "/?view=setup", "/?view=live"]) {
      await page.goto(told.url + view);
      await wall(`${view} ${width}`);
    }
    for (const attack of ATTACKS) {
      const text = encodeURIComponent(attack);
      await page.goto(`${told.url}/?view=searches&search=${text}`);
      await wall(`search ${attack} ${width}`);
      ok((await page.locator("h1").innerText()).includes(attack), "a search is shown as it is");
      await page.goto(`${told.url}/?view=items&item=${encodeURIComponent(JSON.stringify([told.hashid, told.index, attack]))}`);
      await wall(`item ${attack} ${width}`);
      ok((await page.locator("h1").innerText()).includes(`title ${attack}`), "a title is shown as it is");
      // Whatever else an address may hold.
      await page.goto(`${told.url}/?query=${text}&hashid=${text}&index=${text}&device=${text}&type=${text}&tz=${text}&from=${text}&period=${text}&by=${text}&sort=${text}&page=${text}&find=${text}&view=${text}`);
      await wall(`address ${attack} ${width}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const index of told.indices) {
    await page.goto(`${told.url}/?index=${encodeURIComponent(index)}`);
    await wall(`index ${index}`);
    ok((await page.getByRole("region", { name: "Index", exact: true }).innerText()).includes(index), "an index is shown as it is");
    await page.goto(`${told.url}/?view=items&item=${encodeURIComponent(JSON.stringify([told.hostile_hashid, index, "sku1"]))}`);
    await wall(`item of ${index}`);
    ok((await page.locator("main").innerText()).includes(index), "also beside an item");
    await page.locator('[data-part="filters"]').click();
    await wall(`filters with ${index}`);
    await page.keyboard.press("Escape");
  }
  // Links that the server itself would refuse to store, from a server that did not.
  for (const link of ["javascript:window.pwned=8", "JaVaScRiPt:window.pwned=8", " javascript:window.pwned=8", "data:text/html,<script>1</script>", "vbscript:x", "//", "not a link"]) {
    await page.route("**/v1/stats/items?**", (route) => route.fulfill({ json: { total: 1, results: [{ hashid: told.hashid, index: told.index, doc_id: "sku1", title: "linked", link, clicks: 1, average_rank: null }] } }));
    await page.goto(`${told.url}/?view=items`);
    await wall(`link ${link}`);
    same(await page.locator("a.outside").count(), 0, `${link} is no link`);
    await page.unroute("**/v1/stats/items?**");
  }
  await page.context().clearCookies();
  await page.goto(told.url);
  await page.getByRole("button", { name: "User and password" }).click();
  await page.getByLabel("User", { exact: true }).fill(told.user);
  await page.getByLabel("Password").fill(told.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForSelector(".view-overview");
  await wall("another account");
  await page.getByRole("button", { name: /^Account/ }).click();
  await wall("the account's panel");
  const panel = await page.locator(".account").innerText();
  ok(panel.includes(told.account) && panel.includes(told.user), "an account and a user are shown as they are");
  same(troubles.filter((text) => !/400|404/.test(text)), [], "nothing tried to run");
  await hand.browser.close();
  console.log(`hostile: ${checks} checks`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
