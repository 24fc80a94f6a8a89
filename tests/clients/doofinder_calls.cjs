// Every call that the doofinder package has for what this server does, good and bad: under Node, and as the bundle that
// shops load, in a page of a browser (jsdom), where it has no key and the browser says where the page is from.
//
// What it has to know comes as one JSON object on standard input. Prints `doofinder: N calls as expected`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const Client = require("doofinder/lib/client");
const Stats = require("doofinder/lib/stats");
const uniqueId = require("doofinder/lib/util/uniqueid");
const { JSDOM, VirtualConsole } = require("jsdom");

const told = JSON.parse(fs.readFileSync(0, "utf8"));
const registered = { status: "registered" };
const dfid = (id, hashid = told.hashid) => uniqueId.dfid.create(id, "product", hashid);
let calls = 0;

// The client calls back with an error or an answer; both have to be exactly these.
function expect(call, error, answer) {
  calls += 1;
  const number = calls;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`call ${number}: no answer`)), 20000);
    call((gotError, gotAnswer) => {
      clearTimeout(late);
      try {
        // What a page's client makes is of the page's own kinds.
        const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
        assert.deepStrictEqual([plain(gotError), plain(gotAnswer)], [error, answer], `call ${number}`);
        resolve();
      } catch (wrong) {
        reject(wrong);
      }
    });
  });
}

const good = (call) => expect(call, undefined, registered);
const bad = (statusCode, error, call) => expect(call, { statusCode, error }, undefined);

// Under Node: a key, and the address that a user sets.
async function node() {
  const address = told.url;
  const client = new Client(told.hashid, { apiKey: `eu1-${told.click_key}`, address });
  const stats = new Stats(client);
  await good((done) => stats.registerSession("session", done));
  await good((done) => client.stats("redirect", { id: 7, query: "delivery" }, done));
  await good((done) => stats.registerClick("session", dfid("sku1"), "Red  Shoes", done));
  await good((done) => stats.registerClick("session", dfid("sku1"), undefined, done));
  await good((done) => stats.registerClick("session", "sku2", "product", "red shoes", done));
  await good((done) => stats.registerClick("session", dfid("sku2"), "red shoes", 5, done));
  await good((done) => stats.registerBannerEvent("click", 42, done));
  await good((done) => client.stats("banner_click", { banner_id: "42", session_id: "session" }, done));
  await bad(400, "[session_id] fields are missing", (done) => stats.registerSession("", done));
  await bad(404, "Not found", (done) => stats.registerClick("session", dfid("nothing"), "x", done));
  await bad(404, "Not found", (done) => stats.registerClick("session", "nothing", "product", "x", done));
  const elsewhere = dfid("sku1", told.foreign_hashid);
  await bad(400, "Item hashid must be the same as search engine hashid", (done) =>
    stats.registerClick("session", elsewhere, "x", done));
  await bad(400, "session_id should have 32 characters or less", (done) =>
    stats.registerClick("x".repeat(33), dfid("sku1"), "x", done));
  await bad(400, "[dfid, session_id] fields are missing", (done) => client.stats("click", {}, done));
  await bad(400, "Invalid redirect id", (done) => stats.registerBannerEvent("click", "abc", done));
  // What is not recorded says so; banners that are only shown too.
  await bad(404, "Not found", (done) => stats.registerBannerEvent("display", 42, done));
  await bad(404, "Not found", (done) => stats.registerCheckout("session", done));
  await bad(404, "Not found", (done) => stats.addToCart("session", "sku1", 1, { title: "x", price: 1 }, done));
  await bad(404, "Not found", (done) => stats.removeFromCart("session", "sku1", 1, "product", done));
  await bad(404, "Not found", (done) => stats.clearCart("session", done));
  await bad(404, "Not found", (done) => client.search("red shoes", done));
  await bad(404, "Not found", (done) => client.options(done));

  const as = (options, hashid = told.hashid) => new Stats(new Client(hashid, { address, ...options }));
  const click = (stats) => (done) => stats.registerClick("session", dfid("sku1"), "x", done);
  await bad(403, "forbidden", click(as({ zone: "eu1" })));
  await bad(403, "forbidden", click(as({ apiKey: "eu1-nonsense" })));
  await bad(403, "forbidden", click(as({ apiKey: `eu1-${told.read_key}` })));
  await bad(403, "forbidden", click(as({ apiKey: `eu1-${told.key}` }, told.foreign_hashid)));
  await bad(404, "Not found", click(as({ apiKey: `eu1-${told.key}` }, "9".repeat(32))));
  await good(click(as({ zone: "eu1", headers: { Origin: `https://${told.site}` } })));
  await bad(403, "forbidden", click(as({ zone: "eu1", headers: { Origin: "https://evil.example" } })));

  // Too often: another server, which allows one event a second.
  const slow = new Stats(new Client(told.hashid, { apiKey: `eu1-${told.slow.key}`, address: told.slow.url }));
  for (;;) {
    const refused = await new Promise((done) => slow.registerBannerEvent("click", 1, done));
    if (refused && refused.statusCode === 429) {
      calls += 1;
      assert.strictEqual(refused.error, "Too many requests");
      break;
    }
  }
}

// In a page: the bundle, no key, and a browser that keeps to CORS.
async function page(site, ask) {
  const console_ = new VirtualConsole();
  const options = { url: `http://${site}/search?q=red`, runScripts: "outside-only", virtualConsole: console_ };
  const { window } = new JSDOM("<!doctype html><body></body>", options);
  window.eval(fs.readFileSync(require.resolve("doofinder/dist/doofinder.js"), "utf8"));
  const { doofinder } = window;
  const client = new doofinder.Client(told.hashid, { zone: "eu1", address: told.url });
  await ask(new doofinder.Stats(client), client, window);
  window.close();
}

async function main() {
  await node();
  await page(told.site, async (stats) => {
    await good((done) => stats.registerSession("page", done));
    await good((done) => stats.registerClick("session", dfid("sku1"), "Red  Shoes", done));
    await good((done) => stats.registerClick("session", "sku2", "product", "red shoes", done));
    await good((done) => stats.registerClick("session", dfid("sku2"), "red shoes", 5, done));
    await good((done) => stats.registerBannerEvent("click", 42, done));
    await bad(404, "Not found", (done) => stats.registerClick("session", dfid("nothing"), "x", done));
    await bad(400, "session_id should have 32 characters or less", (done) =>
      stats.registerClick("x".repeat(33), dfid("sku1"), "x", done));
    await bad(404, "Not found", (done) => stats.registerCheckout("session", done));
  });
  // A page of another site: its click is refused, and its browser keeps even the refusal from it.
  await page("evil.example", async (stats) => {
    calls += 1;
    const failed = await new Promise((resolve) => stats.registerClick("session", dfid("sku1"), "x", resolve));
    assert.ok(failed && failed.statusCode === undefined, JSON.stringify(failed));
  });
  console.log(`doofinder: ${calls} calls as expected`);
}

main().then(
  () => process.exit(0),
  (wrong) => {
    console.error(wrong);
    process.exit(1);
  },
);
