// What the tests of the tracker play on: a browser, a site whose pages they write, and a gate before ClickTally that can
// fail as networks and servers do. It knows no tracker.
//
// Names of hosts are mapped by the browser, so that origins are the ones that the keys list, whatever ports are free.
"use strict";

const http = require("node:http");
const { once } = require("node:events");
const { chromium } = require("playwright-core");

const SLOW_MS = 300;
const ASK_MS = 30000;

const listen = async (handler) => {
  const server = http.createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const read = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** Asks ClickTally itself. */
function ask(base, method, target, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(target, base), { method, headers }, async (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: await read(answer).catch(reject) });
    });
    request.on("error", reject);
    request.setTimeout(ASK_MS, () => request.destroy(new Error(`${target}: no answer`)));
    request.end(body);
  });
}

/** Stands before ClickTally. `mode` is what it does with a call of `/v1/collect`. */
class Gate {
  constructor(base) {
    this.base = base;
    this.mode = "pass";
    /** The bodies of all calls, as lists of events, whatever became of them. */
    this.calls = [];
  }

  async handle(request, response) {
    const body = await read(request);
    const isCall = request.method === "POST";
    const mode = isCall ? this.mode : "pass";
    if (isCall) this.calls.push(body.toString().trim().split("\n").map((line) => JSON.parse(line)));
    // A long way: who hangs up meanwhile is not heard.
    if (mode === "slow") {
      await pause(SLOW_MS);
      if (request.socket.destroyed) return;
    }
    if (mode === "cut") return request.socket.destroy();
    if (typeof mode === "number") {
      const origin = request.headers.origin ?? "*";
      return response.writeHead(mode, { "Access-Control-Allow-Origin": origin }).end();
    }
    const answer = await ask(this.base, request.method, request.url, request.headers, body);
    // It was recorded, and nobody hears of it.
    if (mode === "forget") return request.socket.destroy();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  /** All events that were sent, one by one. */
  get events() {
    return this.calls.flat();
  }
}

/** Opens it all. `pages` makes a page of an address: `{ body, headers }`, or nothing. */
async function open(told, pages) {
  const gate = new Gate(told.url);
  const gateServer = await listen((request, response) => gate.handle(request, response).catch(() => request.socket.destroy()));
  const site = await listen((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    // What a reverse proxy of the site leads to ClickTally.
    if (url.pathname === "/clicktally.js" || url.pathname === "/v1/collect") {
      return gate.handle(request, response).catch(() => request.socket.destroy());
    }
    const page = url.pathname === "/favicon.ico" ? { body: "" } : pages(url);
    if (!page) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", ...page.headers });
    response.end(page.body);
  });
  const at = (server) => `127.0.0.1:${server.address().port}`;
  const mapped = `MAP stats.example ${at(gateServer)},MAP *.example.com ${at(site)}`;
  const browser = await chromium.launch({
    executablePath: told.chromium,
    args: [`--host-resolver-rules=${mapped}`, "--no-proxy-server"],
  });
  const close = async () => {
    await browser.close();
    for (const server of [gateServer, site]) server.close();
  };
  return { browser, gate, close };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds, and says what it was when it never does. */
async function until(what, holds, ms = 20000) {
  const end = Date.now() + ms;
  let got;
  while (Date.now() < end) {
    got = await holds();
    if (got === true) return;
    await pause(25);
  }
  throw new Error(`${what}: ${JSON.stringify(got)}`);
}

/** Asks ClickTally for a statistic of the last days, as its users do. */
async function statistic(told, name, more = "") {
  const day = (ms) => new Date(ms).toISOString().slice(0, 10).replace(/-/g, "");
  const period = `from=${day(Date.now() - 2 * 86400000)}&to=${day(Date.now() + 86400000)}`;
  const answer = await ask(told.url, "GET", `/api/v2/stats/${name}?${period}${more}`, { Authorization: `Token ${told.key}` });
  if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body);
}

const clicks = async (told, more = "") => (await statistic(told, "clicks", more)).total_count;

const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");

module.exports = { ask, clicks, escaped, open, pause, statistic, until };
