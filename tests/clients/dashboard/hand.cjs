// What the scripts of the dashboard share: a browser that notices everything that goes wrong, and the API to compare with.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const { chromium } = require("playwright-core");

const ZONE = "Europe/Madrid";

/** What the test tells, on standard input. */
const told = () => JSON.parse(fs.readFileSync(0, "utf8"));

/** A browser, and pages of it whose errors fail the test: of scripts, of the policy, of files that are not there. */
async function open(chromiumPath, options = {}) {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"] });
  const context = await browser.newContext({ locale: "en-GB", timezoneId: ZONE, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  const troubles = [];
  const expected = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) troubles.push(text);
  };
  context.on("page", (page) => {
    page.on("pageerror", (error) => note(`page error: ${error.stack}`));
    page.on("console", (message) => message.type() === "error" && note(`console: ${message.text()} ${message.location().url}`));
  });
  const page = await context.newPage();
  return { browser, context, page, troubles, expect: (pattern) => expected.push(pattern) };
}

/** Until nothing on the page waits any more. */
async function calm(page) {
  await page.waitForFunction(() => document.querySelector(".view-body, .door-card") && !document.querySelector("[aria-busy]") && !document.querySelector(".waiting, .coming"), null, { timeout: 20000 });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function signIn(page, url, key) {
  await page.goto(url);
  await page.getByLabel("API key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForSelector(".view-body");
  await calm(page);
}

/** The same question to the API itself, with the key. */
async function api(told, path) {
  const answer = await fetch(told.url + path, { headers: { Authorization: `Token ${told.key}` } });
  const text = await answer.text();
  assert.strictEqual(answer.status, 200, `${path}: ${text}`);
  return text.startsWith("{") ? JSON.parse(text) : text;
}

/** Accessibility rules that the page breaks, in words. */
async function violations(page) {
  if (!(await page.evaluate(() => Boolean(window.axe)))) {
    // Evaluated from outside: the page's own policy lets no such script in.
    await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  }
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} (${node.failureSummary})`).join("; ")}`);
}

/** Light and dark, from a phone to a wall. */
const WINDOWS = {
  light: ["light", 1440, 900],
  dark: ["dark", 1440, 900],
  phone: ["light", 360, 740],
  "phone-dark": ["dark", 360, 740],
  tablet: ["light", 800, 1100],
  wall: ["light", 3840, 2160],
};

/** Does `work(kind)` in windows of every kind, and comes back to the first. */
async function inEveryWindow(page, work) {
  for (const [kind, shape] of Object.entries(WINDOWS)) {
    await into(page, shape);
    await work(kind);
  }
  await into(page, WINDOWS.light);
}

async function into(page, [colorScheme, width, height]) {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height });
}

const number = (text) => Number(text.replace(/[^0-9.\-]/g, ""));

/** The number that a tile shows. */
const tile = async (page, label) => page.getByRole("group", { name: label, exact: true }).locator(".tile-value").innerText();

module.exports = { ZONE, told, open, calm, signIn, api, inEveryWindow, violations, number, tile };
