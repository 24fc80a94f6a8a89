// What the tracker promises to pages (docs/guide/tracker.md), each in a browser: which clicks it sees, what it says of
// them, and what becomes of one that could not be sent. Clicks are counted by ClickTally's statistics.
//
// What it has to know comes as one JSON object on standard input. Prints `tracker: N scenes as expected`.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { clicks, escaped, open, pause, statistic, until } = require("./tracker/stage.cjs");

const told = JSON.parse(fs.readFileSync(0, "utf8"));
const SHOP = "http://shop.example.com";
const STATS = "http://stats.example";
const DAY_MS = 86400000;
const EXAMPLES = path.join(__dirname, "../../examples");

const attributes = (more = {}) =>
  Object.entries({ key: told.clickKey, hashid: told.hashid, index: "product", ...more })
    .map(([name, value]) => ` data-${name}="${escaped(value)}"`).join("");
const tag = (more, host = STATS) => `<script id="clicktally" src="${host}/clicktally.js"${attributes(more)}></script>`;
const example = (name) =>
  fs.readFileSync(path.join(EXAMPLES, name), "utf8")
    .replace(/https:\/\/stats\.example\.com/g, STATS)
    .replace(/YOUR_CLICK_KEY/g, told.clickKey)
    .replace(/YOUR_HASHID/g, told.hashid);

// Every page is made by the scene that opens it.
let stage;
const pages = new Map();
const page = (url) => pages.get(url.pathname);

async function visit(body, { at = SHOP, headers = {}, init = [], context = {} } = {}) {
  pages.set("/", { body: `<!doctype html><meta charset="utf-8">${body}`, headers });
  const browsing = await stage.browser.newContext(context);
  for (const script of init) await browsing.addInitScript(script);
  const tab = await browsing.newPage();
  tab.complaints = [];
  tab.on("console", (message) => message.type() === "error" && tab.complaints.push(message.text()));
  tab.on("pageerror", (error) => tab.complaints.push(String(error)));
  await tab.goto(`${at}/`, { waitUntil: "load" });
  return tab;
}

const leave = (tab) => tab.context().close();
const kept = (tab) => tab.evaluate(() => Object.values(sessionStorage).flatMap((text) => JSON.parse(text)));
/** The clicks that were sent since the scene began, as the server was told. */
const sent = (type = "click") => stage.gate.events.filter((event) => event.type === type);
const settled = (tab) => until("nothing is kept", async () => ((await kept(tab)).length === 0) || (await kept(tab)));
/** What is told of a click, but for what is different each time. */
const what = ({ id, age, ...rest }) => rest;
const common = { type: "click", hashid: told.hashid, index: "product" };

const scenes = {
  async "a link tells what stands at it and around it"() {
    const tab = await visit(`${tag()}<ol data-query-id="q&amp;1"><li data-doc-id="sku 1" data-rank="3">
      <a href="#"><b id="in">a</b></a> <p id="text">text</p> <button id="button">buy</button>
      <a id="not" href="#" data-doc-id="">more</a><a id="own" href="#" data-doc-id="own" data-rank="4" data-product-type="banner">b</a></li></ol>`);
    for (const id of ["in", "text", "button", "not", "own"]) await tab.click(`#${id}`);
    await settled(tab);
    assert.deepStrictEqual(sent().map(what), [
      { ...common, doc_id: "sku 1", query_id: "q&1", rank: 3 },
      { ...common, doc_id: "own", query_id: "q&1", rank: 4, product_type: "banner" },
    ]);
    assert.deepStrictEqual(tab.complaints, []);
    return [tab, 2];
  },

  async "links that come later, in a shadow tree too; middle button, modifier, keyboard; no second half of a double click"() {
    const tab = await visit(`${tag()}<div id="root"></div><div id="host" data-doc-id="shadow"></div>`);
    await tab.evaluate(() => {
      root.innerHTML = '<a id="later" href="#" data-doc-id="later">a</a> <a id="twice" href="#" data-doc-id="twice">b</a> <a id="middle" href="#" data-doc-id="middle">c</a> <a id="key" href="#" data-doc-id="key">d</a> <a id="right" href="#" data-doc-id="right">e</a>';
      host.attachShadow({ mode: "open" }).innerHTML = '<a id="shady" href="#">f</a>';
      // Pages that keep clicks to themselves are seen all the same.
      document.addEventListener("click", (event) => event.stopImmediatePropagation(), true);
    });
    await tab.click("#later", { modifiers: ["ControlOrMeta"] });
    await tab.dblclick("#twice");
    await tab.click("#middle", { button: "middle" });
    await tab.click("#right", { button: "right" });
    await tab.focus("#key");
    await tab.keyboard.press("Enter");
    await tab.click("#shady");
    await settled(tab);
    assert.deepStrictEqual(sent().map(({ doc_id }) => doc_id), ["later", "twice", "middle", "key", "shadow"]);
    return [tab, 5];
  },

  async "the calls, before and after the script is there"() {
    const tab = await visit(`<script>clicktally = [["click", { docId: 7, rank: "2", user: 77, session: "s", customResult: "c1" }]]</script>${tag()}${tag()}
      <a id="it" href="#" data-doc-id="once">a</a>`);
    const made = await tab.evaluate(() => [
      clicktally.search({ query: "hats", docIds: ["a", 2], total: 2, index: "blog" }),
      clicktally.search({ queryId: "mine", query: "" }), clicktally.search({ queryId: "mine", query: "other" }),
      clicktally.click({ docId: "a", id: "own id" }), clicktally.click({ docId: "a", id: "own id", rank: null }),
    ]);
    await tab.click("#it");
    await settled(tab);
    assert.match(made[0], /^[0-9a-z]{16,}$/);
    assert.deepStrictEqual(made.slice(1), ["mine", "mine", "own id", "own id"]);
    assert.deepStrictEqual(sent().map(what), [
      { ...common, doc_id: "7", rank: 2, user: "77", session: "s", custom_result: "c1" },
      { ...common, doc_id: "a" }, { ...common, doc_id: "once" },
    ]);
    assert.deepStrictEqual(sent("search").map(({ age, ...rest }) => rest), [
      { type: "search", hashid: told.hashid, indices: ["blog"], id: made[0], query: "hats", doc_ids: ["a", "2"], total_hits: 2 },
      { type: "search", hashid: told.hashid, indices: ["product"], id: "mine" },
    ]);
    return [tab, 3];
  },

  async "a search that is shown is registered, and completes its clicks"() {
    const tab = await visit(`${tag()}<div id="box" data-clicktally-search data-query="green boots" data-total="40">
      <a id="one" href="#" data-doc-id="g1" data-rank="1">1</a><a id="two" href="#" data-doc-id="g2" data-rank="2">2</a></div>`);
    await tab.click("#two");
    // A page that goes on without being loaded anew: other terms, another search.
    await tab.evaluate(() => {
      box.dataset.query = "no such boots";
      box.dataset.total = "0";
      box.replaceChildren();
    });
    await until("both searches", () => sent("search").length === 2 || sent("search"));
    await settled(tab);
    const [first, second] = sent("search");
    assert.deepStrictEqual([first.query, first.doc_ids, first.total_hits], ["green boots", ["g1", "g2"], 40]);
    assert.deepStrictEqual([second.query, second.doc_ids, second.total_hits], ["no such boots", [], 0]);
    assert.notStrictEqual(first.id, second.id);
    assert.strictEqual(sent()[0].query_id, first.id);
    assert.strictEqual(await clicks(told, "&query=GREEN%20boots"), 1);
    const searched = (await statistic(told, "searches/top")).results.map(({ query }) => query);
    assert.ok(searched.includes("green boots") && searched.includes("no such boots"), String(searched));
    return [tab, 1];
  },

  async "a click belongs where its search does, not where the tag says"() {
    const other = "f".repeat(32);
    const tab = await visit(`${tag()}<div data-clicktally-search data-query="caps" data-index="blog"><a id="post" href="#" data-doc-id="p1">1</a></div>
      <div data-clicktally-search data-query="caps" data-query-id="q9" data-hashid="${other}"><a id="far" href="#" data-doc-id="f1">2</a></div>`);
    for (const id of ["post", "far"]) await tab.click(`#${id}`);
    await until("both clicks", () => sent().length >= 2 || sent());
    await settled(tab);
    const [post, far] = sent();
    assert.deepStrictEqual([post.hashid, post.index, far.hashid, far.index, far.query_id], [told.hashid, "blog", other, "product", "q9"]);
    // The other engine is none of the key's.
    return [tab, 1];
  },

  async "offline: it is kept, and sent when the network is back"() {
    const tab = await visit(`${tag()}<a id="it" href="#" data-doc-id="offline">a</a>`);
    await tab.context().setOffline(true);
    await tab.click("#it");
    await pause(300);
    assert.strictEqual((await kept(tab)).length, 1);
    await tab.context().setOffline(false);
    await settled(tab);
    return [tab, 1];
  },

  async "a server that fails, or is not heard: the page tries again under the same id"() {
    const tab = await visit(`${tag()}<a id="it" href="#" data-doc-id="again">a</a>`);
    const modes = [503, 429, "cut", "forget"];
    for (const mode of modes) {
      const calls = stage.gate.calls.length;
      stage.gate.mode = mode;
      await tab.click("#it");
      await until(`a call that meets ${mode}`, () => stage.gate.calls.length > calls);
      await pause(1000);
      stage.gate.mode = "pass";
      await settled(tab);
    }
    assert.strictEqual(new Set(sent().map(({ id }) => id)).size, modes.length);
    assert.ok(sent().length > modes.length);
    return [tab, modes.length];
  },

  async "the next page of the tab sends what the one before could not"() {
    pages.set("/next", { body: tag() });
    const tab = await visit(`${tag()}<a id="it" href="/next" data-doc-id="left">a</a>`);
    stage.gate.mode = 503;
    await tab.click("#it");
    await tab.waitForURL(/next$/);
    stage.gate.mode = "pass";
    await tab.reload();
    await settled(tab);
    assert.strictEqual(new Set(sent().map(({ id }) => id)).size, 1);
    assert.ok(sent().length > 1);
    return [tab, 1];
  },

  async "what is refused for good is dropped, and what is a day old"() {
    const tab = await visit(`${tag()}<a id="it" href="#" data-doc-id="refused">a</a>`);
    stage.gate.mode = 415;
    await tab.click("#it");
    await settled(tab);
    stage.gate.mode = "pass";
    const old = { type: "click", id: "old", hashid: told.hashid, doc_id: "old", t: Date.now() - DAY_MS - 1000 };
    const young = { ...old, id: "young", doc_id: "young", t: Date.now() - DAY_MS / 2 };
    await tab.evaluate(([url, events]) => { sessionStorage[url] = JSON.stringify(events.map((event) => [event.id, event])); },
      [`${STATS}/v1/collect?key=${told.clickKey}`, [old, young]]);
    await tab.reload();
    await settled(tab);
    assert.deepStrictEqual(sent().map(({ doc_id }) => doc_id), ["refused", "young"]);
    assert.ok(Math.abs(sent()[1].age - DAY_MS / 2) < 60000, `${sent()[1].age}`);
    return [tab, 1];
  },

  async "no more than a hundred are kept, the latest of all"() {
    const tab = await visit(tag());
    stage.gate.mode = "cut";
    await tab.evaluate(() => { for (let n = 0; n < 150; n++) clicktally.click({ docId: `many${n}` }); });
    // None is on its way any more.
    await until("all of them failed", () => new Set(sent().map(({ id }) => id)).size === 150 || stage.gate.calls.length);
    await pause(500);
    const docs = (await kept(tab)).map(([, event]) => event.doc_id);
    assert.deepStrictEqual([docs.length, docs.at(-1)], [99, "many149"]);
    stage.gate.mode = "pass";
    await tab.reload();
    await settled(tab);
    return [tab, 99];
  },

  async "a body stays under what may be in flight while a page goes"() {
    const tab = await visit(tag());
    const long = "\u20ac".repeat(900);
    stage.gate.mode = 503;
    await tab.evaluate((long) => { for (let n = 0; n < 60; n++) clicktally.click({ docId: `long${n}`, query: long }); }, long);
    await until("the first call", () => stage.gate.calls.length > 0);
    await pause(300);
    stage.gate.mode = "pass";
    stage.gate.calls = [];
    await tab.reload();
    await settled(tab);
    assert.ok(stage.gate.calls.length > 2, `${stage.gate.calls.length} calls`);
    for (const call of stage.gate.calls) {
      const bytes = Buffer.byteLength(call.map((event) => `${JSON.stringify(event)}\n`).join(""));
      assert.ok(bytes < 65536, `${bytes} bytes`);
    }
    return [tab, 60];
  },

  async "from another origin that the key lists, and from one that it does not"() {
    const body = `${tag()}<a id="it" href="#" data-doc-id="origin">a</a>`;
    const tab = await visit(body, { at: "http://other.example.com" });
    await tab.click("#it");
    await settled(tab);
    await leave(tab);
    const stranger = await visit(body, { at: "http://evil.example.com" });
    await stranger.click("#it");
    await until("two calls", () => sent().length >= 2);
    await pause(300);
    return [stranger, 1];
  },

  async "who asks not to be tracked is not named, and nothing is written to their disk"() {
    const signals = [
      () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }),
      () => Object.defineProperty(navigator, "doNotTrack", { value: "1" }),
    ];
    const body = `${tag({ user: "u1", session: "s1" })}<a id="it" href="#" data-doc-id="shy">a</a>`;
    for (const signal of signals) {
      const tab = await visit(body, { init: [signal] });
      stage.gate.mode = 503;
      await tab.click("#it");
      await until("a call", () => stage.gate.calls.length > 0);
      assert.deepStrictEqual(await kept(tab), []);
      stage.gate.mode = "pass";
      await until("another", () => stage.gate.calls.length > 1);
      await pause(200);
      assert.ok(sent().every((event) => !("user" in event) && !("session" in event)));
      stage.gate.calls = [];
      await leave(tab);
    }
    const tab = await visit(body);
    await tab.click("#it");
    await settled(tab);
    assert.deepStrictEqual(sent().map(({ user, session }) => [user, session]), [["u1", "s1"]]);
    return [tab, 3];
  },

  async "a page with a strict policy"() {
    const policy = `default-src 'none'; script-src ${STATS}; connect-src ${STATS}; require-trusted-types-for 'script'; sandbox allow-scripts allow-same-origin`;
    const tab = await visit(`${tag()}<a id="it" href="#" data-doc-id="strict">a</a>`, { headers: { "Content-Security-Policy": policy } });
    await tab.click("#it");
    await settled(tab);
    assert.deepStrictEqual(tab.complaints, []);
    return [tab, 1];
  },

  async "a page without storage, or in a frame that may not have any"() {
    const policy = "sandbox allow-scripts";
    const denied = () => Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("no", "SecurityError"); } });
    const tab = await visit(`${tag()}<a id="it" href="#" data-doc-id="bare">a</a>`, { init: [denied] });
    await tab.click("#it");
    await until("the click", () => sent().length === 1);
    assert.deepStrictEqual(tab.complaints, []);
    await leave(tab);
    const framed = await visit(`${tag()}<a id="it" href="#" data-doc-id="bare">a</a>`, { headers: { "Content-Security-Policy": policy } });
    await framed.click("#it");
    // Its origin is `null`, which no key lists.
    await until("a call", () => sent().length >= 2);
    return [framed, 1];
  },

  async "without keepalive, and without fetch, it is a beacon"() {
    const watch = () => {
      window.beacons = 0;
      const beacon = navigator.sendBeacon;
      Navigator.prototype.sendBeacon = function (...args) {
        window.beacons += 1;
        return beacon.apply(this, args);
      };
    };
    const body = `${tag()}<a id="it" href="#" data-doc-id="beacon">a</a>`;
    const usual = await visit(body, { init: [watch] });
    await usual.click("#it");
    await settled(usual);
    assert.strictEqual(await usual.evaluate(() => beacons), 0);
    await leave(usual);
    const lacking = [() => { delete Request.prototype.keepalive; }, () => { delete window.fetch; }, () => { delete window.fetch; delete window.Request; }];
    for (const lack of lacking) {
      const tab = await visit(body, { init: [watch, lack] });
      await tab.click("#it");
      await until("a beacon", () => tab.evaluate(() => beacons > 0));
      await pause(300);
      await leave(tab);
    }
    const tab = await visit(body, { init: [watch, () => { window.fetch = () => { throw new Error("broken"); }; }] });
    await tab.click("#it");
    await until("a beacon", () => tab.evaluate(() => beacons > 0));
    await pause(300);
    return [tab, 5];
  },

  async "no cookie, no store that outlives the tab, nobody else is asked"() {
    const asked = new Set();
    const tab = await visit("");
    tab.on("request", (request) => asked.add(new URL(request.url()).origin));
    pages.set("/", { body: `${tag()}<a id="it" href="#" data-doc-id="clean">a</a>` });
    await tab.reload();
    await tab.click("#it");
    await settled(tab);
    assert.deepStrictEqual(await tab.context().cookies(), []);
    assert.deepStrictEqual(await tab.evaluate(async () => [localStorage.length, document.cookie, (await indexedDB.databases()).length]), [0, "", 0]);
    assert.deepStrictEqual([...asked].sort(), [SHOP, STATS]);
    return [tab, 1];
  },

  async "examples/plain.html"() {
    const tab = await visit(example("plain.html"));
    await tab.click("#results li:nth-child(2) a");
    await until("a search and a click", () => sent().length === 1 && sent("search").length === 1);
    await until("it counts", async () => (await clicks(told, "&query=red%20shoes")) === 1);
    assert.strictEqual(sent()[0].query_id, sent("search")[0].id);
    assert.strictEqual(sent()[0].rank, 2);
    return [tab, 1];
  },

  async "examples/fess: a theme under the policy that Fess has for themes"() {
    const policy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-src blob:; child-src blob:; frame-ancestors 'none'; base-uri 'self'";
    pages.set("/clicktally-theme.js", { body: example("fess/clicktally-theme.js"), headers: { "Content-Type": "text/javascript" } });
    // As the theme makes its cards: the id of the document and of the search at the card, links of all kinds in it.
    pages.set("/app.js", { headers: { "Content-Type": "text/javascript" }, body: `
      const card = (n) => '<li id="result' + n + '" data-doc-id="doc' + n + '" data-query-id="fess1"><h3><a class="link" data-order="' + n + '" href="#go">Title</a></h3><a class="more" href="#result' + n + '">more</a><a class="cache" href="#cache">cache</a></li>';
      addEventListener("load", () => {
        document.getElementById("results").innerHTML = card(0) + card(1);
        const data = [{ doc_id: "doc0" }, { doc_id: "doc1" }];
        document.dispatchEvent(new CustomEvent("fess:search:after", { detail: { q: "fess query", query_id: "fess1", record_count: 12, start_record_number: 11, data } }));
      });` });
    const tab = await visit(`${tag({}, "")}<script type="module" src="/clicktally-theme.js"></script><script type="module" src="/app.js"></script><ol id="results"></ol>`, { headers: { "Content-Security-Policy": policy } });
    await tab.click("#result1 .more");
    await tab.click("#result1 .cache");
    await tab.click("#result1 .link");
    await settled(tab);
    assert.deepStrictEqual(sent().map(what), [{ ...common, doc_id: "doc1", query_id: "fess1", rank: 12 }]);
    assert.deepStrictEqual(sent("search").map(({ query, doc_ids, total_hits }) => [query, doc_ids, total_hits]), [["fess query", ["doc0", "doc1"], 12]]);
    assert.deepStrictEqual(tab.complaints, []);
    return [tab, 1];
  },
};

async function main() {
  stage = await open(told, page);
  const only = process.argv[2];
  let played = 0;
  for (const [name, scene] of Object.entries(scenes)) {
    if (only && !name.includes(only)) continue;
    stage.gate.mode = "pass";
    stage.gate.calls = [];
    const before = await clicks(told);
    try {
      const [tab, expected] = await scene();
      await until(`clicks counted, of ${expected}`, async () => (await clicks(told)) - before >= expected || (await clicks(told)) - before);
      await leave(tab);
      await pause(100);
      assert.strictEqual((await clicks(told)) - before, expected, "clicks counted");
      played += 1;
    } catch (error) {
      console.error(name, error, JSON.stringify(stage.gate.calls));
      process.exitCode = 1;
    }
  }
  await stage.close();
  console.log(`tracker: ${played} scenes as expected`);
}

main().then(() => process.exit(), (error) => {
  console.error(error);
  process.exit(1);
});
